-- Why a scope has what it has.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
-- masks are the same in each run
INSERT INTO integration_defaults.mask_keys VALUES (false, repeat('A', 43) || '=');
RESET client_min_messages;
SET search_path = integration_defaults;
\pset format unaligned
\pset footer off
\pset null NULL

SELECT register_integration('hook', '{"properties": {
    "url": {"type": "string"}, "token": {"type": "string", "writeOnly": true},
    "channel": {"type": ["string", "null"]}, "retries": {"type": "integer", "default": 3}, "note": {}},
    "x-atomic": [["url", "token"]]}');
SELECT add_group('7'), add_group('8', '7'), add_project('p', '8');

-- nothing is configured
SELECT * FROM explain('hook', 'p');

SELECT set_default('hook', '{"url": "u0", "token": "t0", "channel": "#0", "zz": 1, "aa": 2}');
SELECT lock_fields('hook', '{channel}');
SELECT override_fields('hook', '{"url": "u7", "token": "t7"}', group_id => '7');
INSERT INTO project_settings (project_id, integration, custom, settings) VALUES ('p', 'hook', false, '{"note": null}');
-- a shadowed value, as an older lock left it
SET check_function_bodies = off;
UPDATE project_settings SET settings = '{"note": null, "channel": "#p"}';
RESET check_function_bodies;

-- secrets are masked: the same mask for the same secret
CREATE TEMP VIEW explained AS SELECT * FROM explain('hook', 'p');
TABLE explained;
SELECT count(DISTINCT value) FROM (
    SELECT value FROM explain('hook', 'p') WHERE field = 'token'
    UNION ALL SELECT inherited_value FROM explain('hook', 'p') WHERE field = 'token'
    UNION ALL SELECT value FROM explain('hook', group_id => '7') WHERE field = 'token'
    UNION ALL SELECT value FROM explain('hook') WHERE field = 'token') secrets;
SELECT field, reason, own_value IS NOT NULL AS own, inherited_value IS NOT NULL AS inherited, locked_by FROM explain('hook', group_id => '7');
SELECT field, value IS NOT NULL AS value, source_level, reason, inherited_value, locked_by FROM explain('hook');

SELECT set_custom('hook', 'p', '{"note": 1}', false);
TABLE explained;
SELECT allow_integrations('{}');
SELECT field, value, reason FROM explain('hook', 'p') LIMIT 1;
SELECT allow_integrations(NULL);

-- values agree with resolve()
SELECT field FROM explain('hook', 'p') e, resolve('hook', 'p') r
WHERE field <> 'active' AND value IS DISTINCT FROM r.settings -> field;

SELECT * FROM explain('nope', 'p');
SELECT * FROM explain('hook', 'nope');
SELECT * FROM explain('hook', 'p', '7');
SELECT count(*) FROM explain('hook', NULL);
SELECT count(*) FROM explain(NULL, 'p');

-- the drawing
SELECT add_project('p2', '8'), add_project('p3'), add_group('10'), add_group('9', '10');
SELECT tree('hook', whole => true);
SELECT tree('hook');
SELECT tree('hook', '7');
SELECT tree('hook', '7', whole => true);
SELECT tree('hook', 'nope');

-- what no longer fits
SELECT register_integration('hook', '{"properties": {"url": {"maxLength": 2}, "note": {"type": "string"}, "channel": {}}, "required": ["note"]}');
SELECT register_integration('hook', '{"properties": {"url": {"maxLength": 2}, "note": {"type": "string"}, "channel": {}}, "required": ["note"]}', force => true);
SELECT * FROM invalid_settings();
SELECT * FROM invalid_settings('hook') WHERE scope_level = 'project';
SELECT * FROM invalid_settings('nope');
-- a broken state can be mended step by step, and is not made worse
SELECT override_fields('hook', '{"channel": "#0"}', 'p');
SELECT set_active('hook', true, 'p');
SELECT override_fields('hook', '{"note": "now fits"}', 'p');
SELECT set_active('hook', true, 'p');
SELECT * FROM invalid_settings('hook') WHERE scope_level = 'project';
-- of many places, those that fitted before, and not all of them
SELECT register_integration('many', '{}');
SELECT set_custom('many', 'p3', (SELECT jsonb_object_agg('f' || n, n) FROM generate_series(10, 34) n));
SELECT register_integration('many', '{"properties": {"f10": {"type": "string"}}}', force => true);
SELECT register_integration('many', '{"additionalProperties": {"type": "string"}, "properties": {"f10": {"type": "string"}}}');
