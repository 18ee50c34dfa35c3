-- Types that exclude each other, and types that are switched off where they can't be set.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
SET search_path = public, integration_defaults;
-- What a client sees of an error besides its message.
CREATE FUNCTION refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text; message text; detail text; hint text; violated text;
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, violated = CONSTRAINT_NAME;
    RETURN concat_ws(E'\n', state || ' ' || message, nullif(detail, ''), nullif(hint, ''), nullif(violated, ''));
END $$;
\pset format unaligned
\pset tuples_only on
\pset null null

-- The kind has a name.
SELECT refusal(format('SELECT register_integration(''x'', %L)', jsonb_build_object('x-exclusive', kind)))
FROM unnest(ARRAY['""', 'true', '["issue tracker"]', 'null']::jsonb[]) kind;
SELECT register_integration(name, '{"x-exclusive": "issue tracker", "properties": {"url": {"type": "string"}}, "required": ["url"]}')
FROM unnest('{red,green,blue}'::text[]) name;
SELECT register_integration('wiki', '{"x-exclusive": "wiki"}'), register_integration('chat');
SELECT add_group(1), add_group(2, 1), add_group(3), add_project(10, 1), add_project(20, 2), add_project(30, 3), add_project(40);
CREATE TEMP VIEW broken AS SELECT concat_ws(' ', integration, scope_level, scope_id) || ': ' || violation AS broken FROM invalid_settings();

-- One of a kind on a scope: its own, or inherited. What is not active, of another kind or elsewhere does not count.
SELECT set_default('red', '{"url": "r"}', 1);
SELECT refusal($$SELECT set_default('green', '{"url": "g"}', 1)$$);
SELECT refusal($$SELECT set_custom('green', 10, '{"url": "g"}')$$);
SELECT refusal($$SELECT set_custom('green', 20, '{"url": "g"}')$$);
SELECT set_custom('green', 30, '{"url": "g"}'), set_custom('wiki', 10, '{}'), set_custom('chat', 10, '{}');
SELECT set_custom('green', 10, '{"url": "g"}', active => false);
SELECT refusal($$SELECT set_active('green', true, 10)$$);
SELECT refusal($$UPDATE project_integrations SET active = true WHERE project_id = '10' AND integration = 'green'$$);
SELECT refusal($$UPDATE project_settings SET active = true WHERE project_id = '10' AND integration = 'green'$$);
SELECT refusal($$INSERT INTO project_settings (project_id, integration, settings, active) VALUES (20, 'blue', '{"url": "b"}', true)$$);
SELECT refusal($$INSERT INTO project_settings (project_id, integration, settings, active)
    VALUES (40, 'blue', '{"url": "b"}', true), (40, 'green', '{"url": "g"}', true)$$); -- one by the other, of one statement
SELECT count(*) FROM broken;

-- The way out: the inherited one is switched off there first, and the other way round.
SELECT set_active('red', false, 10), set_active('green', true, 10);
SELECT integration, active FROM resolve_all(10);
SELECT refusal($$SELECT set_active('red', true, 10)$$);
-- what is active already is changed as ever; taking back is not refused, but listed
SELECT override_fields('green', '{"url": "g2"}', 10, active => true), lock_fields('red', NULL, 1), unlock_fields('red', NULL, 1);
SELECT set_active('red', NULL, 10);
SELECT broken FROM broken;
SELECT override_fields('green', '{"url": "g3"}', 10), set_custom('green', 10, '{"url": "g4"}', active => true);
SELECT set_active('green', false, 10);
SELECT broken FROM broken;

-- Where inheritance makes a second one active, it is listed: a default above, a move, an override without `active`.
SELECT set_default('blue', '{"url": "b"}', active => false);
SELECT set_custom('blue', 40, '{"url": "b"}');
SELECT set_default('green', '{"url": "g"}'); -- of what is below, nothing is asked
SELECT broken FROM broken;
SELECT reset_default('green'), override_fields('blue', '{"url": "b2"}', 20);
SELECT move_project(30, 2);
SELECT broken FROM broken;
SELECT override_fields('green', '{"url": "g5"}', 30), move_project(30, 3);
SELECT broken FROM broken;
-- a type that is not allowed is active nowhere
SELECT allow_integrations('{green,wiki,chat}');
SELECT set_custom('green', 20, '{"url": "g"}');
SELECT broken FROM broken;
SELECT allow_integrations(NULL);
SELECT broken FROM broken;
-- a schema that excludes what is there
SELECT refusal($$SELECT register_integration('chat', '{"x-exclusive": "wiki"}')$$);

-- A type for one level can be switched off at every other, and nothing else there.
SELECT register_integration('guard', '{"x-levels": ["instance"], "properties": {"token": {"type": "string"}}, "required": ["token"]}');
SELECT set_default('guard', '{"token": "t"}');
SELECT set_active('guard', false, group_id => 1), set_active('guard', false, 30);
SELECT project_id, active FROM project_integrations WHERE integration = 'guard' ORDER BY project_id;
INSERT INTO project_integrations (project_id, integration, active, settings) VALUES ('40', 'guard', false, '{}');
INSERT INTO group_settings (group_id, integration, custom, active) VALUES ('3', 'guard', false, false);
SELECT refusal(statement) FROM unnest(ARRAY[
    $$SELECT set_active('guard', true, 30)$$, $$SELECT set_custom('guard', 20, '{}', active => true)$$,
    $$SELECT set_custom('guard', 20, '{"token": "t"}', active => false)$$, $$SELECT override_fields('guard', '{"token": "t"}', 30)$$,
    $$SELECT override_fields('guard', '{"token": "t"}', 30, active => false)$$, $$SELECT set_custom('guard', 20, '{}')$$]) statement;
SELECT set_active('guard', NULL, 30), use_default('guard', 40), reset_default('guard', 1);
SELECT project_id, active FROM project_integrations WHERE integration = 'guard' ORDER BY project_id;
-- what stands there from before can be switched off, too
SELECT register_integration('late', '{"properties": {"token": {}}}'), set_custom('late', 40, '{"token": 1}');
SELECT register_integration('late', '{"x-levels": ["instance"], "properties": {"token": {}}}');
SELECT set_active('late', false, 40);
SELECT refusal($$SELECT set_active('late', true, 40)$$);
SELECT set_custom('late', 40, '{}', active => false);
SELECT custom, active, settings FROM project_settings WHERE integration = 'late';

-- A row that is moved by hand to another type of the kind is no rival of itself.
SELECT register_integration(name, '{"x-exclusive": "colour"}') FROM unnest('{scarlet,emerald,azure}'::text[]) name;
SELECT set_custom('scarlet', 40, '{"url": "r"}'), set_custom('azure', 30, '{}');
UPDATE project_settings SET integration = 'emerald' WHERE project_id = '40' AND integration = 'scarlet';
SELECT refusal($$UPDATE project_settings SET project_id = '30', integration = 'scarlet' WHERE project_id = '40' AND integration = 'emerald'$$);
SELECT project_id, integration, active FROM project_integrations WHERE integration IN ('scarlet', 'emerald', 'azure') ORDER BY 1;

-- GitLab's.
SELECT load_catalog('gitlab');
SELECT string_agg(name, ' ' ORDER BY name) FROM integrations WHERE schema ->> 'x-exclusive' = 'issue tracker' AND category = 'issue_tracker';
SELECT set_default('jira', '{"url": "https://jira.example", "username": "me", "password": "p"}', 3);
SELECT refusal($$SELECT set_default('redmine', '{"project_url": "https://r.example", "issues_url": "https://r.example/:id", "new_issue_url": "https://r.example/new"}', 3)$$);
SELECT set_active('beyond_identity', false, group_id => 1), set_active('amazon_q', false, 10);
DROP FUNCTION refusal;
