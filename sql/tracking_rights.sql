-- Whose rights: a filter of the app's runs as the role that writes, where it is looked up for the other table as its
-- own table's owner, and never as our owner.
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
SET client_min_messages = warning;
CREATE ROLE regress_intd_app;     -- owns the app's tables
CREATE ROLE regress_intd_writer;  -- writes them
CREATE ROLE regress_intd_admin;   -- may track
RESET client_min_messages;
GRANT ALL ON SCHEMA app TO regress_intd_app;
GRANT USAGE ON SCHEMA app TO PUBLIC;
DROP VIEW tree;
\getenv here PG_ABS_SRCDIR
\set refusal :here '/sql/refusal.psql'
\i :refusal
GRANT EXECUTE ON FUNCTION app.refusal TO PUBLIC;
\pset format unaligned
\pset tuples_only on

SET ROLE regress_intd_app;
CREATE TABLE app.seen (what text, by name DEFAULT current_user, path text DEFAULT current_setting('search_path'));
GRANT INSERT ON app.seen TO PUBLIC;
-- What the owner of the tables brings: a filter, and a type of id with a cast to text, which is refused. Each notes who
-- runs it, and tries what a plain role must not be able to.
CREATE FUNCTION app.try_evil(what text) RETURNS void LANGUAGE plpgsql SECURITY INVOKER AS $$
BEGIN
    BEGIN
        EXECUTE 'ALTER ROLE regress_intd_app CREATEROLE';
        what := what || ', did evil';
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
    BEGIN
        EXECUTE 'DELETE FROM integration_defaults.integrations';
        what := what || ', deleted ours';
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
    INSERT INTO app.seen VALUES (what);
END $$;
CREATE FUNCTION app.is_group(type text) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN PERFORM app.try_evil('filter'); RETURN type = 'Group'; END $$;
CREATE TYPE app.id AS (n int);
CREATE FUNCTION app.to_text(app.id) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN PERFORM app.try_evil('cast'); RETURN 'id ' || $1.n; END $$;
RESET ROLE;
CREATE CAST (app.id AS text) WITH FUNCTION app.to_text(app.id);
SET ROLE regress_intd_app;
CREATE TABLE app.g (id app.id, parent_id app.id, type text);
CREATE TABLE app.p (id int, group_id app.id);
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON app.g, app.p TO regress_intd_writer;
CREATE FUNCTION app.who() RETURNS SETOF text LANGUAGE sql AS
    $$ WITH gone AS (DELETE FROM app.seen RETURNING *) SELECT DISTINCT what || ' by ' || by || ', path ' || path FROM gone ORDER BY 1 $$;
RESET ROLE;

-- The owner of the tables can track them with the rights that he is given on our side.
SET ROLE regress_intd_app;
SELECT app.refusal($$SELECT integration_defaults.track_groups('app.g')$$);
RESET ROLE;
GRANT USAGE ON SCHEMA integration_defaults TO regress_intd_app;
SELECT integration_defaults.grant_access('regress_intd_admin', 'admin');
SET ROLE regress_intd_admin;
SELECT app.refusal($$SELECT integration_defaults.track_groups('app.g')$$);
RESET ROLE;
SET ROLE regress_intd_app;
SELECT app.refusal($$SELECT integration_defaults.track_groups('app.g')$$);
RESET ROLE;
SELECT app.refusal($$SELECT integration_defaults.track_groups('app.g')$$);
DROP CAST (app.id AS text);
SELECT app.refusal($$SELECT integration_defaults.track_groups('app.g')$$);
SET ROLE regress_intd_app;
SELECT app.refusal($$SELECT integration_defaults.track_groups('app.g')$$);
RESET ROLE;
-- on a group is not enough
SELECT integration_defaults.add_group(9), integration_defaults.grant_access('regress_intd_app', 'admin', 9);
SET ROLE regress_intd_app;
SELECT app.refusal($$SELECT integration_defaults.track_groups('app.g')$$);
RESET ROLE;
SELECT integration_defaults.remove_group(9), integration_defaults.grant_access('regress_intd_app', 'admin');
SET ROLE regress_intd_app;
INSERT INTO app.g VALUES ('(1)', NULL, 'Group');
SELECT integration_defaults.track_groups('app.g', filter => 'app.is_group(type)');
SELECT integration_defaults.track_projects('app.p');
SELECT app.who();
RESET ROLE;

-- Writers need no rights on our schema, and lend none.
SET ROLE regress_intd_writer;
INSERT INTO app.g VALUES ('(2)', '(1)', 'Group'), ('(3)', '(1)', 'User');
INSERT INTO app.p VALUES (1, '(3)'), (2, '(2)');
UPDATE app.g SET type = 'Group';
UPDATE app.g SET parent_id = NULL;
DELETE FROM app.p WHERE id = 1;
DELETE FROM app.g WHERE (id).n = 3;
SELECT app.refusal('SELECT * FROM integration_defaults.groups');
SELECT app.refusal($$SELECT integration_defaults.untrack('app.g')$$);
RESET ROLE;
SELECT app.who();
SELECT id, parent_id FROM integration_defaults.groups ORDER BY 1;
SELECT id, group_id FROM integration_defaults.projects ORDER BY 1;
-- A cast that comes later is not used, neither for who writes nor for whom looks are made.
CREATE CAST (app.id AS text) WITH FUNCTION app.to_text(app.id);
SELECT app.refusal($$INSERT INTO app.g VALUES ('(5)', '(1)', 'Group')$$);
SELECT app.refusal($$SELECT integration_defaults.resync('app.g')$$);
SELECT app.who();
DROP CAST (app.id AS text);
-- A superuser who writes runs what the tables' owner brought, as with any trigger; resync() runs it as that owner,
-- whoever calls it.
BEGIN;
INSERT INTO app.g VALUES ('(4)', '(1)', 'Group');
SELECT rolcreaterole FROM pg_roles WHERE rolname = 'regress_intd_app';
SELECT DISTINCT what, by = current_user FROM app.seen ORDER BY 1;
ROLLBACK;
SET ROLE regress_intd_app;
SELECT integration_defaults.resync('app.g');
SELECT app.who();
RESET ROLE;
SELECT integration_defaults.resync('app.g'), integration_defaults.resync('app.p');
SELECT app.who();
-- What a filter sets in the session of whoever calls is gone with it.
SET ROLE regress_intd_app;
CREATE OR REPLACE FUNCTION app.is_group(type text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('search_path', 'app, pg_catalog', false), set_config('integration_defaults.actor', 'somebody else', true);
    RETURN type = 'Group';
END $$;
RESET ROLE;
BEGIN;
SELECT integration_defaults.resync('app.g'), integration_defaults.resync('app.g', dry_run => true);
SELECT current_setting('search_path'), current_setting('integration_defaults.actor');
COMMIT;
SELECT count(*) > 5 AS looks FROM integration_defaults.status();
SELECT current_setting('search_path'), current_setting('integration_defaults.actor');
SET ROLE regress_intd_admin;
SELECT app.refusal($$SELECT * FROM integration_defaults.read_tracked('groups')$$);
RESET ROLE;
SELECT app.refusal($$SELECT * FROM integration_defaults.read_tracked('others')$$);
SELECT rolcreaterole FROM pg_roles WHERE rolname = 'regress_intd_app';

-- Look-ups of left-out parents with ids of the server's types run as the table's owner: the writer needs no SELECT.
SELECT integration_defaults.untrack('app.g'), integration_defaults.untrack('app.p');
DELETE FROM integration_defaults.projects;
DELETE FROM integration_defaults.groups;
SET ROLE regress_intd_app;
CREATE TABLE app.g2 (id int PRIMARY KEY, parent_id int, type text);
CREATE TABLE app.p2 (id int PRIMARY KEY, group_id int);
ALTER TABLE app.g2 ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY insert_only ON app.g2 FOR INSERT WITH CHECK (true);
GRANT INSERT ON app.g2, app.p2 TO regress_intd_writer;
RESET ROLE;
INSERT INTO app.g2 VALUES (1, NULL, 'User'), (2, 1, 'Group');
SET ROLE regress_intd_app;
-- Row security that hides rows from the one who tracks is an error, not a smaller tree.
SELECT app.refusal($$SELECT integration_defaults.track_groups('app.g2', filter => 'type = ''Group''')$$);
RESET ROLE;
SELECT integration_defaults.track_groups('app.g2', filter => 'type = ''Group'''), integration_defaults.track_projects('app.p2');
SET ROLE regress_intd_writer;
INSERT INTO app.g2 VALUES (3, 1, 'Group'), (4, 2, 'Group');
INSERT INTO app.p2 VALUES (1, 1), (2, 2);
RESET ROLE;
SELECT id, parent_id FROM integration_defaults.groups ORDER BY 1;
SELECT id, group_id FROM integration_defaults.projects ORDER BY 1;
-- Nor stays what it sets there, whatever the path is.
SELECT integration_defaults.untrack('app.g2');
SET ROLE regress_intd_app;
CREATE FUNCTION app.is_group(id int, type text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('search_path', 'app, pg_catalog', false), set_config('integration_defaults.actor', 'somebody else', false);
    RETURN type = 'Group';
END $$;
RESET ROLE;
SELECT integration_defaults.track_groups('app.g2', filter => 'app.is_group(id, type)');
SET search_path = pg_catalog, pg_temp;
INSERT INTO app.p2 VALUES (3, 1), (4, 2);
SELECT current_setting('search_path'), current_setting('integration_defaults.actor');
SELECT id, group_id FROM integration_defaults.projects ORDER BY 1;
SET search_path = app, integration_defaults;

-- What can be tracked, and how often.
CREATE VIEW app.v AS SELECT * FROM app.g2;
CREATE MATERIALIZED VIEW app.mv AS SELECT 1 AS id, 1 AS parent_id;
CREATE SEQUENCE app.s;
CREATE TEMP TABLE t (id int, parent_id int);
CREATE UNLOGGED TABLE app.u (id int, parent_id int);
CREATE TABLE app.parent (id int, parent_id int);
CREATE TABLE app.child () INHERITS (app.parent);
CREATE FOREIGN DATA WRAPPER dummy;
CREATE SERVER dummy FOREIGN DATA WRAPPER dummy;
CREATE FOREIGN TABLE app.f (id int, parent_id int) SERVER dummy;
SET search_path = app;
SELECT refusal(format('SELECT integration_defaults.track_groups(%L)', name)) FROM unnest(ARRAY[
    'app.v', 'app.mv', 'app.s', 'pg_temp.t', 'app.parent', 'app.child', 'app.f', 'integration_defaults.groups',
    'integration_defaults.tracked_tables', 'pg_catalog.pg_class', 'app.u', 'app.g2']) name;
SELECT refusal('SELECT integration_defaults.track_groups(0)');
SELECT refusal('SELECT integration_defaults.track_groups(NULL)');
SELECT refusal('SELECT integration_defaults.untrack(NULL)');
SELECT refusal('SELECT integration_defaults.resync(NULL)');
SELECT refusal('SELECT integration_defaults.resync(''app.u'')');
SELECT integration_defaults.untrack('app.g2');
SELECT refusal('SELECT integration_defaults.track_groups(''app.u'', NULL)');
SELECT refusal('SELECT integration_defaults.track_groups(''app.u'', ''id'', NULL)');
SELECT refusal('SELECT integration_defaults.track_groups(''app.u'', ''nowhere'')');
SELECT refusal('SELECT integration_defaults.track_groups(''app.u'', ''id'', ''nowhere'')');
SELECT refusal('SELECT integration_defaults.track_groups(''app.u'', ''ctid'')');
SELECT refusal('SELECT integration_defaults.track_groups(''app.u'', ''id'', ''id'')');

-- Our trigger functions refuse to be used in other ways.
CREATE TABLE app.other (id int, parent_id int);
CREATE TRIGGER t BEFORE INSERT ON app.other FOR EACH ROW EXECUTE FUNCTION integration_defaults.follow_groups();
SELECT refusal('INSERT INTO app.other VALUES (1)');
DROP TRIGGER t ON app.other;
CREATE TRIGGER t AFTER INSERT ON app.other FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.follow_groups();
SELECT refusal('INSERT INTO app.other VALUES (1)');
SELECT refusal('SELECT integration_defaults.follow_groups()');

SET client_min_messages = warning;
DROP EXTENSION integration_defaults CASCADE;
DROP SCHEMA app CASCADE;
DROP FOREIGN DATA WRAPPER dummy CASCADE;
DROP OWNED BY regress_intd_app, regress_intd_writer, regress_intd_admin;
DROP ROLE regress_intd_app, regress_intd_writer, regress_intd_admin;
