-- Parents that are not there: refused, all of them listed; or they count as the instance until they are there.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
DROP SCHEMA IF EXISTS app CASCADE;
CREATE SCHEMA app;
RESET client_min_messages;
SET search_path = app, integration_defaults;
CREATE VIEW tree AS
    SELECT 'group' AS kind, id, parent_id FROM groups UNION ALL SELECT 'project', id, group_id FROM projects
    ORDER BY 1, 2;
\getenv here PG_ABS_SRCDIR
\set refusal :here '/sql/refusal.psql'
\i :refusal
\pset format unaligned
\pset tuples_only on

CREATE TABLE app.teams (id bigint PRIMARY KEY, parent_id bigint);
CREATE TABLE app.repos (id bigint PRIMARY KEY, group_id bigint);
INSERT INTO app.teams VALUES (1, NULL), (2, 1), (3, 99), (4, 3);
INSERT INTO app.repos VALUES (10, 1), (11, 2), (12, 77), (13, 78), (14, NULL), (15, 3);

-- Refused, with the list.
SELECT undone($$SELECT track_groups('app.teams')$$);
SELECT undone($$DELETE FROM app.teams WHERE id = 4$$, $$SELECT track_groups('app.teams')$$);
SELECT undone($$SELECT track_projects('app.repos')$$);
SELECT undone($$UPDATE app.teams SET parent_id = NULL WHERE id = 3$$, $$SELECT track_groups('app.teams')$$,
    $$SELECT track_projects('app.repos')$$);
SELECT undone($$UPDATE app.teams SET parent_id = NULL WHERE id = 3$$, $$INSERT INTO app.repos SELECT i, i FROM generate_series(1000, 1200) i$$,
    $$SELECT track_groups('app.teams')$$, $$SELECT track_projects('app.repos')$$);
SELECT undone($$SELECT track_groups('app.teams', orphans => 'ignore')$$);
SELECT undone($$SELECT track_projects('app.repos', orphans => NULL)$$);

-- Under the instance.
SELECT track_groups('app.teams', orphans => 'instance');
SELECT undone($$SELECT track_projects('app.repos')$$);
SELECT track_projects('app.repos', orphans => 'instance');
SELECT kind, source, orphans FROM tracked_tables;
SELECT * FROM tree;
SELECT resync('app.teams', dry_run => true), resync('app.repos', dry_run => true), resync('app.teams'), resync('app.repos');
SELECT * FROM status() WHERE state <> 'ok';
SELECT register_integration('chat');
SELECT set_default('chat', '{"from": "instance"}'), set_default('chat', '{"from": "1"}', 1);
SELECT set_custom('chat', 13, '{"from": "13"}');
SELECT project_id, settings FROM project_integrations ORDER BY 1;

-- What comes later without a parent, one by one and many at once.
INSERT INTO app.repos VALUES (20, 500);
INSERT INTO app.repos SELECT i, 500 + i % 2 FROM generate_series(21, 24) i;
INSERT INTO app.teams VALUES (5, 501), (6, 5);
UPDATE app.repos SET group_id = 502 WHERE id = 10;
UPDATE app.teams SET parent_id = 503 WHERE id = 2;
SELECT * FROM tree;
SELECT resync('app.teams'), resync('app.repos');
-- The parent comes, for groups and projects; it gets another id; it goes, and what is in it stays.
INSERT INTO app.teams VALUES (501, 1);
SELECT * FROM tree WHERE parent_id IN ('1', '501') OR id IN ('5', '21');
SELECT settings FROM resolve('chat', 21);
UPDATE app.teams SET id = 503 WHERE id = 501;
SELECT * FROM tree WHERE parent_id IN ('501', '503') OR id IN ('2', '5', '21', '503');
SELECT resync('app.teams'), resync('app.repos');
DELETE FROM app.teams WHERE id = 503;
SELECT * FROM tree WHERE id IN ('2', '5', '21');
SELECT resync('app.teams'), resync('app.repos');
-- A parent that is only renamed together with what names it; one that comes after its children in the same transaction.
BEGIN;
UPDATE app.teams SET id = 30 WHERE id = 3;
UPDATE app.teams SET parent_id = 30 WHERE parent_id = 3;
UPDATE app.repos SET group_id = 30 WHERE group_id = 3;
INSERT INTO app.repos VALUES (31, 32);
INSERT INTO app.teams VALUES (32, 33);
INSERT INTO app.teams VALUES (33, NULL);
COMMIT;
SELECT * FROM tree WHERE id IN ('15', '30', '31', '32', '33', '4');
-- A savepoint that is rolled back takes the new parent with it; one that is released does not.
BEGIN;
SAVEPOINT a;
INSERT INTO app.teams VALUES (500, NULL), (502, NULL);
ROLLBACK TO a;
SAVEPOINT b;
INSERT INTO app.teams VALUES (502, NULL);
RELEASE b;
COMMIT;
SELECT * FROM tree WHERE id IN ('10', '20', '502');
-- Looked at before, and not done.
SELECT scope_level, scope_id, before ->> 'from' AS before, after ->> 'from' AS after
FROM preview($$ INSERT INTO app.teams VALUES (500, 1) $$) ORDER BY 1, 2;
BEGIN;
INSERT INTO app.teams VALUES (500, 1);
SELECT scope_id, after ->> 'from' AS after FROM preview($$ UPDATE app.teams SET parent_id = NULL WHERE id OPERATOR(pg_catalog.=) 500 $$) ORDER BY 1;
COMMIT;
SELECT * FROM tree WHERE parent_id = '500';
SELECT resync('app.teams'), resync('app.repos');
-- A circle that a new parent would close is refused.
BEGIN;
INSERT INTO app.teams VALUES (40, 41);
COMMIT;
BEGIN;
INSERT INTO app.teams VALUES (41, 40);
COMMIT;
SELECT * FROM tree WHERE id IN ('40', '41');
-- All of the groups are loaded again; all go.
BEGIN;
CREATE TEMP TABLE kept AS TABLE app.teams;
TRUNCATE app.teams;
INSERT INTO app.teams TABLE kept;
COMMIT;
SELECT resync('app.teams'), resync('app.repos');
SELECT count(*), count(group_id) FROM projects;
TRUNCATE app.teams;
SELECT count(*), count(group_id) FROM projects;
SELECT * FROM own_settings WHERE scope_level = 'group';
INSERT INTO app.teams TABLE kept;
SELECT count(*), count(group_id) FROM projects;
SELECT resync('app.teams'), resync('app.repos');
-- What comes while no triggers fire.
SET session_replication_role = replica;
INSERT INTO app.repos VALUES (50, 600);
DELETE FROM app.teams WHERE id = 33;
RESET session_replication_role;
SELECT resync('app.teams', dry_run => true), resync('app.repos', dry_run => true);
SELECT resync('app.teams');
SELECT resync('app.repos');
SELECT * FROM tree WHERE id IN ('32', '50');
SELECT resync('app.teams', dry_run => true), resync('app.repos', dry_run => true);

-- Materialized settings follow.
SELECT set_default('chat', '{"from": "1"}', 1);
SELECT materialize('chat');
INSERT INTO app.repos VALUES (60, 700);
INSERT INTO app.teams VALUES (700, 1);
SELECT project_id, settings FROM effective_settings WHERE project_id = '60';
DELETE FROM app.teams WHERE id = 1;
SELECT project_id, settings FROM effective_settings WHERE project_id = '60';
TABLE effective_settings EXCEPT SELECT project_id, integration, active, settings, inherited, source_level, source_id FROM project_integrations;

-- Groups of another kind than their projects, with a filter; only projects may lack theirs.
SELECT untrack('app.teams'), untrack('app.repos');
DELETE FROM projects;
DELETE FROM groups;
DROP TABLE app.teams, app.repos;
CREATE TABLE app.teams (id text PRIMARY KEY, parent_id text, hidden boolean DEFAULT false);
CREATE TABLE app.repos (id int PRIMARY KEY, group_id numeric);
INSERT INTO app.teams VALUES ('1', NULL, false), ('2', '1', true), ('3', '2', false);
INSERT INTO app.repos VALUES (10, 1.0), (11, 2), (12, 3), (13, 4.0), (14, 5);
BEGIN;
SELECT track_projects('app.repos', filter => 'id < 100', orphans => 'instance');
SELECT track_groups('app.teams', filter => 'NOT hidden');
COMMIT;
SELECT * FROM tree;
SELECT refusal($$INSERT INTO app.teams VALUES ('7', '8')$$);
INSERT INTO app.teams VALUES ('4', NULL, false), ('5', NULL, true), ('04', NULL, false);
SELECT * FROM tree;
UPDATE app.teams SET hidden = NOT hidden WHERE id IN ('2', '4', '5');
SELECT * FROM tree;
SELECT resync('app.teams'), resync('app.repos');
WITH gone AS (DELETE FROM app.teams WHERE id IN ('2', '4', '5', '04', '3') RETURNING id)
SELECT id FROM gone ORDER BY id COLLATE "C";
SELECT * FROM tree;
SELECT resync('app.teams'), resync('app.repos');

-- Groups that no table is followed for.
SELECT untrack('app.teams');
DELETE FROM app.repos WHERE id = 10;
SELECT undone($$DELETE FROM groups WHERE id = '1'$$);
DELETE FROM groups;
SELECT * FROM tree;
SELECT add_group(2);
SELECT * FROM tree;
SELECT undone($$SELECT remove_group(2)$$);
DELETE FROM groups WHERE id = '2';
SELECT * FROM tree;

-- In one transaction, in either order: a group that comes and goes, and one that gives its id to another.
INSERT INTO app.repos VALUES (70, 70), (71, 71);
BEGIN;
INSERT INTO groups VALUES ('70', NULL), ('71', NULL);
DELETE FROM groups WHERE id = '70';
UPDATE groups SET id = '70' WHERE id = '71';
COMMIT;
SELECT * FROM tree WHERE id IN ('70', '71');
