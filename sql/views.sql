-- Writing through the three views.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
-- masks are the same in each run
INSERT INTO integration_defaults.mask_keys VALUES (false, repeat('A', 43) || '=');
RESET client_min_messages;
SET search_path = integration_defaults;
\pset format unaligned
\pset footer off
\pset null NULL

SELECT register_integration('hook', '{"properties": {
    "url": {"type": "string"}, "token": {"type": "string", "writeOnly": true}, "user": {"type": "string"},
    "channel": {"type": ["string", "null"]}, "retries": {"type": "integer", "default": 3}},
    "x-atomic": [["url", "token", "user"]], "required": ["url"]}');
SELECT add_group('7'), add_group('8', '7'), add_project('p', '8'), add_project('q', '8');
CREATE TEMP VIEW own AS SELECT project_id, custom, active, settings FROM project_settings;

-- INSERT sets custom settings; on the instance and on groups, a default
INSERT INTO instance_integrations (integration, settings) VALUES ('hook', '{"url": "u0", "token": "t0", "user": "w0", "channel": "#0"}') RETURNING *;
INSERT INTO group_integrations (group_id, integration, settings, active) VALUES ('8', 'hook', '{"url": "u8"}', false) RETURNING *;
INSERT INTO project_integrations (project_id, integration, active, settings) VALUES ('q', 'hook', NULL, '{"url": "uq"}') RETURNING *;
TABLE own;
-- DELETE uses the default, or resets it; it counts 1 also where nothing was set
DELETE FROM project_integrations WHERE integration = 'hook' RETURNING project_id, inherited;
DELETE FROM group_integrations WHERE group_id = '8';
SELECT * FROM project_integrations ORDER BY project_id;

-- an ORM that loads, changes one key and saves overrides one key
UPDATE project_integrations SET settings = jsonb_set(settings, '{channel}', '"#p"') WHERE project_id = 'p' RETURNING *;
TABLE own;
-- saving it unchanged writes nothing
UPDATE project_integrations SET settings = settings, active = active, inherited = inherited WHERE project_id = 'p';
UPDATE project_integrations SET settings = settings, active = active, inherited = inherited WHERE project_id = 'q';
TABLE own;
-- a new key, a null, active
UPDATE project_integrations SET settings = settings || '{"retries": 5, "channel": null}', active = false WHERE project_id = 'p' RETURNING *;
TABLE own;
-- a removed own key is inherited again
UPDATE project_integrations SET settings = settings - 'channel' WHERE project_id = 'p' RETURNING settings;
UPDATE project_integrations SET active = NULL WHERE project_id = 'p' RETURNING active;
TABLE own;
-- a secret that stays the same while its atomic group changes counts as not given
UPDATE project_integrations SET settings = settings || '{"url": "up"}' WHERE project_id = 'p' RETURNING settings;
TABLE own;
-- removing a key of a group takes the whole group back
UPDATE project_integrations SET settings = settings - 'url' WHERE project_id = 'p' RETURNING settings;
-- several rows at once
UPDATE project_integrations SET settings = settings || '{"channel": "#all"}' WHERE integration = 'hook';
TABLE own;
-- inherited false -> true uses the default
UPDATE project_integrations SET inherited = true WHERE project_id = 'p' RETURNING *;
TABLE own;
-- custom settings lose a key that is removed
INSERT INTO project_integrations (project_id, integration, settings) VALUES ('q', 'hook', '{"url": "uq", "channel": "#q"}');
UPDATE project_integrations SET settings = settings - 'channel' WHERE project_id = 'q' RETURNING *;
UPDATE instance_integrations SET settings = settings - 'channel' RETURNING *;
UPDATE group_integrations SET settings = settings || '{"retries": 1}' WHERE group_id = '7' RETURNING *;

-- what can't be
UPDATE project_integrations SET settings = settings - 'url' WHERE project_id = 'p';
UPDATE project_integrations SET project_id = 'x' WHERE project_id = 'p';
UPDATE project_integrations SET integration = 'x' WHERE project_id = 'p';
UPDATE project_integrations SET source_level = 'x' WHERE project_id = 'p';
UPDATE project_integrations SET source_id = 'x' WHERE project_id = 'p';
UPDATE project_integrations SET inherited = true, active = false WHERE project_id = 'q';
UPDATE project_integrations SET inherited = false WHERE project_id = 'p';
UPDATE project_integrations SET inherited = NULL WHERE project_id = 'p';
UPDATE project_integrations SET settings = '[]' WHERE project_id = 'p';
UPDATE project_integrations SET settings = NULL WHERE project_id = 'p';
UPDATE project_integrations SET settings = settings || '{"url": 1}' WHERE project_id = 'p';
UPDATE project_integrations SET settings = settings - 'url' WHERE project_id = 'q';
INSERT INTO project_integrations (project_id, integration, settings) VALUES (NULL, 'hook', '{}');
INSERT INTO project_integrations (project_id, integration, settings) VALUES ('p', NULL, '{}');
INSERT INTO project_integrations (project_id, integration, settings) VALUES ('nope', 'hook', '{}');
INSERT INTO project_integrations (project_id, integration) VALUES ('p', 'hook');
TABLE own;

-- predicates reach the indexes, whatever else is in a plan
INSERT INTO projects SELECT 'n' || n, '8' FROM generate_series(1, 2000) n;
ANALYZE projects;
DO $$
DECLARE
    line text;
BEGIN
    FOR line IN EXPLAIN (COSTS OFF)
        SELECT settings FROM project_integrations WHERE project_id = 'n5' AND integration = 'hook'
    LOOP
        IF line ~ 'Scan|Index Cond' THEN
            RAISE NOTICE '%', substring(line FROM '[^ >-].*');
        END IF;
    END LOOP;
END $$;

-- the trigger functions are for these views and tables only
CREATE TABLE elsewhere (integration text, settings jsonb);
CREATE TRIGGER t BEFORE INSERT ON elsewhere FOR EACH ROW EXECUTE FUNCTION check_settings();
INSERT INTO elsewhere VALUES ('hook', '{}');
DROP TRIGGER t ON elsewhere;
CREATE TRIGGER t AFTER INSERT ON elsewhere FOR EACH ROW EXECUTE FUNCTION remove_empty_settings();
INSERT INTO elsewhere VALUES ('hook', '{}');
CREATE VIEW elsewhere_too AS TABLE elsewhere;
CREATE TRIGGER t INSTEAD OF INSERT ON elsewhere_too FOR EACH ROW EXECUTE FUNCTION write_integrations();
INSERT INTO elsewhere_too VALUES ('hook', '{}');
CREATE TRIGGER u INSTEAD OF DELETE ON elsewhere_too FOR EACH ROW EXECUTE FUNCTION write_typed('hook', 'a', 'b', 'c');
DROP TRIGGER t ON elsewhere;
INSERT INTO elsewhere VALUES ('hook', '{}');
DELETE FROM elsewhere_too;
DROP TABLE elsewhere CASCADE;
