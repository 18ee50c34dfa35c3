-- Typed views: one integration, a column each field, keyed by the app's own key.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
-- masks are the same in each run
INSERT INTO integration_defaults.mask_keys VALUES (false, repeat('A', 43) || '=');
RESET client_min_messages;
CREATE SCHEMA app;
SET search_path = app, public;
\pset format unaligned
\pset footer off
\pset null NULL

SELECT integration_defaults.register_integration('chat', '{"properties": {
    "url": {"type": "string"}, "token": {"type": "string", "writeOnly": true}, "channel": {"type": ["string", "null"], "default": "#general"},
    "retries": {"type": "integer"}, "ratio": {"type": "number"}, "loud": {"type": "boolean"}, "tags": {"type": "array"},
    "any": {}, "locked": {"type": "string"}}, "x-atomic": [["url", "token"]]}');
SELECT integration_defaults.create_view('chat');
CREATE TABLE teams (id bigint PRIMARY KEY, parent_id bigint REFERENCES teams);
CREATE TABLE "Repos" ("Repo Id" bigint PRIMARY KEY, team bigint REFERENCES teams, name text);
INSERT INTO teams VALUES (1, NULL), (2, 1);
INSERT INTO "Repos" SELECT n, 1 + n % 2, 'repo ' || n FROM generate_series(1, 4) n;
SELECT integration_defaults.track_groups('teams'), integration_defaults.track_projects('"Repos"', 'Repo Id', 'team');
SELECT integration_defaults.create_view('chat');
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = 'chat_settings'::regclass AND attnum > 0 ORDER BY attnum;
SELECT reloptions FROM pg_class WHERE oid = 'chat_settings'::regclass;

-- every project has a row, configured or not
SELECT "Repo Id", active, inherited, source_level, channel FROM chat_settings ORDER BY 1;
UPDATE chat_settings SET channel = '#one' WHERE "Repo Id" = 1 RETURNING "Repo Id", channel, active, inherited, source_level, source_id;
SELECT integration_defaults.set_default('chat', '{"url": "u", "token": "t", "retries": 2, "ratio": 0.5, "loud": true, "tags": ["a"], "any": {"k": 1}, "locked": "no"}');
SELECT * FROM chat_settings WHERE "Repo Id" = 2;

-- change columns: those fields are overridden
UPDATE chat_settings SET retries = 7, ratio = 1.25, loud = false, tags = '["b", 2]', "any" = '"text"', locked_setting = 'x' WHERE "Repo Id" = 2 RETURNING *;
SELECT custom, settings FROM integration_defaults.project_settings WHERE project_id = '2';
-- NULL takes the override back
UPDATE chat_settings SET retries = NULL, "any" = NULL WHERE "Repo Id" = 2 RETURNING retries, "any", inherited;
UPDATE chat_settings SET retries = NULL WHERE "Repo Id" = 2;
-- another address does not keep the token
UPDATE chat_settings SET url = 'mine' WHERE "Repo Id" = 2 RETURNING url, token;
UPDATE chat_settings SET active = false WHERE "Repo Id" = 2 RETURNING active;
UPDATE chat_settings SET active = NULL WHERE "Repo Id" = 2 RETURNING active;
-- DELETE uses the default
DELETE FROM chat_settings WHERE "Repo Id" IN (1, 2);
SELECT inherited, url, token FROM chat_settings WHERE "Repo Id" = 2;
SELECT count(*) FROM integration_defaults.project_settings;
-- whole settings
INSERT INTO chat_settings ("Repo Id", url, retries) VALUES (3, 'three', 1) RETURNING "Repo Id", active, inherited, url, token, channel, retries;
SELECT custom, active, settings FROM integration_defaults.project_settings;

-- locks
SELECT integration_defaults.lock_fields('chat', '{url,active}', 1);
SELECT "Repo Id", locked FROM chat_settings WHERE "Repo Id" = 2;
UPDATE chat_settings SET url = 'other' WHERE "Repo Id" = 2;
-- RETURNING has the locks that are there, whatever a row says of them
UPDATE chat_settings SET retries = 3, locked = '{nonsense}' WHERE "Repo Id" = 2 RETURNING locked;
INSERT INTO chat_settings ("Repo Id", retries, locked) VALUES (4, 1, '{nonsense}') RETURNING locked;
DELETE FROM chat_settings WHERE "Repo Id" IN (2, 4);
SELECT integration_defaults.unlock_fields('chat', group_id => 1);

-- numbers that JSON does not have
INSERT INTO chat_settings ("Repo Id", ratio) VALUES (2, 'NaN');
UPDATE chat_settings SET ratio = '-Infinity' WHERE "Repo Id" = 2;
UPDATE chat_settings SET ratio = 1e300, retries = -9223372036854775808 WHERE "Repo Id" = 2 RETURNING ratio = 1e300, retries;
DELETE FROM chat_settings WHERE "Repo Id" = 2;

-- what can't be
UPDATE chat_settings SET "Repo Id" = 9 WHERE "Repo Id" = 2;
UPDATE chat_settings SET source_id = '9' WHERE "Repo Id" = 2;
UPDATE chat_settings SET locked = '{a}' WHERE "Repo Id" = 2;
UPDATE chat_settings SET inherited = false WHERE "Repo Id" = 2;
UPDATE chat_settings SET inherited = true WHERE "Repo Id" = 3;
INSERT INTO chat_settings ("Repo Id") VALUES (99);
INSERT INTO chat_settings (url) VALUES ('x');

-- an ORM that saves all columns as it had loaded them, after a save of its own
UPDATE chat_settings SET inherited = true, source_level = 'instance', source_id = NULL WHERE "Repo Id" = 3 RETURNING inherited, retries;
UPDATE chat_settings SET inherited = true, source_level = 'instance', source_id = NULL, retries = 4 WHERE "Repo Id" = 3 RETURNING inherited, retries;

-- values that do not fit their column are NULL, not an error
SET check_function_bodies = off;
INSERT INTO integration_defaults.project_settings (project_id, integration, custom, settings)
VALUES ('4', 'chat', false, '{"retries": 1e30, "loud": "yes", "ratio": "x", "channel": 5, "tags": null}');
RESET check_function_bodies;
SELECT retries, loud, ratio, channel, tags FROM chat_settings WHERE "Repo Id" = 4;

-- joins on the key use the app's index, whatever else is in a plan
INSERT INTO "Repos" SELECT n, 1, 'repo ' || n FROM generate_series(5, 2000) n;
ANALYZE "Repos"; ANALYZE integration_defaults.projects;
DO $$
DECLARE
    line text;
BEGIN
    FOR line IN EXPLAIN (COSTS OFF)
        SELECT r.name, s.channel FROM "Repos" r JOIN chat_settings s USING ("Repo Id") WHERE "Repo Id" = 7
    LOOP
        IF line ~ 'Scan|Index Cond' THEN
            RAISE NOTICE '%', substring(line FROM '[^ >-].*');
        END IF;
    END LOOP;
END $$;

-- renamed columns do no harm; new fields come at the end; fields that are gone need a new view
ALTER VIEW chat_settings RENAME COLUMN retries TO attempts;
UPDATE chat_settings SET attempts = 8 WHERE "Repo Id" = 2 RETURNING attempts;
ALTER VIEW chat_settings RENAME COLUMN attempts TO retries;
SELECT integration_defaults.register_integration('chat', (SELECT schema || jsonb_build_object('properties', schema -> 'properties' || '{"aaa": {"type": "string"}}') FROM integration_defaults.integrations WHERE name = 'chat'));
SELECT integration_defaults.create_view('chat');
SELECT attname FROM pg_attribute WHERE attrelid = 'chat_settings'::regclass ORDER BY attnum DESC LIMIT 2;
UPDATE chat_settings SET aaa = 'new' WHERE "Repo Id" = 2 RETURNING aaa, retries;
SELECT integration_defaults.register_integration('chat', '{"properties": {"aaa": {"type": "string"}}}', force => true);
SELECT integration_defaults.create_view('chat');
SELECT integration_defaults.create_view('chat', 'Repos');
SELECT integration_defaults.create_view('chat', 'other "name"');
SELECT integration_defaults.create_view('nope');
SELECT integration_defaults.create_view('chat', '');
SELECT "Repo Id", aaa FROM "other ""name""" WHERE "Repo Id" < 3 ORDER BY 1;

-- fields that no column can be named after; nothing is made
SELECT integration_defaults.register_integration('empty', '{"properties": {"fine": {}, "": {}}}');
SELECT integration_defaults.create_view('empty');
SELECT integration_defaults.register_integration('long', jsonb_build_object('properties', jsonb_build_object('fine', '{}'::jsonb, repeat('l', 64), '{}'::jsonb)));
SELECT integration_defaults.create_view('long');
SELECT integration_defaults.register_integration('many', jsonb_build_object('properties', jsonb_object_agg('f' || n, '{}'::jsonb))) FROM generate_series(1, 1595) n;
SELECT integration_defaults.create_view('many');
SELECT relname FROM pg_class WHERE relname ~ '^(empty|long|many)_settings$';
-- of 63 bytes, with every character that has to be quoted, and beside those that the view has itself
SELECT integration_defaults.register_integration('odd', jsonb_build_object('properties', jsonb_build_object(repeat('l', 63), '{}'::jsonb, 'it''s \ "odd"', '{"type": "string"}'::jsonb,
    'locked', '{"type": "string"}'::jsonb, 'locked_setting', '{"type": "string"}'::jsonb)));
SELECT integration_defaults.create_view('odd');
SELECT integration_defaults.create_view('odd');
SELECT attname FROM pg_attribute WHERE attrelid = 'odd_settings'::regclass AND attnum > 6 ORDER BY attnum;
UPDATE odd_settings SET "it's \ ""odd""" = 'a', locked_setting = 'b', locked_setting_setting = 'c' WHERE "Repo Id" = 2;
SELECT settings FROM integration_defaults.project_settings WHERE integration = 'odd';

-- what the schema says of a field is its column's comment, until somebody writes another one
SELECT integration_defaults.register_integration('told', '{"properties": {"both": {"title": "Both", "description": "It''s a \"field\"."}, "title": {"title": "Title"},
    "description": {"description": "Only this."}, "locked": {"title": "A name that the view has"}, "none": {"type": "string"}, "all": true, "other": {"title": "", "description": ""}}}');
SELECT integration_defaults.create_view('told');
COMMENT ON COLUMN told_settings.title IS 'ours';
COMMENT ON COLUMN told_settings.both IS NULL;
SELECT integration_defaults.register_integration('told', schema || jsonb_build_object('properties', schema->'properties' || '{"new": {"title": "New"}, "title": {"title": "Other"}}'))
FROM integration_defaults.integrations WHERE name = 'told';
SELECT integration_defaults.create_view('told');
SELECT attname, col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'told_settings'::regclass AND attnum > 6 ORDER BY attnum;

-- an equal number that is written otherwise is no change; where the schema names a limit beyond bigint, so is the column
SELECT integration_defaults.register_integration('numbers', '{"properties": {"ratio": {"type": "number"}, "list": {"type": "array"}, "small": {"type": "integer", "maximum": 9223372036854775807},
    "large": {"type": "integer", "maximum": 100000000000000000000}, "low": {"type": "integer", "exclusiveMinimum": -1e30}}}');
SELECT integration_defaults.create_view('numbers');
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'numbers_settings'::regclass AND attnum > 6 ORDER BY attnum;
SELECT integration_defaults.set_default('numbers', '{"ratio": 1.5, "list": [1, {"a": 2.0}], "large": 99999999999999999999, "small": 9223372036854775807, "low": -1e20}');
UPDATE numbers_settings SET ratio = 1.50, list = '[1.0, {"a": 2}]', large = large, small = small, low = -100000000000000000000.0 WHERE "Repo Id" = 2
RETURNING ratio, list, large, small, low, inherited;
UPDATE numbers_settings SET ratio = 1.51, large = 100000000000000000000, list = '[1]' WHERE "Repo Id" = 2 RETURNING ratio, list, large, small, low;
SELECT settings FROM integration_defaults.project_settings WHERE integration = 'numbers';
UPDATE numbers_settings SET ratio = 'NaN' WHERE "Repo Id" = 2;
UPDATE numbers_settings SET large = 1.5 WHERE "Repo Id" = 2;
UPDATE numbers_settings SET large = 100000000000000000001 WHERE "Repo Id" = 2;

-- a key of a type of the user's, which its own cast turns into our id
SELECT integration_defaults.untrack('"Repos"');
DELETE FROM integration_defaults.projects;
CREATE TYPE code AS (n int);
CREATE TABLE coded (id code PRIMARY KEY, group_id bigint);
INSERT INTO coded VALUES ('(1)', NULL), ('(2)', 1);
SELECT integration_defaults.track_projects('coded');
SELECT integration_defaults.create_view('chat', 'coded_chat');
UPDATE coded_chat SET aaa = 'x' WHERE id = '(2)'::code RETURNING id, aaa, source_id;
SELECT id, aaa, source_level FROM coded_chat ORDER BY id;
SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
