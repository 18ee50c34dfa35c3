-- Secrets on a server without keys: they are marked, and masked everywhere but in active_settings(). What a server with
-- keys does is tested by test/t.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
SET search_path = integration_defaults, public;
\pset format unaligned
\pset tuples_only on
\pset null '(null)'

SELECT register_integration('hook', '{
    "properties": {
        "url": {"type": "string"},
        "token": {"type": "string", "minLength": 3, "writeOnly": true},
        "headers": {"type": "object", "additionalProperties": {"type": "string", "writeOnly": true}},
        "pin": {"type": "integer", "writeOnly": true, "default": 0},
        "room": {}
    },
    "x-atomic": [["url", "token"]]
}');
SELECT add_group('g'), add_project('p', 'g'), add_project('q', 'g'), add_project('free');

-- what masks are, without what is random in each database
CREATE FUNCTION pg_temp.m(value text) RETURNS text LANGUAGE sql IMMUTABLE AS
    $$SELECT regexp_replace(value, '[0-9a-f]{16}', '0123456789abcdef', 'g')$$;

SELECT mask('hook', 'token', '"none is set yet"');
SELECT set_default('hook', '{"url": "https://a", "token": "secret of all", "headers": {"X": "secret header"}, "room": "r"}');
SELECT pg_temp.m(settings::text) FROM instance_settings;

-- every surface
SELECT pg_temp.m(settings::text) FROM resolve('hook', 'p');
SELECT pg_temp.m(settings::text) FROM resolve_all('p');
SELECT pg_temp.m(settings::text) FROM project_integrations WHERE project_id = 'p';
SELECT pg_temp.m(settings::text) FROM group_integrations;
SELECT pg_temp.m(settings::text) FROM instance_integrations;
SELECT field, pg_temp.m(value::text) AS value, pg_temp.m(own_value::text) AS own, pg_temp.m(inherited_value::text) AS inherited
FROM explain('hook', 'p');
SELECT active_settings('hook', 'p');
SELECT * FROM all_active_settings('p');
SELECT * FROM all_active_settings(group_id => 'g');
SELECT settings ->> 'token' = mask('hook', 'token', '"secret of all"') AS same,
       settings ->> 'token' = mask('hook', 'token', '"secret of some"') AS other,
       settings ->> 'token' ~ '^\(secret [0-9a-f]{16}\)$' AS shape
FROM resolve('hook', 'p');
-- equal where the secret is equal, in whatever field and however it is written
SELECT mask('hook', 'headers', '{"a": 1.50, "b": [null]}') = mask('hook', 'token', '{"b": [null], "a": 1.5}') AS same;
SELECT mask('hook', 'url', '"x"');
SELECT mask('nothing', 'url', '"x"');
SELECT mask('hook', 'token', NULL), mask('hook', 'token', 'null');

-- a value is checked before it is stored, and its text is nowhere
SELECT set_default('hook', '{"url": "https://a", "token": "xy"}');
SELECT set_default('hook', '{"url": "https://a", "headers": {"X-secret": 5}}');
-- JSON null is no secret
SELECT set_custom('hook', 'free', '{"token": null, "pin": 7}', active => false);
SELECT pg_temp.m(settings::text) FROM project_settings;
SELECT use_default('hook', 'free');

-- a mask that comes back changes nothing
SELECT override_fields('hook', settings, 'p') FROM resolve('hook', 'p');
SELECT project_id, custom, pg_temp.m(settings::text) FROM project_settings;
SELECT active_settings('hook', 'p') = active_settings('hook') AS same;
UPDATE project_integrations SET settings = settings || '{"room": "mine"}' WHERE project_id = 'p';
SELECT project_id, custom, pg_temp.m(settings::text) FROM project_settings;
SELECT use_default('hook', 'p');
-- where a part of its group is set, it is taken over, to the same address only
INSERT INTO project_settings (project_id, integration, custom, settings) SELECT 'p', 'hook', false, settings FROM resolve('hook', 'p');
SELECT project_id, custom, pg_temp.m(settings::text) FROM project_settings;
SELECT active_settings('hook', 'p') = active_settings('hook') AS same, use_default('hook', 'p');
INSERT INTO project_settings (project_id, integration, custom, settings) SELECT 'p', 'hook', false, settings || '{"url": "https://evil"}' FROM resolve('hook', 'p');
UPDATE instance_integrations SET settings = settings || '{"room": "another"}';
SELECT active_settings('hook');
-- whole settings: what is inherited is taken over where it is bound to the same
SELECT set_custom('hook', 'p', settings) FROM resolve('hook', 'p');
SELECT active_settings('hook', 'p');
SELECT set_custom('hook', 'p', settings || '{"room": "own"}') FROM resolve('hook', 'p');
SELECT active_settings('hook', 'p');
-- but not to another address
SELECT set_custom('hook', 'p', settings || '{"url": "https://evil"}') FROM resolve('hook', 'p');
SELECT set_custom('hook', 'p', settings - 'url') FROM resolve('hook', 'p');
SELECT set_custom('hook', 'q', settings || '{"url": "https://evil"}') FROM resolve('hook', 'q');
UPDATE project_settings SET settings = settings || '{"url": "https://evil"}';
UPDATE project_settings SET settings = settings - 'url';
UPDATE project_integrations SET settings = settings || '{"url": "https://mine"}' WHERE project_id = 'p';
SELECT active_settings('hook', 'p');
SELECT override_fields('hook', '{"token": "my own"}', 'p');
SELECT override_fields('hook', jsonb_build_object('url', 'https://evil', 'token', settings -> 'token'), 'p') FROM resolve('hook', 'p');
SELECT active_settings('hook', 'p');
-- nor is it another's, or made up
SELECT override_fields('hook', '{"token": "(secret 0123456789abcdef)"}', 'p');
SELECT set_custom('hook', 'q', '{"token": "(secret 0123456789abcdef)"}');
SELECT set_custom('hook', 'q', '{"token": "(secret)"}');
INSERT INTO project_settings (project_id, integration, settings) VALUES ('q', 'hook', '{"token": "(secret 0123456789abcdef)"}');
UPDATE project_integrations SET settings = settings || '{"token": "(secret 0123456789abcdef)"}' WHERE project_id = 'q';
-- elsewhere such texts are ordinary
SELECT override_fields('hook', '{"room": "(secret 0123456789abcdef)"}', 'q');
SELECT active_settings('hook', 'q') ->> 'room' AS room;
SELECT use_default('hook', 'q'), use_default('hook', 'p');

-- the same secret again leaves the row as it is; another one has another mask
SELECT set_custom('hook', 'p', '{"url": "https://p", "token": "first one"}');
UPDATE project_settings SET updated_by = updated_by, settings = '{"url": "https://p", "token": "first one"}';
SELECT (SELECT settings FROM resolve('hook', 'p')) AS before \gset
SELECT override_fields('hook', '{"token": "first one"}', 'p');
SELECT settings = :'before' AS same FROM resolve('hook', 'p');
SELECT override_fields('hook', '{"token": "second one"}', 'p');
SELECT settings = :'before' AS same FROM resolve('hook', 'p');
-- it is known again also where a group's other secrets would go
SELECT override_fields('hook', '{"url": "https://p", "token": "second one"}', 'p');
SELECT active_settings('hook', 'p');

-- what has the form of a stored secret
SELECT set_custom('hook', 'q', jsonb_build_object('token', s.settings -> 'token', 'url', 'https://q')) FROM project_settings s;
SELECT active_settings('hook', 'q');
SELECT set_custom('hook', 'q', '{"token": {"$secret": "x"}}');
SELECT set_custom('hook', 'q', '{"token": {"$sealed": "AAAA", "bound": [], "mask": "0123456789abcdef"}}');
SELECT set_custom('hook', 'q', '{"headers": {"$sealed": "AAAA"}}');
SELECT set_custom('hook', 'q', '{"room": {"$sealed": "AAAA", "bound": [], "mask": "0123456789abcdef"}}');
SELECT set_custom('hook', 'q', '{"room": {"$secret": "x", "bound": [], "mask": "0123456789abcdef"}}');
SELECT set_custom('hook', 'q', '{"room": {"$secret": "an app''s own"}}');
SELECT active_settings('hook', 'q') -> 'room' AS room;
SELECT use_default('hook', 'q'), use_default('hook', 'p');

-- what is given is not taken back with a field of its group that goes, nor is what stands beside it, if it is the same
SELECT register_integration('three', '{"properties": {"url": {}, "token": {"writeOnly": true}, "region": {}}, "x-atomic": [["url", "token", "region"]]}');
SELECT set_custom('three', 'p', '{"url": "https://p", "token": "first one", "region": "r"}');
UPDATE project_integrations SET settings = '{"url": "https://p", "token": "first one"}' WHERE integration = 'three';
SELECT active_settings('three', 'p');
SELECT use_default('three', 'p'), unregister_integration('three');

-- locks
SELECT set_custom('hook', 'p', '{"url": "https://p", "token": "shadowed"}');
SELECT lock_fields('hook', '{token}');
SELECT override_fields('hook', jsonb_build_object('token', settings -> 'token'), 'p') FROM resolve('hook', 'p');
SELECT set_custom('hook', 'p', settings) FROM resolve('hook', 'p');
SELECT override_fields('hook', '{"token": "secret of all"}', 'p');
SELECT active_settings('hook', 'p');
SELECT unlock_fields('hook', '{token}');
SELECT active_settings('hook', 'p');
SELECT use_default('hook', 'p');

-- redundant overrides are found by their masks
SELECT override_fields('hook', '{"url": "https://a", "token": "secret of all"}', 'p');
SELECT * FROM redundant_overrides('hook');
SELECT override_fields('hook', '{"url": "https://a", "token": "another secret"}', 'p');
SELECT * FROM redundant_overrides('hook');
SELECT use_default('hook', 'p');

-- that a value is secret travels with it
SELECT register_integration('hook', '{"properties": {"url": {"type": "string"}, "token": {"type": "string"}, "room": {"writeOnly": true}}, "x-atomic": [["url", "token"]]}', force => true);
SELECT pg_temp.m(settings::text) FROM instance_settings;
SELECT pg_temp.m(settings::text) FROM resolve('hook', 'p');
SELECT active_settings('hook', 'p');
SELECT override_fields('hook', settings - 'headers' - 'pin', 'p') FROM resolve('hook', 'p');
SELECT project_id, custom, settings FROM project_settings;
SELECT override_fields('hook', '{"token": "no secret now"}', 'p');
SELECT pg_temp.m(settings::text) FROM resolve('hook', 'p');
SELECT use_default('hook', 'p');
-- so it is no change where a write of the row has it in clear, fits it today or not
SELECT register_integration('once', '{"properties": {"url": {}, "token": {"writeOnly": true}, "pin": {"writeOnly": true}, "on": {}}, "x-atomic": [["url", "token"]]}');
SELECT set_custom('once', 'p', '{"url": "https://a", "token": "long one", "pin": 1234, "on": 1}');
SELECT register_integration('once', '{"properties": {"url": {}, "token": {"writeOnly": true, "maxLength": 3}, "on": {}}, "x-atomic": [["url", "token"]], "additionalProperties": false}', force => true);
SELECT scope_id, violation FROM invalid_settings('once') ORDER BY violation;
UPDATE project_settings SET settings = '{"url": "https://a", "token": "long one", "pin": 1234, "on": 2}' WHERE integration = 'once';
UPDATE project_settings SET settings = '{"url": "https://b", "token": "long one", "pin": 1234, "on": 2}' WHERE integration = 'once';
SELECT pg_temp.m(settings::text) FROM project_settings WHERE integration = 'once';
UPDATE project_settings SET settings = settings || '{"token": "longer one"}' WHERE integration = 'once';
UPDATE project_settings SET settings = settings || '{"pin": 12345}' WHERE integration = 'once';
SELECT override_fields('once', '{"token": "long one"}', 'p');
SELECT override_fields('once', '{"pin": 1234}', 'p');
SELECT set_custom('once', 'p', settings) FROM resolve('once', 'p');
SELECT register_integration('once', '{"properties": {"url": {}, "token": {"maxLength": 3}, "pin": {}, "on": {}}, "x-levels": ["instance"]}', force => true);
UPDATE project_settings SET settings = '{"url": "https://b", "token": "long one", "pin": 1234, "on": 2}' WHERE integration = 'once';
SELECT register_integration('once', '{"properties": {"url": {}, "token": {"maxLength": 3}, "pin": {}, "on": {}}}', force => true);
UPDATE project_settings SET settings = '{"url": "https://c", "token": "long one", "pin": 1234, "on": 2}' WHERE integration = 'once';
SELECT pg_temp.m(settings::text) FROM project_settings WHERE integration = 'once';
SELECT undo((SELECT max(transaction) FROM history WHERE integration = 'once'));
SELECT pg_temp.m(settings::text) FROM project_settings WHERE integration = 'once';
-- what it is bound to stays with it, and is taken back with it
SELECT use_default('once', 'p');
SELECT set_default('once', '{"url": "https://a"}'), override_fields('once', '{"url": "https://a", "pin": 1}', 'p');
SELECT register_integration('once', '{"properties": {"url": {}, "token": {"writeOnly": true}, "pin": {}, "on": {}}, "x-atomic": [["url", "token"]]}', force => true);
SELECT override_fields('once', '{"url": "https://a", "token": "long one"}', 'p');
SELECT register_integration('once', '{"properties": {"url": {}, "token": {}, "pin": {}, "on": {}}}', force => true);
SELECT field FROM redundant_overrides('once');
SELECT drop_redundant('once'), reset_below('once', fields => '{url}');
SELECT pg_temp.m(settings::text) FROM project_settings WHERE integration = 'once';
SELECT override_fields('once', '{"url": "https://b", "token": "long one", "pin": 1234, "on": 2}', 'p');
SELECT register_integration('once', '{"properties": {"url": {}, "token": {"writeOnly": true}, "pin": {"writeOnly": true}, "on": {}}}', force => true);
-- a secret it is also for who changes the address in a group that it has come to since
SELECT register_integration('once', '{"properties": {"url": {}, "token": {}, "pin": {}, "on": {}}, "x-atomic": [["pin", "on"]]}', force => true);
SELECT override_fields('once', '{"on": 3}', 'p');
SELECT pg_temp.m(settings::text) FROM project_settings WHERE integration = 'once';
-- and until it is given
SELECT override_fields('once', '{"token": "long one"}', 'p');
SELECT pg_temp.m(settings::text) FROM project_settings WHERE integration = 'once';
SELECT use_default('once', 'p'), reset_default('once'), unregister_integration('once');
UPDATE integrations SET name = 'renamed';
SELECT active_settings('renamed', 'p');
-- a group that changes is what it is bound to
SELECT register_integration('renamed', '{"properties": {"url": {"type": "string"}, "token": {"type": "string", "writeOnly": true}, "room": {}, "place": {}}, "x-atomic": [["token", "place"]]}', force => true);
SELECT settings -> 'token' -> 'bound' AS bound FROM instance_settings;

-- old data: masked at once, marked by the first write of the row, or by seal_secrets()
ALTER TABLE group_settings DISABLE TRIGGER check_settings;
INSERT INTO group_settings (group_id, integration, active, settings, updated_by) VALUES ('g', 'renamed', true, '{"token": "from before", "url": "https://old"}', 'somebody');
ALTER TABLE group_settings ENABLE TRIGGER check_settings;
SELECT settings FROM resolve('renamed', 'p');
SELECT active_settings('renamed', 'p');
SELECT set_custom('renamed', 'p', settings || '{"place": "evil"}') FROM resolve('renamed', 'p');
SELECT seal_secrets(), seal_secrets() AS again;
SELECT pg_temp.m(settings::text), updated_by FROM group_settings;
SELECT active_settings('renamed', 'p');
SELECT pg_temp.m(settings::text) FROM resolve('renamed', 'p');

-- who may
CREATE ROLE regress_secrets;
SELECT grant_access('regress_secrets', 'read');
SET ROLE regress_secrets;
SELECT pg_temp.m(settings::text) FROM resolve('renamed', 'p');
SELECT active_settings('renamed', 'p');
SELECT * FROM all_active_settings('p');
SELECT mask('renamed', 'token', '"from before"');
SELECT seal_secrets();
RESET ROLE;
SELECT grant_access('regress_secrets', 'use');
SET ROLE regress_secrets;
SELECT active_settings('renamed', 'p');
SELECT * FROM all_active_settings('p');
SELECT settings ->> 'token' = mask('renamed', 'token', '"from before"') AS same FROM resolve('renamed', 'p');
RESET ROLE;
SELECT revoke_access('regress_secrets', 'read'), revoke_access('regress_secrets', 'use');
DROP OWNED BY regress_secrets;
DROP ROLE regress_secrets;

TRUNCATE instance_settings, group_settings, project_settings, projects, groups, integrations, mask_keys;
