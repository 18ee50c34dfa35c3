-- A filter: what it leaves out is not ours, and counts as the instance where it is a parent.
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

-- As GitLab does: users and groups in one table, projects in either.
CREATE TABLE app.namespaces (id bigint PRIMARY KEY, parent_id bigint, type text, archived boolean DEFAULT false);
CREATE TABLE app.repos (id bigint PRIMARY KEY, namespace_id bigint, hidden boolean DEFAULT false);
INSERT INTO app.namespaces VALUES (1, NULL, 'Group'), (2, 1, 'Group'), (3, NULL, 'User'), (4, 3, 'Group'), (5, 1, NULL);
INSERT INTO app.repos VALUES (10, 1, false), (11, 2, false), (12, 3, false), (13, 5, false), (14, NULL, true), (15, 2, NULL);

-- Projects may come first; their groups settle it, at the latest at commit.
BEGIN;
SELECT track_projects('app.repos', group_column => 'namespace_id', filter => 'NOT hidden');
SELECT * FROM tree;
SELECT track_groups('app.namespaces', filter => $$type = 'Group' AND NOT archived$$);
COMMIT;
SELECT * FROM tracked_tables;
SELECT * FROM tree;

-- Events of what is left out.
INSERT INTO app.namespaces VALUES (6, 3, 'User', false), (7, 6, 'Group', false), (8, NULL, 'Group', NULL);
INSERT INTO app.repos VALUES (16, 6, false), (17, 7, false), (18, 7, true);
UPDATE app.namespaces SET parent_id = 1 WHERE id = 6;
DELETE FROM app.repos WHERE id = 18;
SELECT * FROM tree;
-- It starts to pass, with what is in it; it stops.
UPDATE app.namespaces SET type = 'Group' WHERE id IN (3, 6);
UPDATE app.repos SET hidden = false WHERE id = 15;
SELECT * FROM tree;
SELECT resync('app.namespaces'), resync('app.repos');
UPDATE app.namespaces SET archived = true WHERE id = 1;
UPDATE app.repos SET hidden = NOT hidden;
SELECT * FROM tree;
SELECT resync('app.namespaces'), resync('app.repos');
UPDATE app.repos SET hidden = NOT hidden;
-- Both at once: a new id, another parent, and it passes.
BEGIN;
UPDATE app.namespaces SET archived = false, id = 9, parent_id = 4 WHERE id = 1;
UPDATE app.namespaces SET parent_id = 9 WHERE parent_id = 1;
UPDATE app.repos SET namespace_id = 9 WHERE namespace_id = 1;
COMMIT;
SELECT * FROM tree;
SELECT resync('app.namespaces'), resync('app.repos');
-- What is in it comes first; then it comes, and is left out.
BEGIN;
INSERT INTO app.repos VALUES (20, 100), (21, 101);
INSERT INTO app.namespaces VALUES (102, 100, 'Group');
SELECT * FROM tree WHERE id IN ('20', '21', '102');
INSERT INTO app.namespaces VALUES (100, NULL, 'User'), (101, NULL, 'Group');
COMMIT;
SELECT * FROM tree WHERE id IN ('20', '21', '101', '102');
-- TRUNCATE.
TRUNCATE app.namespaces, app.repos;
SELECT * FROM tree;

-- A table for both, with different filters.
SELECT untrack('app.namespaces'), untrack('app.repos');
SELECT track_groups('app.namespaces', filter => $$type = 'Group'$$), track_projects('app.namespaces', group_column => 'parent_id', filter => $$type = 'Project'$$);
INSERT INTO app.namespaces VALUES (1, NULL, 'Group'), (2, 1, 'Project'), (3, 2, 'Project'), (4, 1, 'Group');
SELECT * FROM tree;
UPDATE app.namespaces SET type = 'Group' WHERE id = 2;
UPDATE app.namespaces SET type = 'Project' WHERE id = 4;
SELECT * FROM tree;
SELECT resync('app.namespaces');
SELECT untrack('app.namespaces');
DELETE FROM projects;
DELETE FROM groups;

-- Which filters there can be.
CREATE TABLE app.odd ("Id" int, "Parent ""x""" int, "a b" text, flag boolean, n int);
CREATE FUNCTION app.is_fine(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 <> 'bad' $$;
CREATE FUNCTION app.attempt(filter text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE text text;
BEGIN
    PERFORM track_groups('app.odd', 'Id', 'Parent "x"', filter);
    SELECT t.filter INTO text FROM tracked_tables t;
    PERFORM untrack('app.odd');
    RETURN text;
END $$;
SELECT refusal(format('SELECT app.attempt(%L)', filter)), app.attempt(filter) FROM unnest(ARRAY[
    'flag', '"a b" = ''x''', 'odd.n > 1 OR flag', 'n IS NOT NULL', 'is_fine("a b")', 'n IN (1, 2)', 'true',
    'CASE WHEN flag THEN n = 1 ELSE n = 2 END', '(n, "a b") = (1, ''x'')', '"a b" IS DISTINCT FROM ''x''']) filter;
SELECT refusal(format('SELECT app.attempt(%L)', filter)) FROM unnest(ARRAY[
    '', 'n', 'n = ', 'nowhere = 1', 'old.n = 1', 'n = 1 FROM app.odd', 'true; DROP TABLE app.odd', 'flag AS x', '*',
    'true, false', 'EXISTS (SELECT)', 'count(*) > 1', 'row_number() OVER () > 1', 'n = $1', 'odd IS NULL', 'ctid IS NULL',
    'tableoid = 1', 'generate_series(1, n) = 1', 'true UNION SELECT true', 'DISTINCT flag', 'flag ORDER BY 1', 'flag LIMIT 1',
    'WITH x AS (SELECT) SELECT true', repeat('(', 100000) || 'flag' || repeat(')', 100000)]) filter;
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'integration_defaults%';

-- A filter keeps its meaning when names change, and whatever the writer's search_path.
SELECT track_groups('app.odd', 'Id', 'Parent "x"', 'is_fine("a b")');
ALTER TABLE app.odd RENAME "a b" TO ab;
ALTER FUNCTION app.is_fine(text) RENAME TO is_good;
CREATE SCHEMA evil;
CREATE FUNCTION evil.is_good(text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION evil.equals(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.equals);
SET search_path = evil, pg_catalog;
INSERT INTO app.odd VALUES (1, NULL, 'good'), (2, 1, 'bad'), (3, 2, 'good');
UPDATE app.odd SET ab = 'good' WHERE "Id" OPERATOR(pg_catalog.=) 2;
SELECT integration_defaults.resync('app.odd');
RESET search_path;
SET search_path = app, integration_defaults;
SELECT * FROM tracked_tables;
SELECT * FROM tree;

SET client_min_messages = warning;
DROP EXTENSION integration_defaults CASCADE;
DROP SCHEMA app, evil CASCADE;
