-- What statements would change, before they do.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
SET search_path = public, integration_defaults;
\getenv here PG_ABS_SRCDIR
\set refusal :here '/sql/refusal.psql'
\i :refusal
\pset format unaligned
\pset tuples_only on
\pset null -

CREATE SCHEMA preview_app;
CREATE TABLE preview_app.groups (id int PRIMARY KEY, parent_id int);
CREATE TABLE preview_app.projects (id int PRIMARY KEY, group_id int);
INSERT INTO preview_app.groups VALUES (1, NULL), (2, 1), (3, 2), (9, NULL);
INSERT INTO preview_app.projects VALUES (10, 1), (20, 2), (30, 3), (90, 9), (100, NULL);
SELECT track_groups('preview_app.groups'), track_projects('preview_app.projects');
SELECT register_integration('chat', '{"properties": {"url": {"type": "string"}, "room": {"default": "#all"}}}');
SELECT register_integration('mail');
-- What a preview shows, as lines, and whether that is what then really changes. All is undone.
CREATE FUNCTION answers() RETURNS TABLE (scope text, integration text, active boolean, settings jsonb, source text)
LANGUAGE sql AS $$
    SELECT 'group ' || group_id, integration, active, settings, concat_ws(' ', source_level, source_id) FROM group_integrations
    UNION ALL
    SELECT 'project ' || project_id, integration, active, settings, concat_ws(' ', source_level, source_id)
    FROM project_integrations
$$;
CREATE FUNCTION changes(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE shown text[]; real text[];
BEGIN
    SELECT array_agg(line ORDER BY line) INTO shown FROM (
        SELECT format('%s %s %s: %s %s (%s) -> %s %s (%s)', p.scope_level, p.scope_id, p.integration, coalesce(p.before_active::text, '-'),
            coalesce(p.before::text, '-'), concat_ws(' ', before_source_level, before_source_id), coalesce(p.after_active::text, '-'),
            coalesce(p.after::text, '-'), concat_ws(' ', after_source_level, after_source_id)) AS line
        FROM preview(statement) p) lines;
    CREATE TEMP TABLE had AS SELECT * FROM answers();
    BEGIN
        EXECUTE statement;
        SET CONSTRAINTS ALL IMMEDIATE;
        SELECT array_agg(line ORDER BY line) INTO real FROM (
            SELECT format('%s %s: %s %s (%s) -> %s %s (%s)', scope, integration, coalesce(b.active::text, '-'), coalesce(b.settings::text, '-'),
                coalesce(b.source, ''), coalesce(a.active::text, '-'), coalesce(a.settings::text, '-'), coalesce(a.source, '')) AS line
            FROM (SELECT scope, integration FROM had UNION SELECT scope, integration FROM answers()) both_states
            LEFT JOIN had b USING (scope, integration) LEFT JOIN answers() a USING (scope, integration)
            WHERE (a.active, a.settings) IS DISTINCT FROM (b.active, b.settings)) lines;
        RAISE SQLSTATE 'XX999';
    EXCEPTION WHEN SQLSTATE 'XX999' THEN
    END;
    DROP TABLE had;
    RETURN QUERY SELECT unnest(shown);
    IF real IS DISTINCT FROM shown THEN
        RETURN QUERY SELECT 'BUT REALLY: ' || coalesce(array_to_string(real, E'\n'), 'nothing');
    END IF;
END $$;

-- The first default: all that have not configured it. Nothing is left of it.
SELECT set_custom('chat', 30, '{"url": "own"}');
SELECT changes($$SELECT set_default('chat', '{"url": "u"}')$$);
SELECT * FROM resolve('chat', 10);
SELECT set_default('chat', '{"url": "u"}');
-- What own settings, a nearer default or a lock hide is not listed, nor what is the same as before.
SELECT changes($$SELECT set_default('chat', '{"url": "v"}', 2)$$);
SELECT changes($$SELECT set_default('chat', '{"url": "u"}')$$);
SELECT changes($$SELECT override_fields('chat', '{"room": "#two"}', group_id => 2)$$);
SELECT override_fields('chat', '{"room": "#two"}', group_id => 2);
SELECT changes($$SELECT set_default('chat', '{"url": "w", "room": "#new"}')$$);
SELECT lock_fields('chat', '{room}');
SELECT changes($$SELECT unlock_fields('chat', '{room}')$$);
SELECT changes($$SELECT override_fields('chat', '{"room": "#locked"}')$$);
SELECT unlock_fields('chat', '{room}');
SELECT changes($$SELECT set_active('chat', false, group_id => 2)$$);
SELECT changes($$SELECT reset_default('chat')$$);
SELECT changes($$SELECT use_default('chat', 30)$$);
-- Several together, plain SQL, and the app's own tables: moves, removals, new ones, another id.
SELECT changes($$SELECT set_default('chat', '{"url": "v"}', 2); SELECT reset_default('chat', 2); SELECT set_custom('chat', 90, '{}')$$);
SELECT changes($$UPDATE project_settings SET settings = '{"url": "plain"}'; DELETE FROM group_settings$$);
SELECT changes($$UPDATE preview_app.projects SET group_id = 9 WHERE id OPERATOR(pg_catalog.=) 20$$);
SELECT changes($$UPDATE preview_app.groups SET parent_id = 9 WHERE id OPERATOR(pg_catalog.=) 3; UPDATE preview_app.groups SET parent_id = NULL WHERE id OPERATOR(pg_catalog.=) 2$$);
SELECT changes($$DELETE FROM preview_app.projects WHERE id OPERATOR(pg_catalog.=) 30; DELETE FROM preview_app.groups WHERE id OPERATOR(pg_catalog.=) 3$$);
SELECT changes($$INSERT INTO preview_app.groups VALUES (4, 2); INSERT INTO preview_app.projects VALUES (40, 4)$$);
SELECT changes($$UPDATE preview_app.projects SET id = 31 WHERE id OPERATOR(pg_catalog.=) 30$$);
SELECT changes($$UPDATE preview_app.groups SET id = 8 WHERE id OPERATOR(pg_catalog.=) 9; UPDATE preview_app.projects SET group_id = 8 WHERE id OPERATOR(pg_catalog.=) 90$$);
SELECT changes($$TRUNCATE preview_app.projects$$);
SELECT changes($$TRUNCATE project_settings$$);
-- Types: another schema, which ones are allowed, another name, none.
SELECT changes($$SELECT register_integration('chat', '{"properties": {"room": {"default": "#other"}}}')$$);
SELECT changes($$SELECT allow_integrations('{mail}')$$);
SELECT changes($$UPDATE integrations SET name = 'talk' WHERE name OPERATOR(pg_catalog.=) 'chat'$$);
SELECT changes($$DELETE FROM instance_settings; DELETE FROM group_settings; DELETE FROM project_settings;
    SELECT unregister_integration('chat')$$);
SELECT changes($$SELECT reset_below('chat')$$);
SELECT set_custom('chat', 90, '{"url": "u"}');
SELECT changes($$SELECT drop_redundant('chat')$$);
SELECT use_default('chat', 90);
-- One type only. What moves has a type that only is configured before, too.
SELECT set_default('mail', '{"a": 1}', 2);
SELECT scope_id, integration FROM preview($$SELECT set_default('chat', '{}'); SELECT reset_default('mail', 2)$$, 'mail') ORDER BY 1;
SELECT changes($$SELECT reset_default('mail', 2); UPDATE preview_app.projects SET group_id = 9 WHERE id OPERATOR(pg_catalog.=) 20$$);

-- What a transaction did, taken back: the history is as it was, and goes on.
SELECT set_custom('chat', 10, '{"url": "undo me"}');
SELECT set_custom('chat', 10, '{"url": "undone"}');
SELECT changes(format('SELECT undo(%s)', max(transaction))) FROM history;
BEGIN;
SELECT set_custom('chat', 10, '{"url": "last"}');
SELECT count(*) AS noted, max(transaction) AS open FROM history \gset
SELECT changes($$SELECT set_custom('chat', 10, '{"url": "not noted"}'); SELECT set_default('chat', '{"url": "nor this"}')$$);
SELECT count(*) = :noted FROM history;
COMMIT;
SELECT after #>> '{settings,url}', at IS NOT NULL FROM history WHERE transaction = :open;
SELECT use_default('chat', 10);

-- What the transaction has done already is not part of it; what it owes is seen.
BEGIN;
SELECT set_default('chat', '{"url": "mine"}');
SELECT changes($$SELECT set_custom('chat', 10, '{"url": "ten"}')$$);
SELECT settings FROM resolve('chat', 10);
ROLLBACK;
BEGIN;
DELETE FROM preview_app.projects WHERE id = 30;
SELECT count(*) FROM project_settings;
SELECT changes($$SELECT reset_default('chat')$$);
SELECT count(*) FROM project_settings;
COMMIT;
SELECT count(*) FROM project_settings;
-- A preview in a preview; one in a function with an EXCEPTION block; a statement that changes nothing of ours.
SELECT changes($$SELECT FROM preview('SELECT reset_default(''chat'')')$$);
SELECT changes($$DO 'BEGIN PERFORM set_default(''chat'', ''{"url": "gone"}''); RAISE SQLSTATE ''XX998''; EXCEPTION WHEN OTHERS THEN END'$$);
SELECT count(*) FROM preview('CREATE TABLE preview_app.other (a int); INSERT INTO preview_app.other VALUES (1); SELECT 1');
SELECT to_regclass('preview_app.other');
SELECT count(*) FROM preview('');

-- With materialized types, too.
SET client_min_messages = warning;
SELECT materialize('chat');
SELECT changes($$SELECT set_default('chat', '{"url": "v"}', 2)$$);
SELECT changes($$DELETE FROM preview_app.groups WHERE id OPERATOR(pg_catalog.=) 9; UPDATE preview_app.projects SET group_id = 3 WHERE id OPERATOR(pg_catalog.=) 90$$);
SELECT count(*) FROM ((TABLE effective_settings EXCEPT SELECT * FROM project_integrations WHERE integration = 'chat')
    UNION ALL (SELECT * FROM project_integrations WHERE integration = 'chat' EXCEPT TABLE effective_settings)) different;

-- What would fail fails, and nothing is left.
SELECT refusal($$SELECT * FROM preview('SELECT set_default(''none'', ''{}'')')$$);
SELECT refusal($$SELECT * FROM preview('SELECT set_custom(''chat'', 10, ''{"url": 1}'')')$$);
SELECT refusal($$SELECT * FROM preview('DELETE FROM preview_app.groups WHERE id OPERATOR(pg_catalog.=) 1')$$);
SELECT refusal($$SELECT * FROM preview('UPDATE preview_app.groups SET parent_id = 3 WHERE id OPERATOR(pg_catalog.=) 1')$$);
SELECT refusal($$SELECT * FROM preview('COMMIT')$$);
SELECT refusal($$SELECT * FROM preview('SAVEPOINT a')$$);
SELECT refusal($$SELECT * FROM preview('COPY preview_app.groups FROM STDIN')$$);
SELECT refusal($$SELECT * FROM preview('nonsense')$$);
SELECT refusal($$SELECT * FROM preview(NULL)$$);
SELECT refusal($$SELECT * FROM preview('SELECT 1', 'none')$$);
SELECT count(*) FROM answers();
-- The session goes on after an error, in and outside of a transaction.
SELECT * FROM preview('SELECT 1 OPERATOR(pg_catalog./) 0');
BEGIN;
SAVEPOINT a;
SELECT * FROM preview('SELECT set_default(''chat'', ''{"url": "u2"}''); SELECT 1 OPERATOR(pg_catalog./) 0');
ROLLBACK TO a;
SELECT count(*) FROM preview('SELECT set_default(''chat'', ''{"url": "u2"}'')');
COMMIT;
-- With the caller's rights, and no others.
CREATE ROLE regress_previewer;
GRANT USAGE ON SCHEMA integration_defaults TO regress_previewer;
SET ROLE regress_previewer;
SELECT refusal($$SELECT * FROM integration_defaults.preview('SELECT 1')$$);
RESET ROLE;
SELECT grant_access('regress_previewer', 'read');
SET ROLE regress_previewer;
SELECT refusal($$SELECT * FROM integration_defaults.preview('SELECT integration_defaults.reset_default(''chat'')')$$);
SELECT refusal($$SELECT * FROM integration_defaults.preview('DELETE FROM preview_app.groups')$$);
SELECT refusal($$SELECT * FROM integration_defaults.preview('RESET ROLE; DELETE FROM preview_app.groups WHERE false; SELECT 1')$$);
SELECT current_user;
RESET ROLE;
SELECT revoke_access('regress_previewer', 'read');
DROP OWNED BY regress_previewer;
DROP ROLE regress_previewer;
DROP FUNCTION refusal, undone, changes, answers;
DROP SCHEMA preview_app CASCADE;
