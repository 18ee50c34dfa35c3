-- What was, and who changed it: every way in which something changes, and what is no change.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
SET search_path = integration_defaults;
\getenv here PG_ABS_SRCDIR
\set refusal :here '/sql/refusal.psql'
\i :refusal
\pset format unaligned
\pset tuples_only on
\pset null NULL

-- What has been noted since this was asked last; of whole schemas the keys.
CREATE TEMP TABLE told (last bigint);
INSERT INTO told VALUES (0);
CREATE FUNCTION pg_temp.short(state jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT CASE WHEN state ? 'schema' THEN state || jsonb_build_object('schema', (SELECT jsonb_agg(k) FROM jsonb_object_keys(state #> '{schema,properties}') k)) ELSE state END $$;
-- Numbers count from the first one that is shown, masks are of this database.
CREATE FUNCTION pg_temp.news() RETURNS SETOF text LANGUAGE sql AS $$
    WITH shown AS (UPDATE told SET last = greatest(last, (SELECT max(change) FROM history))
                   RETURNING last)
    SELECT concat_ws(' ', dense_rank() OVER (ORDER BY transaction), CASE WHEN at IS NULL THEN '(open)' END, operation, scope_level, scope_id, integration)
        || ': ' || regexp_replace(concat(pg_temp.short(before)::text, ' -> ', pg_temp.short(after)::text), 'secret [0-9a-f]{16}', 'secret ...', 'g')
    FROM history, (SELECT last FROM told) seen WHERE change > seen.last AND (SELECT count(*) FROM shown) = 1 ORDER BY change $$;

-- By functions
SELECT register_integration('chat', '{"properties": {"url": {"type": "string"}, "n": {"type": "integer"}, "token": {"type": "string", "writeOnly": true}}}', 'Chat');
SELECT add_group(1), add_group(2, 1), add_group(3), add_project(10, 2), add_project(11);
SELECT set_default('chat', '{"url": "all", "token": "t1"}');
SELECT set_custom('chat', 10, '{"url": "mine", "token": "t2"}');
SELECT pg_temp.news();
BEGIN;
SELECT set_active('chat', false, 10), override_fields('chat', '{"n": 1}', group_id => 1);
SELECT lock_fields('chat', '{n}', group_id => 2);
SELECT pg_temp.news();
COMMIT;
SELECT allow_integrations('{}'), allow_integrations(NULL);
SELECT move_group(2, 3), move_project(10, NULL);
SELECT pg_temp.news();

-- By plain SQL, COPY, views; a row that follows a change of its key
UPDATE group_settings SET settings = settings || '{"url": "sql"}', active = true WHERE group_id = '1';
COPY project_settings (project_id, integration, custom, settings) FROM stdin;
11	chat	f	{"n": 3}
\.
UPDATE project_integrations SET settings = settings || '{"n": 4}' WHERE project_id = '11';
UPDATE groups SET id = 'one' WHERE id = '1';
UPDATE integrations SET name = 'talk' WHERE name = 'chat';
SELECT pg_temp.news();

-- What goes with its project, and with a group
BEGIN;
DELETE FROM projects WHERE id = '11';
SELECT pg_temp.news();
COMMIT;
SELECT remove_project(10), remove_group(2);
SELECT pg_temp.news();

-- Not what was there already: no history, no other stamp, no other generation
SELECT set_default('talk', '{"url": "same"}', 3);
SELECT pg_temp.news();
CREATE TEMP VIEW counted AS SELECT sum(changes) FROM generations;
CREATE TEMP TABLE stamps AS SELECT updated_at, (SELECT * FROM counted) AS generation FROM group_settings WHERE group_id = '3';
SELECT set_default('talk', '{"url": "same"}', 3), set_default('talk', '{"url": "same"}', 3, true), override_fields('talk', '{"url": "same"}', group_id => 3);
UPDATE group_settings SET settings = settings, custom = true WHERE group_id = '3';
UPDATE groups SET parent_id = parent_id;
UPDATE integrations SET title = title;
SELECT lock_fields('talk', '{}', 3), unlock_fields('talk', '{n}', 3);
SELECT set_active('talk', NULL, group_id => 2) FROM groups WHERE id = '2';
SELECT s.updated_at = old.updated_at, (SELECT * FROM counted) = old.generation FROM group_settings s, stamps old WHERE group_id = '3';
SELECT pg_temp.news();
-- but where somebody else's trigger still changes the row, that counts
CREATE FUNCTION public.shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.title := 'CHAT'; RETURN NEW; END $$;
CREATE TRIGGER zzz BEFORE UPDATE ON integrations FOR EACH ROW EXECUTE FUNCTION public.shout();
UPDATE integrations SET title = title;
SELECT (SELECT * FROM counted) - generation FROM stamps;
DROP TRIGGER zzz ON integrations;
DROP FUNCTION public.shout;
SELECT pg_temp.news();

-- Savepoints that are rolled back leave nothing
BEGIN;
SAVEPOINT a;
SELECT set_default('talk', '{"url": "never"}');
ROLLBACK TO a;
SELECT set_default('talk', '{"url": "kept"}');
SAVEPOINT b;
SELECT set_default('talk', '{"url": "released"}');
RELEASE b;
SAVEPOINT c;
SELECT set_default('talk', '{"url": "never"}');
ROLLBACK TO c;
COMMIT;
SELECT pg_temp.news();
BEGIN;
SELECT set_default('talk', '{"url": "never"}');
ROLLBACK;
SELECT pg_temp.news();
SELECT count(*) = (SELECT count(DISTINCT transaction) FROM history) FROM history_transactions;
SELECT bool_and(c.change >= c.transaction AND c.change <= t.last_change) FROM history_changes c JOIN history_transactions t ON t.transaction = c.transaction;

-- TRUNCATE
TRUNCATE group_settings;
SELECT pg_temp.news();

-- No secret lies there in clear, and none that has become one is shown
SELECT set_default('talk', '{"url": "u", "token": "in clear"}');
SELECT count(*) FROM history_changes c WHERE c::text LIKE '%in clear%';
SELECT register_integration('talk', '{"properties": {"url": {"type": "string", "writeOnly": true}}}', force => true);
SELECT DISTINCT regexp_replace(after #>> '{settings,url}', '[0-9a-f]{16}', '...') FROM history WHERE after #>> '{settings,url}' IS NOT NULL AND integration = 'talk' ORDER BY 1;
SELECT count(*) FROM history_changes WHERE integration = 'talk' AND (jsonb_typeof(before #> '{settings,url}') = 'string' OR jsonb_typeof(after #> '{settings,url}') = 'string');
-- what never was one is shown, named by the schema or not; what was one when it was noted is not, with another schema or none
CREATE VIEW pg_temp.ex AS SELECT operation, regexp_replace((before -> 'settings')::text, '[0-9a-f]{16}', '...', 'g') AS before,
    regexp_replace((after -> 'settings')::text, '[0-9a-f]{16}', '...', 'g') AS after FROM history WHERE integration = 'ex' AND scope_level = 'instance' ORDER BY change;
SELECT register_integration('ex', '{"properties": {"a": {}, "key": {"writeOnly": true}}, "patternProperties": {"^x_": {"type": "integer"}}}');
SELECT set_default('ex', '{"a": 1, "zz": 3, "x_1": 1, "key": "hidden"}');
SELECT register_integration('ex', '{"properties": {"a": {}}}', force => true);
SELECT * FROM pg_temp.ex;
SELECT field, regexp_replace(value::text, '[0-9a-f]{16}', '...') AS value FROM explain_at(clock_timestamp(), 'ex');
SELECT register_integration('ex', '{"properties": {"a": {}, "zz": {"writeOnly": true}}}', force => true);
SELECT * FROM pg_temp.ex;
SELECT reset_default('ex'), unregister_integration('ex');
SELECT * FROM pg_temp.ex;
DROP VIEW pg_temp.ex;

-- On and off
SELECT count(*) FROM pg_temp.news();
SELECT keep_history(false);
SELECT set_default('talk', '{}');
SELECT pg_temp.news();
SELECT since FROM history_since;
SELECT keep_history(true), keep_history(true);
SELECT since < now(), count(*) OVER () FROM history_since;
SELECT set_default('talk', '{"url": "again"}');
SELECT pg_temp.news();
SELECT count(*) AS before FROM history \gset
SELECT forget_history('-infinity'), forget_history(now() + '1 hour') = :before, (SELECT count(*) FROM history_transactions), (SELECT count(*) FROM history_since);
SELECT refusal('SELECT integration_defaults.keep_history(NULL)');
SELECT refusal('SELECT integration_defaults.forget_history(NULL)');

-- Not under a name that the type had before, nor where another type of that name comes
CREATE FUNCTION pg_temp.clear() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM history_changes c WHERE c::text LIKE '%hidden later%' $$;
SELECT register_integration('one', '{"properties": {"t": {"type": "string"}, "u": {}}}'), set_default('one', '{"t": "hidden later", "u": 1}');
UPDATE integrations SET name = 'two' WHERE name = 'one';
SELECT set_default('two', '{"t": "hidden later 2", "u": 2}');
SELECT keep_history(false);
UPDATE integrations SET name = 'three' WHERE name = 'two';
SELECT keep_history(true), set_default('three', '{"t": "hidden later 3", "u": 3}');
SELECT register_integration('one', '{"properties": {"t": {"type": "string"}}}'), set_default('one', '{"t": "hidden later: no, it is of another type"}');
SELECT pg_temp.clear();
SELECT register_integration('three', '{"properties": {"t": {"type": "string", "writeOnly": true}, "u": {}}}', force => true);
SELECT pg_temp.clear();
SELECT integration, operation, before -> 'settings' AS before, regexp_replace(after ->> 'settings', '[0-9a-f]{16}', '...') AS after FROM history_changes
WHERE scope_level = 'instance' AND integration IN ('one', 'two', 'three') AND (before #> '{settings,u}' IS NOT NULL OR after #> '{settings,u}' IS NOT NULL) ORDER BY change;
SELECT reset_default('one'), unregister_integration('one');
SELECT register_integration('one', '{"properties": {"t": {"writeOnly": true}}}');
SELECT pg_temp.clear();
-- a name and its schema at once; and where no history is kept when a type goes and comes
SELECT register_integration('four', '{"properties": {"t": {}}}'), set_default('four', '{"t": "hidden later"}');
UPDATE integrations SET name = 'five', schema = '{"properties": {"t": {"writeOnly": true}}}' WHERE name = 'four';
SELECT pg_temp.clear();
SELECT register_integration('six', '{"properties": {"t": {}}}'), set_default('six', '{"t": "hidden later"}'), reset_default('six');
SELECT keep_history(false);
SELECT unregister_integration('six');
SELECT pg_temp.clear();
SELECT register_integration('six', '{"properties": {"t": {"writeOnly": true}}}');
SELECT pg_temp.clear(), keep_history(true);
SELECT count(*) FROM pg_temp.news();

-- Who may do what
CREATE ROLE regress_one;
CREATE ROLE regress_two;
SELECT grant_access('regress_one', 'read'), grant_access('regress_one', 'write', 3), grant_access('regress_one', 'read');
SELECT revoke_access('regress_one', 'read'), revoke_access('regress_one', 'read');
SELECT pg_temp.news();
INSERT INTO access VALUES ('regress_one', 'use', NULL), ('regress_two', 'use', '3'), ('regress_two', 'admin', NULL);
UPDATE access SET access = access;
UPDATE access SET access = 'write', group_id = '3' WHERE access = 'admin';
UPDATE groups SET id = '33' WHERE id = '3';
SELECT pg_temp.news();
SELECT max(transaction) AS granted FROM history \gset
SELECT grant_access('regress_two', 'read'), undo(:granted); -- what is set alone
ALTER ROLE regress_two RENAME TO regress_three;
TRUNCATE access;
SELECT pg_temp.news();
SELECT add_group(4), grant_access('regress_one', 'use', 4);
SELECT pg_temp.news();
SET integration_defaults.actor = 'who removed it';
SELECT remove_group(4);
RESET integration_defaults.actor;
SELECT replace(by, current_user, 'the owner') AS by, operation, scope_level, scope_id, before FROM history WHERE scope_id = '4' ORDER BY change DESC LIMIT 2;
SELECT add_group(5), grant_access('regress_one', 'use', 5);
SELECT move_group(5, 33), revoke_access('regress_one', 'use', 5), grant_access('regress_one', 'use', 5); -- where a group was is not what was given there
SELECT source_level FROM resolve_at(clock_timestamp(), 'talk', group_id => 5);
SELECT count(*) > 0 FROM pg_temp.news();
SELECT keep_history(false), grant_access('regress_one', 'admin'), keep_history(true);
DELETE FROM access;
SELECT pg_temp.news();
DROP OWNED BY regress_one, regress_three;
DROP ROLE regress_one, regress_three;

-- For the owner only; who may read the view sees it whole, and masked
CREATE ROLE regress_reader;
SELECT grant_access('regress_reader', 'read');
GRANT EXECUTE ON FUNCTION refusal TO regress_reader;
SET ROLE regress_reader;
SELECT count(*) > 0 FROM history;
SELECT refusal('TABLE integration_defaults.history_changes');
SELECT refusal('SELECT integration_defaults.keep_history(false)');
SELECT refusal('SELECT integration_defaults.forget_history(now())');
RESET ROLE;
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;
-- Nobody's own table is noted
CREATE TABLE public.mine (a int);
CREATE TRIGGER mine AFTER INSERT ON public.mine EXECUTE FUNCTION note_history();
SELECT refusal('INSERT INTO public.mine VALUES (1)');
DROP TABLE public.mine;
-- By which application: as the session calls itself, which the server cleans and cuts; none is NULL
CREATE VIEW pg_temp.by_application AS SELECT operation, scope_level, scope_id, application FROM history WHERE integration = 'app' OR scope_id = 'app' ORDER BY change;
SELECT register_integration('app'), add_group('app');
SET application_name = 'web 1.2';
SELECT set_default('app', '{"a": 1}'), set_default('app', '{"a": 1}', 'app');
BEGIN;
SET LOCAL application_name = 'one';
UPDATE instance_settings SET settings = '{"a": 2}' WHERE integration = 'app';
SAVEPOINT a;
SET LOCAL application_name = 'two';
SELECT set_default('app', '{"a": 3}');
ROLLBACK TO a;
SELECT set_default('app', '{"a": 4}');
SET LOCAL application_name = 'who removes it';
SELECT remove_group('app');
SET LOCAL application_name = 'when it goes';
COMMIT;
SET application_name = '';
SELECT set_default('app', '{"a": 5}');
SET application_name = 'undoes it';
SELECT undo((SELECT max(transaction) FROM history));
SET application_name = 'truncates';
TRUNCATE instance_settings;
SELECT * FROM pg_temp.by_application;
SET client_min_messages = warning;
SELECT set_config('application_name', E'\t"; DROP TABLE x --\u00e9\n' || repeat('x', 100), false) = '' AS set, set_default('app', '{"a": 6}');
SELECT application ~ '^[ -~]+$' AS clean, length(application) < 253 AS cut, application = current_setting('application_name') AS same FROM history ORDER BY change DESC LIMIT 1;
RESET client_min_messages;
RESET application_name;
DROP VIEW pg_temp.by_application;

-- An owner who gives columns another type gets an error
SELECT register_integration('typed', '{"properties": {"key": {"writeOnly": true}}}'), set_default('typed', '{"key": "k"}');
SELECT max(transaction) AS last FROM history \gset
BEGIN;
ALTER EXTENSION integration_defaults DROP VIEW history;
DROP VIEW history;
ALTER TABLE history_changes ALTER before TYPE bigint USING 72340172838076673, ALTER after TYPE bigint USING 72340172838076673;
SELECT refusal('SELECT integration_defaults.undo(' || :last || ')');
SELECT refusal('SELECT integration_defaults.resolve_at(now(), ''typed'')');
SELECT refusal('SELECT integration_defaults.seal_secrets()');
ROLLBACK;
BEGIN;
ALTER TABLE history_since ALTER since TYPE numeric USING 1, REPLICA IDENTITY DEFAULT;
INSERT INTO history_since VALUES (2);
SELECT refusal('SELECT integration_defaults.forget_history(now())');
SELECT refusal('SELECT integration_defaults.resolve_at(now(), ''typed'')');
ROLLBACK;
BEGIN;
ALTER TABLE mask_keys ALTER key TYPE bigint USING 1;
SELECT refusal('SELECT integration_defaults.set_default(''typed'', ''{"key": "other"}'')');
ROLLBACK;
SET client_min_messages = warning;
DROP EXTENSION integration_defaults CASCADE;
