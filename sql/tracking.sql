-- Following the app's tables: what happens to a row there happens to ours.
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

CREATE TABLE app."Teams" (
    "Key" bigint PRIMARY KEY,
    gone int,
    "Over" bigint REFERENCES app."Teams" ON DELETE CASCADE ON UPDATE CASCADE,
    name text
);
ALTER TABLE app."Teams" DROP COLUMN gone;
CREATE TABLE app.repos (
    id uuid PRIMARY KEY,
    team bigint REFERENCES app."Teams" ON DELETE SET NULL ON UPDATE CASCADE,
    name text
);
INSERT INTO app."Teams" VALUES (1, NULL), (2, 1);
INSERT INTO app.repos VALUES ('00000000-0000-0000-0000-000000000001', 2);

-- What is there is taken in; groups that the table does not have go.
SELECT add_group('old'), add_group(1), add_group(2);
SELECT track_groups('app."Teams"', 'Key', 'Over');
SELECT track_projects('app.repos', group_column => 'team');
SELECT * FROM tree;
SELECT * FROM tracked_tables;

-- While they follow, they can't be changed by hand.
SELECT refusal('SELECT add_group(3)');
SELECT refusal('SELECT move_group(2, NULL)');
SELECT refusal('SELECT remove_group(2)');
SELECT refusal('SELECT add_project(3)');
SELECT refusal('SELECT move_project(3, 1)');
SELECT refusal('SELECT remove_project(3)');

-- INSERT of many, COPY, upserts, a CTE for both tables.
INSERT INTO app."Teams" VALUES (3, 2), (4, 3), (5, NULL);
\copy app."Teams" ("Key", "Over") FROM PROGRAM 'printf "6\\t5\n7\\t6\n"'
INSERT INTO app."Teams" VALUES (7, 5), (8, 7) ON CONFLICT ("Key") DO UPDATE SET "Over" = excluded."Over";
INSERT INTO app."Teams" VALUES (8, 1) ON CONFLICT DO NOTHING;
WITH team AS (INSERT INTO app."Teams" VALUES (9, 8) RETURNING "Key")
    INSERT INTO app.repos SELECT '00000000-0000-0000-0000-000000000002', "Key" FROM team;
SELECT * FROM tree;
-- UPDATE: of the parent, of the id (what is set on a group stays with it), of neither.
SELECT register_integration('slack');
SELECT set_default('slack', '{"channel": "six"}', 6);
UPDATE app."Teams" SET "Over" = 4 WHERE "Key" IN (6, 8);
UPDATE app."Teams" SET "Key" = 60 WHERE "Key" = 6;
UPDATE app."Teams" SET "Key" = "Key" + 100 WHERE "Key" < 5;
UPDATE app."Teams" SET name = 'x';
UPDATE app.repos SET team = NULL, name = 'y' WHERE team = 102;
SELECT * FROM tree;
SELECT group_id, settings FROM group_settings;
SELECT resync('app."Teams"'), resync('app.repos');
-- DELETE, with what the app's own foreign keys do.
DELETE FROM app."Teams" WHERE "Key" = 103;
SELECT * FROM tree;
SELECT count(*) FROM group_settings;
SELECT resync('app."Teams"'), resync('app.repos');

-- Subtransactions.
BEGIN;
INSERT INTO app."Teams" VALUES (20, 5);
SAVEPOINT s;
INSERT INTO app."Teams" VALUES (21, 20);
UPDATE app."Teams" SET "Over" = NULL WHERE "Key" = 20;
ROLLBACK TO s;
INSERT INTO app."Teams" VALUES (22, 20);
COMMIT;
SELECT * FROM tree;
BEGIN;
DELETE FROM app."Teams";
ROLLBACK;
SELECT count(*) FROM groups;

-- What the app's tables allow and a tree does not is refused at commit.
SELECT refusal('UPDATE app."Teams" SET "Over" = 22 WHERE "Key" = 5');
SELECT refusal('UPDATE app."Teams" SET "Over" = "Key" WHERE "Key" = 5');
BEGIN;
UPDATE app."Teams" SET "Over" = 22 WHERE "Key" = 5;
UPDATE app."Teams" SET "Over" = NULL WHERE "Key" = 20;
COMMIT;
SELECT resync('app."Teams"'), resync('app.repos');

-- Row security of the app's is no obstacle to following its writes.
ALTER TABLE app.repos ENABLE ROW LEVEL SECURITY;
INSERT INTO app.repos VALUES ('00000000-0000-0000-0000-000000000003', 5);
SELECT resync('app.repos');

-- A trigger of the app's that decides the parent.
CREATE FUNCTION app.decide() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW."Over" := 101; RETURN NEW; END';
CREATE TRIGGER decide BEFORE INSERT OR UPDATE OF name ON app."Teams" FOR EACH ROW EXECUTE FUNCTION app.decide();
INSERT INTO app."Teams" VALUES (30, 5);
UPDATE app."Teams" SET name = 'z' WHERE "Key" = 22;
SELECT * FROM tree WHERE id IN ('22', '30');
DROP TRIGGER decide ON app."Teams";

-- Names follow: table, schema, columns. Definitions read back as they were given.
ALTER TABLE app."Teams" RENAME TO squads;
ALTER TABLE app.squads RENAME "Key" TO "the key";
ALTER TABLE app.squads RENAME "Over" TO above;
CREATE SCHEMA "App 2";
ALTER TABLE app.squads SET SCHEMA "App 2";
SELECT * FROM tracked_tables;
INSERT INTO "App 2".squads VALUES (31, 30);
DELETE FROM "App 2".squads WHERE "the key" = 22;
SELECT resync('"App 2".squads');
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname LIKE 'integration_defaults_groups%' ORDER BY tgname;
DO $$
DECLARE definitions text[];
BEGIN
    definitions := ARRAY(SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname LIKE 'integration_defaults_groups%');
    PERFORM untrack('"App 2".squads');
    FOR i IN 1 .. cardinality(definitions) LOOP
        EXECUTE definitions[i];
    END LOOP;
END $$;
SELECT * FROM tracked_tables;
UPDATE "App 2".squads SET above = 20 WHERE "the key" = 31;
SELECT resync('"App 2".squads');

-- A column that is tracked can't be dropped by mistake. If it is, what is left refuses writes and can be removed.
SELECT refusal('ALTER TABLE app.repos DROP COLUMN team');
SELECT refusal('ALTER TABLE app.repos ALTER COLUMN team TYPE text');
SET client_min_messages = warning;
ALTER TABLE app.repos DROP COLUMN team CASCADE;
RESET client_min_messages;
SELECT kind FROM tracked_tables;
INSERT INTO app.repos VALUES ('00000000-0000-0000-0000-000000000009');
DELETE FROM app.repos;
SELECT count(*) FROM projects;
SELECT refusal($$SELECT resync('app.repos')$$);
SELECT untrack('app.repos');
INSERT INTO app.repos VALUES ('00000000-0000-0000-0000-000000000009');
SELECT refusal($$SELECT untrack('app.repos')$$);
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'integration_defaults_projects%';
SELECT add_project('by hand');

-- TRUNCATE, of one table and of both.
ALTER TABLE "App 2".squads SET SCHEMA app;
DROP SCHEMA "App 2";
DROP TABLE app.repos;
CREATE TABLE app.repos (id int PRIMARY KEY, group_id bigint);
SELECT track_projects('app.repos');
INSERT INTO app.repos VALUES (1, 20), (2, 30);
SELECT refusal('TRUNCATE app.squads');
BEGIN;
TRUNCATE app.squads;
UPDATE app.repos SET group_id = NULL;
COMMIT;
SELECT * FROM tree;
INSERT INTO app.squads VALUES (1, NULL);
INSERT INTO app.repos VALUES (3, 1);
TRUNCATE app.repos, app.squads;
SELECT * FROM tree;

-- A parent and what is in it may come in any order.
BEGIN;
INSERT INTO app.repos VALUES (1, 2);
INSERT INTO app.squads VALUES (2, NULL);
COMMIT;
SELECT * FROM tree;
SELECT refusal('INSERT INTO app.repos VALUES (2, 3)');

-- Writes that fire no triggers leave a difference, which resync() mends.
SET session_replication_role = replica;
INSERT INTO app.squads VALUES (3, 2), (4, 3);
DELETE FROM app.repos;
RESET session_replication_role;
SELECT resync('app.squads'), resync('app.repos');
SELECT * FROM tree;
-- An event of a row that was missed brings it in.
SET session_replication_role = replica;
INSERT INTO app.squads VALUES (5, 2);
RESET session_replication_role;
UPDATE app.squads SET above = 4 WHERE "the key" = 5;
SELECT * FROM tree;
-- A trigger that somebody dropped is created again; until then nothing is written past us.
DROP TRIGGER integration_defaults_groups_insert ON app.squads;
INSERT INTO app.squads VALUES (6, 5);
SELECT resync('app.squads');
INSERT INTO app.squads VALUES (6, 5);
INSERT INTO app.squads VALUES (7, 6);
SELECT * FROM tree;

-- Dropping what is tracked, and the extension.
DROP TABLE app.repos;
SELECT kind, source FROM tracked_tables;
SELECT * FROM tree WHERE kind = 'project';
SELECT untrack('app.squads');
SELECT move_group(7, 2), add_group(8, 7);
SELECT track_groups('app.squads', 'the key', 'above');
SET client_min_messages = warning;
DROP EXTENSION integration_defaults CASCADE;
INSERT INTO app.squads VALUES (10, 7);
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'integration_defaults%';
DROP SCHEMA app CASCADE;
