-- What a person looks at: all that is set, in what two projects differ, the tree with its names, what resync would do.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
DROP SCHEMA IF EXISTS app CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
SET search_path = integration_defaults;
\pset format unaligned
\pset footer off
\pset null NULL
CREATE SCHEMA app;
CREATE TABLE app.teams (id integer PRIMARY KEY, parent_id integer, name text);
CREATE TABLE app.repos (id integer PRIMARY KEY, team_id integer);
INSERT INTO app.teams SELECT n, nullif(n / 3, 0), 'Team ' || n FROM generate_series(1, 300) n;
INSERT INTO app.repos SELECT n, 1 + n % 300 FROM generate_series(1, 1000) n;

SELECT track_groups('app.teams', label_column => 'nobody');
SELECT track_groups('app.teams', label_column => 'ctid');
SELECT track_groups('app.teams', label_column => 'name'), track_projects('app.repos', group_column => 'team_id');
SELECT kind, source, label_column FROM tracked_tables;
SELECT register_integration('chat', '{"properties": {"url": {"type": "string"}, "token": {"type": "string", "writeOnly": true},
    "room": {"type": "string"}, "retries": {"type": "integer", "default": 3}}, "x-atomic": [["url", "token"]]}'),
    register_integration('other');

-- nothing is set
SELECT * FROM own_settings;
SELECT * FROM compare('chat', 1, 2);
SELECT tree('chat');

SELECT set_default('chat', '{"url": "u0", "token": "t0", "room": "#all"}');
SELECT override_fields('chat', '{"room": "#two"}', group_id => 2);
SELECT set_default('chat', '{"url": "u25", "token": "t25", "room": "#25"}', group_id => 25, active => false);
SELECT lock_fields('chat', '{url}', group_id => 77);
SELECT set_custom('chat', 1, '{"url": "u1", "token": "t1"}'), override_fields('chat', '{"room": "#all"}', 3);
SELECT lock_fields('chat', '{room}');
SELECT override_fields('other', '{"zz": 1, "a": 2}', 3);

-- all that is set, without the values
SELECT scope_level, scope_id, integration, custom, active, fields, locked, updated_by = current_user AS by FROM own_settings
ORDER BY scope_level, scope_id, integration;
SELECT count(*) FROM own_settings WHERE scope_level = 'project' AND integration = 'chat';
DELETE FROM own_settings;
-- what an owner has put there otherwise
SET session_replication_role = replica;
INSERT INTO project_settings VALUES ('3', 'chat', true, true, '[1]') ON CONFLICT (project_id, integration) DO UPDATE SET settings = '[1]';
SELECT scope_id, fields FROM own_settings WHERE scope_id = '3' AND integration = 'chat';
UPDATE project_settings SET settings = '{"room": "#all"}', custom = false, active = NULL WHERE project_id = '3' AND integration = 'chat';
RESET session_replication_role;

-- in what two projects differ; secrets are fingerprints
SELECT field, CASE WHEN field <> 'token' THEN value END AS value, source_level, source_id,
       CASE WHEN field <> 'token' THEN other_value END AS other_value, other_source_level, other_source_id
FROM compare('chat', 1, 24);
SELECT value::text LIKE '%t1%', value::text = other_value::text FROM compare('chat', 1, 24) WHERE field = 'token';
SELECT * FROM compare('chat', 3, 4);
SELECT * FROM compare('chat', 1, 1);
-- one for which nothing is configured
SELECT * FROM compare('other', 4, 3);
SELECT count(*) FROM compare('chat', NULL, 1) a, compare('chat', 1, NULL) b, compare(NULL, 1, 2) c;
SELECT * FROM compare('chat', 1, 'nope');
SELECT * FROM compare('nope', 1, 2);
SELECT * FROM compare('chat', 1, not_given());
-- keys that the schema does not name, those of a pattern, too; what it named a secret once stays masked
SELECT register_integration('ex', '{"properties": {"a": {}, "key": {"writeOnly": true}, "same": {"writeOnly": true}}, "patternProperties": {"^x_": {"type": "integer"}}}');
SELECT set_default('ex', '{"a": 1, "zz": 3, "x_1": 1, "x_2": 2, "key": "hidden", "same": "hidden"}'),
    override_fields('ex', '{"zz": 4, "x_1": 2, "x_2": 2, "none": null, "key": "hidden too", "same": "hidden"}', 2);
SELECT register_integration('ex', '{"properties": {"a": {}}, "patternProperties": {"^x_": {"type": "integer"}}}', force => true);
SELECT field, regexp_replace(value::text, '[0-9a-f]{16}', '...') AS value, source_level,
       regexp_replace(other_value::text, '[0-9a-f]{16}', '...') AS other_value, other_source_level, value = other_value AS same
FROM compare('ex', 1, 2);
-- just where resolve() differs
SELECT k.field, a.settings -> k.field AS value, b.settings -> k.field AS other_value
FROM resolve('ex', 1) a, resolve('ex', 2) b, jsonb_object_keys(a.settings || b.settings) k (field)
WHERE (a.settings -> k.field IS DISTINCT FROM b.settings -> k.field) <> EXISTS (
    SELECT FROM compare('ex', 1, 2) c WHERE c.field = k.field AND c.value IS NOT DISTINCT FROM a.settings -> k.field
    AND c.other_value IS NOT DISTINCT FROM b.settings -> k.field);
SELECT use_default('ex', 2), reset_default('ex'), unregister_integration('ex');

-- of 300 groups, those that set or lock something
SELECT tree('chat');
SELECT tree('chat', depth => 1);
SELECT tree('chat', depth => 0);
SELECT tree('chat', group_id => 25);
SELECT tree('chat', group_id => 25, whole => true);
SELECT count(*) FROM tree('chat', whole => true);
SELECT tree('chat', 25, 0, true);
SELECT tree('chat', depth => -1);
SELECT tree('chat', NULL), tree(NULL);

-- names of the app's do nothing to a terminal
UPDATE app.teams SET name = E'\x1b[2Jred\r\nalert \u202Eback\u0085' WHERE id = 25;
UPDATE app.teams SET name = repeat('é', 200) WHERE id = 2;
UPDATE app.teams SET name = NULL WHERE id = 77;
SELECT tree('chat');
UPDATE app.teams SET name = 'Team ' || id WHERE id IN (2, 25, 77);

-- for whom the app's table does not let see them there are none
CREATE ROLE regress_reader;
GRANT USAGE ON SCHEMA app TO regress_reader;
SELECT grant_access('regress_reader', 'read');
SET ROLE regress_reader;
SELECT tree('chat', 25);
RESET ROLE;
GRANT SELECT (id) ON app.teams TO regress_reader;
SET ROLE regress_reader;
SELECT tree('chat', 25);
RESET ROLE;
GRANT SELECT (name) ON app.teams TO regress_reader;
SET ROLE regress_reader;
SELECT tree('chat', 25);
RESET ROLE;
ALTER TABLE app.teams ENABLE ROW LEVEL SECURITY;
SET ROLE regress_reader;
SELECT tree('chat', 25);
RESET ROLE;
ALTER TABLE app.teams DISABLE ROW LEVEL SECURITY;
-- what makes a text of a label is the app's, and runs as the table's owner
CREATE ROLE regress_app;
CREATE TYPE app.label AS (whole text);
CREATE FUNCTION app.label_text(app.label) RETURNS text LANGUAGE plpgsql STABLE AS
    $$BEGIN RETURN $1.whole || ' for ' || current_user; END$$;
CREATE CAST (app.label AS text) WITH FUNCTION app.label_text(app.label);
ALTER TABLE app.teams ALTER name TYPE app.label USING ROW(name);
ALTER TABLE app.teams OWNER TO regress_app;
GRANT USAGE ON SCHEMA app TO regress_app;
SELECT grant_access('regress_app', 'admin');
SELECT tree('chat', 25);
SELECT revoke_access('regress_app', 'admin');
ALTER TABLE app.teams OWNER TO current_user;
ALTER TABLE app.teams ALTER name TYPE text USING (name).whole;
DROP CAST (app.label AS text);
DROP FUNCTION app.label_text;
DROP TYPE app.label;
-- a column that has gone
ALTER TABLE app.teams RENAME name TO title;
SELECT tree('chat', 25);
ALTER TABLE app.teams RENAME title TO name;
SELECT revoke_access('regress_reader', 'read');
REVOKE ALL ON ALL TABLES IN SCHEMA app FROM regress_reader;
REVOKE ALL ON SCHEMA app FROM regress_reader, regress_app;
DROP ROLE regress_reader, regress_app;
-- ids that are not those of the table, character by character
SELECT untrack('app.teams');
ALTER TABLE app.teams ALTER id TYPE numeric(20, 2), ALTER parent_id TYPE numeric(20, 2);
SELECT track_groups('app.teams', label_column => 'name');
SELECT tree('chat', 25);

-- what resync would do
SELECT resync('app.repos', dry_run => true), resync('app.teams', true);
SET session_replication_role = replica;
INSERT INTO app.repos VALUES (2000, 3), (2001, NULL);
UPDATE app.repos SET team_id = 5 WHERE id BETWEEN 10 AND 30;
DELETE FROM app.repos WHERE id IN (1, 7);
RESET session_replication_role;
ALTER TABLE app.repos DISABLE TRIGGER integration_defaults_projects_insert;
DROP TRIGGER integration_defaults_projects_check ON app.repos;
BEGIN;
SELECT resync('app.repos', dry_run => true);
-- it locks nothing against writers
SELECT DISTINCT mode FROM pg_locks WHERE relation IN ('app.repos'::regclass, 'projects'::regclass) AND pid = pg_backend_pid();
COMMIT;
SELECT count(*) FROM projects WHERE id IN ('1', '7', '2000', '2001');
SELECT resync('app.repos');
SELECT resync('app.repos', dry_run => true);
SELECT scope_id, integration FROM own_settings WHERE scope_level = 'project';
-- where a filter leaves rows out, what they have set stays
SELECT untrack('app.repos');
ALTER TABLE app.repos ADD archived boolean NOT NULL DEFAULT false;
SELECT track_projects('app.repos', group_column => 'team_id', filter => 'NOT archived');
SELECT override_fields('other', '{"a": 1}', 4);
SET session_replication_role = replica;
UPDATE app.repos SET archived = true WHERE id = 3;
DELETE FROM app.repos WHERE id = 4;
RESET session_replication_role;
SELECT resync('app.repos', dry_run => true);
SELECT resync('app.repos');
SELECT scope_id, integration FROM own_settings WHERE scope_level = 'project' ORDER BY 1, 2;
SELECT resync('app.repos', dry_run => true);
SELECT resync('groups', dry_run => true);
SELECT resync(NULL, true);

-- a view and a function do not share a name
SELECT relname FROM pg_class c WHERE relnamespace = 'integration_defaults'::regnamespace AND EXISTS (
    SELECT FROM pg_proc p WHERE p.pronamespace = c.relnamespace AND proname = relname);
SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
