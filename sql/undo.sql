-- Taking back what a transaction did, and asking what was.
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
-- Times and transactions, by names.
CREATE TABLE marks (name text PRIMARY KEY, at timestamptz, transaction bigint);
CREATE FUNCTION mark(name text) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO marks SELECT mark.name, clock_timestamp(), max(transaction) FROM history $$;
CREATE FUNCTION at(name text) RETURNS timestamptz LANGUAGE sql AS $$ SELECT m.at FROM marks m WHERE m.name = at.name $$;
CREATE FUNCTION nth(name text) RETURNS bigint LANGUAGE sql AS $$ SELECT m.transaction FROM marks m WHERE m.name = nth.name $$;
-- Masks are of this database.
CREATE FUNCTION plain(settings jsonb) RETURNS jsonb LANGUAGE sql AS
    $$ SELECT regexp_replace(settings::text, '"mask": "[0-9a-f]{16}"', '"mask": "..."', 'g')::jsonb $$;
CREATE VIEW own AS
    SELECT 'instance' AS scope, integration, custom, active, plain(settings) AS settings, locked FROM instance_settings
    UNION ALL SELECT 'group ' || group_id, integration, custom, active, plain(settings), locked FROM group_settings
    UNION ALL SELECT 'project ' || project_id, integration, custom, active, plain(settings), NULL FROM project_settings ORDER BY 1, 2;

SELECT refusal('SELECT resolve_at(''-infinity'', ''chat'')');
SELECT register_integration('chat', '{"properties": {"url": {"type": "string"}, "token": {"type": "string", "writeOnly": true}, "n": {"type": "integer", "default": 0}}}');
SELECT add_group(1), add_group(2, 1), add_group(3), add_project(10, 2), add_project(11, 1);
SELECT mark('empty');
SELECT set_default('chat', '{"url": "all"}');
SELECT mark('default');
SELECT set_default('chat', '{"url": "team", "token": "t1"}', 1), override_fields('chat', '{"n": 5}', 10);
SELECT mark('team');
SELECT move_group(2, 3);
SELECT mark('moved');
SELECT lock_fields('chat', '{n}'), allow_integrations('{}');
SELECT mark('locked');

-- What was
SELECT name, r.active, regexp_replace(r.settings::text, '[0-9a-f]{16}', '...') AS settings, r.source_level, r.source_id FROM marks CROSS JOIN LATERAL resolve_at(at, 'chat', 10) r ORDER BY at;
SELECT name, field, regexp_replace(value::text, '[0-9a-f]{16}', '...') AS value, e.source_level, e.source_id, reason, own_value, locked_by,
    (SELECT operation || ' ' || scope_level FROM history h WHERE h.change = e.change) AS change
FROM marks CROSS JOIN LATERAL explain_at(at, 'chat', 10) e WHERE name IN ('team', 'locked') ORDER BY at, field;
-- one's own transaction has not ended
BEGIN;
SELECT set_default('chat', '{"url": "not yet"}');
SELECT settings ->> 'url' FROM resolve_at(clock_timestamp(), 'chat');
SELECT settings ->> 'url' FROM resolve('chat');
ROLLBACK;
SELECT refusal('SELECT resolve_at(''-infinity'', ''chat'')') ~ '^22023 the history does not reach back to -infinity\nIt begins at ';
SELECT refusal('SELECT resolve_at(at(''empty''), ''other'')');
SELECT refusal('SELECT resolve_at(at(''empty''), ''chat'', 99)');
SELECT refusal('SELECT resolve_at(at(''empty''), ''chat'', 10, 1)');
SELECT count(*) FROM resolve_at(NULL, 'chat');
SELECT count(*) FROM explain_at(at('default'), 'chat', NULL);

-- A group that is gone, and a type, by their names of then
SELECT remove_project(10), remove_group(2);
SELECT mark('gone');
UPDATE integrations SET name = 'talk';
SELECT settings ->> 'n', source_id FROM resolve_at(at('team'), 'chat', 10);
SELECT source_id FROM resolve_at(at('team'), 'chat', group_id => 2);
SELECT refusal('SELECT resolve_at(at(''gone''), ''chat'', 10)');
SELECT refusal('SELECT resolve_at(at(''team''), ''talk'')');
UPDATE integrations SET name = 'chat';
SELECT allow_integrations(NULL), unlock_fields('chat');

-- Undo
SELECT add_project(12, 1);
TABLE own;
BEGIN;
SELECT set_default('chat', '{"url": "wrong"}');
SELECT override_fields('chat', '{"n": 7}', group_id => 1);
SELECT set_custom('chat', 12, '{"url": "mine", "n": 8}');
SELECT lock_fields('chat', '{n}', 1);
SELECT set_custom('chat', 11, '{"url": "mine"}');
COMMIT;
SELECT mark('wrong');
TABLE own;
SELECT undo(nth('wrong'));
TABLE own;
SELECT mark('undone');
SELECT refusal('SELECT undo(nth(''wrong''))');
SELECT operation, scope_level, scope_id FROM history WHERE transaction = nth('undone') ORDER BY change;
SELECT undo(nth('undone'));
TABLE own;

-- What has changed since is left alone, all of it
SELECT set_active('chat', false, 11);
SELECT remove_project(12);
SELECT refusal('SELECT undo(nth(''wrong''))');
SELECT count(*) FROM own WHERE settings ->> 'url' = 'wrong';
-- a secret that is there still can be put back, another one can't
SELECT override_fields('chat', '{"url": "elsewhere"}', group_id => 3), set_default('chat', '{"token": "one"}', 3);
SELECT override_fields('chat', '{"n": 1}', group_id => 3);
SELECT mark('beside');
SELECT undo(nth('beside')), (SELECT plain(settings) FROM group_settings WHERE group_id = '3');
SELECT set_default('chat', '{"token": "two"}', 3);
SELECT mark('secret');
SELECT refusal('SELECT undo(nth(''secret''))');
-- locks above hold
SELECT set_custom('chat', 11, '{"url": "before the lock"}');
SELECT set_custom('chat', 11, '{"url": "after"}');
SELECT mark('shadowed');
SELECT lock_fields('chat', '{url}');
SELECT refusal('SELECT undo(nth(''shadowed''))');
-- nothing to put back
SELECT move_project(11, NULL);
SELECT mark('tree');
SELECT undo(nth('tree'));
BEGIN;
SELECT override_fields('chat', '{"n": 99}', group_id => 3);
SELECT undo((SELECT max(transaction) FROM history WHERE at IS NULL)) FROM group_settings WHERE settings ->> 'n' = '99';
COMMIT;
SELECT refusal('SELECT undo(NULL)');
SELECT refusal('SELECT undo(-1)');
SELECT refusal('SELECT undo(9223372036854775807)');

-- Where there was a gap, nothing is known of what was before its end
SELECT keep_history(false);
SELECT refusal('SELECT resolve_at(now(), ''chat'')');
SELECT keep_history(true);
SELECT refusal('SELECT resolve_at(at(''tree''), ''chat'')') ~ '^22023 the history does not reach back';
SELECT settings IS NOT NULL FROM resolve_at(clock_timestamp(), 'chat');
SET client_min_messages = warning;
DROP EXTENSION integration_defaults CASCADE;
DROP TABLE marks CASCADE;
DROP FUNCTION mark, at, nth, plain, refusal, undone;
