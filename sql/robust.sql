-- What the rules can't have written, but an owner or a restore can bring: nothing of it ends the server, and what is wrong
-- with one type or row is no error for the others.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
-- masks are the same in each run
INSERT INTO integration_defaults.mask_keys VALUES (false, repeat('A', 43) || '=');
RESET client_min_messages;
SET search_path = public, integration_defaults;
\pset format unaligned
\pset tuples_only on
\pset null NULL

SELECT register_integration('chat', '{"properties": {"url": {"type": "string"}, "token": {"writeOnly": true}, "channel": {"default": "#all"}}, "x-atomic": [["url", "token"]]}');
SELECT register_integration('free');
SELECT add_group(1), add_group(2, 1), add_project(10), add_project(11, 1), add_project(12, 2), add_project(13, 2);
SELECT set_default('chat', '{"url": "u", "token": "t"}'), set_default('free', '{"a": 1}');

-- functions that are declared STRICT are so by themselves
BEGIN;
DO $$
DECLARE own regprocedure;
BEGIN
    FOR own IN SELECT oid FROM pg_proc WHERE pronamespace = 'integration_defaults'::regnamespace AND proisstrict LOOP
        EXECUTE format('ALTER FUNCTION %s CALLED ON NULL INPUT', own);
    END LOOP;
END $$;
SELECT count(*) FROM pg_proc WHERE pronamespace = 'integration_defaults'::regnamespace AND proisstrict;
SELECT external_id(NULL::smallint), external_id(NULL::int), external_id(NULL::bigint), external_id(NULL::numeric), external_id(NULL::text),
    external_id(NULL::varchar), external_id(NULL::bpchar), external_id(NULL::uuid), external_id_in(NULL), external_id_out(NULL), external_id_send(NULL);
SELECT count(*) FROM resolve('chat', NULL::int);
ROLLBACK;

-- every function that is called with NULLs only
DO $$
DECLARE call text;
BEGIN
    FOR call IN SELECT format('SELECT count(*) FROM integration_defaults.%I(%s) f', proname,
        (SELECT string_agg('NULL::' || format_type(t, NULL), ', ' ORDER BY n) FROM unnest(proargtypes::oid[]) WITH ORDINALITY a(t, n)))
        FROM pg_proc WHERE pronamespace = 'integration_defaults'::regnamespace AND prokind = 'f' AND prorettype <> 'trigger'::regtype
        AND NOT proargtypes::oid[] && ARRAY['internal'::regtype::oid] ORDER BY oid
    LOOP
        BEGIN
            EXECUTE call;
        EXCEPTION WHEN OTHERS THEN
            IF SQLSTATE NOT IN ('22004', '22023', '42704') THEN RAISE WARNING '% %: %', SQLSTATE, call, SQLERRM; END IF;
        END;
    END LOOP;
END $$;

-- what the views are made of, with what no view gives
SELECT left(project_id, 5) AS project, left(group_id, 5) AS "group", s.*
FROM unnest(ARRAY['11', 'nope', repeat('x', 100000), '', NULL]) project_id, unnest(ARRAY['1', 'nope', repeat('x', 100000), '', NULL]) group_id,
    settings_at(project_id, group_id, true) s
WHERE length(project_id) < 300 OR length(group_id) < 300;
SELECT count(*), count(*) FILTER (WHERE settings IS NULL) FROM unnest(ARRAY[true, false, NULL]) c, settings_at(NULL, NULL, c);
SELECT effective_differs(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), effective_differs(true, '1', NULL, 'a', repeat('x', 10000), true, '[]', NULL, '', NULL),
    effective_differs(true, NULL, NULL, NULL, NULL, true, NULL, NULL, NULL, NULL);

-- tables that take what ours do not
BEGIN;
ALTER TABLE group_settings ALTER locked DROP NOT NULL;
SELECT active_settings('chat', 12);
ROLLBACK;
BEGIN;
ALTER TABLE integrations ALTER schema DROP NOT NULL;
SELECT active_settings('chat', 12);
ROLLBACK;

-- rows that no write could have made: settings that are no object are none, locks that are no names are none
SET check_function_bodies = off;
INSERT INTO project_settings VALUES ('11', 'chat', true, true, '[1, {"a": 2}]'), ('12', 'chat', true, NULL, '"text"'), ('13', 'chat', false, NULL, '5');
INSERT INTO group_settings (group_id, integration, custom, settings, locked) VALUES ('2', 'chat', false, '{}', '{{NULL,channel},{"",nope}}');
RESET check_function_bodies;
SELECT p.id, r.* FROM projects p, resolve('chat', p.id) r ORDER BY 1;
SELECT project_id, active, settings FROM project_integrations WHERE integration = 'chat' ORDER BY 1;
SELECT p.id, active_settings('chat', p.id), (SELECT string_agg(field || coalesce(' ' || locked_by, ''), ', ') FROM explain('chat', p.id) WHERE source_level IS NULL) FROM projects p ORDER BY 1;
SELECT * FROM invalid_settings('chat');
SELECT * FROM redundant_overrides('chat');
SELECT project_id, custom, active, fields FROM projects_using_custom_settings('chat') ORDER BY 1;
SELECT set_custom('chat', 11, '{"channel": "#11"}'), override_fields('chat', '{"url": "u12"}', 12, active => true);
SELECT override_fields('chat', '{"channel": "#12"}', 12);
SELECT override_fields('chat', '{"url": "u13"}', 13);
SELECT project_id, custom, active, settings FROM project_settings ORDER BY 1;
SELECT unlock_fields('chat', group_id => 2);
SELECT count(*) FROM group_settings;

-- types whose schema can't be used are passed over, with a warning a statement
SET check_function_bodies = off;
INSERT INTO integrations (name, schema) VALUES ('bad', '[1]'), ('it''s "bad"', '{"properties": {"a": {"type": "nonsense"}}}'),
    (repeat('n', 300), '{"properties": {"a": {"type": "nonsense"}}}');
INSERT INTO instance_settings (integration, settings) VALUES ('bad', '{"token": "hidden"}'), ('it''s "bad"', '{"token": "hidden"}');
INSERT INTO project_settings (project_id, integration, settings) VALUES ('10', 'bad', '{"token": "hidden"}');
RESET check_function_bodies;
SELECT count(*), count(DISTINCT integration) FROM project_integrations;
\set VERBOSITY terse
SELECT count(*), count(DISTINCT integration) FROM project_integrations;
SELECT count(*) FROM group_integrations WHERE active;
SELECT integration FROM instance_integrations ORDER BY 1;
SELECT integration, active FROM resolve_all(10);
SELECT left(integration, 20) AS integration, scope_level, scope_id, violation FROM invalid_settings();
SELECT * FROM invalid_settings('bad');
-- asked about it by name
\set VERBOSITY default
SELECT * FROM resolve('bad', 10);
\set VERBOSITY terse
SELECT active_settings(repeat('n', 300));
SELECT * FROM explain('it''s "bad"', 10);
SELECT * FROM tree('bad');
SELECT * FROM projects_using_default('bad');
SELECT set_default('bad', '{"a": 1}');
SELECT override_fields('bad', '{"a": 1}', 11);
INSERT INTO project_settings (project_id, integration, settings) VALUES ('11', 'bad', '{"a": 1}');
SELECT materialize('bad');
\set VERBOSITY default
-- all else goes on
SELECT set_default('free', '{"a": 2}'), add_project(14, 2), move_group(2, NULL), remove_project(14);
SELECT settings FROM resolve('free', 13);
DELETE FROM project_settings WHERE integration = 'bad';
SELECT register_integration('bad', '{"properties": {"token": {"writeOnly": true}}}');
SELECT integration, active, scope_id FROM (SELECT integration, active, source_id AS scope_id FROM resolve('bad', 10)) r;
SELECT unregister_integration(repeat('n', 300));
DELETE FROM instance_settings WHERE integration LIKE 'it%';
DELETE FROM integrations WHERE name LIKE 'it%';
SELECT count(*), count(DISTINCT integration) FROM project_integrations;

-- a tree that does not end
SET check_function_bodies = off;
INSERT INTO groups VALUES ('c1', 'c2'), ('c2', 'c1'), ('orphan', 'nowhere');
INSERT INTO projects VALUES ('pc', 'c1'), ('po', 'orphan'), ('pn', 'nix');
RESET check_function_bodies;
SELECT count(*) FROM project_integrations;
SELECT * FROM resolve('chat', 'pc');
SELECT * FROM resolve('chat', 'po');
SELECT * FROM resolve('chat', 'pn');
SELECT count(*) FROM resolve_all(10);
SELECT count(*) FROM projects_using_default('chat');
SELECT count(*) FROM projects_using_custom_settings('chat');
SELECT count(*) FROM tree('chat', whole => true);
SELECT count(*) FROM tree('chat', 'c1', whole => true);
SELECT count(*) FROM invalid_settings();
SELECT count(*) FROM redundant_overrides('chat');

-- a secret whose key the schema no longer names stays masked; what never was one is shown
DELETE FROM projects WHERE id IN ('pc', 'po', 'pn');
DELETE FROM groups WHERE id IN ('c1', 'c2', 'orphan');
SELECT register_integration('chat', '{"properties": {"url": {"type": "string"}, "shape": {"additionalProperties": false}}}', force => true);
SELECT override_fields('chat', '{"stray": "shown", "nothing": null}', 10);
SELECT field, value, own_value AS own FROM explain('chat', 10) ORDER BY field;
SELECT field, value FROM explain('free', 10);

-- nor do messages show the keys inside of one
SELECT register_integration('deep', '{"properties": {"a~/b": {"writeOnly": true, "additionalProperties": {"type": "string"}}, "open": {"additionalProperties": {"type": "string"}}},
    "additionalProperties": {"additionalProperties": {"type": "string"}}}');
SELECT set_default('deep', '{"a~/b": {"hidden": 5, "hidden too": [1]}, "open": {"shown": 5}, "other": {"hidden": 5}}');
SET check_function_bodies = off;
INSERT INTO instance_settings (integration, settings) VALUES ('deep', '{"a~/b": {"hidden": 5}, "open": {"shown": 5}, "other": {"hidden": {}}}');
RESET check_function_bodies;
SELECT * FROM invalid_settings('deep');

-- a name that is too long for a message
SELECT resolve(repeat('long ', 1000), 10);

DROP EXTENSION integration_defaults CASCADE;
