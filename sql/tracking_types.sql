-- Ids of every kind of type, and what is no id.
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

CREATE DOMAIN app.key AS bigint CHECK (VALUE > 0);
CREATE DOMAIN app.code AS varchar(10);
CREATE TYPE app.color AS ENUM ('red', 'green', 'blue');
CREATE TYPE app.pair AS (a int, b text);
CREATE COLLATION app.blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

-- Tracks a table of groups and one of projects with keys of a type, changes them and says what we have.
CREATE FUNCTION app.try(type text, VARIADIC keys text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE mended bigint;
BEGIN
    EXECUTE format('CREATE TABLE app.g (id %1$s PRIMARY KEY, parent_id %1$s, type text DEFAULT ''Group'')', type);
    EXECUTE format('CREATE TABLE app.p (id %1$s PRIMARY KEY, group_id %1$s)', type);
    INSERT INTO app.g SELECT (jsonb_populate_record(NULL::app.g, jsonb_build_object('id', keys[1]))).id;
    PERFORM track_groups('app.g', filter => $f$type = 'Group'$f$), track_projects('app.p');
    EXECUTE format('INSERT INTO app.g VALUES (%2$L::%1$s, %3$L::%1$s), (%4$L::%1$s, %2$L::%1$s)', type, keys[2], keys[1], keys[3]);
    EXECUTE format('INSERT INTO app.p VALUES (%2$L::%1$s, %3$L::%1$s), (%3$L::%1$s, NULL)', type, keys[1], keys[3]);
    EXECUTE format('UPDATE app.g SET type = ''User'' WHERE id OPERATOR(pg_catalog.=) %2$L::%1$s', type, keys[2]);
    RETURN QUERY SELECT concat_ws(' ', 'left out:', tree.*) FROM tree;
    EXECUTE format('UPDATE app.g SET type = ''Group'' WHERE id OPERATOR(pg_catalog.=) %2$L::%1$s', type, keys[2]);
    EXECUTE format('UPDATE app.g SET parent_id = %2$L::%1$s WHERE id OPERATOR(pg_catalog.=) %3$L::%1$s', type, keys[1], keys[3]);
    EXECUTE format('DELETE FROM app.p WHERE id OPERATOR(pg_catalog.=) %2$L::%1$s', type, keys[3]);
    mended := resync('app.g') + resync('app.p');
    IF mended > 0 THEN RAISE 'resync() found % differences', mended; END IF;
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN QUERY SELECT concat_ws(' ', tree.*) FROM tree;
    PERFORM untrack('app.g'), untrack('app.p');
    DROP TABLE app.g, app.p;
    DELETE FROM projects;
    DELETE FROM groups;
    SET CONSTRAINTS ALL DEFERRED;
END $$;
SELECT app.try('smallint', '1', '-2', '3');
SELECT app.try('integer', '1', '-2', '2147483647');
SELECT app.try('bigint', '1', '-2', '9223372036854775807');
SELECT app.try('numeric', '1.50', '-2.00', '100000000000000000000');
SELECT app.try('uuid', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'C0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
SELECT app.try('text', 'äß', ' b ', '1');
SELECT app.try('varchar(5)', 'a', 'b', '1');
SELECT app.try('char(5)', 'a', 'b', '1');
SELECT app.try('app.key', '1', '2', '3');
SELECT app.try('app.code', 'a', 'b', 'c');
SELECT app.try('app.color', 'red', 'green', 'blue');
SELECT app.try('app.pair', '(1,x)', '(2,"y z")', '(3,)');
SELECT app.try('oid', '1', '2', '3');
SELECT app.try('name', 'a', 'B', 'c');
SELECT app.try('bigint[]', '{1}', '{2,3}', '{}');

-- What is refused: values that are equal have one text, in every session.
CREATE DOMAIN app.hidden AS double precision;
CREATE TYPE app.mixed AS (a int, b numeric);
CREATE TYPE app.deep AS (a int, b timestamptz[]);
CREATE TYPE app.cased AS (a text COLLATE app.blind);
CREATE FUNCTION app.attempt(type text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answers text := '';
BEGIN
    EXECUTE format('CREATE TABLE app.k (good int, other %s)', type);
    BEGIN
        PERFORM track_groups('app.k', 'other', 'good');
        answers := 'tracked ';
        PERFORM untrack('app.k');
    EXCEPTION WHEN OTHERS THEN answers := SQLSTATE || ' ' || SQLERRM || ' '; END;
    BEGIN
        PERFORM track_projects('app.k', 'good', 'other');
        answers := answers || 'tracked';
        PERFORM untrack('app.k');
    EXCEPTION WHEN OTHERS THEN answers := answers || SQLSTATE; END;
    DROP TABLE app.k;
    RETURN answers;
END $$;
SELECT app.attempt(type) FROM unnest(ARRAY['text COLLATE app.blind', 'varchar COLLATE app.blind', 'bytea', 'date', 'timestamptz',
    'time', 'interval', 'real', 'double precision', 'app.hidden', 'money', 'jsonb', 'json', 'xml', 'app.mixed', 'app.deep', 'app.cased', 'numeric[]',
    'char(3)[]', 'int4range', 'regclass', 'tsvector', 'text[]', '"char"']) type;

-- Keys of another type than what refers to them.
CREATE TABLE app.g (id int PRIMARY KEY, parent_id text, type text DEFAULT 'Group');
CREATE TABLE app.p (id int PRIMARY KEY, group_id numeric);
SELECT track_groups('app.g', filter => $$type = 'Group'$$), track_projects('app.p');
INSERT INTO app.g VALUES (1, NULL, 'User'), (2, '1', 'Group');
INSERT INTO app.p VALUES (1, 2.00), (2, 1.0);
SELECT * FROM tree;
SELECT refusal($$INSERT INTO app.g VALUES (3, 'x')$$);
SELECT refusal($$INSERT INTO app.g VALUES (3, '99999999999')$$);
SELECT refusal('INSERT INTO app.p VALUES (3, 1.5)');
UPDATE app.g SET type = 'Group';
SELECT * FROM tree;
SELECT resync('app.g'), resync('app.p');
DROP TABLE app.g, app.p;
DELETE FROM projects;
DELETE FROM groups;

-- Ids that differ in letters only are two.
CREATE TABLE app.g (id text, parent_id text);
SELECT track_groups('app.g');
INSERT INTO app.g VALUES ('a', NULL), ('b', 'a');
SELECT refusal($$UPDATE app.g SET id = 'A' WHERE id = 'a'$$);
DELETE FROM app.g;
INSERT INTO app.g VALUES ('a', NULL);
UPDATE app.g SET id = 'A' WHERE id = 'a';
SELECT * FROM tree;
DROP TABLE app.g;
DELETE FROM groups;

-- A uuid may be given to a function as text in any form, where the tracked keys are uuids; it is stored in the one.
CREATE TABLE app.g (id uuid PRIMARY KEY, parent_id uuid);
CREATE DOMAIN app.uid AS uuid;
CREATE TABLE app.p (id app.uid PRIMARY KEY, group_id uuid);
SELECT track_groups('app.g'), track_projects('app.p'), register_integration('forms');
INSERT INTO app.g VALUES ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
INSERT INTO app.p VALUES ('b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
SELECT set_default('forms', '{"a": 1}', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), set_active('forms', true, 'B0EEBC999C0B4EF8BB6D6BB9BD380A11');
SELECT override_fields('forms', '{"b": 2}', '{B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}');
SELECT project_id, settings FROM project_settings UNION ALL SELECT group_id, settings FROM group_settings;
SELECT form, source_level, source_id FROM unnest(ARRAY['b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11',
    'b0eebc999c0b4ef8bb6d6bb9bd380a11', '{b0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11}']) form, resolve('forms', form);
SELECT refusal(format('SELECT resolve(''forms'', %L)', form)) FROM unnest(ARRAY['C0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A1',
    'B0EEBC99--9C0B-4EF8-BB6D-6BB9BD380A11', '-B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11-', '{B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A1G']) form;
INSERT INTO project_integrations (project_id, integration, settings) VALUES ('B0EEBC999C0B4EF8BB6D6BB9BD380A11', 'forms', '{"c": 3}')
    RETURNING project_id, settings, source_id;
INSERT INTO group_integrations (group_id, integration, settings) VALUES ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'forms', '{"d": 4}')
    RETURNING group_id, settings, source_id;
SELECT reset_below('forms', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), (SELECT count(*) FROM group_settings);
SET client_min_messages = warning;
CREATE ROLE regress_forms;
SELECT grant_access('regress_forms', 'write', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
TABLE access;
SELECT revoke_access('regress_forms', 'write', '{A0EEBC999C0B4EF8BB6D6BB9BD380A11}');
TABLE access;
DROP ROLE regress_forms;
RESET client_min_messages;
SELECT set_active('forms', true, 'B0EEBC999C0B4EF8BB6D6BB9BD380A11');
SELECT use_default('forms', group_id => 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), use_default('forms', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11');
DROP TABLE app.g, app.p;
DELETE FROM projects;
DELETE FROM groups;
-- where they are texts, it is another id
CREATE TABLE app.p (id text, group_id text);
SELECT track_projects('app.p');
INSERT INTO app.p VALUES ('b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11');
SELECT refusal($$SELECT resolve('forms', 'B0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11')$$);
DROP TABLE app.p;
DELETE FROM projects;
SELECT unregister_integration('forms');

-- What is no id.
CREATE TABLE app.g (id text, parent_id text, type text);
SELECT track_groups('app.g', filter => $$type IS NULL$$);
SELECT refusal('INSERT INTO app.g VALUES (NULL)');
SELECT refusal($$INSERT INTO app.g VALUES ('')$$);
SELECT refusal($$INSERT INTO app.g VALUES ('a', '')$$);
SELECT refusal($$INSERT INTO app.g VALUES (repeat('ä', 128))$$);
SELECT refusal($$INSERT INTO app.g VALUES (E'\x01a')$$);
INSERT INTO app.g VALUES ('a', NULL, NULL), (NULL, NULL, 'left out'), ('', NULL, 'left out');
SELECT refusal($$UPDATE app.g SET id = NULL WHERE id = 'a'$$);
SELECT refusal($$UPDATE app.g SET id = '' WHERE id = 'a'$$);
SELECT refusal($$UPDATE app.g SET type = NULL$$);
SELECT refusal($$UPDATE app.g SET type = NULL WHERE id = ''$$);
SELECT refusal($$INSERT INTO app.g VALUES ('a')$$);
SELECT * FROM tree;
SELECT untrack('app.g');
SELECT refusal('SELECT track_groups(''app.g'')');
DELETE FROM app.g WHERE id = '';
SELECT refusal('SELECT track_groups(''app.g'')');
DELETE FROM app.g WHERE id IS NULL;
INSERT INTO app.g VALUES ('a');
SELECT refusal('SELECT track_groups(''app.g'')');
DELETE FROM app.g;
INSERT INTO app.g VALUES ('a', 'nowhere');
SELECT refusal('SELECT track_groups(''app.g'')');
UPDATE app.g SET parent_id = 'a';
SELECT refusal('SELECT track_groups(''app.g'')');
DROP TABLE app.g;
CREATE TABLE app.n (id numeric, parent_id numeric);
INSERT INTO app.n VALUES ('NaN');
SELECT refusal('SELECT track_groups(''app.n'')');
DELETE FROM app.n;
SELECT track_groups('app.n');
SELECT refusal($$INSERT INTO app.n VALUES ('NaN')$$);

SET client_min_messages = warning;
DROP EXTENSION integration_defaults CASCADE;
DROP SCHEMA app CASCADE;
