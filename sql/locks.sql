-- Locks: they shadow and never erase; the highest wins; refused writes name the holder.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
-- masks are the same in each run
INSERT INTO integration_defaults.mask_keys VALUES (false, repeat('A', 43) || '=');
RESET client_min_messages;
SET search_path = integration_defaults;
\pset format unaligned
\pset tuples_only on
\pset null NULL

SELECT register_integration('hook', '{"properties": {
    "url": {"type": "string"}, "token": {"type": "string", "writeOnly": true},
    "channel": {"type": ["string", "null"]}, "retries": {"type": "integer"}}, "x-atomic": [["url", "token"]]}');
SELECT add_group('7'), add_group('8', '7'), add_project('p', '8'), add_project('q', '8');
CREATE TEMP VIEW p AS SELECT active, settings, inherited, source_level, source_id FROM resolve('hook', 'p');
CREATE TEMP VIEW own AS SELECT custom, active, settings FROM project_settings WHERE project_id = 'p';

SELECT set_default('hook', '{"url": "u0", "token": "t0", "channel": "#0"}');
SELECT set_default('hook', '{"url": "u7", "token": "t7", "channel": "#7"}', '7');
SELECT override_fields('hook', '{"channel": "#p", "retries": 1}', 'p');

-- a lock shadows what is set below and keeps it
SELECT lock_fields('hook', '{channel}', '7');
TABLE p;
TABLE own;
-- a write below the lock names the holder
SELECT override_fields('hook', '{"channel": "#other"}', 'p');
SELECT set_custom('hook', 'q', '{"channel": "#q"}');
UPDATE project_settings SET settings = '{"channel": "#plain"}';
-- also with the value that the lock shadows
SELECT override_fields('hook', '{"channel": "#p"}', 'p');
-- with the effective value it is accepted and left unstored
SELECT override_fields('hook', '{"channel": "#7", "retries": 2}', 'q');
SELECT settings FROM project_settings WHERE project_id = 'q';
-- whole-row writes replace only unlocked fields: what the lock shadows stays
SELECT set_custom('hook', 'p', '{"url": "up", "token": "tp"}');
TABLE own;
TABLE p;
UPDATE project_settings SET settings = '{"url": "up2", "token": "tp"}' WHERE project_id = 'p';
TABLE own;
-- saving a form with unchanged fields through the view does not lose a lock's shadowed values
UPDATE project_integrations SET settings = settings WHERE project_id = 'p';
UPDATE project_integrations SET settings = settings || '{"retries": 4}' WHERE project_id = 'p' RETURNING *;
TABLE own;

-- which no report calls redundant
SELECT * FROM redundant_overrides('hook');

-- lock removed gives back what was shadowed
SELECT unlock_fields('hook', '{channel}', '7');
TABLE p;

-- two locks on one path: the highest wins; the lower one is dormant and comes back
SELECT lock_fields('hook', '{channel}', '8'), lock_fields('hook', '{channel}');
TABLE p;
SELECT locked_by FROM explain('hook', 'p') WHERE field = 'channel';
SELECT unlock_fields('hook');
TABLE p;
SELECT locked_by FROM explain('hook', 'p') WHERE field = 'channel';
SELECT unlock_fields('hook', NULL, '8');

-- a lock on one field of an atomic group is a lock on all of it; a locked secret is refused with any value
SELECT lock_fields('hook', '{token}', '7');
SELECT locked FROM group_settings WHERE group_id = '7';
TABLE p;
SELECT override_fields('hook', '{"url": "x"}', 'q');
SELECT override_fields('hook', '{"token": "t7"}', 'q');
SELECT override_fields('hook', '{"url": "u7"}', 'q');
SELECT unlock_fields('hook', '{url}', '7');
SELECT locked FROM group_settings WHERE group_id = '7';

-- a move under and out of a lock shadows silently
SELECT add_group('9'), lock_fields('hook', '{retries}', '9');
TABLE p;
SELECT move_project('p', '9');
TABLE p;
SELECT move_project('p', '8');
TABLE p;

-- active can be locked like a field
SELECT lock_fields('hook', '{active}', '7');
SELECT set_active('hook', false, 'q');
SELECT set_active('hook', true, 'q');
SELECT active FROM project_settings WHERE project_id = 'q';
SELECT set_default('hook', '{"url": "u7", "token": "t7"}', '7', false);
SELECT set_custom('hook', 'q', '{"url": "uq"}');
SELECT active, settings FROM resolve('hook', 'q');
SELECT use_default('hook', 'q'), unlock_fields('hook', '{active}', '7'), set_active('hook', true, 'q'), lock_fields('hook', '{active}', '7');
SELECT set_active('hook', true, 'q');
SELECT override_fields('hook', '{"retries": 3}', 'q');
SELECT active FROM project_settings WHERE project_id = 'q';
SELECT unlock_fields('hook', '{active}', '7');

-- all, and active, and fields to come
SELECT lock_fields('hook', NULL, '7');
SELECT override_fields('hook', '{"later": 1}', 'q');
SELECT register_integration('hook', '{"properties": {"url": {}, "token": {"writeOnly": true}, "channel": {}, "retries": {}, "later": {"default": 0}}}');
SELECT override_fields('hook', '{"later": 1}', 'q');
SELECT settings FROM resolve('hook', 'p');
-- unlocking one field leaves all others locked by name
SELECT unlock_fields('hook', '{later}', '7');
SELECT locked FROM group_settings WHERE group_id = '7';
SELECT override_fields('hook', '{"later": 1}', 'q');
SELECT unlock_fields('hook', NULL, '7');

-- names
SELECT lock_fields('hook', '{nope}', '7');
SELECT unlock_fields('hook', '{nope}', '7');
SELECT lock_fields('hook', ARRAY['url', NULL], '7');
SELECT lock_fields('hook', '{}', '7'), unlock_fields('hook', '{}', '7');
UPDATE group_settings SET locked = '{nope}';
-- a group that only locks sets nothing, and is not where settings come from
SELECT reset_default('hook', '7');
SELECT lock_fields('hook', '{channel}', '8');
SELECT source_level, source_id FROM resolve('hook', group_id => '8');
SELECT reset_default('hook', '8');
SELECT count(*) FROM group_settings WHERE group_id = '8';

-- taking an override back is possible under a lock, and takes the shadowed value too
SELECT lock_fields('hook', '{channel}');
TABLE own;
SELECT use_default('hook', 'p');
SELECT unlock_fields('hook'), override_fields('hook', '{"channel": "#p", "retries": 1}', 'p'), lock_fields('hook', '{channel}');
SELECT inherit_fields('hook', '{channel}', 'p');
TABLE own;
