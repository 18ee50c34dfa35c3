-- Taking back what is set below a scope: all of it, single fields, and what is redundant.
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
\pset null NULL

SELECT register_integration('hook', '{"properties": {
    "url": {"type": "string"}, "token": {"type": "string"}, "room": {"type": "string", "default": "#all"},
    "size": {"type": "integer"}}, "required": ["url"], "x-atomic": [["url", "token"]]}');
SELECT add_group('a'), add_group('b', 'a'), add_group('c', 'b'), add_group('other');
SELECT add_project('p', 'c'), add_project('q', 'b'), add_project('top'), add_project('o', 'other');
CREATE TEMP VIEW own AS
    SELECT 'instance' AS scope, custom, active, settings, locked FROM instance_settings
    UNION ALL SELECT 'group ' || group_id, custom, active, settings, locked FROM group_settings
    UNION ALL SELECT 'project ' || project_id, custom, active, settings, NULL FROM project_settings
    ORDER BY 1;
CREATE TEMP VIEW answers AS
    SELECT 'project ' || project_id AS scope, active, settings FROM project_integrations
    UNION ALL SELECT 'group ' || group_id, active, settings FROM group_integrations ORDER BY 1;
CREATE FUNCTION pg_temp.set_all() RETURNS void LANGUAGE sql AS $$
    DELETE FROM instance_settings; DELETE FROM group_settings; DELETE FROM project_settings;
    SELECT set_default('hook', '{"url": "u", "token": "t"}');
    SELECT override_fields('hook', '{"room": "#a"}', group_id => 'a');
    SELECT override_fields('hook', '{"url": "v", "token": "s", "size": 1}', group_id => 'b', active => false);
    SELECT set_custom('hook', 'p', '{"url": "w", "room": "#p", "size": 7}');
    SELECT override_fields('hook', '{"room": "#q"}', 'q');
    SELECT set_custom('hook', 'top', '{"url": "x"}');
    SELECT override_fields('hook', '{"size": 9}', 'o');
    SELECT lock_fields('hook', '{size}', 'c');
$$;

-- Everything below a group: not what is set on the group itself, above it or beside it. Locks go, too.
SELECT pg_temp.set_all();
TABLE own;
SELECT reset_below('hook', 'b');
TABLE own;
SELECT reset_below('hook', 'b');
-- Below the instance.
SELECT reset_below('hook');
TABLE own;

-- Single fields: whole atomic groups, also of custom settings, which have the schema's default then.
SELECT pg_temp.set_all();
SELECT reset_below('hook', 'a', '{token, room}');
TABLE own;
SELECT settings FROM resolve('hook', 'p');
-- That p is active and has no url is not refused, but told.
SELECT scope_id, violation FROM invalid_settings('hook');
-- active: of overrides; custom settings stay as they are.
SELECT reset_below('hook', fields => '{active}');
TABLE own;
-- A field that the schema does not have, as long as somebody below has it.
INSERT INTO project_settings (project_id, integration, custom, settings) VALUES ('q', 'hook', false, '{"old": 1}');
SELECT reset_below('hook', 'b', '{old}');
SELECT reset_below('hook', 'b', '{}');

-- Nonsense.
SELECT * FROM refusal($$SELECT reset_below('hook', 'b', '{old}')$$);
SELECT * FROM refusal($$SELECT reset_below('hook', 'b', '{size, nothing}')$$);
SELECT * FROM refusal($$SELECT reset_below('hook', 'b', '{NULL}')$$);
SELECT * FROM refusal($$SELECT reset_below('hook', 'b', '{{a},{b}}')$$);
SELECT * FROM refusal($$SELECT reset_below('hook', 'none')$$);
SELECT * FROM refusal($$SELECT reset_below('hook', NULL::text)$$);
SELECT * FROM refusal($$SELECT reset_below('none')$$);
SELECT * FROM refusal($$SELECT reset_below(NULL)$$);
SELECT * FROM refusal($$SELECT drop_redundant('hook', 'none')$$);
SELECT * FROM refusal($$SELECT drop_redundant('none')$$);
SELECT * FROM refusal($$SELECT drop_redundant(NULL)$$);
SELECT count(*) FROM own;

-- What is redundant: also custom settings, but not those that end up with something else, be it only `active`.
DELETE FROM instance_settings; DELETE FROM group_settings; DELETE FROM project_settings;
SELECT set_default('hook', '{"url": "u", "token": "t", "room": "#all"}');
SELECT override_fields('hook', '{"url": "u", "token": "t"}', group_id => 'a'); -- the same
SELECT override_fields('hook', '{"url": "u", "token": "other"}', group_id => 'b'); -- only half of it
SELECT override_fields('hook', '{"room": "#all", "size": 3}', group_id => 'c', active => true);
SELECT lock_fields('hook', '{size}', 'c');
SELECT set_custom('hook', 'q', '{"url": "u", "token": "other"}'); -- the schema's default of room is the same
SELECT set_custom('hook', 'top', '{"url": "u", "token": "t", "room": "#all"}', active => false);
SELECT set_custom('hook', 'o', '{"room": "#all", "url": "u", "token": "t"}');
TABLE own;
SELECT * FROM redundant_overrides('hook') ORDER BY 1, 2, 3;
CREATE TEMP TABLE before AS TABLE answers;
SELECT drop_redundant('hook', 'b');
TABLE own;
SELECT drop_redundant('hook');
TABLE own;
TABLE before EXCEPT TABLE answers;
TABLE answers EXCEPT TABLE before;
SELECT * FROM redundant_overrides('hook');
SELECT drop_redundant('hook');

-- What a lock shadows is not redundant: it comes back when the lock goes.
SELECT reset_default('hook'), reset_below('hook');
SELECT set_custom('hook', 'o', '{"url": "mine", "size": 1}');
SELECT set_default('hook', '{"url": "u", "size": 1}');
SELECT lock_fields('hook', '{url}');
SELECT settings FROM resolve('hook', 'o');
SELECT * FROM redundant_overrides('hook');
-- Where nothing above is configured, something has to stay.
SELECT reset_default('hook'), reset_below('hook');
SELECT override_fields('hook', '{"room": "#all"}', 'o');
SELECT * FROM redundant_overrides('hook');
SELECT override_fields('hook', '{"room": "#all", "size": 1}', 'o');
SELECT * FROM redundant_overrides('hook');
SELECT drop_redundant('hook');
TABLE own;

-- Rows of effective_settings follow, once for all.
SET client_min_messages = warning;
SELECT pg_temp.set_all(), materialize('hook');
SELECT reset_below('hook', 'a');
SELECT count(*) FROM ((TABLE effective_settings EXCEPT TABLE project_integrations)
    UNION ALL (TABLE project_integrations EXCEPT TABLE effective_settings)) different;
SELECT pg_temp.set_all();
SELECT set_custom('hook', 'q', (SELECT settings FROM resolve('hook', group_id => 'b')), false);
SELECT drop_redundant('hook'), reset_below('hook', 'a', '{url}');
SELECT count(*) FROM ((TABLE effective_settings EXCEPT TABLE project_integrations)
    UNION ALL (TABLE project_integrations EXCEPT TABLE effective_settings)) different;
DROP FUNCTION refusal, undone;
