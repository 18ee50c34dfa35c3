-- What refers to groups, projects and types: it is there, it follows a change of the id, and it goes with it.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
SET search_path = public, integration_defaults;
CREATE VIEW tree AS
    SELECT 'group' AS kind, id, parent_id FROM groups UNION ALL SELECT 'project', id, group_id FROM projects
    ORDER BY 1, 2;
CREATE VIEW set_on AS
    SELECT 'group' AS kind, group_id AS id, integration, settings FROM group_settings
    UNION ALL SELECT 'instance', NULL, integration, settings FROM instance_settings
    UNION ALL SELECT 'project', project_id, integration, settings FROM project_settings
    ORDER BY 1, 2, 3;
\getenv here PG_ABS_SRCDIR
\set refusal :here '/sql/refusal.psql'
\i :refusal
\pset format unaligned
\pset tuples_only on

INSERT INTO integrations (name, schema) VALUES ('chat', '{"properties": {"n": {"type": "integer"}}}'), ('mail', '{}'), ('idle', '{}');
INSERT INTO groups VALUES ('a', NULL), ('b', 'a'), ('c', 'b'), ('empty', NULL);
INSERT INTO projects VALUES ('p', 'b'), ('q', 'b'), ('r', NULL);
INSERT INTO instance_settings (integration, settings) VALUES ('chat', '{"n": 0}');
INSERT INTO group_settings (group_id, integration, settings) VALUES ('b', 'chat', '{"n": 1}'), ('b', 'mail', '{}'), ('empty', 'mail', '{}');
INSERT INTO project_settings (project_id, integration, settings) VALUES ('p', 'chat', '{"n": 2}'), ('q', 'chat', '{"n": 3}'), ('r', 'chat', '{"n": 4}');

-- A dump has no foreign keys to stumble over.
SELECT conrelid::regclass, conname FROM pg_constraint
WHERE contype = 'f' AND connamespace = 'integration_defaults'::regnamespace;

-- A parent that is not there: at commit, not before, and only for what is left by then.
SELECT undone($$INSERT INTO groups VALUES ('x', 'nowhere')$$);
SELECT undone($$INSERT INTO projects VALUES ('x', 'nowhere')$$);
SELECT undone($$UPDATE projects SET group_id = 'nowhere' WHERE id = 'p'$$);
SELECT undone($$UPDATE groups SET parent_id = 'nowhere' WHERE id = 'c'$$);
SELECT undone($$INSERT INTO projects VALUES ('x', 'nowhere')$$, $$INSERT INTO groups VALUES ('nowhere', NULL)$$);
SELECT undone($$INSERT INTO projects VALUES ('x', 'nowhere')$$, $$DELETE FROM projects WHERE id = 'x'$$);
SELECT undone($$INSERT INTO projects VALUES ('x', 'nowhere')$$, $$UPDATE projects SET group_id = 'a' WHERE id = 'x'$$);
SELECT undone($$INSERT INTO projects VALUES ('x', 'nowhere')$$, $$UPDATE projects SET group_id = NULL WHERE id = 'x'$$);
SELECT undone($$INSERT INTO projects VALUES ('x', 'nowhere')$$, $$UPDATE projects SET id = 'y' WHERE id = 'x'$$);
SELECT undone($$INSERT INTO projects VALUES ('x', 'a')$$, $$UPDATE projects SET group_id = 'nowhere' WHERE id = 'x'$$);
SELECT undone($$SET CONSTRAINTS scope_parent_exists IMMEDIATE$$, $$INSERT INTO projects VALUES ('x', 'nowhere')$$,
               $$INSERT INTO groups VALUES ('nowhere', NULL)$$);
SELECT undone($$SET CONSTRAINTS scope_parent_exists IMMEDIATE$$, $$INSERT INTO groups VALUES ('x', 'nowhere')$$,
               $$INSERT INTO groups VALUES ('nowhere', NULL)$$);

-- A parent that goes.
SELECT undone($$DELETE FROM groups WHERE id = 'b'$$);
SELECT undone($$DELETE FROM groups WHERE id = 'a'$$);
SELECT undone($$DELETE FROM groups WHERE id = 'c'$$);
SELECT undone($$DELETE FROM groups$$);
SELECT undone($$DELETE FROM groups$$, $$DELETE FROM projects$$);
SELECT undone($$DELETE FROM groups WHERE id = 'b'$$, $$UPDATE projects SET group_id = NULL$$, $$UPDATE groups SET parent_id = 'a' WHERE id = 'c'$$);
SELECT undone($$DELETE FROM groups WHERE id = 'b'$$, $$INSERT INTO groups VALUES ('b', NULL)$$);
SELECT undone($$SET CONSTRAINTS scope_parent_exists IMMEDIATE$$, $$DELETE FROM groups WHERE id = 'b'$$,
               $$INSERT INTO groups VALUES ('b', NULL)$$);
SELECT undone($$WITH gone AS (DELETE FROM groups WHERE id = 'empty') INSERT INTO projects VALUES ('x', 'empty')$$);

-- What was found there once is not taken to be there for ever.
SELECT undone($$SET CONSTRAINTS scope_parent_exists IMMEDIATE$$, $$INSERT INTO projects VALUES ('x', 'empty')$$,
               $$DELETE FROM projects WHERE id = 'x'$$, $$DELETE FROM groups WHERE id = 'empty'$$,
               $$INSERT INTO projects VALUES ('y', 'empty')$$);
SELECT undone($$SET CONSTRAINTS scope_parent_exists IMMEDIATE$$, $$INSERT INTO projects VALUES ('x', 'empty')$$,
               $$DELETE FROM projects WHERE id = 'x'$$, $$UPDATE groups SET id = 'full' WHERE id = 'empty'$$,
               $$INSERT INTO projects VALUES ('y', 'empty')$$);
BEGIN;
SET CONSTRAINTS scope_parent_exists IMMEDIATE;
SAVEPOINT s;
INSERT INTO groups VALUES ('brief', NULL);
INSERT INTO projects VALUES ('x', 'brief');
ROLLBACK TO s;
INSERT INTO projects VALUES ('x', 'brief');
ROLLBACK;
BEGIN;
SET CONSTRAINTS scope_parent_exists IMMEDIATE;
INSERT INTO groups VALUES ('brief', NULL);
INSERT INTO projects VALUES ('x', 'brief');
ROLLBACK;
INSERT INTO projects VALUES ('x', 'brief');

-- An id that changes takes along what refers to it, as it is.
BEGIN;
UPDATE groups SET id = 'bb' WHERE id = 'b';
UPDATE projects SET id = id || id;
UPDATE integrations SET name = 'talk' WHERE name = 'chat';
SELECT * FROM tree;
SELECT * FROM set_on;
ROLLBACK;
-- Also where one takes another's old id in the same statement, and where a write would be refused today.
BEGIN;
INSERT INTO projects VALUES ('2', NULL), ('1', NULL);
SET LOCAL check_function_bodies = off;
INSERT INTO project_settings (project_id, integration, settings, updated_by) VALUES
    ('1', 'chat', '{"n": "one"}', 'ann'), ('2', 'chat', '{"n": "two"}', 'bob');
SET LOCAL check_function_bodies = on;
UPDATE projects SET id = id::int + 1 WHERE id IN ('1', '2');
SELECT project_id, settings, updated_by FROM project_settings WHERE project_id IN ('1', '2', '3') ORDER BY 1;
SAVEPOINT s;
UPDATE project_settings SET project_id = 'p' WHERE project_id = '3';
ROLLBACK TO s;
UPDATE project_settings SET project_id = 'q', integration = 'mail' WHERE project_id = '3';
SELECT project_id, settings, updated_by = current_user FROM project_settings WHERE integration = 'mail';
ROLLBACK;

-- Settings refer to what is there.
SELECT undone($$INSERT INTO instance_settings (integration) VALUES ('nope')$$);
SELECT undone($$INSERT INTO group_settings (group_id, integration) VALUES ('a', 'nope')$$);
SELECT undone($$INSERT INTO project_settings (project_id, integration) VALUES ('p', 'nope')$$);
SELECT undone($$INSERT INTO group_settings (group_id, integration) VALUES ('nope', 'idle')$$);
SELECT undone($$INSERT INTO project_settings (project_id, integration) VALUES ('nope', 'idle')$$);
SELECT undone($$UPDATE group_settings SET group_id = 'nope' WHERE group_id = 'empty'$$);
SELECT undone($$UPDATE project_settings SET integration = 'nope' WHERE project_id = 'p'$$);
SELECT undone($$INSERT INTO project_settings (project_id, integration) VALUES ('p', 'idle')$$);
-- At once, but what the same statement adds is there, and binds.
SELECT undone($$INSERT INTO group_settings (group_id, integration) VALUES ('late', 'idle')$$, $$INSERT INTO groups VALUES ('late', NULL)$$);
SELECT undone($$WITH p AS (INSERT INTO projects VALUES ('late', 'b') RETURNING id)
                 INSERT INTO project_settings (project_id, integration, settings) SELECT id, 'chat', '{"n": 7}' FROM p$$);
SELECT undone($$WITH p AS (INSERT INTO projects VALUES ('late', 'b') RETURNING id)
                 INSERT INTO project_settings (project_id, integration, settings) SELECT id, 'chat', '{"n": "seven"}' FROM p$$);
SELECT undone($$WITH t AS (INSERT INTO integrations (name, schema) VALUES ('new', '{"properties": {"n": {"type": "integer"}}}') RETURNING name)
                 INSERT INTO instance_settings (integration, settings) SELECT name, '{"n": "seven"}' FROM t$$);
-- Whatever a trigger of somebody's makes of the row.
CREATE FUNCTION divert() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.project_id = 'nope'; RETURN NEW; END$$;
CREATE TRIGGER zz BEFORE INSERT OR UPDATE ON project_settings FOR EACH ROW EXECUTE FUNCTION divert();
SELECT undone($$INSERT INTO project_settings (project_id, integration) VALUES ('p', 'idle')$$);
SELECT undone($$UPDATE project_settings SET settings = '{}' WHERE project_id = 'p'$$);
DROP TRIGGER zz ON project_settings;
CREATE OR REPLACE FUNCTION divert() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN UPDATE project_settings SET settings = '{"n": 9}' WHERE project_id = NEW.project_id; RETURN NEW; END$$;
CREATE TRIGGER aa AFTER INSERT ON project_settings FOR EACH ROW EXECUTE FUNCTION divert();
SELECT undone($$WITH gone AS (DELETE FROM projects WHERE id = 'r') INSERT INTO project_settings (project_id, integration) VALUES ('r', 'idle')$$);
DROP FUNCTION divert CASCADE;

-- Settings go with their group or project, at commit; a type with settings stays.
BEGIN;
DELETE FROM projects;
DELETE FROM groups WHERE id = 'empty';
COMMIT;
SELECT * FROM set_on;
BEGIN;
INSERT INTO groups VALUES ('empty', NULL);
INSERT INTO projects VALUES ('p', 'b'), ('q', 'b'), ('r', NULL);
INSERT INTO group_settings (group_id, integration, settings) VALUES ('empty', 'mail', '{}');
INSERT INTO project_settings (project_id, integration, settings) VALUES ('p', 'chat', '{"n": 2}'), ('q', 'chat', '{"n": 3}'), ('r', 'chat', '{"n": 4}');
COMMIT;
INSERT INTO projects SELECT 'n' || n FROM generate_series(1, 3500) n;
INSERT INTO project_settings (project_id, integration) SELECT 'n' || n, 'mail' FROM generate_series(1, 3500, 2) n;
DELETE FROM projects WHERE id LIKE 'n%' AND id <> 'n7';
SELECT * FROM set_on WHERE integration = 'mail';
SELECT undone($$DELETE FROM integrations WHERE name = 'mail'$$);
DELETE FROM projects WHERE id = 'n7';
SELECT undone($$DELETE FROM integrations WHERE name = 'chat'$$);
SELECT undone($$DELETE FROM integrations WHERE name = 'idle'$$);
SELECT undone($$WITH gone AS (DELETE FROM integrations WHERE name = 'idle') INSERT INTO instance_settings (integration) VALUES ('idle')$$);

-- TRUNCATE, too, leaves nothing that refers to nothing.
SELECT undone('TRUNCATE integrations');
SELECT undone('TRUNCATE groups');
SELECT undone('TRUNCATE groups CASCADE');
SELECT undone('TRUNCATE groups, group_settings');
SELECT undone('TRUNCATE groups, projects, group_settings');
SELECT undone('TRUNCATE projects');
SELECT undone('TRUNCATE projects, project_settings');
SELECT undone('TRUNCATE groups, projects, group_settings, project_settings');
SELECT undone('UPDATE projects SET group_id = NULL', 'TRUNCATE groups, group_settings');
SELECT undone('TRUNCATE integrations, instance_settings, group_settings, project_settings');
SELECT undone('TRUNCATE groups, integrations, projects, instance_settings, group_settings, project_settings');
SELECT undone('TRUNCATE groups, group_settings, projects, project_settings', $$INSERT INTO projects VALUES ('x', 'a')$$);

-- While a dump is restored everything comes in, in any order. What deletes and renames keeps the rules.
BEGIN;
SET LOCAL check_function_bodies = off;
INSERT INTO project_settings (project_id, integration) VALUES ('early', 'first'), ('early', 'mail');
INSERT INTO projects VALUES ('early', 'higher');
INSERT INTO groups VALUES ('higher', 'highest'), ('highest', NULL);
SELECT undone($$DELETE FROM groups WHERE id = 'higher'$$);
SELECT undone($$DELETE FROM integrations WHERE name = 'mail'$$);
SELECT undone('TRUNCATE projects');
UPDATE integrations SET name = 'post' WHERE name = 'mail';
UPDATE groups SET id = 'high' WHERE id = 'higher';
SELECT * FROM tree WHERE id LIKE 'high%' OR id = 'early';
SELECT * FROM set_on WHERE integration = 'post' OR id = 'early';
DELETE FROM projects WHERE id = 'early';
ROLLBACK;
-- As with foreign keys, nothing is held where triggers don't fire.
BEGIN;
SET LOCAL session_replication_role = replica;
INSERT INTO projects VALUES ('x', 'nowhere');
INSERT INTO project_settings (project_id, integration) VALUES ('nowhere', 'nope');
DELETE FROM groups WHERE id = 'empty';
SELECT * FROM set_on WHERE id IN ('empty', 'nowhere');
ROLLBACK;

-- Our trigger functions can't be used on other tables, nor for other events.
CREATE TABLE other (id text);
CREATE TRIGGER t AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION check_parent();
SELECT undone($$INSERT INTO other VALUES ('a')$$);
DROP TRIGGER t ON other;
CREATE TRIGGER t AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION hold_references();
SELECT undone($$INSERT INTO other VALUES ('a')$$);
DROP TRIGGER t ON other;
CREATE TRIGGER t AFTER DELETE ON other REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION remove_settings();
SELECT undone('DELETE FROM other');
DROP TABLE other;
CREATE TRIGGER t AFTER DELETE ON groups FOR EACH STATEMENT EXECUTE FUNCTION remove_settings();
SELECT undone('DELETE FROM groups');
DROP TRIGGER t ON groups;
CREATE TRIGGER t BEFORE UPDATE ON groups FOR EACH ROW EXECUTE FUNCTION rename_settings();
SELECT undone('UPDATE groups SET parent_id = NULL');
DROP TRIGGER t ON groups;

-- Whoever writes a row needs no rights on what it refers to, nor on what refers to it.
CREATE ROLE regress_intd_writer;
GRANT USAGE ON SCHEMA integration_defaults TO regress_intd_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON groups TO regress_intd_writer;
GRANT INSERT ON projects TO regress_intd_writer;
SET ROLE regress_intd_writer;
INSERT INTO integration_defaults.groups VALUES ('w', NULL), ('w1', 'w');
INSERT INTO integration_defaults.projects VALUES ('wp', 'w');
UPDATE integration_defaults.groups SET id = 'ww' WHERE id = 'w';
DELETE FROM integration_defaults.groups WHERE id = 'empty';
DELETE FROM integration_defaults.groups WHERE id = 'ww';
RESET ROLE;
SELECT * FROM tree WHERE id LIKE 'w%';
SELECT * FROM set_on WHERE id = 'empty';

SET client_min_messages = warning;
TRUNCATE groups, integrations, projects, instance_settings, group_settings, project_settings;
DROP OWNED BY regress_intd_writer;
DROP ROLE regress_intd_writer;
DROP FUNCTION refusal, undone;
DROP VIEW tree, set_on;

-- TRUNCATE … CASCADE takes along what refers to the table, where the user may truncate that too.
SELECT register_integration('t');
INSERT INTO groups VALUES ('a', NULL);
INSERT INTO projects VALUES ('p', 'a'), ('q', NULL);
SELECT set_default('t', '{}'), set_default('t', '{}', 'a'), set_custom('t', 'p', '{}');
TRUNCATE groups CASCADE;
SELECT (SELECT count(*) FROM groups), (SELECT count(*) FROM projects), (SELECT count(*) FROM group_settings),
       (SELECT count(*) FROM project_settings), (SELECT count(*) FROM instance_settings);
CREATE ROLE regress_truncates;
GRANT USAGE ON SCHEMA integration_defaults TO regress_truncates;
GRANT TRUNCATE ON integrations TO regress_truncates;
SET ROLE regress_truncates;
TRUNCATE integrations CASCADE;
RESET ROLE;
TRUNCATE integrations, groups, projects CASCADE;
SELECT (SELECT count(*) FROM integrations), (SELECT count(*) FROM instance_settings);
DROP OWNED BY regress_truncates;
DROP ROLE regress_truncates;

-- A group that is not there. In a transaction that has still to answer for it, reading meets an error wherever it is met.
SELECT register_integration('t');
INSERT INTO groups VALUES ('a', NULL), ('b', 'a');
INSERT INTO projects VALUES ('p', 'b'), ('q', NULL);
SELECT set_default('t', '{"a": 1}');
CREATE FUNCTION read_all(project text, also text[] DEFAULT '{}') RETURNS TABLE (reading text, answer text) LANGUAGE plpgsql AS $$
DECLARE one text;
BEGIN
    FOREACH reading IN ARRAY ARRAY[
        'count(*) FROM resolve(''t'', $1)', 'count(*) FROM resolve_all($1)', 'count(*) FROM explain(''t'', $1)',
        'count(*) FROM compare(''t'', ''q'', $1)', 'active_settings(''t'', $1)', 'count(*) FROM all_active_settings($1)',
        'string_agg(project_id, '','' ORDER BY project_id) FROM projects_using_default(''t'')',
        'string_agg(project_id, '','' ORDER BY project_id) FROM projects_using_custom_settings(''t'')',
        'string_agg(id, '','' ORDER BY id) FROM projects WHERE active_settings(''t'', id) IS NOT NULL',
        'count(settings) FROM project_integrations', 'count(settings) FROM group_integrations',
        'count(*) FROM groups g, resolve(''t'', group_id => g.id)', 'count(*) FROM redundant_overrides(''t'')'] OPERATOR(pg_catalog.||) also LOOP
        BEGIN
            EXECUTE 'SELECT ' OPERATOR(pg_catalog.||) reading INTO answer USING project;
        EXCEPTION WHEN others THEN
            GET STACKED DIAGNOSTICS one = CONSTRAINT_NAME;
            answer = SQLSTATE || ' ' || one;
        END;
        RETURN NEXT;
    END LOOP;
END $$;
BEGIN;
INSERT INTO projects VALUES ('x', 'nogroup');
SELECT * FROM read_all('x', '{count(*) FROM project_integrations,count(*) FROM group_integrations}');
INSERT INTO groups VALUES ('nogroup', 'a');
SELECT * FROM read_all('x', '{count(*) FROM project_integrations,count(*) FROM group_integrations}');
ROLLBACK;
BEGIN;
DELETE FROM groups WHERE id = 'b';
SELECT * FROM read_all('p', '{count(*) FROM project_integrations,count(*) FROM group_integrations}');
ROLLBACK;
BEGIN;
UPDATE groups SET parent_id = 'b' WHERE id = 'a';
SELECT * FROM read_all('p', '{count(*) FROM project_integrations,count(*) FROM group_integrations}');
ROLLBACK;
-- What a transaction has undone it has not to answer for; nor what has been there before.
SET check_function_bodies = off;
INSERT INTO projects VALUES ('lost', 'nogroup'), ('below', 'orphan');
INSERT INTO groups VALUES ('orphan', 'nowhere');
INSERT INTO project_settings (project_id, integration, settings) VALUES ('lost', 't', '{"a": 2}');
RESET check_function_bodies;
BEGIN;
SAVEPOINT s;
INSERT INTO projects VALUES ('x', 'nogroup');
ROLLBACK TO s;
SELECT * FROM read_all('lost');
COMMIT;
SELECT * FROM read_all('below');
BEGIN;
SELECT override_fields('t', '{"a": 3}', 'q'), add_project('z', 'b');
SELECT * FROM read_all('lost');
UPDATE projects SET group_id = 'nogroup' WHERE id = 'z';
SELECT * FROM read_all('z');
ROLLBACK;
SELECT materialize('t');
SELECT project_id, settings FROM effective_settings ORDER BY 1;
SELECT dematerialize('t');
SELECT subject, state FROM status() WHERE subject IN ('groups', 'projects');
\set VERBOSITY sqlstate
SELECT set_custom('t', 'lost', '{}');
SELECT set_default('t', '{}', 'orphan');
\set VERBOSITY default
-- It is right again when the group comes, which one that reads in the transaction sees.
BEGIN;
INSERT INTO groups VALUES ('nogroup', NULL), ('nowhere', NULL);
SELECT * FROM read_all('lost');
COMMIT;
SELECT project_id, integration, settings, source_level FROM project_integrations ORDER BY 1;
SET client_min_messages = warning;
DROP FUNCTION read_all;
TRUNCATE integrations, groups, projects CASCADE;
RESET client_min_messages;
