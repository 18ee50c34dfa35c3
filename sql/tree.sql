-- The tree by hand and by plain SQL.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
SET search_path = public, integration_defaults;
CREATE VIEW tree AS
    SELECT 'group' AS kind, id, parent_id FROM groups UNION ALL SELECT 'project', id, group_id FROM projects
    ORDER BY 1, 2;
\getenv here PG_ABS_SRCDIR
\set refusal :here '/sql/refusal.psql'
\i :refusal
\pset format unaligned
\pset tuples_only on

SELECT add_group(1);
SELECT add_group(2, 1);
SELECT add_group('äß', 2::bigint);
SELECT add_group(4, NULL);
SELECT add_group('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid, parent_id => 2::numeric);
SELECT add_project(10);
SELECT add_project(11, 'äß'::text);
SELECT add_project(project_id => 12, group_id => NULL);
SELECT * FROM tree;

-- Adding refuses.
SELECT refusal('SELECT add_group(1)');
SELECT refusal('SELECT add_project(10, 1)');
SELECT refusal('SELECT add_group(5, 99)');
SELECT refusal('SELECT add_project(20, 99)');
SELECT refusal('SELECT add_group(5, 5)');
SELECT refusal('SELECT add_group(NULL)');
SELECT refusal('SELECT add_project(NULL, 1)');
SELECT refusal('SELECT add_group(not_given())');
SELECT refusal($$SELECT add_group('')$$);
SELECT refusal($$SELECT add_group(5, '')$$);
SELECT refusal($$SELECT add_group(repeat('x', 256))$$);

-- Moving.
SELECT move_group('äß', 4);
SELECT move_group(2, NULL);
SELECT move_project(10, 2);
SELECT move_project(11, NULL);
SELECT * FROM tree;
SELECT refusal('SELECT move_group(99, 1)');
SELECT refusal('SELECT move_project(99, 1)');
SELECT refusal('SELECT move_group(1, 99)');
SELECT refusal('SELECT move_project(10, 99)');
SELECT refusal('SELECT move_group(NULL, 1)');
SELECT refusal('SELECT move_project(NULL, NULL)');
SELECT refusal('SELECT move_group(1, 1)');
SELECT refusal($$SELECT move_group(4, 'äß')$$);
SELECT move_group(4, 2), move_group(1, 'äß');
SELECT refusal('SELECT move_group(2, 1)');

-- Removing.
SELECT refusal('SELECT remove_group(2)');
SELECT refusal('SELECT remove_group(99)');
SELECT refusal('SELECT remove_project(99)');
SELECT refusal('SELECT remove_group(NULL)');
SELECT remove_group(1);
SELECT remove_project(12);
SELECT * FROM tree;

-- Several in one statement see each other.
SELECT add_group('x'), add_group('y', 'x'), add_project('p', 'y'), move_group('y', NULL), remove_group('x');
SELECT * FROM tree WHERE id IN ('x', 'y', 'p');

-- Plain SQL: the order inside a transaction does not matter, what it leaves is checked at commit.
BEGIN;
INSERT INTO groups VALUES ('c', 'b'), ('b', 'a');
INSERT INTO projects VALUES ('q', 'c');
INSERT INTO groups VALUES ('a', NULL);
COMMIT;
SELECT refusal($$INSERT INTO groups VALUES ('z', 'nowhere')$$);
SELECT refusal($$DELETE FROM groups WHERE id = 'b'$$);
SELECT refusal($$UPDATE groups SET parent_id = 'c' WHERE id = 'a'$$);
SELECT refusal($$INSERT INTO groups VALUES ('k', 'l'), ('l', 'm'), ('m', 'k')$$);
SELECT refusal($$INSERT INTO groups VALUES ('k', 'k')$$);
SELECT refusal($$INSERT INTO groups SELECT 'n' || i, 'n' || (i + 1) % 100 FROM generate_series(0, 99) i$$);
-- A removed group that comes back elsewhere is a move.
SELECT refusal($$DELETE FROM groups WHERE id = 'a'; INSERT INTO groups VALUES ('a', 'c')$$);
SELECT refusal($$DELETE FROM groups WHERE id = 'a'; INSERT INTO groups VALUES ('a', 'y')$$);
-- A cycle inside the transaction is no harm if it is gone at commit.
BEGIN;
UPDATE groups SET parent_id = 'c' WHERE id = 'a';
UPDATE groups SET parent_id = NULL WHERE id = 'b';
COMMIT;
SELECT * FROM tree WHERE id IN ('a', 'b', 'c', 'q');
\copy groups FROM PROGRAM 'printf "copied\\ta\n"'

-- An id that changes takes along what is set on it and what is inside.
UPDATE groups SET id = 'bb' WHERE id = 'b';
UPDATE groups SET id = 'cc' WHERE id = 'c';
SELECT * FROM tree WHERE id IN ('a', 'bb', 'cc', 'q');
SELECT refusal($$INSERT INTO groups VALUES (E'\x01x')$$);
SELECT refusal($$INSERT INTO projects VALUES ('')$$);

-- Subtransactions.
BEGIN;
SAVEPOINT s;
SELECT add_group('s');
ROLLBACK TO s;
SELECT refusal($$SELECT move_group('s', NULL)$$);
COMMIT;

-- Nothing is checked while a dump is restored.
BEGIN;
SET LOCAL check_function_bodies = off;
INSERT INTO groups VALUES ('o', 'o');
COMMIT;
SELECT refusal($$UPDATE groups SET parent_id = 'o' WHERE id = 'y'$$);
SELECT refusal($$UPDATE groups SET parent_id = 'cc' WHERE id = 'o'$$);
SELECT id, parent_id FROM groups WHERE id = 'o';

-- Our trigger functions can't be used on other tables.
CREATE TABLE other (id text, parent_id text);
CREATE TRIGGER t AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION check_group_chain();
SELECT refusal($$INSERT INTO other VALUES ('a', 'a')$$);
DROP TRIGGER t ON other;
CREATE TRIGGER t AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION check_id_is_final();
SELECT refusal($$INSERT INTO other VALUES ('a', 'a')$$);
DROP TRIGGER t ON other;
CREATE TRIGGER t AFTER DELETE ON other FOR EACH STATEMENT EXECUTE FUNCTION note_group_changes();
SELECT refusal($$DELETE FROM other$$);
DROP TABLE other;

-- The functions ask for access.
CREATE ROLE regress_intd_nobody;
SET ROLE regress_intd_nobody;
SELECT refusal('SELECT integration_defaults.add_group(77)');
RESET ROLE;
GRANT USAGE ON SCHEMA integration_defaults TO regress_intd_nobody;
SELECT grant_access('regress_intd_nobody', 'write');
SET ROLE regress_intd_nobody;
SELECT refusal('SELECT add_group(77)');
RESET ROLE;
SELECT grant_access('regress_intd_nobody', 'admin');
SET ROLE regress_intd_nobody;
SELECT refusal('SELECT add_group(77)');
SELECT refusal('SELECT move_group(77, 2)');
SELECT refusal('SELECT remove_group(77)');
RESET ROLE;

SET client_min_messages = warning;
TRUNCATE groups, projects, group_settings, project_settings;
DROP OWNED BY regress_intd_nobody;
DROP ROLE regress_intd_nobody;
DROP FUNCTION refusal, undone;
DROP VIEW tree;
