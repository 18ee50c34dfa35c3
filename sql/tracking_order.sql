-- Swaps, rows that are changed again by triggers of the app's, deferred keys: what counts is the outcome.
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

CREATE TABLE app.g (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, parent_id int, type text DEFAULT 'Group');
CREATE TABLE app.p (id int PRIMARY KEY DEFERRABLE, group_id int);
SELECT track_groups('app.g', filter => $$type = 'Group'$$), track_projects('app.p');
SELECT register_integration('slack');
CREATE VIEW app.marks AS
    SELECT 'group' AS kind, group_id AS id, settings ->> 'of' AS "settings of" FROM group_settings UNION ALL
    SELECT 'project', project_id, settings ->> 'of' FROM project_settings ORDER BY 1, 2;
INSERT INTO app.g VALUES (1, NULL), (2, 1), (3, 2);
INSERT INTO app.p VALUES (1, 1), (2, 2), (3, 3);
SELECT set_default('slack', '{"of": "1"}', 1), set_default('slack', '{"of": "2"}', 2), set_custom('slack', 1, '{"of": "1"}'), set_custom('slack', 3, '{"of": "3"}');

-- Settings stay with the row whose id changes; what is in a group names it itself.
BEGIN;
UPDATE app.g SET id = id + 1, parent_id = parent_id + 1;
UPDATE app.p SET group_id = group_id + 1;
COMMIT;
SELECT * FROM tree;
SELECT * FROM app.marks;
-- Two groups swap their ids; the projects stay with the ids, and so change their group.
UPDATE app.g SET id = 5 - id, parent_id = CASE id WHEN 2 THEN 2 END WHERE id IN (2, 3);
UPDATE app.g SET parent_id = 2 WHERE id = 4;
SELECT * FROM tree;
SELECT * FROM app.marks;
UPDATE app.p SET id = 4 - id;
SELECT * FROM app.marks;
-- By way of another id.
BEGIN;
UPDATE app.g SET id = 7 WHERE id = 3;
UPDATE app.g SET id = 3 WHERE id = 2;
UPDATE app.g SET id = 2 WHERE id = 7;
UPDATE app.g SET parent_id = CASE id WHEN 2 THEN NULL ELSE 2 END;
COMMIT;
SELECT * FROM app.marks WHERE kind = 'group';
SELECT resync('app.g'), resync('app.p');
SELECT * FROM tree WHERE kind = 'group';
-- An id twice inside a transaction, which the app's key allows: by UPDATE, by INSERT.
BEGIN;
UPDATE app.g SET id = 3 WHERE id = 4;
UPDATE app.g SET id = 4, parent_id = NULL WHERE id = 3 AND ctid = (SELECT min(ctid) FROM app.g WHERE id = 3);
COMMIT;
SELECT * FROM tree WHERE kind = 'group';
SELECT * FROM app.marks WHERE kind = 'group';
BEGIN;
INSERT INTO app.g VALUES (2, 3);
DELETE FROM app.g WHERE id = 2 AND parent_id IS NULL;
UPDATE app.g SET parent_id = NULL WHERE id = 3;
COMMIT;
SELECT resync('app.g'), resync('app.p');
BEGIN;
INSERT INTO app.p VALUES (7, 2);
COMMIT;
SELECT set_custom('slack', 7, '{"of": "7"}');
-- Of two rows with one id the second goes again: the first keeps what is set on it.
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO app.p VALUES (7, 3);
DELETE FROM app.p WHERE id = 7 AND group_id = 3;
COMMIT;
SELECT * FROM tree WHERE id = '7';
SELECT * FROM app.marks WHERE id = '7';
SELECT resync('app.g'), resync('app.p');
SELECT refusal('INSERT INTO app.g VALUES (2, NULL)');
SELECT refusal('UPDATE app.g SET id = 2 WHERE id = 4');
SELECT * FROM tree WHERE kind = 'group';

-- An id of 255 bytes steps aside as well.
CREATE TABLE app.long (id text PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, parent_id text);
SELECT untrack('app.g'), untrack('app.p');
DELETE FROM app.p;
DELETE FROM projects;
DELETE FROM groups;
SELECT track_groups('app.long');
INSERT INTO app.long SELECT repeat('x', 254) || i FROM generate_series(1, 3) i;
UPDATE app.long SET id = repeat('x', 254) || 4 - right(id, 1)::int;
SELECT right(id, 2) FROM groups ORDER BY id;
SELECT refusal('UPDATE app.long SET id = repeat(''x'', 254) || 1');
SELECT refusal('UPDATE app.long SET id = ''x''');
DROP TABLE app.long;
DELETE FROM groups;

-- Triggers of the app's that change the row again, before and after ours are told.
CREATE TABLE app.n (id int PRIMARY KEY, parent_id int, type text DEFAULT 'Group', note text);
SELECT track_groups('app.n', filter => $$type = 'Group'$$);
CREATE FUNCTION app.again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE NEW.note
        WHEN 'parent' THEN UPDATE app.n SET note = NULL, parent_id = 1 WHERE id = NEW.id;
        WHEN 'same' THEN UPDATE app.n SET note = NULL WHERE id = NEW.id;
        WHEN 'id' THEN UPDATE app.n SET note = NULL, id = id + 100 WHERE id = NEW.id;
        WHEN 'type' THEN UPDATE app.n SET note = NULL, type = CASE type WHEN 'Group' THEN 'User' ELSE 'Group' END WHERE id = NEW.id;
        WHEN 'gone' THEN DELETE FROM app.n WHERE id = NEW.id;
        WHEN 'another' THEN INSERT INTO app.n VALUES (NEW.id + 100, NEW.id) ON CONFLICT DO NOTHING;
        WHEN 'twice' THEN UPDATE app.n SET note = 'id', parent_id = 1 WHERE id = NEW.id;
        ELSE NULL;
    END CASE;
    RETURN NULL;
END $$;
CREATE FUNCTION app.restore() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.note = 'immortal' THEN INSERT INTO app.n VALUES (OLD.*); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER restore AFTER DELETE ON app.n FOR EACH ROW EXECUTE FUNCTION app.restore();
CREATE FUNCTION app.try(name text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE what text;
BEGIN
    EXECUTE format('CREATE TRIGGER %s AFTER INSERT OR UPDATE ON app.n FOR EACH ROW EXECUTE FUNCTION app.again()', name);
    FOREACH what IN ARRAY ARRAY['parent', 'same', 'id', 'type', 'gone', 'another', 'twice'] LOOP
        INSERT INTO app.n VALUES (1, NULL), (2, NULL);
        INSERT INTO app.n VALUES (3, 2, 'User');
        INSERT INTO app.n VALUES (11, 2, 'Group', what), (12, 2, 'User', what), (13, 11, 'Group', NULL);
        UPDATE app.n SET parent_id = 1 WHERE parent_id = 11;
        SET CONSTRAINTS ALL IMMEDIATE;
        RETURN QUERY SELECT format('insert %s: %s', what, string_agg(id || '<' || coalesce(parent_id, '-'), ' ' ORDER BY id)) FROM groups;
        IF resync('app.n') <> 0 THEN RAISE 'a difference'; END IF;
        SET CONSTRAINTS ALL DEFERRED;
        UPDATE app.n SET note = what, parent_id = NULL WHERE id = 2;
        UPDATE app.n SET note = what, parent_id = 2, type = 'Group' WHERE id = 3;
        UPDATE app.n SET note = what, parent_id = 2, id = 14 WHERE id = 13;
        UPDATE app.n SET parent_id = NULL WHERE NOT EXISTS (SELECT FROM app.n g WHERE g.id = n.parent_id);
        SET CONSTRAINTS ALL IMMEDIATE;
        RETURN QUERY SELECT format('update %s: %s', what, string_agg(id || '<' || coalesce(parent_id, '-'), ' ' ORDER BY id)) FROM groups;
        IF resync('app.n') <> 0 THEN RAISE 'a difference'; END IF;
        SET CONSTRAINTS ALL DEFERRED;
        UPDATE app.n SET note = 'immortal' WHERE id = 1;
        DELETE FROM app.n;
        SET CONSTRAINTS ALL IMMEDIATE;
        IF resync('app.n') <> 0 OR (SELECT count(*) FROM groups) <> 1 THEN RAISE 'a difference'; END IF;
        UPDATE app.n SET note = NULL;
        DELETE FROM app.n;
        SET CONSTRAINTS ALL DEFERRED;
    END LOOP;
    EXECUTE format('DROP TRIGGER %s ON app.n', name);
END $$;
SELECT app.try('a_first');
SELECT app.try('z_last');
CREATE TRIGGER z_last AFTER INSERT OR UPDATE ON app.n FOR EACH ROW EXECUTE FUNCTION app.again();
-- What waits for a group that comes left out, or comes and is then left out, or the other way round.
BEGIN;
INSERT INTO app.n VALUES (31, 21), (32, 22), (33, 23);
INSERT INTO app.n VALUES (21, NULL, 'User', NULL), (22, NULL, 'Group', 'type'), (23, NULL, 'User', 'type');
COMMIT;
SELECT * FROM tree;
SELECT resync('app.n');
SELECT refusal($$INSERT INTO app.n VALUES (24, 24, 'User', 'type')$$);
DELETE FROM app.n;
-- In a subtransaction that fails.
BEGIN;
INSERT INTO app.n VALUES (1, NULL), (2, NULL);
SAVEPOINT s;
INSERT INTO app.n VALUES (5, 2, 'Group', 'gone'), (6, 2, 'Group', 'id'), (7, NULL, 'User', 'parent');
ROLLBACK TO s;
INSERT INTO app.n VALUES (5, 2), (6, 2);
COMMIT;
SELECT * FROM tree;
SELECT resync('app.n');

SET client_min_messages = warning;
DROP EXTENSION integration_defaults CASCADE;
DROP SCHEMA app CASCADE;
