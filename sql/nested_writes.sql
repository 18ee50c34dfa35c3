-- What one write of ours leaves for the triggers that it fires is for its own row: whatever triggers of others on our
-- tables write meanwhile, by function, view or plain SQL, is checked as it would be alone.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
DROP SCHEMA IF EXISTS app CASCADE;
CREATE SCHEMA app;
RESET client_min_messages;
SET search_path = app, integration_defaults;
\pset format unaligned
\pset tuples_only on
\set SHOW_CONTEXT never
SELECT register_integration('chat', '{"properties": {"url": {"type": "string"}, "room": {"type": "string"}, "limit": {"type": "integer"}}}');
SELECT register_integration('mail'), register_integration('unused');
SELECT add_project(n) FROM generate_series(1, 9) n;
CREATE VIEW app.own AS SELECT project_id, custom, active, settings FROM project_settings WHERE integration = 'chat' ORDER BY 1;

-- Once for each of these: while the row of project 3 is written, the statement runs. As our statements run with a fixed
-- search_path, what they set off has to bring its own.
CREATE TABLE app.meanwhile (statement text);
CREATE FUNCTION app.run() RETURNS trigger LANGUAGE plpgsql SET search_path = app, integration_defaults AS $$
DECLARE s text;
BEGIN
    IF NEW.project_id = '3' THEN
        FOR s IN WITH gone AS (DELETE FROM app.meanwhile RETURNING statement) SELECT statement FROM gone LOOP
            BEGIN
                EXECUTE s;
            EXCEPTION WHEN OTHERS THEN
                RAISE NOTICE '% %', SQLSTATE, SQLERRM;
            END;
        END LOOP;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_before BEFORE INSERT OR UPDATE ON project_settings FOR EACH ROW EXECUTE FUNCTION app.run();


-- What a lock shadows on another project stays, while an override is taken back here: before and after the row's write,
-- with the same field and by each way.
SELECT override_fields('chat', '{"room": "2", "url": "2"}', 2), override_fields('chat', '{"room": "3", "url": "3"}', 3);
SELECT lock_fields('chat', '{room}');
INSERT INTO app.meanwhile VALUES ($$UPDATE project_settings SET settings = '{"limit": 1}' WHERE project_id = '2'$$);
SELECT inherit_fields('chat', '{room}', 3);
TABLE app.own;
INSERT INTO app.meanwhile VALUES ($$SELECT override_fields('chat', '{"limit": 2}', 2)$$),
    ($$UPDATE project_integrations SET settings = settings || '{"limit": 3}' WHERE project_id = '2' AND integration = 'chat'$$);
SELECT inherit_fields('chat', '{url}', 3);
TABLE app.own;
SELECT unlock_fields('chat', NULL), override_fields('chat', '{"room": "3", "url": "3"}', 3), lock_fields('chat', '{room}');
DROP TRIGGER a_before ON project_settings;
CREATE TRIGGER z_after AFTER INSERT OR UPDATE ON project_settings FOR EACH ROW EXECUTE FUNCTION app.run();
INSERT INTO app.meanwhile VALUES ($$UPDATE project_settings SET settings = '{"limit": 4}' WHERE project_id = '2'$$);
SELECT inherit_fields('chat', '{room}', 3);
TABLE app.own;
SELECT unlock_fields('chat', NULL);

-- What the row of another project has already, and no longer fits its schema, is not given anew by a write here.
SELECT set_custom('chat', 2, '{"room": "old"}'), set_custom('chat', 3, '{}');
SET check_function_bodies = off;
UPDATE project_settings SET settings = '{"limit": "broken"}' WHERE project_id = '2';
SET check_function_bodies = on;
INSERT INTO app.meanwhile VALUES ($$UPDATE project_settings SET settings = settings || '{"room": "r"}' WHERE project_id = '2'$$);
SELECT set_custom('chat', 3, '{"limit": 5}');
TABLE app.own;
INSERT INTO app.meanwhile VALUES ($$UPDATE project_settings SET active = false WHERE project_id = '2'$$);
SELECT override_fields('chat', '{"limit": 6}', 3);
-- an unchanged row keeps its stamp
SELECT updated_at AS stamp FROM project_settings WHERE project_id = '2' \gset
INSERT INTO app.meanwhile VALUES ($$UPDATE project_settings SET settings = settings WHERE project_id = '2'$$);
SELECT set_custom('chat', 3, '{"limit": 7}');
SELECT updated_at = :'stamp' FROM project_settings WHERE project_id = '2';
TABLE app.own;
-- The other way round: what is given here is checked here, whatever runs meanwhile.
CREATE OR REPLACE TRIGGER z_after BEFORE INSERT OR UPDATE ON project_settings FOR EACH ROW EXECUTE FUNCTION app.run();
INSERT INTO app.meanwhile VALUES ($$SELECT set_custom('chat', 2, '{"limit": 8}')$$);
SELECT set_custom('chat', 3, '{"limit": "refused"}');
SELECT override_fields('chat', '{"limit": "refused"}', 3);
-- The same row, of another type and of the same one.
INSERT INTO app.meanwhile VALUES ($$INSERT INTO project_settings (project_id, integration, settings) VALUES ('3', 'mail', '{"limit": "any"}')$$);
SELECT set_custom('chat', 3, '{"limit": 9}');
SELECT integration, settings FROM project_settings WHERE project_id = '3' ORDER BY 1;
TABLE app.own;
DROP TRIGGER z_after ON project_settings;

-- A trigger that has filled an empty row again: it stays.
CREATE FUNCTION app.fill() RETURNS trigger LANGUAGE plpgsql SET search_path = app, integration_defaults AS $$
BEGIN
    IF NEW.settings = '{}' AND NOT NEW.custom THEN
        UPDATE project_settings SET settings = '{"room": "filled"}' WHERE project_id = NEW.project_id AND integration = NEW.integration;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER a_fill AFTER UPDATE ON project_settings FOR EACH ROW EXECUTE FUNCTION app.fill();
SELECT override_fields('chat', '{"room": "4"}', 4);
SELECT inherit_fields('chat', '{room}', 4);
TABLE app.own;
DROP TRIGGER a_fill ON project_settings;

-- effective_settings: a trigger on it can't write to it, whatever ours does just then.
SELECT set_default('chat', '{"url": "all"}'), materialize('chat');
CREATE FUNCTION app.forge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE integration_defaults.effective_settings SET settings = '{"url": "forged"}' WHERE project_id = '9';
    RETURN NEW;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE '% %', SQLSTATE, SQLERRM;
    RETURN NEW;
END $$;
CREATE TRIGGER forge BEFORE INSERT OR UPDATE ON effective_settings FOR EACH ROW WHEN (NEW.project_id = '1') EXECUTE FUNCTION app.forge();
SELECT set_default('chat', '{"url": "before"}');
CREATE OR REPLACE TRIGGER forge AFTER INSERT OR UPDATE ON effective_settings FOR EACH ROW WHEN (NEW.project_id = '1') EXECUTE FUNCTION app.forge();
SELECT set_default('chat', '{"url": "after"}'), dematerialize('chat'), materialize('chat');
DROP TRIGGER forge ON effective_settings;
CREATE CONSTRAINT TRIGGER forge AFTER INSERT OR UPDATE ON effective_settings DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.project_id = '1') EXECUTE FUNCTION app.forge();
SELECT set_default('chat', '{"url": "at commit"}');
SELECT settings, count(*) FROM effective_settings GROUP BY 1;
DROP TRIGGER forge ON effective_settings;

-- Nor does what it reads overlook a tree that is broken for a while, as ours does.
CREATE FUNCTION app.look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE 'found %', (SELECT count(*) FROM integration_defaults.resolve_all(group_id => 'lost'));
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE '% %', SQLSTATE, SQLERRM;
    RETURN NULL;
END $$;
CREATE TRIGGER look AFTER UPDATE ON effective_settings FOR EACH ROW WHEN (NEW.project_id = '1') EXECUTE FUNCTION app.look();
SELECT add_group('top'), add_group('lost', 'top'), move_project(8, 'lost');
BEGIN;
DELETE FROM groups WHERE id = 'top';
SELECT set_default('chat', '{"url": "broken"}');
SELECT count(*) FROM effective_settings;
SELECT resolve_all(group_id => 'lost');
ROLLBACK;
-- A nested call of ours that overlooks does not make the outer one forget what it has met.
CREATE FUNCTION app.again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM integration_defaults.materialize('unused');
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER look AFTER UPDATE ON effective_settings FOR EACH ROW WHEN (NEW.project_id = '4') EXECUTE FUNCTION app.again();
BEGIN;
DELETE FROM groups WHERE id = 'top';
SELECT set_default('chat', '{"url": "twice"}');
SELECT count(*) FROM effective_settings WHERE integration = 'chat';
INSERT INTO groups VALUES ('top');
COMMIT;
SELECT * FROM effective_settings WHERE integration = 'chat' EXCEPT SELECT * FROM project_integrations;
DROP TRIGGER look ON effective_settings;

-- A write that can't be made says why, and ends.
SELECT use_default('chat', 5), use_default('chat', 2);
CREATE FUNCTION app.veto() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER veto BEFORE INSERT ON project_settings FOR EACH ROW EXECUTE FUNCTION app.veto();
SELECT set_custom('chat', 5, '{}');
SELECT override_fields('chat', '{"room": "5"}', 5);
INSERT INTO project_integrations (project_id, integration, settings) VALUES ('5', 'chat', '{}');
DROP TRIGGER veto ON project_settings;
CREATE TRIGGER veto BEFORE UPDATE ON instance_settings FOR EACH ROW EXECUTE FUNCTION app.veto();
SELECT set_default('chat', '{}');
SELECT lock_fields('chat');
DROP TRIGGER veto ON instance_settings;
SELECT set_custom('chat', 5, '{"room": "5"}');
CREATE ROLE regress_nested;
GRANT USAGE ON SCHEMA app TO regress_nested;
SELECT grant_access('regress_nested', 'write');
-- Row security is for who reads and writes the tables by plain SQL.
ALTER TABLE project_settings ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY mine ON project_settings TO regress_nested USING (updated_by = current_user) WITH CHECK (true);
SET ROLE regress_nested;
SELECT set_custom('chat', 5, '{"room": "not mine"}');
SELECT override_fields('chat', '{"room": "not mine"}', 5);
SELECT set_custom('chat', 6, '{"room": "mine"}'), override_fields('chat', '{"limit": 1}', 6);
RESET ROLE;
ALTER TABLE project_settings DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
TABLE app.own;

-- Who may create triggers on our tables gets at nothing by hanging up ours otherwise than we do.
GRANT TRIGGER ON integrations, project_settings, instance_settings, groups TO regress_nested;
\set VERBOSITY sqlstate
SET ROLE regress_nested;
CREATE TRIGGER a_empty AFTER INSERT OR UPDATE ON project_settings FOR EACH ROW EXECUTE FUNCTION remove_empty_settings();
RESET ROLE;
SELECT set_custom('chat', 6, '{"room": "stays"}'), set_active('chat', true, 7), set_custom('chat', 8, '{}');
SELECT count(*) FROM app.own WHERE project_id IN ('6', '7', '8');
DROP TRIGGER a_empty ON project_settings;
CREATE FUNCTION app.hang(what text, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL ROLE regress_nested;
    EXECUTE 'CREATE TRIGGER hung ' || what;
    RESET ROLE;
    EXECUTE statement;
    RAISE EXCEPTION 'fired';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || CASE WHEN SQLSTATE = 'P0001' THEN ' ' || SQLERRM ELSE '' END;
END $$;
SELECT app.hang(what || ' EXECUTE FUNCTION integration_defaults.' || function, statement), what, function FROM (VALUES
    ('BEFORE DELETE ON project_settings FOR EACH ROW', 'check_settings()', 'DELETE FROM project_settings'),
    ('AFTER INSERT ON project_settings FOR EACH ROW', 'check_settings()', $$SELECT set_custom('chat', 9, '{}')$$),
    ('BEFORE UPDATE ON project_settings FOR EACH STATEMENT', 'check_settings()', 'UPDATE project_settings SET active = true'),
    ('AFTER DELETE ON project_settings FOR EACH ROW', 'remove_empty_settings()', 'DELETE FROM project_settings'),
    ('AFTER INSERT ON project_settings FOR EACH STATEMENT', 'settle()', $$SELECT set_custom('chat', 9, '{}')$$),
    ('AFTER UPDATE ON project_settings REFERENCING NEW TABLE AS n FOR EACH STATEMENT', 'settle()', 'UPDATE project_settings SET active = true'),
    ('AFTER UPDATE ON project_settings REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH ROW', 'settle()', 'UPDATE project_settings SET active = true'),
    ('BEFORE TRUNCATE ON project_settings', 'settle()', 'TRUNCATE project_settings'),
    ('BEFORE INSERT ON project_settings FOR EACH ROW', 'note_change()', $$SELECT set_custom('chat', 9, '{}')$$),
    ('AFTER TRUNCATE ON project_settings', 'note_change()', 'TRUNCATE project_settings'),
    ('AFTER UPDATE ON instance_settings FOR EACH ROW', 'count_change()', $$SELECT set_default('chat', '{"url": "c"}')$$),
    ('BEFORE UPDATE ON instance_settings FOR EACH STATEMENT', 'count_change()', $$SELECT set_default('chat', '{"url": "c"}')$$),
    ('BEFORE UPDATE ON project_settings FOR EACH ROW', 'count_change()', 'UPDATE project_settings SET active = true'),
    ('BEFORE UPDATE ON instance_settings FOR EACH ROW', 'keep_generations()', $$SELECT set_default('chat', '{"url": "c"}')$$),
    ('BEFORE UPDATE ON instance_settings FOR EACH ROW', 'refuse_plain_writes()', $$SELECT set_default('chat', '{"url": "c"}')$$))
    AS hung (what, function, statement);
TABLE app.own;
\set VERBOSITY default
SET client_min_messages = warning;
DROP OWNED BY regress_nested;
DROP ROLE regress_nested;
DROP SCHEMA app CASCADE;
