-- Many projects in one statement: each index in its own order, and one check for each parent.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
DROP SCHEMA IF EXISTS app CASCADE;
CREATE SCHEMA app;
RESET client_min_messages;
SET search_path = app, integration_defaults;
CREATE TABLE app.g (id int PRIMARY KEY, parent_id int);
CREATE TABLE app.p (id bigint PRIMARY KEY, group_id int);
INSERT INTO app.g SELECT n, NULL FROM generate_series(1, 100) n;
SELECT track_groups('app.g'), track_projects('app.p');
-- How many rows differ between what is tracked and ours, read by the table and by each index.
CREATE FUNCTION differences() RETURNS TABLE (how text, rows bigint) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_bitmapscan = off;
    RETURN QUERY SELECT 'table', count(*) FROM app.p a FULL JOIN projects o ON o.id OPERATOR(pg_catalog.=) a.id::text
        WHERE a.id IS NULL OR o.id IS NULL OR o.group_id IS DISTINCT FROM a.group_id::text;
    SET LOCAL enable_indexscan = on; SET LOCAL enable_seqscan = off;
    RETURN QUERY SELECT 'by id', count(*) FROM app.p a
        WHERE NOT EXISTS (SELECT FROM projects o WHERE o.id OPERATOR(pg_catalog.=) a.id::text OFFSET 0);
    RETURN QUERY SELECT 'by group', count(*) FROM app.g g WHERE
        (SELECT count(*) FROM app.p a WHERE a.group_id OPERATOR(pg_catalog.=) g.id) <>
        (SELECT count(*) FROM projects o WHERE o.group_id OPERATOR(pg_catalog.=) g.id::text);
    RETURN QUERY SELECT 'in no group', abs((SELECT count(*) FROM app.p WHERE group_id IS NULL) -
        (SELECT count(*) FROM projects WHERE group_id IS NULL));
    SET LOCAL enable_seqscan = on; SET LOCAL enable_indexonlyscan = on; SET LOCAL enable_bitmapscan = on;
END $$;
\getenv here PG_ABS_SRCDIR
\set refusal :here '/sql/refusal.psql'
\i :refusal
\pset format unaligned
\pset tuples_only on

-- Each way to insert, into a table with and without rows, in several batches (1 MB), with and without parents.
INSERT INTO app.p SELECT n, nullif(n * 7 % 101, 0) FROM generate_series(1, 3000) n;
SELECT * FROM differences();
BEGIN;
SET LOCAL maintenance_work_mem = '1MB';
INSERT INTO app.p SELECT n, nullif(n * 11 % 101, 0) FROM generate_series(60000, 3001, -1) n;
COMMIT;
SELECT * FROM differences();
COPY app.p FROM stdin;
-5	1
-9223372036854775808	\N
9223372036854775807	100
\.
INSERT INTO app.p VALUES (0, 1);
INSERT INTO app.p SELECT 1, 1 WHERE false;
SELECT * FROM differences();
SELECT id, group_id FROM projects WHERE id IN ('-5', '0', '-9223372036854775808', '9223372036854775807') ORDER BY id COLLATE "C";
-- Nothing stays of what is rolled back.
BEGIN;
SAVEPOINT s;
INSERT INTO app.p SELECT n, 1 FROM generate_series(70000, 72000) n;
ROLLBACK TO s;
INSERT INTO app.p SELECT n, 2 FROM generate_series(71000, 73000) n;
COMMIT;
SELECT * FROM differences();
-- An id that ours has already, though the table has not.
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM app.p WHERE id IN (17, 18);
COMMIT;
SELECT refusal($$INSERT INTO app.p SELECT n, 1 FROM unnest('{-1, 18, 17}'::int[]) n$$);
SELECT refusal('SET LOCAL session_replication_role = replica', 'DELETE FROM projects WHERE id IN (''17'', ''18'')',
               'SET LOCAL session_replication_role = origin', $$INSERT INTO app.p SELECT n, 1 FROM unnest('{-1, 18, 17}'::int[]) n$$);
SELECT * FROM differences();

-- One check for each parent: the first of its rows is named.
SELECT refusal('INSERT INTO app.p VALUES (80001, 1), (80002, 501), (80003, 500), (80004, 500)');
-- The parent comes later.
SELECT refusal('INSERT INTO app.p VALUES (80001, 500), (80002, 500)', 'INSERT INTO app.g VALUES (500)');
-- The row that stood for the others goes, moves or changes its id: the others are looked at all the same.
SELECT refusal('INSERT INTO app.p VALUES (80011, 501), (80012, 501)', 'DELETE FROM app.p WHERE id = 80011');
SELECT refusal('INSERT INTO app.p VALUES (80011, 501), (80012, 501)', 'UPDATE app.p SET group_id = 1 WHERE id = 80011');
SELECT refusal('INSERT INTO app.p VALUES (80011, 501), (80012, 501)', 'UPDATE app.p SET id = 80013, group_id = 1 WHERE id = 80011');
SELECT refusal('INSERT INTO app.p VALUES (80011, 501)', 'INSERT INTO app.p VALUES (80012, 501)', 'DELETE FROM app.p WHERE id = 80011');
-- All of them do.
SELECT refusal('INSERT INTO app.p VALUES (80011, 501), (80012, 501)', 'UPDATE app.p SET group_id = NULL WHERE id > 80010');
SELECT refusal('INSERT INTO app.p VALUES (80021, 501), (80022, 501)', 'DELETE FROM app.p WHERE id > 80020');
-- It is rolled back.
BEGIN;
SAVEPOINT s;
INSERT INTO app.p VALUES (80031, 501);
ROLLBACK TO s;
INSERT INTO app.p VALUES (80032, 501);
COMMIT;
BEGIN;
SAVEPOINT s;
INSERT INTO app.p VALUES (80031, 501);
RELEASE s;
INSERT INTO app.p VALUES (80032, 501);
COMMIT;
-- Its check has been made, and rolled back.
BEGIN;
INSERT INTO app.p VALUES (80031, 501), (80032, 501);
SAVEPOINT s;
INSERT INTO app.g VALUES (501);
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO s;
INSERT INTO app.p VALUES (80033, 501);
COMMIT;
-- Its check has been made: what comes later needs another one.
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO app.g VALUES (501);
INSERT INTO app.p VALUES (80031, 501), (80032, 501);
DELETE FROM app.p WHERE id IN (80031, 80032);
DELETE FROM app.g WHERE id = 501;
INSERT INTO app.p VALUES (80033, 501);
COMMIT;
BEGIN;
INSERT INTO app.g VALUES (501);
INSERT INTO app.p VALUES (80031, 501);
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM app.g WHERE id = 501;
DELETE FROM app.p WHERE id = 80031;
INSERT INTO app.p VALUES (80032, 501);
COMMIT;
-- It came while nothing was checked.
BEGIN;
INSERT INTO app.p VALUES (80031, 501);
SET check_function_bodies = off;
SET CONSTRAINTS ALL IMMEDIATE;
RESET check_function_bodies;
INSERT INTO app.p VALUES (80032, 501);
COMMIT;
BEGIN;
DELETE FROM app.p WHERE id = 80031;
INSERT INTO app.p VALUES (80031, 501), (80032, 501);
DELETE FROM app.p WHERE id = 80031;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
-- It has gone, and what came after it is looked at.
BEGIN;
INSERT INTO app.p VALUES (80031, 501);
DELETE FROM app.p WHERE id = 80031;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO app.p VALUES (80032, 501);
COMMIT;
-- The group goes while its check waits.
SELECT refusal('INSERT INTO app.p VALUES (80031, 1), (80032, 1)', 'UPDATE app.p SET group_id = 2 WHERE group_id = 1',
               'DELETE FROM app.g WHERE id = 1');
SELECT refusal('INSERT INTO app.p VALUES (80041, 3), (80042, 3)', 'UPDATE app.p SET group_id = 2 WHERE group_id = 3 AND id <> 80042',
               'DELETE FROM app.g WHERE id = 3');
-- One project's group is held when it comes. It goes after that, or has gone in the same transaction, by whatever way.
SELECT refusal('INSERT INTO app.p VALUES (80051, 3)', 'DELETE FROM app.g WHERE id = 3');
SELECT refusal('INSERT INTO app.p VALUES (80051, 3)', 'UPDATE app.p SET group_id = 2 WHERE group_id = 3',
               'DELETE FROM app.g WHERE id = 3', 'INSERT INTO app.p VALUES (80052, 3)');
BEGIN;
INSERT INTO app.p VALUES (80051, 3);
UPDATE app.p SET group_id = 2 WHERE group_id = 3;
DELETE FROM app.g WHERE id = 3;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO app.p VALUES (80052, 3);
COMMIT;
BEGIN;
INSERT INTO app.p VALUES (80051, 3);
UPDATE app.p SET group_id = 2 WHERE group_id = 3;
SET LOCAL session_replication_role = replica;
DELETE FROM groups WHERE id OPERATOR(pg_catalog.=) '3';
SET LOCAL session_replication_role = origin;
INSERT INTO app.p VALUES (80052, 3);
COMMIT;
SELECT * FROM differences();

-- What others have put on our table does what it does for INSERT.
CREATE FUNCTION app.tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '% % % % %', TG_NAME, TG_WHEN, TG_LEVEL, NEW.id, (SELECT count(*) FROM integration_defaults.projects WHERE id LIKE '9000_');
    RETURN NEW;
END $$;
CREATE TRIGGER a_row AFTER INSERT ON projects FOR EACH ROW WHEN (NEW.id OPERATOR(pg_catalog.<>) '90002') EXECUTE FUNCTION app.tell();
CREATE TRIGGER a_statement AFTER INSERT ON projects EXECUTE FUNCTION app.tell();
CREATE TRIGGER b_statement BEFORE INSERT ON projects EXECUTE FUNCTION app.tell();
CREATE INDEX two_columns ON projects (group_id, id);
CREATE UNIQUE INDEX reversed ON projects (id, group_id);
INSERT INTO app.p VALUES (90001, 4), (90002, 2), (90003, NULL);
SELECT count(*) FROM projects WHERE id LIKE '9000_' AND group_id IN ('2', '4');
CREATE TRIGGER b_row BEFORE INSERT ON projects FOR EACH ROW EXECUTE FUNCTION app.tell();
INSERT INTO app.p VALUES (90004, 4), (90005, 4);
DROP TRIGGER a_row ON projects;
DROP TRIGGER a_statement ON projects;
DROP TRIGGER b_statement ON projects;
DROP TRIGGER b_row ON projects;
-- What compares the entries of an index runs with a path that is fixed, whoever writes.
CREATE FUNCTION app.compare(a text, b text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF pg_trigger_depth() > 0 AND current_setting('search_path') <> 'pg_catalog, pg_temp' THEN
        RAISE EXCEPTION 'search_path %', current_setting('search_path');
    END IF;
    RETURN bttextcmp(a, b);
END $$;
CREATE OPERATOR CLASS app.compared FOR TYPE text USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 app.compare(text, text);
CREATE INDEX by_compared ON projects (id app.compared);
INSERT INTO app.p VALUES (90019, 5), (90020, 5);
DROP INDEX by_compared;
DELETE FROM app.p WHERE group_id IS NULL;
ALTER TABLE projects ALTER group_id SET NOT NULL;
SELECT refusal('INSERT INTO app.p VALUES (90018, NULL)');
ALTER TABLE projects ALTER group_id DROP NOT NULL;
ALTER TABLE projects ADD CHECK (id OPERATOR(pg_catalog.<>) '90010');
SELECT refusal('INSERT INTO app.p VALUES (90010, 4), (90011, 4)');
ALTER TABLE projects DROP CONSTRAINT projects_id_check;
SELECT refusal('INSERT INTO app.p VALUES (90010, 4)');
CREATE UNIQUE INDEX by_expression ON projects (right(id, 20)) WHERE group_id OPERATOR(pg_catalog.=) '5';
INSERT INTO app.p VALUES (90012, 5), (90013, 5);
SET enable_seqscan = off;
SELECT id FROM projects WHERE right(id, 20) = '90013' AND group_id OPERATOR(pg_catalog.=) '5';
RESET enable_seqscan;
DROP INDEX by_expression;
ALTER TABLE projects ADD more int DEFAULT 7;
INSERT INTO app.p VALUES (90014, 5);
SELECT * FROM projects WHERE id = '90014';
ALTER TABLE projects DROP more;
INSERT INTO app.p VALUES (90015, 5);
ALTER TABLE projects DISABLE TRIGGER scope_parent_exists;
INSERT INTO app.p VALUES (90016, 501), (90017, 501);
DELETE FROM app.p WHERE group_id = 501;
ALTER TABLE projects ENABLE TRIGGER scope_parent_exists;
SELECT * FROM differences();
DROP SCHEMA app CASCADE;
DROP EXTENSION integration_defaults;
