-- Partitioned tables: rows go straight into partitions and between them.
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

CREATE TABLE app.g (id bigint, parent_id bigint, type text) PARTITION BY LIST (type);
CREATE TABLE app.g_group PARTITION OF app.g FOR VALUES IN ('Group', 'Team');
-- Columns in another order, and one that is gone.
CREATE TABLE app.g_user (gone int, type text, parent_id bigint, x text, id bigint);
ALTER TABLE app.g_user DROP COLUMN gone, DROP COLUMN x;
ALTER TABLE app.g ATTACH PARTITION app.g_user FOR VALUES IN ('User', NULL);
CREATE TABLE app.p (id uuid, group_id bigint, part int, PRIMARY KEY (id, part)) PARTITION BY RANGE (part);
CREATE TABLE app.p_low PARTITION OF app.p FOR VALUES FROM (0) TO (10);
CREATE TABLE app.p_high PARTITION OF app.p FOR VALUES FROM (10) TO (100) PARTITION BY HASH (id);
CREATE TABLE app.p_high_0 PARTITION OF app.p_high FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE app.p_high_1 PARTITION OF app.p_high FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE FUNCTION app.u(int) RETURNS uuid LANGUAGE sql AS $$ SELECT ('00000000-0000-0000-0000-' || lpad($1::text, 12, '0'))::uuid $$;
INSERT INTO app.g VALUES (1, NULL, 'Group'), (2, 1, 'User'), (3, 2, 'Team');
INSERT INTO app.p VALUES (app.u(1), 1, 5), (app.u(2), 2, 15);
SELECT refusal('SELECT track_groups(''app.g_group'')');
SELECT track_groups('app.g', filter => $$type <> 'User'$$), track_projects('app.p');
SELECT * FROM tree;
SELECT * FROM tracked_tables;

-- Into the whole, straight into a partition, by COPY, by an upsert.
INSERT INTO app.g VALUES (4, 3, 'Group'), (5, NULL, 'User');
INSERT INTO app.g_user (id, parent_id, type) VALUES (6, 5, 'User');
INSERT INTO app.g_group VALUES (7, 6, 'Team');
\copy app.p FROM PROGRAM 'printf "00000000-0000-0000-0000-000000000003\\t4\\t5\n00000000-0000-0000-0000-000000000004\\t5\\t50\n"'
INSERT INTO app.p VALUES (app.u(1), 7, 5) ON CONFLICT (id, part) DO UPDATE SET group_id = excluded.group_id;
SELECT * FROM tree;
SELECT register_integration('slack');
SELECT set_default('slack', '{"of": 4}', 4), set_custom('slack', app.u(1), '{"of": 1}'), set_custom('slack', app.u(3), '{"of": 3}');

-- A row that moves to another partition stays what it is, with its settings, also with another id and parent.
UPDATE app.p SET part = 60 - part;
UPDATE app.p SET part = 5, id = app.u(33), group_id = 1 WHERE id = app.u(3);
SELECT * FROM tree WHERE kind = 'project';
SELECT project_id, settings FROM project_settings ORDER BY 1;
UPDATE app.g SET type = CASE type WHEN 'User' THEN 'Group' ELSE 'User' END;
SELECT * FROM tree;
UPDATE app.g SET type = CASE type WHEN 'User' THEN 'Group' ELSE 'User' END;
SELECT * FROM tree;
SELECT resync('app.g'), resync('app.p');
-- Ids that are swapped while the rows move.
UPDATE app.p SET part = 61 - part, id = CASE id WHEN app.u(1) THEN app.u(33) ELSE app.u(1) END WHERE id IN (app.u(1), app.u(33));
SELECT project_id, settings FROM project_settings ORDER BY 1;
SELECT resync('app.p');

-- One that leaves and never arrives is gone, and what it leaves behind is checked.
CREATE FUNCTION app.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN NEW.part < 99 THEN NEW END; END';
CREATE TRIGGER swallow BEFORE INSERT ON app.p_high_0 FOR EACH ROW EXECUTE FUNCTION app.swallow();
CREATE TRIGGER swallow BEFORE INSERT ON app.p_high_1 FOR EACH ROW EXECUTE FUNCTION app.swallow();
INSERT INTO app.p SELECT app.u(i), 1, 5 FROM generate_series(40, 44) i;
UPDATE app.p SET part = CASE WHEN id = app.u(44) THEN 98 ELSE 99 END WHERE part = 5 AND id >= app.u(40);
SELECT * FROM tree WHERE kind = 'project';
SELECT resync('app.p');
BEGIN;
INSERT INTO app.p VALUES (app.u(50), 1, 5);
UPDATE app.p SET part = 99 WHERE id = app.u(50);
INSERT INTO app.p VALUES (app.u(50), 4, 6);
COMMIT;
SELECT * FROM tree WHERE id = app.u(50)::text;
BEGIN;
SAVEPOINT s;
UPDATE app.p SET part = 99 WHERE id = app.u(50);
ROLLBACK TO s;
COMMIT;
SELECT resync('app.p');
CREATE TRIGGER swallow BEFORE INSERT ON app.g_user FOR EACH ROW EXECUTE FUNCTION app.swallow();
CREATE OR REPLACE FUNCTION app.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
INSERT INTO app.g VALUES (60, NULL, 'Group'), (61, 60, 'Group');
UPDATE app.g SET type = 'User' WHERE id = 60;
SELECT id FROM groups WHERE id = '60';
DELETE FROM app.g WHERE id = 61;
UPDATE app.g SET type = 'User' WHERE id = 60;
SELECT resync('app.g');
-- So is another one that leaves because the first is gone, when the commit is under way.
INSERT INTO app.g VALUES (62, NULL, 'Group'), (63, NULL, 'Group');
CREATE FUNCTION app.take_along() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN UPDATE app.g SET type = 'User' WHERE id = 63 AND type = 'Group'; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER take_along AFTER DELETE ON groups DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION app.take_along();
UPDATE app.g SET type = 'User' WHERE id = 62;
SELECT id FROM groups WHERE id IN ('62', '63');
DROP TRIGGER take_along ON groups;
SELECT resync('app.g');
DROP TRIGGER swallow ON app.g_user;

-- A new partition is followed; rows that come and go by ATTACH and DETACH need resync().
CREATE TABLE app.p_new PARTITION OF app.p FOR VALUES FROM (100) TO (200);
INSERT INTO app.p_new VALUES (app.u(70), 1, 100);
CREATE TABLE app.p_more (LIKE app.p);
INSERT INTO app.p_more VALUES (app.u(71), 1, 200);
ALTER TABLE app.p ATTACH PARTITION app.p_more FOR VALUES FROM (200) TO (300);
SELECT resync('app.p');
INSERT INTO app.p VALUES (app.u(72), 1, 201);
ALTER TABLE app.p DETACH PARTITION app.p_new;
INSERT INTO app.p_new VALUES (app.u(73), 1, 100);
TRUNCATE app.p_new;
SELECT resync('app.p');
SELECT * FROM tree WHERE kind = 'project';

-- TRUNCATE of a partition takes its rows only, also through a table above it.
TRUNCATE app.p_more;
SELECT count(*) FROM projects;
TRUNCATE app.p_high;
SELECT * FROM tree WHERE kind = 'project';
SELECT resync('app.p');
TRUNCATE app.p;
SELECT * FROM tree WHERE kind = 'project';
TRUNCATE app.g;
SELECT * FROM tree;

-- Nothing of ours is left behind.
SELECT refusal('SELECT untrack(''app.p_low'')');
SELECT refusal('SELECT resync(''app.p_low'')');
SELECT untrack('app.g'), untrack('app.p');
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname LIKE 'integration_defaults%';
SELECT untrack('app.p_new');

SET client_min_messages = warning;
DROP EXTENSION integration_defaults CASCADE;
DROP SCHEMA app CASCADE;
