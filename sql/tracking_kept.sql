-- While tables are tracked nothing goes past them: neither a write that a trigger misses, nor a write to ours by hand.
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
CREATE TABLE app.g (id int PRIMARY KEY, parent_id int, name text);
CREATE TABLE app.p (id int PRIMARY KEY, group_id int, name text);
INSERT INTO app.g VALUES (1), (2);
INSERT INTO app.p VALUES (1, 1);
SELECT track_groups('app.g'), track_projects('app.p');

-- One trigger less, or one that does not fire: every kind of write says so, also the one that it was for.
CREATE TABLE app.writes (n int, write text);
INSERT INTO app.writes VALUES
    (1, 'INSERT INTO app.p VALUES (2, 1)'), (2, 'UPDATE app.p SET group_id = 2'), (3, 'UPDATE app.p SET name = id'),
    (4, 'DELETE FROM app.p'), (5, 'TRUNCATE app.p'), (6, 'INSERT INTO app.p SELECT 1, 1 WHERE false');
CREATE FUNCTION app.unfollowed(VARIADIC before text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT DISTINCT undone(VARIADIC array_append(before, write)) FROM app.writes;
END $$;
SELECT app.unfollowed('SELECT 1');
SELECT app.unfollowed(format('DROP TRIGGER %I ON app.p', tgname)) FROM pg_trigger
    WHERE tgrelid = 'app.p'::regclass ORDER BY tgname;
SELECT app.unfollowed(format('ALTER TABLE app.p %s TRIGGER integration_defaults_projects_%s', what, which))
    FROM unnest('{check,delete,insert,truncate,update}'::text[]) which, unnest('{DISABLE,ENABLE REPLICA}'::text[]) what ORDER BY what, which;
-- Not the other kind.
SELECT undone('DROP TRIGGER integration_defaults_projects_delete ON app.p', 'INSERT INTO app.g VALUES (3)');
-- resync() mends it, and what always fires stays so. untrack() and track_*() work, too.
DROP TRIGGER integration_defaults_projects_check ON app.p;
ALTER TABLE app.p DISABLE TRIGGER integration_defaults_projects_insert,
    ENABLE REPLICA TRIGGER integration_defaults_projects_delete, ENABLE ALWAYS TRIGGER integration_defaults_projects_truncate;
SELECT resync('app.p');
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'app.p'::regclass ORDER BY tgname;
SELECT app.unfollowed('SELECT 1');
DROP TRIGGER integration_defaults_projects_update ON app.p;
SELECT kind FROM tracked_tables;
SELECT app.unfollowed('SELECT 1');
SELECT undone('SELECT resync(''app.p'')');
SELECT undone('SELECT add_project(7)');
SELECT track_projects('app.p');
SELECT app.unfollowed('SELECT 1');
DROP TRIGGER integration_defaults_projects_update ON app.p;
SELECT untrack('app.p');
SELECT app.unfollowed('SELECT 1');
SELECT track_projects('app.p');

-- Partitions: what the server clones there counts, too; what it does not, where it is there.
CREATE TABLE app.q (id int, group_id int, part int) PARTITION BY LIST (part);
CREATE TABLE app.q1 PARTITION OF app.q FOR VALUES IN (1);
CREATE TABLE app.q2 PARTITION OF app.q FOR VALUES IN (2) PARTITION BY LIST (id);
CREATE TABLE app.q21 PARTITION OF app.q2 DEFAULT;
SELECT untrack('app.p'), track_projects('app.q');
CREATE TABLE app.q3 PARTITION OF app.q FOR VALUES IN (3);
UPDATE app.writes SET write = (ARRAY['INSERT INTO app.q VALUES (2, 1, 1)', 'INSERT INTO app.q1 VALUES (2, 1, 1)',
    'INSERT INTO app.q2 VALUES (2, 1, 2)', 'INSERT INTO app.q21 VALUES (2, 1, 2)', 'DELETE FROM app.q', 'INSERT INTO app.q VALUES (3, 1, 3)'])[n];
SELECT app.unfollowed('SELECT 1');
SELECT app.unfollowed(format('ALTER TABLE ONLY %s DISABLE TRIGGER %I', tgrelid::regclass, tgname)) FROM pg_trigger
    WHERE tgname LIKE 'integration_defaults_projects%' AND tgrelid::regclass::text LIKE 'q%' ORDER BY tgrelid::regclass::text, tgname;
ALTER TABLE app.q21 DISABLE TRIGGER integration_defaults_projects_delete;
ALTER TABLE app.q1 ENABLE REPLICA TRIGGER integration_defaults_projects_check;
SELECT resync('app.q');
SELECT count(*), count(*) FILTER (WHERE tgenabled <> 'O') FROM pg_trigger WHERE tgname LIKE 'integration_defaults_projects%';
INSERT INTO app.q VALUES (1, 1, 1), (2, 1, 2), (3, 1, 3);
ALTER TABLE app.q DETACH PARTITION app.q1;
ALTER TABLE app.q DETACH PARTITION app.q2;
INSERT INTO app.q1 VALUES (11, 1, 1);
UPDATE app.q2 SET id = id;
DELETE FROM app.q21;
TRUNCATE app.q1, app.q2;
SELECT resync('app.q');
SELECT * FROM tree;
SELECT untrack('app.q'), untrack('app.q1'), untrack('app.q2'), track_projects('app.p');

-- Ours are not changed by hand, by nobody and in no way.
\set VERBOSITY terse
INSERT INTO projects VALUES ('9', NULL);
UPDATE projects SET group_id = NULL WHERE false;
DELETE FROM projects;
TRUNCATE projects, project_settings;
TRUNCATE groups CASCADE;
COPY groups FROM stdin;
9	\N
\.
MERGE INTO groups USING (SELECT '9' AS id) s ON groups.id = s.id WHEN NOT MATCHED THEN INSERT VALUES (s.id);
WITH gone AS (DELETE FROM projects RETURNING id) SELECT * FROM gone;
SET check_function_bodies = off;
CREATE ROLE regress_intd_writer;
GRANT USAGE ON SCHEMA integration_defaults, app TO regress_intd_writer;
GRANT ALL ON ALL TABLES IN SCHEMA integration_defaults, app TO regress_intd_writer;
SET ROLE regress_intd_writer;
INSERT INTO projects VALUES ('9', NULL);
INSERT INTO app.p VALUES (3, 2);
UPDATE app.p SET group_id = 1 WHERE id = 3;
SELECT * FROM tree;
DELETE FROM app.p WHERE id = 3;
RESET ROLE;
RESET check_function_bodies;
-- What a trigger on our tables does is not what follows, nor what a filter does.
CREATE FUNCTION app.meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO integration_defaults.projects VALUES ('meddled', NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER meddle AFTER INSERT ON projects FOR EACH ROW WHEN (NEW.id OPERATOR(pg_catalog.<>) 'meddled') EXECUTE FUNCTION app.meddle();
INSERT INTO app.p VALUES (4, 2);
DROP TRIGGER meddle ON projects;
CREATE FUNCTION app.meddling(int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO integration_defaults.projects VALUES ('meddled', NULL);
    RETURN true;
END $$;
SELECT untrack('app.p');
SELECT track_projects('app.p', filter => 'app.meddling(id)');
CREATE OR REPLACE FUNCTION app.meddling(int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN true; END';
SELECT track_projects('app.p', filter => 'app.meddling(id)');
CREATE OR REPLACE FUNCTION app.meddling(int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM integration_defaults.projects;
    RETURN true;
END $$;
INSERT INTO app.p VALUES (4, 2);
SELECT resync('app.p');
SELECT * FROM tree;
-- Replication brings its rows.
SET session_replication_role = replica;
INSERT INTO projects VALUES ('9', NULL);
DELETE FROM projects WHERE id = '9';
RESET session_replication_role;
-- One kind is tracked, the other one not.
SELECT untrack('app.p');
INSERT INTO projects VALUES ('9', '1');
UPDATE app.g SET id = 10 WHERE id = 1;
SELECT * FROM tree;
UPDATE projects SET group_id = NULL;

-- A restore: what is there with the same parent is passed over, whoever comes first.
DELETE FROM projects;
DROP TABLE app.p;
CREATE TABLE app.p (id int PRIMARY KEY DEFERRABLE, group_id int);
SELECT track_projects('app.p');
SELECT register_integration('chat');
SET check_function_bodies = off;
COPY projects FROM stdin;
1	2
2	\N
\.
COPY project_settings (project_id, integration, settings) FROM stdin;
1	chat	{"of": 1}
\.
COPY app.p FROM stdin;
1	2
2	\N
3	10
\.
COPY projects FROM stdin;
3	10
\.
INSERT INTO app.p VALUES (4, 2);
INSERT INTO projects VALUES ('4', '2'), ('4', '2');
INSERT INTO projects VALUES ('4', '10');
INSERT INTO projects VALUES ('5', '10');
INSERT INTO app.p VALUES (5, 2);
RESET check_function_bodies;
SELECT * FROM tree;
SELECT project_id, settings FROM project_settings;
SELECT resync('app.p');
-- Not for others: a row that is there is an error.
SET check_function_bodies = off;
SET session_replication_role = replica;
INSERT INTO projects VALUES ('6', '2');
RESET session_replication_role;
GRANT INSERT ON app.p TO regress_intd_writer;
SET ROLE regress_intd_writer;
INSERT INTO app.p VALUES (6, 2);
RESET ROLE;
RESET check_function_bodies;

SET client_min_messages = warning;
DROP EXTENSION integration_defaults CASCADE;
DROP SCHEMA app CASCADE;
DROP OWNED BY regress_intd_writer;
DROP ROLE regress_intd_writer;
