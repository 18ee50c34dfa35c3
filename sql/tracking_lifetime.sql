-- What is set on a group or project lives as long as its id: it goes at commit, unless the id is there again.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
DROP SCHEMA IF EXISTS app CASCADE;
CREATE SCHEMA app;
RESET client_min_messages;
SET search_path = app, integration_defaults;
CREATE VIEW marks AS
    SELECT 'group' AS kind, group_id AS id, settings ->> 'of' AS of FROM group_settings UNION ALL
    SELECT 'project', project_id, settings ->> 'of' FROM project_settings ORDER BY 1, 2;
\pset format unaligned
\pset tuples_only on
SELECT register_integration('chat', '{"properties": {"of": {}}}');

-- By hand: deleted and there again.
SELECT add_group(1), add_group(2, 1), add_project(1, 2), add_project(2, 2), add_project(3);
SELECT set_default('chat', '{"of": "group 2"}', 2), set_custom('chat', 1, '{"of": "1"}'), set_custom('chat', 2, '{"of": "2"}'), set_custom('chat', 3, '{"of": "3"}');
SELECT materialize('chat');
-- What project_integrations has and effective_settings has not (+), and the other way round (-).
CREATE VIEW differences AS
    (SELECT '+', project_id, settings FROM project_integrations EXCEPT ALL SELECT '+', project_id, settings FROM effective_settings)
    UNION ALL
    (SELECT '-', project_id, settings FROM effective_settings EXCEPT ALL SELECT '-', project_id, settings FROM project_integrations);
BEGIN;
DELETE FROM projects;
SELECT project_id FROM project_integrations;
SELECT * FROM projects_using_custom_settings('chat');
SELECT * FROM differences;
INSERT INTO projects VALUES ('1', NULL), ('2', '2');
SELECT project_id, settings, source_level FROM project_integrations ORDER BY 1;
SELECT * FROM differences;
DELETE FROM projects WHERE id = '2';
COMMIT;
SELECT * FROM marks;
SELECT * FROM differences;
BEGIN;
DELETE FROM groups WHERE id = '2';
INSERT INTO groups VALUES ('2', NULL);
COMMIT;
SELECT * FROM marks;
-- Nobody sets anything meanwhile, and one who comes again may.
BEGIN;
SELECT remove_project(1);
SAVEPOINT s;
SELECT set_custom('chat', 1, '{}');
ROLLBACK TO s;
INSERT INTO project_settings (project_id, integration) VALUES ('1', 'chat');
ROLLBACK TO s;
UPDATE project_settings SET settings = '{}' WHERE project_id = '1';
ROLLBACK TO s;
SELECT add_project(1, 2);
SELECT override_fields('chat', '{"of": "1 again"}', 1);
COMMIT;
SELECT * FROM marks;
-- Savepoints: what is rolled back was not removed; what was removed before them goes.
BEGIN;
SELECT add_project(4), add_project(5), add_project(6);
SELECT set_custom('chat', id::int, jsonb_build_object('of', id)) FROM unnest('{4,5,6}'::text[]) id;
COMMIT;
BEGIN;
DELETE FROM projects WHERE id = '4';
SAVEPOINT a;
DELETE FROM projects WHERE id = '5';
SAVEPOINT b;
DELETE FROM projects WHERE id = '6';
RELEASE b;
ROLLBACK TO a;
SAVEPOINT c;
DELETE FROM projects WHERE id = '6';
RELEASE c;
COMMIT;
SELECT * FROM marks;
SELECT * FROM differences;
-- An id that another takes over has what that one has.
BEGIN;
SELECT remove_project(5);
UPDATE projects SET id = '5' WHERE id = '1';
COMMIT;
SELECT * FROM marks;
BEGIN;
SELECT move_project(5, NULL);
DELETE FROM groups WHERE id = '2';
UPDATE groups SET id = '2' WHERE id = '1';
SELECT * FROM marks;
COMMIT;
SELECT * FROM marks;
-- A type whose only settings will go can go first.
BEGIN;
SELECT register_integration('brief');
SELECT add_project(7), set_custom('brief', 7, '{}');
SELECT remove_project(7);
SELECT unregister_integration('brief');
SELECT * FROM project_settings WHERE integration = 'brief';
ROLLBACK;
-- A trigger of somebody's on the settings that removes more.
CREATE FUNCTION app.more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM integration_defaults.projects WHERE id = (OLD.project_id::int + 1)::text;
    RETURN NULL;
END $$;
BEGIN;
SELECT add_project(11), add_project(12), add_project(13), add_project(15);
SELECT set_custom('chat', id, '{}') FROM unnest('{11,12,13,15}'::int[]) id;
CREATE TRIGGER more AFTER DELETE ON project_settings FOR EACH ROW EXECUTE FUNCTION app.more();
COMMIT;
DELETE FROM projects WHERE id = '11';
SELECT * FROM marks;
SELECT id FROM projects WHERE id LIKE '1_';
SELECT * FROM differences;
DROP FUNCTION app.more CASCADE;
TRUNCATE groups, projects, group_settings, project_settings;

-- Tracked, with a filter: what is left out keeps what is set on it, which counts nowhere, and brings it back.
CREATE TABLE app.g (id int PRIMARY KEY, parent_id int, archived boolean DEFAULT false);
CREATE TABLE app.p (id text PRIMARY KEY, group_id int, archived boolean DEFAULT false);
SELECT track_groups('app.g', filter => 'NOT archived'), track_projects('app.p', filter => 'NOT archived');
INSERT INTO app.g VALUES (1, NULL), (2, 1), (3, NULL);
INSERT INTO app.p VALUES ('a', 2), ('b', 2), ('c', 3);
SELECT set_default('chat', '{"of": "group 2"}', 2), set_default('chat', '{"of": "group 3"}', 3),
       set_custom('chat', 'a', '{"of": "a"}'), set_custom('chat', 'b', '{"of": "b"}');
UPDATE app.p SET archived = true WHERE id = 'a';
UPDATE app.g SET archived = true WHERE id = 2;
SELECT * FROM marks;
SELECT project_id, settings, source_level, source_id FROM project_integrations ORDER BY 1;
SELECT group_id, settings FROM group_integrations ORDER BY 1;
SELECT project_id FROM projects_using_custom_settings('chat');
SELECT scope_id FROM invalid_settings('chat');
SELECT * FROM differences;
SELECT set_custom('chat', 'a', '{}');
SELECT unregister_integration('chat');
UPDATE app.g SET archived = false;
UPDATE app.p SET archived = false;
SELECT project_id, settings, source_level, source_id FROM project_integrations ORDER BY 1;
SELECT * FROM differences;
-- Its id changes while it is left out, as it goes, as it comes.
UPDATE app.p SET archived = true WHERE id = 'a';
UPDATE app.p SET id = 'aa' WHERE id = 'a';
SELECT * FROM marks WHERE kind = 'project';
UPDATE app.p SET id = 'aaa', archived = false WHERE id = 'aa';
SELECT project_id, settings, source_level FROM project_integrations ORDER BY 1;
UPDATE app.p SET id = 'a', archived = true WHERE id = 'aaa';
UPDATE app.p SET group_id = NULL WHERE group_id = 2;
UPDATE app.g SET id = 20, archived = true WHERE id = 2;
UPDATE app.g SET id = 21 WHERE id = 20;
SELECT * FROM marks;
SELECT * FROM differences;
-- What can't be an id of ours.
UPDATE app.p SET id = '' WHERE id = 'a';
SELECT * FROM marks WHERE id = 'a';
INSERT INTO app.p VALUES (repeat('x', 300), 3, true), (E'\x01x', 3, true);
UPDATE app.p SET group_id = NULL WHERE id IN ('', repeat('x', 300), E'\x01x');
DELETE FROM app.p WHERE archived;
-- It goes when the app's row goes.
UPDATE app.p SET archived = true WHERE id = 'b';
BEGIN;
DELETE FROM app.p WHERE id = 'b';
INSERT INTO app.p VALUES ('b', 3, true);
COMMIT;
SELECT * FROM marks;
DELETE FROM app.g WHERE id = 21;
DELETE FROM app.p WHERE id = 'b';
SELECT * FROM marks;
SELECT resync('app.g'), resync('app.p');

-- Reloads: TRUNCATE and COPY, DELETE and INSERT in two statements, with what is left out.
INSERT INTO app.p VALUES ('a', 3), ('b', 3), ('d', 3);
SELECT set_custom('chat', id, jsonb_build_object('of', id)) FROM projects;
UPDATE app.p SET archived = true WHERE id IN ('b', 'd');
BEGIN;
TRUNCATE app.p;
SELECT * FROM projects;
COPY app.p FROM stdin;
a	3	f
b	3	t
e	3	f
\.
COMMIT;
SELECT * FROM marks;
SELECT * FROM differences;
BEGIN;
CREATE TEMP TABLE staging AS TABLE app.p;
DELETE FROM app.p;
DELETE FROM app.g;
INSERT INTO app.g VALUES (3, NULL);
INSERT INTO app.p SELECT * FROM staging;
COMMIT;
SELECT * FROM marks;
BEGIN ISOLATION LEVEL REPEATABLE READ;
TRUNCATE app.p;
INSERT INTO app.p SELECT * FROM staging WHERE id <> 'a';
COMMIT;
SELECT * FROM marks;
BEGIN ISOLATION LEVEL SERIALIZABLE;
UPDATE app.p SET archived = NOT archived;
COMMIT;
SELECT * FROM marks;
SELECT * FROM differences;
-- Many: more than are looked for at once.
INSERT INTO app.p SELECT 'n' || n, 3 FROM generate_series(1, 2500) n;
INSERT INTO project_settings (project_id, integration, settings) SELECT 'n' || n, 'chat', '{}' FROM generate_series(1, 2500) n;
UPDATE app.p SET archived = true WHERE id LIKE 'n%5';
BEGIN;
DELETE FROM app.p WHERE id LIKE 'n%';
INSERT INTO app.p SELECT 'n' || n, 3, true FROM generate_series(1, 2500) n WHERE n % 10 < 6;
COMMIT;
SELECT count(*), count(*) FILTER (WHERE right(project_id, 1)::int < 6) FROM project_settings WHERE project_id LIKE 'n%';
TRUNCATE app.p;
SELECT count(*) FROM project_settings;
SELECT * FROM differences;

-- What untrack() leaves is removed with remove_project() and remove_group(), or taken over by who comes.
INSERT INTO app.p VALUES ('a', 3), ('b', 3);
SELECT set_custom('chat', id, jsonb_build_object('of', id)) FROM projects;
UPDATE app.p SET archived = true;
UPDATE app.g SET archived = true;
SELECT untrack('app.p'), untrack('app.g');
SELECT * FROM marks;
SELECT remove_project('a'), remove_group('3');
SELECT remove_project('a');
SELECT add_project('b');
SELECT * FROM marks;
-- A tracked table without a filter leaves nothing out; one that is tracked again takes what it has.
SELECT remove_project('b');
TRUNCATE app.p;
INSERT INTO app.p VALUES ('a', NULL, false), ('b', NULL, true);
SELECT track_projects('app.p', filter => 'NOT archived');
SELECT set_custom('chat', 'a', '{"of": "a"}');
UPDATE app.p SET archived = NOT archived;
SELECT set_custom('chat', 'b', '{"of": "b"}');
SELECT untrack('app.p');
SET session_replication_role = replica;
DELETE FROM app.p WHERE id = 'a';
RESET session_replication_role;
SELECT track_projects('app.p', filter => 'archived');
SELECT * FROM marks;
SELECT untrack('app.p'), track_projects('app.p');
SELECT * FROM marks;

-- Partitions: rows that a partition manager moves, by DELETE and INSERT, are the same.
DROP TABLE app.p;
CREATE TABLE app.p (id int, group_id int, part int, archived boolean DEFAULT false) PARTITION BY LIST (part);
CREATE TABLE app.p1 PARTITION OF app.p FOR VALUES IN (1);
CREATE TABLE app.p2 PARTITION OF app.p FOR VALUES IN (2);
SELECT track_projects('app.p', filter => 'NOT archived');
INSERT INTO app.p VALUES (1, NULL, 1), (2, NULL, 1), (3, NULL, 1), (4, NULL, 1);
SELECT set_custom('chat', id, jsonb_build_object('of', id)) FROM projects;
UPDATE app.p SET archived = true WHERE id IN (2, 4);
BEGIN;
WITH moved AS (DELETE FROM app.p1 RETURNING id, group_id, archived) INSERT INTO app.p SELECT id, group_id, 2, archived FROM moved WHERE id < 4;
COMMIT;
SELECT * FROM marks;
UPDATE app.p SET part = 1, id = id + 10;
SELECT * FROM marks;
SELECT resync('app.p');
DELETE FROM app.p WHERE id = 12;
TRUNCATE app.p1;
SELECT * FROM marks;
SELECT * FROM differences;

SET client_min_messages = warning;
DROP EXTENSION integration_defaults CASCADE;
DROP SCHEMA app CASCADE;
