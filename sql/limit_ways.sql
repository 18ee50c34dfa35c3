-- integration_defaults.max_affected holds by whatever way a change comes, and counts no change that was taken back.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
SET search_path = public, integration_defaults;
\pset format unaligned
\pset tuples_only on
\set VERBOSITY terse
CREATE SCHEMA limit_app;
CREATE TABLE limit_app.groups (id int PRIMARY KEY, parent_id int);
CREATE TABLE limit_app.projects (id int PRIMARY KEY, group_id int);
INSERT INTO limit_app.groups VALUES (1, NULL), (2, NULL);
INSERT INTO limit_app.projects VALUES (10, 1), (11, 1), (12, 1), (20, 2), (30, NULL);
SELECT track_groups('limit_app.groups'), track_projects('limit_app.projects');
SELECT register_integration('chat', '{"properties": {"url": {"type": "string"}}}');
SELECT create_view('chat');
CREATE VIEW ends AS SELECT string_agg(project_id || ' ' || (settings ->> 'url'), ', ' ORDER BY project_id) FROM project_integrations;
-- From the start again: a function may lift the limit for itself.
CREATE FUNCTION start() RETURNS text LANGUAGE plpgsql SET integration_defaults.max_affected = -1 AS $$
BEGIN
    PERFORM reset_below('chat'), set_default('chat', '{"url": "u"}');
    PERFORM set_default('chat', '{"url": "g"}', group_id => 2);
    UPDATE limit_app.projects SET group_id = CASE WHEN id < 20 THEN 1 WHEN id <> 30 THEN 2 END;
    RETURN (SELECT * FROM ends);
END $$;
SET integration_defaults.max_affected = 2;
SELECT start();

-- COPY into our tables: all rows together.
COPY project_settings (project_id, integration, settings) FROM stdin;
10	chat	{"url": "copied"}
11	chat	{"url": "copied"}
12	chat	{"url": "copied"}
\.
COPY project_settings (project_id, integration, settings) FROM stdin;
10	chat	{"url": "copied"}
11	chat	{"url": "copied"}
12	chat	{"url": "u"}
\.
SELECT * FROM ends;
SELECT start();
-- COPY into tracked ones: what comes does not count, however much that is.
COPY limit_app.projects FROM stdin;
40	2
41	2
42	2
\.
-- What was there before counts, where it is now.
BEGIN;
TRUNCATE limit_app.projects;
COPY limit_app.projects FROM stdin;
10	1
11	1
12	2
20	\N
30	2
40	2
41	2
42	2
\.
COMMIT;
BEGIN;
TRUNCATE limit_app.projects;
COPY limit_app.projects FROM stdin;
10	1
11	1
12	1
20	\N
30	2
40	2
41	2
42	2
\.
COMMIT;
SELECT * FROM ends;
SELECT start();

-- Views of one type.
UPDATE chat_settings SET url = 'view' WHERE id IN (40, 41, 42);
UPDATE chat_settings SET url = 'view' WHERE id IN (40, 41);
INSERT INTO chat_settings (id, url) VALUES (10, 'view'), (11, 'view'), (12, 'view');
INSERT INTO chat_settings (id, url) VALUES (10, 'view'), (11, 'view'), (12, 'u');
SELECT * FROM ends;
DELETE FROM chat_settings WHERE id IN (10, 11, 12, 40);
DELETE FROM chat_settings WHERE id IN (12, 10, 40);
SELECT * FROM ends;
SELECT start();

-- Prepared statements, each time they are executed.
PREPARE put (text) AS SELECT set_default('chat', jsonb_build_object('url', $1), group_id => 2);
PREPARE clear AS DELETE FROM group_settings;
SET integration_defaults.max_affected = 3;
EXECUTE put('no');
SET integration_defaults.max_affected = 4;
EXECUTE put('four');
SET integration_defaults.max_affected = 3;
EXECUTE put('no');
EXECUTE clear;
SET integration_defaults.max_affected = 4;
EXECUTE clear;
DEALLOCATE ALL;
SELECT * FROM ends;
SELECT start();

-- Savepoints: a refused statement is rolled back, and the transaction goes on. Each statement counts for itself.
SET integration_defaults.max_affected = 2;
BEGIN;
SAVEPOINT one;
SELECT set_default('chat', '{"url": "all"}');
ROLLBACK TO one;
UPDATE chat_settings SET url = 'saved' WHERE id IN (40, 41);
SAVEPOINT two;
UPDATE chat_settings SET url = 'saved' WHERE id IN (20, 30, 42);
ROLLBACK TO two;
UPDATE chat_settings SET url = 'saved' WHERE id IN (20, 42);
COMMIT;
SELECT * FROM ends;
SELECT start();
-- A statement that goes on after what was refused: that does not count, what it does itself does.
DO $$
BEGIN
    BEGIN
        PERFORM set_default('chat', '{"url": "all"}');
    EXCEPTION WHEN check_violation THEN
        RAISE NOTICE '%', SQLERRM;
    END;
    PERFORM set_custom('chat', id, '{"url": "one by one"}') FROM unnest(ARRAY[40, 41]) id;
END $$;
DO $$
BEGIN
    PERFORM set_custom('chat', id, '{"url": "more"}') FROM unnest(ARRAY[20, 30]) id;
    BEGIN
        PERFORM set_custom('chat', 42, '{"url": "more"}');
    EXCEPTION WHEN check_violation THEN
        RAISE NOTICE '%', SQLERRM;
    END;
    PERFORM use_default('chat', 30), set_custom('chat', 42, '{"url": "more"}');
END $$;
SELECT * FROM ends;
SELECT start();
-- What is counted before the commit: only what was not rolled back.
BEGIN;
UPDATE limit_app.projects SET group_id = 2 WHERE id IN (10, 11);
SAVEPOINT one;
UPDATE limit_app.projects SET group_id = 1 WHERE id IN (40, 41, 42);
ROLLBACK TO one;
COMMIT;
BEGIN;
SAVEPOINT one;
UPDATE limit_app.projects SET group_id = 1 WHERE id IN (10, 11);
RELEASE one;
UPDATE limit_app.projects SET group_id = 1 WHERE id = 40;
COMMIT;
BEGIN;
SAVEPOINT one;
UPDATE limit_app.projects SET group_id = 1 WHERE id IN (10, 11);
SAVEPOINT two;
UPDATE limit_app.projects SET group_id = 1 WHERE id = 40;
RELEASE two;
ROLLBACK TO one;
UPDATE limit_app.projects SET group_id = 1 WHERE id IN (40, 41);
COMMIT;
SELECT * FROM ends;
SELECT start();
-- All at the commit, be some of it checked before.
BEGIN;
UPDATE limit_app.projects SET group_id = 1 WHERE id = 40;
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE limit_app.projects SET group_id = 1 WHERE id = 41;
UPDATE limit_app.projects SET group_id = NULL WHERE id = 42;
COMMIT;

-- Under any isolation level.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM project_integrations;
SELECT set_default('chat', '{"url": "repeatable"}', group_id => 2);
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE limit_app.projects SET group_id = 2 WHERE group_id = 1;
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE chat_settings SET url = 'repeatable' WHERE id IN (40, 41);
UPDATE limit_app.projects SET group_id = 2 WHERE id IN (10, 11);
COMMIT;
SELECT * FROM ends;
SELECT start();
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM project_integrations;
SELECT set_default('chat', '{"url": "serializable"}', group_id => 2);
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
UPDATE limit_app.projects SET group_id = NULL WHERE group_id = 2;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
UPDATE chat_settings SET url = 'serializable' WHERE id IN (40, 41);
UPDATE limit_app.projects SET group_id = 2 WHERE id IN (10, 11);
COMMIT;
SELECT * FROM ends;
SELECT start();

-- None at all may change. Nothing changes for anybody: what says the same, what comes or goes, and where nobody is.
SET integration_defaults.max_affected = 0;
SELECT set_custom('chat', 40, '{"url": "none"}');
UPDATE chat_settings SET url = 'none' WHERE id = 40;
UPDATE limit_app.projects SET group_id = 1 WHERE id = 40;
SELECT set_custom('chat', 40, '{"url": "g"}'), set_default('chat', '{"url": "u"}');
INSERT INTO limit_app.groups VALUES (3, NULL);
SELECT set_default('chat', '{"url": "empty"}', group_id => 3);
INSERT INTO limit_app.projects VALUES (50, 3);
DELETE FROM limit_app.projects WHERE id = 50;
UPDATE limit_app.projects SET group_id = 1 WHERE id = 40;
SELECT use_default('chat', 40);
UPDATE limit_app.projects SET group_id = 2 WHERE id = 40;
SELECT use_default('chat', 40), reset_default('chat', group_id => 3);
DELETE FROM limit_app.groups WHERE id = 3;
SELECT start();

-- Until the end of a transaction, also for what is counted there.
RESET integration_defaults.max_affected;
BEGIN;
SET LOCAL integration_defaults.max_affected = 2;
UPDATE limit_app.projects SET group_id = 1 WHERE group_id = 2;
COMMIT;
SELECT * FROM ends;
UPDATE limit_app.projects SET group_id = 1 WHERE group_id = 2;
SELECT * FROM ends;
SELECT start();
-- For a role, from when it connects.
CREATE ROLE regress_limited LOGIN PASSWORD 'limited'; -- which a server may ask for
GRANT USAGE ON SCHEMA limit_app TO regress_limited;
GRANT SELECT, UPDATE ON limit_app.projects TO regress_limited;
GRANT SELECT ON ends TO regress_limited;
SELECT grant_access('regress_limited', 'write');
ALTER ROLE regress_limited SET integration_defaults.max_affected = 2;
SELECT current_user AS me \gset
\c -reuse-previous=on "user=regress_limited password=limited"
SET search_path = public, integration_defaults;
SELECT set_default('chat', '{"url": "role"}');
UPDATE limit_app.projects SET group_id = 2 WHERE group_id = 1;
UPDATE limit_app.projects SET group_id = 2 WHERE id IN (11, 12);
SELECT * FROM ends;
SET integration_defaults.max_affected = -1;
SELECT set_default('chat', '{"url": "role"}');
RESET integration_defaults.max_affected;
SELECT set_default('chat', '{"url": "u"}');
SELECT * FROM ends;
\c - :me

SET client_min_messages = warning;
DROP EXTENSION integration_defaults CASCADE;
DROP SCHEMA limit_app CASCADE;
DROP FUNCTION start;
DROP VIEW IF EXISTS ends;
DROP ROLE regress_limited;
