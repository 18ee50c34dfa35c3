-- effective_settings: equal to project_integrations after whatever happens, and only rows whose value changes are touched.
SET client_min_messages = warning;
DROP TABLE IF EXISTS integration_defaults.effective_settings;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
DROP SCHEMA IF EXISTS app CASCADE;
CREATE SCHEMA app;
RESET client_min_messages;
SET search_path = app, integration_defaults;
\pset format unaligned
\pset tuples_only on
-- Runs a statement; the rows that it added to, changed in and removed from effective_settings, and how many differ now.
CREATE FUNCTION app.difference() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN count(*) FROM ((TABLE effective_settings EXCEPT ALL SELECT * FROM project_integrations WHERE integration IN ('chat', 'mail'))
        UNION ALL (SELECT * FROM project_integrations WHERE integration IN ('chat', 'mail') EXCEPT ALL TABLE effective_settings)) d;
END $$;
CREATE FUNCTION app.touched() RETURNS bigint[] LANGUAGE sql AS $$
    SELECT ARRAY[n_tup_ins, n_tup_upd, n_tup_del] FROM pg_stat_xact_user_tables WHERE relname = 'effective_settings'
$$;
CREATE FUNCTION app.run(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE before bigint[] := app.touched(); after bigint[];
BEGIN
    EXECUTE statement;
    after := app.touched();
    RETURN format('+%s ~%s -%s%s', after[1] - before[1], after[2] - before[2], after[3] - before[3],
        (SELECT nullif(' DIFFERS: ' || app.difference(), ' DIFFERS: 0')));
END $$;

SELECT register_integration('chat', '{"properties": {"url": {"type": "string"}, "token": {"type": "string", "writeOnly": true}, "room": {"type": "string"}, "limit": {"default": 10}}, "x-atomic": [["url", "token"]]}');
SELECT register_integration('mail'), register_integration('other');
-- 1: 11, 12; 2 in 1: 21, 22; 3 in 2: 31, 32; 4: 41, 42; the instance: 51, 52
SELECT add_group('1'), add_group('2', '1'), add_group('3', '2'), add_group('4');
SELECT add_project(g * 10 + n, nullif(g, 5)) FROM generate_series(1, 5) g, generate_series(1, 2) n;
SELECT set_default('chat', '{"url": "a"}', '2');

-- What there is
SELECT materialize('none');
SELECT materialize('chat'), materialize('mail');
SELECT * FROM effective_settings ORDER BY 1;
SELECT app.difference();
SELECT materialize('chat');

-- Defaults: first, changed, the same again, shadowed below, reset
SELECT app.run($$SELECT set_default('chat', '{"url": "i"}')$$);
SELECT app.run($$SELECT set_default('chat', '{"url": "j"}')$$);
SELECT app.run($$SELECT set_default('chat', '{"url": "j"}')$$);
SELECT app.run($$SELECT set_default('chat', '{"url": "b"}', '2')$$);
SELECT app.run($$SELECT set_default('chat', '{"url": "1"}', '1')$$);
SELECT app.run($$SELECT reset_default('chat', '1')$$);
SELECT app.run($$SELECT set_default('mail', '{}', '4')$$);
SELECT app.run($$SELECT set_default('mail', '{}')$$);
SELECT app.run($$SELECT reset_default('mail')$$);
SELECT app.run($$SELECT set_default('other', '{}')$$);
-- 1.0 is not 1.00
SELECT app.run($$SELECT override_fields('chat', '{"limit": 1.0}')$$), app.run($$SELECT override_fields('chat', '{"limit": 1.00}')$$);

-- Projects and single fields
SELECT app.run($$SELECT set_custom('chat', 11, '{"url": "mine", "limit": 10}')$$);
SELECT app.run($$SELECT set_custom('mail', 11, '{}')$$);
SELECT app.run($$SELECT use_default('mail', 11)$$);
SELECT app.run($$SELECT override_fields('chat', '{"room": "r"}', 31)$$);
SELECT app.run($$SELECT override_fields('chat', '{"room": "2"}', group_id => 2)$$);
SELECT app.run($$SELECT override_fields('chat', '{"limit": 10}', 12)$$) AS "a pin: it has its own now";
SELECT app.run($$SELECT set_active('chat', false, group_id => 2)$$), app.run($$SELECT set_active('chat', true, group_id => 2)$$);
SELECT app.run($$SELECT inherit_fields('chat', '{limit}', 12)$$);
SELECT app.run($$SELECT use_default('chat', 11)$$);

-- Locks
SELECT app.run($$SELECT lock_fields('chat', '{room}', '1')$$);
SELECT app.run($$SELECT lock_fields('chat', NULL, '1')$$);
SELECT app.run($$SELECT set_default('chat', '{"url": "k"}')$$);
SELECT app.run($$SELECT unlock_fields('chat', NULL, '1')$$);

-- The tree
SELECT app.run($$SELECT add_project(33, 3)$$), app.run($$SELECT move_project(33, NULL)$$), app.run($$SELECT remove_project(33)$$);
SELECT app.run($$SELECT move_group('3', '4')$$), app.run($$SELECT move_group('3', '2')$$);
SELECT app.run($$SELECT add_group('5', '3')$$), app.run($$SELECT remove_group('5')$$);
SELECT app.run($$UPDATE groups SET id = '22' WHERE id = '2'$$), app.run($$UPDATE groups SET id = '2' WHERE id = '22'$$);
SELECT app.run($$UPDATE projects SET id = '311' WHERE id = '31'$$), app.run($$UPDATE projects SET id = '31' WHERE id = '311'$$);

-- Types
SELECT app.run($$SELECT allow_integrations('{mail}')$$), app.run($$SELECT allow_integrations(NULL)$$);
SELECT app.run($$SELECT register_integration('chat', '{"properties": {"url": {"type": "string"}, "token": {"type": "string", "writeOnly": true}, "limit": {"default": 20}}, "x-atomic": [["url", "token"]]}', 'Chat')$$);
SELECT app.run($$SELECT register_integration('chat', schema, 'Talk') FROM integrations WHERE name = 'chat'$$);
UPDATE integrations SET name = 'talk' WHERE name = 'chat';
SELECT integration, count(*) FROM effective_settings GROUP BY 1;
UPDATE integrations SET name = 'chat' WHERE name = 'talk';
SELECT app.difference();

-- Plain SQL, many rows in one statement
SELECT app.run($$INSERT INTO project_settings (project_id, integration, settings) SELECT id, 'chat', '{"url": "p"}' FROM projects WHERE id LIKE '_2'$$);
SELECT app.run($$UPDATE project_settings SET custom = false, settings = '{}', active = NULL WHERE project_id LIKE '_2'$$);
SELECT app.run($$INSERT INTO projects SELECT 'x' || n, '3' FROM generate_series(1, 100) n$$);
SELECT app.run($$UPDATE projects SET group_id = '4' WHERE id LIKE 'x%'$$);
SELECT app.run($$DELETE FROM projects WHERE id LIKE 'x%'$$);
INSERT INTO groups SELECT 'y' || n, '4' FROM generate_series(1, 100) n;
SELECT app.run($$INSERT INTO projects SELECT 'y' || n, 'y' || n FROM generate_series(1, 100) n$$);
SELECT app.run($$UPDATE groups SET parent_id = '1' WHERE id LIKE 'y%'$$), app.run($$UPDATE groups SET parent_id = '4' WHERE id LIKE 'y%'$$);
SELECT app.run($$INSERT INTO group_settings (group_id, integration, custom, active) SELECT id, 'chat', false, false FROM groups WHERE id LIKE 'y%'$$);
SELECT app.run($$DELETE FROM projects WHERE id LIKE 'y%'$$), app.run($$DELETE FROM groups WHERE id LIKE 'y%'$$);
SELECT app.run($$DELETE FROM group_settings$$);
SELECT app.run($$TRUNCATE instance_settings$$);
SELECT app.run($$SELECT set_default('chat', '{"url": "i"}'), set_default('chat', '{"url": "2"}', 2)$$);
COPY project_settings (project_id, integration, settings) FROM stdin;
11	mail	{"c": 1}
12	mail	{"c": 2}
\.
SELECT app.difference();
-- Views, and all that a trigger does, are followed at commit
BEGIN;
UPDATE project_integrations SET settings = settings || '{"url": "v"}' WHERE project_id IN ('11', '12') AND integration = 'mail';
SELECT app.difference() AS "in the transaction";
COMMIT;
SELECT app.difference();
DELETE FROM project_integrations WHERE integration = 'mail';
SELECT app.difference(), count(*) FROM effective_settings WHERE integration = 'mail';

-- A transaction that is at work on the tree, savepoints, rollbacks
BEGIN;
DELETE FROM groups WHERE id = '3';
SELECT set_default('chat', '{"url": "between"}');
SAVEPOINT one;
INSERT INTO groups VALUES ('3', '4');
SELECT app.difference();
ROLLBACK TO one;
INSERT INTO groups VALUES ('3', '1');
COMMIT;
SELECT app.difference();
BEGIN;
SAVEPOINT one;
SELECT set_default('chat', '{"url": "undone"}');
SAVEPOINT two;
SELECT set_default('chat', '{"url": "twice"}', '4');
RELEASE two;
SELECT app.difference();
ROLLBACK TO one;
SELECT app.difference();
SELECT set_default('chat', '{"url": "done"}', '4');
ROLLBACK;
SELECT app.difference();

-- Plain writes are refused, also to nobody's rows
SELECT app.run($$INSERT INTO effective_settings VALUES ('11', 'mail', true, '{}', false, 'project', '11')$$);
UPDATE effective_settings SET active = false WHERE false;
DELETE FROM effective_settings;
TRUNCATE effective_settings;
\set VERBOSITY sqlstate
COPY effective_settings FROM stdin;
11	mail	t	{}	f	project	11
\.
\set VERBOSITY default

-- A writer needs no rights on it; only an administrator says what is materialized
CREATE ROLE regress_writer;
GRANT USAGE ON SCHEMA app TO regress_writer;
SELECT grant_access('regress_writer', 'write');
SET ROLE regress_writer;
SELECT set_default('chat', '{"url": "by a writer"}');
SELECT materialize('other');
SELECT dematerialize('chat');
SELECT count(*) FROM effective_settings;
RESET ROLE;
SELECT app.difference();
-- Policies are the user's; they don't keep rows from being kept
ALTER TABLE effective_settings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON effective_settings USING (project_id = '11');
GRANT SELECT ON effective_settings TO regress_writer;
SET ROLE regress_writer;
SELECT set_default('chat', '{"url": "with policies"}');
SELECT project_id, settings FROM effective_settings;
RESET ROLE;
ALTER TABLE effective_settings DISABLE ROW LEVEL SECURITY;
SELECT app.difference();
-- Triggers of the user's see what changes
CREATE TABLE app.captured (op text, project_id text, url text);
CREATE FUNCTION app.capture() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO app.captured VALUES (TG_OP, coalesce(NEW.project_id, OLD.project_id), NEW.settings ->> 'url');
    RETURN NULL;
END $$;
CREATE TRIGGER capture AFTER INSERT OR UPDATE OR DELETE ON effective_settings FOR EACH ROW EXECUTE FUNCTION app.capture();
CREATE CONSTRAINT TRIGGER late AFTER INSERT OR DELETE ON effective_settings DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION app.capture();
SELECT set_default('chat', '{"url": "captured"}', '4');
SELECT add_project(43, 4), remove_project(42);
SELECT * FROM app.captured ORDER BY 1, 2;
DROP TRIGGER capture ON effective_settings;
DROP TRIGGER late ON effective_settings;
DROP POLICY mine ON effective_settings;

-- Tracked tables are followed at commit
SELECT remove_project(id::external_id) FROM projects;
DELETE FROM groups WHERE id IN ('1', '2', '3', '4');
CREATE TABLE app.g (id int PRIMARY KEY, parent_id int REFERENCES app.g ON DELETE CASCADE ON UPDATE CASCADE DEFERRABLE);
CREATE TABLE app.p (id int PRIMARY KEY, group_id int REFERENCES app.g ON DELETE CASCADE ON UPDATE CASCADE);
SELECT track_groups('app.g'), track_projects('app.p');
INSERT INTO app.g VALUES (1, NULL), (2, 1), (3, 2);
INSERT INTO app.p SELECT n, 1 + n % 3 FROM generate_series(1, 30) n;
SELECT app.difference(), count(*) FROM effective_settings;
SELECT set_default('chat', '{"url": "of 2"}', 2);
UPDATE app.g SET parent_id = NULL WHERE id = 2;
SELECT app.difference();
UPDATE app.g SET id = 7 WHERE id = 2;
SELECT app.difference();
UPDATE app.p SET id = id + 100;
SELECT app.difference();
BEGIN;
INSERT INTO app.p VALUES (1000, 7);
SELECT set_default('chat', '{"url": "in between"}', 7);
UPDATE app.p SET group_id = 1 WHERE id = 1000;
COMMIT;
SELECT app.difference();
DELETE FROM app.g WHERE id = 7;
SELECT app.difference(), count(*) FROM effective_settings;
TRUNCATE app.p;
SELECT app.difference(), count(*) FROM effective_settings;

-- A replicating session fires no statement triggers
INSERT INTO app.p SELECT n, 1 FROM generate_series(1, 3) n;
SET session_replication_role = replica;
UPDATE instance_settings SET settings = '{"url": "replicated"}' WHERE integration = 'chat';
SELECT app.difference(), min(settings ->> 'url') FROM effective_settings;
DELETE FROM groups WHERE id = '1';
SELECT count(*) AS "a project without its group has no row" FROM effective_settings;
INSERT INTO groups VALUES ('1', NULL);
SELECT app.difference(), count(*) FROM effective_settings;
RESET session_replication_role;

-- Triggers that fire otherwise than they should, as DISABLE and ENABLE TRIGGER ALL leave them, are mended
CREATE VIEW app.modes AS SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger
    WHERE NOT tgisinternal AND tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'integration_defaults'::regnamespace AND relkind = 'r');
CREATE TABLE app.declared AS TABLE app.modes;
DO $$
DECLARE own text;
BEGIN
    FOR own IN SELECT DISTINCT tgrelid FROM app.declared LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER ALL', own);
    END LOOP;
END $$;
SELECT materialize('chat');
SELECT * FROM app.modes EXCEPT TABLE app.declared;
DO $$
DECLARE own text;
BEGIN
    FOR own IN SELECT DISTINCT tgrelid FROM app.declared LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER ALL', own);
        EXECUTE format('ALTER TABLE %s ENABLE TRIGGER ALL', own);
    END LOOP;
END $$;
SELECT materialize('chat');
SELECT * FROM app.modes EXCEPT TABLE app.declared;
DROP TABLE app.declared;

-- A table that is not as it was made, or belongs to somebody else: nothing is written to it
SELECT attstattarget AS "no statistics" FROM pg_attribute WHERE attrelid = 'effective_settings'::regclass AND attname = 'settings';
\set VERBOSITY terse
ALTER TABLE effective_settings RENAME COLUMN inherited TO inherits;
SELECT set_default('chat', '{"url": "shape"}');
SELECT dematerialize('chat');
SELECT materialize('chat');
ALTER TABLE effective_settings RENAME COLUMN inherits TO inherited;
ALTER TABLE effective_settings OWNER TO regress_writer;
SELECT set_default('chat', '{"url": "owner"}');
UPDATE integrations SET name = 'talk' WHERE name = 'chat';
SELECT dematerialize('chat');
SELECT materialize('chat');
ALTER TABLE effective_settings OWNER TO CURRENT_USER;
ALTER TABLE generations ADD COLUMN more text, ADD COLUMN most text;
ALTER TABLE generations DROP COLUMN most;
SELECT set_default('chat', '{"url": "more"}'), app.difference();
ALTER TABLE generations ALTER COLUMN more SET DEFAULT '', ADD COLUMN must text NOT NULL DEFAULT '';
SELECT set_default('chat', '{"url": "must"}');
SELECT count(*) FROM resolve('chat');
ALTER TABLE generations DROP COLUMN must;
CREATE INDEX plain ON generations (changes);
SELECT set_default('chat', '{"url": "plain"}'), app.difference();
CREATE INDEX by_expression ON generations ((moves::text));
SELECT set_default('chat', '{"url": "expression"}');
DROP INDEX by_expression;
CREATE INDEX of_some ON generations (moves) WHERE changes > 0;
SELECT set_default('chat', '{"url": "some"}');
DROP INDEX of_some;
ALTER TABLE generations ADD CONSTRAINT later UNIQUE (moves, additions, changes) DEFERRABLE;
SELECT set_default('chat', '{"url": "deferrable"}');
ALTER TABLE generations DROP CONSTRAINT later;
ALTER TABLE generations RENAME TO elsewhere;
SELECT set_default('chat', '{"url": "elsewhere"}');
CREATE VIEW integration_defaults.generations AS SELECT 1::bigint AS changes;
SELECT set_default('chat', '{"url": "view"}');
SELECT count(*) FROM resolve('chat');
DROP VIEW generations;
ALTER TABLE elsewhere RENAME TO generations;
ALTER TABLE generations ALTER COLUMN changes TYPE text;
SELECT set_default('chat', '{"url": "text"}');
SELECT count(*) FROM resolve('chat');
ALTER TABLE generations ALTER COLUMN changes TYPE bigint USING changes::bigint;
SELECT set_default('chat', '{"url": "again"}'), app.difference();
\set VERBOSITY default

-- The end of it; the table stays, and can be used again
SELECT dematerialize('other'), dematerialize('none');
SELECT dematerialize('other'), dematerialize('chat');
SELECT set_default('chat', '{"url": "alone"}');
SELECT count(*) FROM effective_settings;
SELECT materialize('chat'), app.difference();
-- Without the table nothing is materialized; another one in its place is not touched
DROP TABLE effective_settings;
SELECT set_default('chat', '{"url": "gone"}');
CREATE VIEW integration_defaults.effective_settings AS SELECT 1 AS one;
SELECT materialize('chat');
DROP VIEW effective_settings;
CREATE VIEW integration_defaults.effective_settings AS SELECT * FROM project_integrations;
CREATE TRIGGER materialized BEFORE INSERT OR UPDATE OR DELETE ON effective_settings FOR EACH STATEMENT EXECUTE FUNCTION refuse_plain_writes('chat');
\set VERBOSITY terse
SELECT set_default('chat', '{"url": "view"}');
SELECT dematerialize('chat');
\set VERBOSITY default
DROP VIEW effective_settings;
SELECT materialize('chat'), materialize('mail'), app.difference();
-- It goes with the extension
\set VERBOSITY terse
DROP EXTENSION integration_defaults CASCADE;
\set VERBOSITY default
SELECT to_regclass('integration_defaults.effective_settings') IS NULL;
CREATE EXTENSION integration_defaults;
SELECT register_integration('chat'), add_project(1), set_default('chat', '{}');
SELECT materialize('chat');
SELECT * FROM effective_settings;
DROP TABLE effective_settings;
REVOKE ALL ON ALL TABLES IN SCHEMA integration_defaults FROM regress_writer;
DROP OWNED BY regress_writer;
DROP ROLE regress_writer;
