-- General views by the app's key: as project_integrations and group_integrations, with ids of the key's type.
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
    "url": {"type": "string"}, "token": {"type": "string", "writeOnly": true}, "channel": {"type": "string"}}, "x-atomic": [["url", "token"]]}'),
    integration_defaults.register_integration('other');
SELECT integration_defaults.create_general_view();
SELECT integration_defaults.create_general_view('group');
CREATE TABLE teams (id bigint PRIMARY KEY, parent_id bigint REFERENCES teams);
CREATE TABLE "Repos" ("Repo Id" bigint PRIMARY KEY, team bigint REFERENCES teams, name text, archived boolean DEFAULT false);
INSERT INTO teams VALUES (1, NULL), (2, 1), (10, 2);
INSERT INTO "Repos" SELECT n, CASE WHEN n % 2 = 0 THEN 2 END, 'repo ' || n FROM generate_series(1, 40) n;
SELECT integration_defaults.track_groups('teams'), integration_defaults.track_projects('"Repos"', 'Repo Id', 'team', 'NOT archived');
SELECT integration_defaults.create_general_view(), integration_defaults.create_general_view('group');
SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid IN ('project_integrations'::regclass, 'group_integrations'::regclass) AND attnum > 0 ORDER BY attrelid::regclass::text DESC, attnum;
SELECT relname, reloptions, obj_description(oid) FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind = 'v' ORDER BY 1 DESC;

-- the same rows as the general views, of what is tracked
SELECT integration_defaults.set_default('chat', '{"url": "u", "token": "t", "channel": "#all"}'),
    integration_defaults.override_fields('chat', '{"channel": "#two"}', group_id => 2),
    integration_defaults.set_custom('other', 30, '{"a": 1}');
UPDATE "Repos" SET archived = true WHERE "Repo Id" = 31;
SELECT count(*), count(*) FILTER (WHERE v.project_id::text = g.project_id AND v.active = g.active AND v.settings = g.settings AND v.inherited = g.inherited
    AND v.source_level = g.source_level AND v.source_id IS NOT DISTINCT FROM g.source_id) AS alike,
    (SELECT count(*) FROM project_integrations) AS here, (SELECT count(*) FROM integration_defaults.project_integrations) AS there
FROM project_integrations v JOIN integration_defaults.project_integrations g ON g.project_id = v.project_id::text AND g.integration = v.integration;
SELECT * FROM group_integrations ORDER BY group_id;

-- ids compare with numbers, order as numbers, and join the app's tables
SELECT * FROM project_integrations WHERE project_id = 20;
SELECT project_id, integration FROM project_integrations WHERE project_id IN (9, 30, 31, 1000) ORDER BY project_id, integration;
SELECT project_id FROM project_integrations WHERE project_id = ANY ('{40,3}'::bigint[]) ORDER BY project_id DESC;
SELECT project_id FROM project_integrations WHERE project_id BETWEEN 8 AND 11 ORDER BY project_id;
SELECT r.name, v.settings ->> 'channel' AS channel FROM "Repos" r JOIN project_integrations v ON v.project_id = r."Repo Id" WHERE r.name ~ '9$' ORDER BY v.project_id;
SELECT t.id, count(v.integration) FROM teams t LEFT JOIN group_integrations v ON v.group_id = t.id GROUP BY t.id ORDER BY t.id;

-- they are written as the general views are
UPDATE project_integrations SET settings = settings || '{"channel": "#mine"}' WHERE project_id = 20 AND integration = 'chat' RETURNING *;
UPDATE project_integrations SET active = false WHERE project_id IN (20, 22);
SELECT project_id, custom, active, settings FROM integration_defaults.project_settings ORDER BY project_id;
UPDATE project_integrations SET settings = settings - 'channel' WHERE project_id = 20 RETURNING project_id, settings ->> 'channel' AS channel;
UPDATE project_integrations SET inherited = true WHERE project_id = 22 RETURNING project_id, active, inherited;
DELETE FROM project_integrations WHERE project_id = 20 RETURNING project_id;
INSERT INTO project_integrations (project_id, integration, settings) VALUES (7, 'chat', '{"url": "seven"}') RETURNING *;
SELECT project_id, custom, active, settings FROM integration_defaults.project_settings ORDER BY project_id;
INSERT INTO group_integrations (group_id, integration, settings) VALUES (10, 'chat', '{"channel": "#ten"}') RETURNING *;
UPDATE group_integrations SET settings = settings || '{"url": "two"}' WHERE group_id = 2 RETURNING *;
DELETE FROM group_integrations WHERE group_id = 10;
SELECT group_id, custom, settings FROM integration_defaults.group_settings;

-- and refused
UPDATE project_integrations SET project_id = 21 WHERE project_id = 20;
UPDATE project_integrations SET integration = 'other' WHERE project_id = 20;
UPDATE project_integrations SET source_id = '7' WHERE project_id = 20;
UPDATE project_integrations SET inherited = true, active = false WHERE project_id = 7;
UPDATE project_integrations SET settings = settings || '{"channel": 1}' WHERE project_id = 20;
SELECT integration_defaults.lock_fields('chat', '{channel}', group_id => 2);
UPDATE project_integrations SET settings = settings || '{"channel": "#no"}' WHERE project_id = 20;
INSERT INTO project_integrations (project_id, integration, settings) VALUES (NULL, 'chat', '{}');
INSERT INTO project_integrations (project_id, integration, settings) VALUES (20, NULL, '{}');
INSERT INTO project_integrations (project_id, integration, settings) VALUES (31, 'chat', '{}');
INSERT INTO group_integrations (group_id, integration, settings) VALUES (20, 'chat', '{}');

-- predicates reach the indexes: those of the app's table and of ours
INSERT INTO "Repos" SELECT n, 1, 'repo ' || n FROM generate_series(41, 4000) n;
ANALYZE "Repos"; ANALYZE integration_defaults.projects;
CREATE FUNCTION scans(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line ~ '(Scan|Index Cond).*' AND line !~ 'on (integrations|project_settings)' AND line !~ '(project_id|integration) = ' THEN
            RETURN NEXT substring(line FROM '[^ >-].*');
        END IF;
    END LOOP;
END $$;
SELECT scans('SELECT * FROM project_integrations WHERE project_id = 20');
SELECT scans('SELECT * FROM project_integrations WHERE project_id IN (20, 30)');
SELECT scans('SELECT v.* FROM generate_series(1, 4::bigint) r JOIN project_integrations v ON v.project_id = r');
SELECT scans('SELECT * FROM project_integrations ORDER BY project_id LIMIT 1');

-- names; what is there by another name is left alone
SELECT integration_defaults.create_general_view('project', 'app."By id"');
SELECT integration_defaults.create_general_view('project', 'Repos');
SELECT integration_defaults.create_general_view('project', 'group_integrations');
SELECT integration_defaults.create_general_view('group', 'integration_defaults.group_integrations');
SELECT integration_defaults.create_view('chat', 'project_integrations');
SELECT integration_defaults.create_general_view('project', 'a.b.c');
SELECT integration_defaults.create_general_view('project', '');
SELECT integration_defaults.create_general_view('project', 'nowhere.v');
SELECT integration_defaults.create_general_view('instance');
SELECT integration_defaults.create_general_view('projects');
SELECT integration_defaults.create_general_view(NULL);

-- made again, it keeps what others have made of it, and a comment of somebody's
CREATE VIEW loud AS SELECT project_id FROM project_integrations WHERE active;
COMMENT ON VIEW project_integrations IS 'ours';
COMMENT ON COLUMN project_integrations.project_id IS 'the key';
SELECT integration_defaults.create_general_view();
SELECT obj_description('project_integrations'::regclass), col_description('project_integrations'::regclass, 1);

-- no longer tracked: the rows stay; another table with keys of another type needs a view of another name
SELECT integration_defaults.untrack('"Repos"');
SELECT count(*) FROM project_integrations WHERE project_id < 10;
UPDATE project_integrations SET active = false WHERE project_id = 8 RETURNING active;
SELECT integration_defaults.create_general_view();
CREATE TABLE codes (id uuid PRIMARY KEY, group_id bigint);
DELETE FROM integration_defaults.projects;
SELECT integration_defaults.track_projects('codes');
SELECT integration_defaults.create_general_view();
SELECT integration_defaults.untrack('codes');

-- keys of each type: what is equal as a key is found, and written
CREATE DOMAIN code AS numeric(9, 3) CHECK (VALUE > 0);
CREATE TYPE size AS ENUM ('large', 'small');
SET client_min_messages = warning;
CREATE FUNCTION try(type text, key text, alike text) RETURNS TABLE (type_of_id text, id text, channel text, settings jsonb, again bigint) LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE integration_defaults.projects, integration_defaults.project_settings;
    EXECUTE format('CREATE TABLE keyed (id %s PRIMARY KEY, group_id bigint)', type);
    EXECUTE format('INSERT INTO keyed VALUES (%L, 2)', key);
    PERFORM integration_defaults.track_projects('keyed'), integration_defaults.create_general_view('project', 'by_key');
    EXECUTE format('UPDATE by_key SET settings = settings || %L WHERE project_id = %s AND integration = %L', '{"url": "mine"}', alike, 'chat');
    RETURN QUERY EXECUTE format('SELECT pg_typeof(v.project_id)::text, v.project_id::text, v.settings ->> %L, s.settings,
        (SELECT count(*) FROM by_key b JOIN keyed k ON k.id = b.project_id) FROM by_key v
        JOIN integration_defaults.project_settings s USING (integration) WHERE v.project_id IN (%s) AND v.source_id = s.project_id', 'channel', alike);
    EXECUTE format('DELETE FROM by_key WHERE project_id = %s', alike);
    IF EXISTS (SELECT FROM integration_defaults.project_settings) THEN
        RAISE EXCEPTION 'it was not deleted';
    END IF;
    PERFORM integration_defaults.untrack('keyed');
    DROP TABLE keyed CASCADE;
END $$;
\pset tuples_only on
SELECT format('SELECT * FROM try(%L, %L, %L)', type, key, alike) FROM (VALUES ('smallint', '-7', '-7'), ('integer', '2147483647', '2147483647'),
    ('bigint', '9007199254740993', '9007199254740993'), ('uuid', 'ABCDEF00-0000-0000-0000-000000000001', '''{abcdef0000000000-0000000000000001}'''),
    ('text', 'a "b" c', '''a "b" c'''), ('varchar(20)', 'x', '''x'''), ('char(5)', 'ab', '''ab'''), ('numeric', '1.50', '1.5'), ('numeric(9,3)', '7', '7'),
    ('code', '2.5', '2.50'), ('size', 'small', '''small''')) k (type, key, alike) \gexec
\pset tuples_only off
RESET client_min_messages;

-- the trigger is safe on whatever view it is hung: that view only says what its writer may do anyway
CREATE ROLE regress_general_writer;
CREATE VIEW mine AS SELECT 20 AS id, 'chat'::text AS integration, true AS active, '{}'::jsonb AS settings, false AS inherited, ''::text AS source_level, ''::text AS source_id;
CREATE TRIGGER t INSTEAD OF INSERT OR UPDATE OR DELETE ON mine FOR EACH ROW EXECUTE FUNCTION integration_defaults.write_integrations('project');
GRANT ALL ON SCHEMA app TO regress_general_writer;
GRANT ALL ON mine TO regress_general_writer;
SET ROLE regress_general_writer;
UPDATE mine SET active = false;
RESET ROLE;
UPDATE mine SET active = false;
DROP TRIGGER t ON mine;
CREATE TRIGGER t INSTEAD OF INSERT OR UPDATE OR DELETE ON mine FOR EACH ROW EXECUTE FUNCTION integration_defaults.write_integrations('instance');
UPDATE mine SET active = false;
DROP TRIGGER t ON mine;
CREATE TRIGGER t INSTEAD OF INSERT OR UPDATE OR DELETE ON mine FOR EACH ROW EXECUTE FUNCTION integration_defaults.write_integrations('project', 'group');
UPDATE mine SET active = false;
DROP VIEW mine;
CREATE VIEW mine AS SELECT 20 AS id, 'chat'::text AS integration, 1 AS active, '{}'::jsonb AS settings, false AS inherited, ''::text AS source_level, ''::text AS source_id;
CREATE TRIGGER t INSTEAD OF INSERT OR UPDATE OR DELETE ON mine FOR EACH ROW EXECUTE FUNCTION integration_defaults.write_integrations('project');
UPDATE mine SET active = 0;
-- nor is anything of its rows sure to be there
DROP VIEW mine;
CREATE TABLE rows_of_mine AS SELECT NULL::text AS id, NULL::text AS integration, NULL::boolean AS active,
    NULL::jsonb AS settings, NULL::boolean AS inherited, NULL::text AS source_level, NULL::text AS source_id;
CREATE VIEW mine AS TABLE rows_of_mine;
CREATE TRIGGER t INSTEAD OF INSERT OR UPDATE OR DELETE ON mine FOR EACH ROW EXECUTE FUNCTION integration_defaults.write_integrations('project');
UPDATE mine SET active = active;
DELETE FROM mine;
INSERT INTO mine DEFAULT VALUES;
UPDATE rows_of_mine SET integration = 'chat';
UPDATE mine SET active = active;
DELETE FROM mine;
INSERT INTO mine (integration) VALUES ('chat');
UPDATE rows_of_mine SET id = 20, integration = NULL;
UPDATE mine SET active = active;
UPDATE rows_of_mine SET integration = 'chat';
UPDATE mine SET active = active;
DROP VIEW mine;
DROP TABLE rows_of_mine;

-- who reads needs read access, and SELECT on the view and on the app's table, whose row security holds for it
CREATE TABLE repos (id int PRIMARY KEY, group_id bigint);
INSERT INTO repos VALUES (1, 2), (2, 2);
SELECT integration_defaults.track_projects('repos'), integration_defaults.create_general_view('project', 'v');
GRANT SELECT, UPDATE ON v TO regress_general_writer;
SET ROLE regress_general_writer;
SELECT integration_defaults.create_general_view('project', 'own');
SELECT count(*) FROM v;
RESET ROLE;
SELECT integration_defaults.grant_access('regress_general_writer', 'read');
SET ROLE regress_general_writer;
SELECT count(*) FROM v;
RESET ROLE;
GRANT SELECT ON repos TO regress_general_writer;
ALTER TABLE repos ENABLE ROW LEVEL SECURITY;
CREATE POLICY second ON repos USING (id = 2);
SET ROLE regress_general_writer;
SELECT project_id, settings ->> 'channel' AS channel FROM v;
UPDATE v SET active = false;
SELECT integration_defaults.create_general_view('project', 'own');
RESET ROLE;
SELECT integration_defaults.create_general_view('project', 'own');
SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
SELECT integration_defaults.revoke_access('regress_general_writer', 'read');
DROP OWNED BY regress_general_writer;
DROP ROLE regress_general_writer;
