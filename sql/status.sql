-- Whether all is as it should be: each row of status(), and that one broken thing hides no other.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
DROP SCHEMA IF EXISTS app CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
SET search_path = integration_defaults;
\pset format unaligned
\pset footer off
SELECT extversion AS version FROM pg_extension WHERE extname = 'integration_defaults' \gset
CREATE VIEW pg_temp.wrong AS SELECT subject, state, regexp_replace(detail, 'of version \S+', 'of version (the newest)') AS detail FROM status() WHERE state <> 'ok';
CREATE FUNCTION pg_temp.told(detail text, version text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN detail = 'version ' || version THEN 'version (the newest)' ELSE
        regexp_replace(replace(detail, current_user, 'the owner'), '\m\d+ kB(, since .*)?', '... kB') END $$;
CREATE VIEW pg_temp.all_rows AS SELECT subject, state, pg_temp.told(detail, :'version') AS detail FROM status();

-- nothing is there
TABLE all_rows;
BEGIN READ ONLY;
TABLE wrong;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
TABLE wrong;
COMMIT;

CREATE SCHEMA app;
CREATE TABLE app.teams (id integer PRIMARY KEY, parent_id integer, name text);
CREATE TABLE app.repos (id integer PRIMARY KEY, team_id integer, archived boolean NOT NULL DEFAULT false);
INSERT INTO app.teams VALUES (1, NULL, 'One'), (2, 1, 'Two');
INSERT INTO app.repos VALUES (1, 1), (2, 2), (3, NULL);
SELECT track_groups('app.teams', label_column => 'name'), track_projects('app.repos', group_column => 'team_id');
SELECT register_integration('chat', '{"properties": {"room": {"type": "string"}}}'), register_integration('mail');
SELECT set_default('chat', '{"room": "#all"}'), set_custom('chat', 2, '{"room": "#two"}');
SELECT materialize('chat');
TABLE all_rows;

-- versions: one that the module does not know, and one that it serves
BEGIN;
UPDATE pg_extension SET extversion = '0.9' WHERE extname = 'integration_defaults';
TABLE wrong;
UPDATE pg_extension SET extversion = '1.0' WHERE extname = 'integration_defaults';
TABLE wrong;
ROLLBACK;

-- triggers of ours: missing, disabled, in another mode
BEGIN;
ALTER TABLE group_settings DISABLE TRIGGER check_settings;
ALTER TABLE groups ENABLE REPLICA TRIGGER hold_parent;
ALTER TABLE projects ENABLE ALWAYS TRIGGER settle_insert;
ALTER TABLE integrations ENABLE TRIGGER count_change;
ALTER TABLE project_settings ENABLE TRIGGER note_change;
DROP TRIGGER remove_settings ON projects;
DROP TRIGGER write_integrations ON group_integrations;
ALTER TABLE effective_settings DISABLE TRIGGER materialized;
TABLE wrong;
ROLLBACK;

-- those of tracked tables
BEGIN;
CREATE ROLE regress_feeder;
ALTER TABLE app.repos OWNER TO regress_feeder;
TABLE wrong;
ROLLBACK;
BEGIN;
ALTER TABLE app.repos DISABLE TRIGGER integration_defaults_projects_insert;
DROP TRIGGER integration_defaults_groups_check ON app.teams;
TABLE wrong;
DROP TRIGGER integration_defaults_groups_update ON app.teams;
TABLE wrong;
ROLLBACK;
BEGIN;
ALTER TABLE app.repos ENABLE REPLICA TRIGGER integration_defaults_projects_update;
TABLE wrong;
ROLLBACK;
BEGIN;
ALTER TABLE app.teams RENAME name TO title;
TABLE wrong;
ROLLBACK;

-- out of step
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO app.repos VALUES (4, 1), (5, 2);
UPDATE app.repos SET team_id = 2 WHERE id = 1;
DELETE FROM app.repos WHERE id = 3;
TABLE wrong;
-- many rows are counted only
UPDATE pg_class SET reltuples = 2000000 WHERE oid = 'projects'::regclass;
TABLE wrong;
DELETE FROM app.repos WHERE id = 5;
SELECT * FROM status() WHERE subject = 'projects';
ROLLBACK;
BEGIN;
SET LOCAL session_replication_role = replica;
ALTER TABLE app.repos DROP CONSTRAINT repos_pkey;
INSERT INTO app.repos VALUES (3, NULL);
TABLE wrong;
ROLLBACK;

-- rows that hang on nothing
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO groups VALUES ('x', 'nope'), ('y', 'nope');
INSERT INTO projects VALUES ('p', 'nope');
INSERT INTO group_settings VALUES ('z', 'chat', true, true);
INSERT INTO project_settings VALUES ('q', 'gone', true, true), ('r', 'chat', true, true);
TABLE wrong;
ROLLBACK;
-- of rows that a filter leaves out, and of what was tracked so
SELECT untrack('app.repos');
SELECT track_projects('app.repos', group_column => 'team_id', filter => 'NOT archived');
UPDATE app.repos SET archived = true WHERE id = 2;
TABLE wrong;
SELECT untrack('app.repos');
TABLE wrong;
SELECT remove_project(2);
TABLE wrong;
UPDATE app.repos SET archived = false;
SELECT track_projects('app.repos', group_column => 'team_id');
SELECT set_custom('chat', 2, '{"room": "#two"}');

-- what is materialized
BEGIN;
ALTER TABLE effective_settings DISABLE TRIGGER materialized;
UPDATE effective_settings SET settings = '{}' WHERE project_id = '2';
DELETE FROM effective_settings WHERE project_id = '1';
INSERT INTO effective_settings VALUES ('nobody', 'chat', true, '{}', true, 'instance', NULL);
ALTER TABLE effective_settings ENABLE TRIGGER materialized;
TABLE wrong;
SELECT materialize('chat');
TABLE wrong;
ALTER TABLE effective_settings DROP COLUMN inherited;
TABLE wrong;
ROLLBACK;
BEGIN;
SELECT dematerialize('chat');
TABLE wrong;
ROLLBACK;
-- of many rows a sample is looked at
SELECT untrack('app.repos');
INSERT INTO projects SELECT 'n' || n, '1' FROM generate_series(1, 100000) n;
SELECT state, regexp_replace(detail, 'a sample of \d+', 'a sample of some') FROM status() WHERE subject = 'materialized chat';
BEGIN;
ALTER TABLE effective_settings DISABLE TRIGGER materialized;
UPDATE effective_settings SET active = false;
ALTER TABLE effective_settings ENABLE TRIGGER materialized;
SELECT state, regexp_replace(detail, '\d+ (projects|differ)', 'some \1', 'g') FROM status() WHERE subject = 'materialized chat';
ROLLBACK;
DELETE FROM projects WHERE starts_with(id, 'n');
SELECT track_projects('app.repos', group_column => 'team_id');

-- a schema that can't be used
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE integrations SET schema = '{"type": "moon"}' WHERE name = 'mail';
TABLE wrong;
ROLLBACK;

-- tables that are not as declared, or somebody else's
BEGIN;
ALTER TABLE projects RENAME group_id TO above;
TABLE wrong;
ROLLBACK;
CREATE ROLE regress_reader;
BEGIN;
ALTER TABLE groups OWNER TO regress_reader;
SELECT subject, state, replace(detail, current_user, 'the owner') AS detail FROM wrong WHERE subject = 'tables';
ROLLBACK;

-- who may not read our tables; who may, but not those of the app
GRANT USAGE ON SCHEMA integration_defaults TO regress_reader;
SET ROLE regress_reader;
SELECT * FROM integration_defaults.status();
RESET ROLE;
SELECT grant_access('regress_reader', 'read');
SET ROLE regress_reader;
SELECT * FROM integration_defaults.status() WHERE state <> 'ok';
RESET ROLE;
-- row security on our tables hides nothing
ALTER TABLE project_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE effective_settings ENABLE ROW LEVEL SECURITY;
SET ROLE regress_reader;
SELECT * FROM integration_defaults.status() WHERE state <> 'ok' AND subject NOT IN ('groups', 'projects');
RESET ROLE;
ALTER TABLE project_settings DISABLE ROW LEVEL SECURITY;
ALTER TABLE effective_settings DISABLE ROW LEVEL SECURITY;
SELECT revoke_access('regress_reader', 'read');
REVOKE ALL ON SCHEMA integration_defaults FROM regress_reader;
DROP ROLE regress_reader;

-- roles that are not there; secrets that are not sealed
BEGIN;
INSERT INTO access VALUES ('regress_nobody', 'read'), ('regress_nobody_either', 'write');
SELECT register_integration('safe', '{"properties": {"token": {"writeOnly": true}}}'), set_default('safe', '{"token": "t"}');
TABLE wrong;
ROLLBACK;
-- access on a group that replication has removed
BEGIN;
SELECT grant_access('pg_monitor', 'use', 2);
SET LOCAL session_replication_role = replica;
DELETE FROM groups WHERE id = '2';
SELECT * FROM pg_temp.wrong WHERE subject = 'access';
ROLLBACK;

-- how large the history is, and from when on
SELECT forget_history('2000-01-01') - 0 AS forgotten; -- since then it has no gap
SELECT subject, state, regexp_replace(detail, ' \d+ MB', ' ... MB') AS detail, substring(detail, ' (\d+) MB')::int BETWEEN 5 AND 50 AS size
FROM status() WHERE subject = 'history';
BEGIN;
SELECT keep_history(false), set_default('chat', '{"room": "#unnoted"}');
SELECT subject, state, regexp_replace(detail, ' \d+ MB', ' ... MB') AS detail FROM status() WHERE subject = 'history';
SELECT keep_history(true), set_default('chat', '{"room": "#noted"}');
SELECT subject, state, regexp_replace(detail, ' \d+ MB, since .*', ' ... MB, since ...') AS detail,
    substring(detail, 'since (.*)')::timestamptz BETWEEN now() AND clock_timestamp() AS since FROM status() WHERE subject = 'history';
UPDATE pg_class SET reltuples = 12345678 WHERE oid = 'history_changes'::regclass;
SELECT substring(detail, '^[^,]*') AS estimated FROM status() WHERE subject = 'history';
ROLLBACK;

-- whose lock one in pg_locks is
SELECT integration, lock_key = lock_key('chat') AS same FROM materialized_types;
BEGIN;
SELECT set_default('chat', '{"room": "#other"}'), override_fields('chat', '{"room": "#3"}', 3);
SELECT granted, mode, subject, integration, lock_key = lock_key('3') AS of_project FROM server_locks ORDER BY mode, subject;
ROLLBACK;
BEGIN;
INSERT INTO app.teams VALUES (3, NULL, 'Three');
UPDATE app.teams SET parent_id = 3 WHERE id = 2;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT DISTINCT subject, integration FROM server_locks ORDER BY 1;
ROLLBACK;
SELECT count(*) FROM server_locks;
SELECT lock_key(NULL);
SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
