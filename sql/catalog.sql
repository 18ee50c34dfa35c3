-- Types of integration: registering, allowing, the catalogue that comes along.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
-- masks are the same in each run
INSERT INTO integration_defaults.mask_keys VALUES (false, repeat('A', 43) || '=');
RESET client_min_messages;
SET search_path = public, integration_defaults;
\getenv here PG_ABS_SRCDIR
\set refusal :here '/sql/refusal.psql'
\i :refusal
\pset format unaligned
\pset tuples_only on
BEGIN;

-- Registering: all but the name may be left out; again replaces the schema, and keeps `allowed`, and the title
-- and category that are left out.
SELECT register_integration('slack');
SELECT * FROM integrations;
SELECT register_integration('slack', '{"properties": {"webhook": {"type": "string"}}}', title => 'Slack', category => 'chat');
SELECT * FROM integrations;
SELECT register_integration('slack', category => 'talk');
SELECT * FROM integrations;
SELECT register_integration(repeat('n', 63)), register_integration('A.b-c_9');

SELECT refusal(format('SELECT register_integration(%L)', name))
FROM unnest(ARRAY[NULL, '', 'a b', 'ä', repeat('n', 64), E'a\nb', 'a/b']) name;
SELECT refusal('SELECT register_integration(''x'', NULL)');
SELECT refusal('SELECT register_integration(''x'', ''[]'')');
SELECT refusal('SELECT register_integration(''x'', ''{"type": "strin"}'')');
SELECT count(*) FROM integrations;

-- Plain SQL is held to the same rules.
SELECT refusal('INSERT INTO integrations (name) VALUES (''a b'')');
SELECT refusal('INSERT INTO integrations (name, schema) VALUES (''x'', ''{"type": "strin"}'')');
SELECT refusal('UPDATE integrations SET schema = ''{"types": "object"}'' WHERE name = ''slack''');
SELECT refusal('UPDATE integrations SET name = ''a b'' WHERE name = ''slack''');
SELECT refusal('INSERT INTO integrations (name, schema) VALUES (''x'', NULL)');
COPY integrations (name, schema) FROM stdin;
copied	{"properties": {"a": {}}}
\.
SAVEPOINT before;
COPY integrations (name, schema) FROM stdin;
copied too	{}
\.
ROLLBACK TO before;
UPDATE integrations SET name = 'renamed' WHERE name = 'copied' RETURNING name;
DELETE FROM integrations WHERE name = 'renamed' RETURNING name;

-- Allowing.
SELECT allow_integrations(ARRAY['slack']);
SELECT name, allowed FROM integrations ORDER BY name;
SELECT register_integration('slack'), register_integration('later');
SELECT name, allowed FROM integrations WHERE name IN ('slack', 'later') ORDER BY name;
SELECT allow_integrations('{}');
SELECT count(*) FROM integrations WHERE allowed;
SELECT allow_integrations(ARRAY['later', 'slack', 'later']);
SELECT name FROM integrations WHERE allowed ORDER BY name;
SELECT refusal('SELECT allow_integrations(ARRAY[''slack'', ''nonsense''])');
SELECT refusal('SELECT allow_integrations(ARRAY[''slack'', NULL])');
SELECT refusal('SELECT allow_integrations(ARRAY[[''slack''], [''later'']])');
SELECT name FROM integrations WHERE allowed ORDER BY name;
SELECT allow_integrations(NULL);
SELECT count(*) FROM integrations WHERE NOT allowed;
SELECT register_integration('latest');
SELECT allowed FROM integrations WHERE name = 'latest';

-- Unregistering: not while anything is set, by function or plain SQL.
SELECT refusal('SELECT unregister_integration(NULL)');
SELECT refusal('SELECT unregister_integration(''nonsense'')');
SELECT unregister_integration('latest');
SELECT count(*) FROM integrations WHERE name = 'latest';
SELECT add_group(1), add_project(7, 1), add_project(8);
SELECT set_default('slack', '{}'), set_default('slack', '{}', 1), set_custom('slack', 7, '{}'), set_custom('slack', 8, '{}');
SELECT refusal('SELECT unregister_integration(''slack'')');
SELECT refusal('DELETE FROM integrations WHERE name = ''slack''');
SELECT reset_default('slack'), reset_default('slack', 1), use_default('slack', 7);
SELECT refusal('SELECT unregister_integration(''slack'')');
SELECT use_default('slack', 8);
SELECT unregister_integration('slack');
SELECT count(*) FROM integrations WHERE name = 'slack';

-- A compiled schema is never newer or older than the snapshot.
SELECT register_integration('mine', '{"required": ["a"]}');
SELECT rule FROM validate_settings('mine', '{}');
SAVEPOINT here;
SELECT register_integration('mine', '{"required": ["b"]}');
SELECT rule FROM validate_settings('mine', '{}');
ROLLBACK TO here;
SELECT rule FROM validate_settings('mine', '{}');
DELETE FROM integrations WHERE name = 'mine';
SELECT refusal('SELECT validate_settings(''mine'', ''{}'')');
-- more types than a backend keeps compiled
SELECT count(register_integration('type' || n, jsonb_build_object('required', ARRAY['f' || n]))) FROM generate_series(1, 700) n;
SELECT count(*), count(DISTINCT rule) FROM generate_series(1, 700) n, validate_settings('type' || n, '{}');
SELECT count(*), count(DISTINCT rule) FROM generate_series(1, 700) n, validate_settings('type' || n, '{}');
COMMIT;
SELECT count(*), count(DISTINCT rule) FROM generate_series(1, 700) n, validate_settings('type' || n, '{}');
DELETE FROM integrations;

-- A dump gives back what it has, whatever this version thinks of it.
BEGIN;
SET LOCAL check_function_bodies = off;
INSERT INTO integrations (name, schema) VALUES ('from afar', '{"prefixItems": {}}');
SELECT refusal('SELECT register_integration(''x'', ''{"prefixItems": {}}'')');
SET LOCAL check_function_bodies = on;
SELECT refusal('SELECT validate_settings(''from afar'', ''{}'')');
SELECT allow_integrations('{}'), allow_integrations(NULL);
UPDATE integrations SET title = 'From afar' RETURNING name, title;
SELECT unregister_integration('from afar');
ROLLBACK;

-- The catalogue.
SELECT refusal('SELECT load_catalog(NULL)');
SELECT refusal('SELECT load_catalog(''github'')');
SELECT load_catalog();
SELECT load_catalog('gitlab');
SELECT category, count(*) FROM integrations GROUP BY category ORDER BY category COLLATE "C";
SELECT title, category, jsonb_pretty(schema) FROM integrations WHERE name = 'bamboo';
SELECT jsonb_object_keys(schema->'properties') FROM integrations WHERE name = 'slack';
-- every type is closed; every secret that a field exposes is in an atomic group with it
SELECT count(*) FROM integrations WHERE schema->'additionalProperties' = 'false';
SELECT name, p.key FROM integrations, jsonb_each(schema->'properties') p
WHERE p.value->'writeOnly' = 'true' AND NOT coalesce(schema->'x-atomic'->0, '[]') ? p.key ORDER BY name COLLATE "C", p.key COLLATE "C";
SELECT name, schema->'x-levels' FROM integrations WHERE schema ? 'x-levels' ORDER BY name COLLATE "C";
SELECT violation FROM validate_settings('slack', '{"webhook": "https://hooks.example.com/1", "push_events": true, "push_channel": "#dev"}');
SELECT violation FROM validate_settings('slack', '{"webhook": 1, "push_events": "yes", "nonsense": 1}');
SELECT violation FROM validate_settings('jira', '{"project_keys": ["A", 1]}');
SELECT (SELECT count(*) FROM validate_settings(NULL, '{}')), (SELECT count(*) FROM validate_settings('slack', NULL));

-- Loaded again it writes nothing; what was registered or changed by hand stays, unless it is replaced.
CREATE TEMP TABLE loaded AS SELECT * FROM integrations;
CREATE TEMP VIEW changed AS SELECT name FROM (TABLE integrations EXCEPT TABLE loaded) come
    UNION SELECT name FROM (TABLE loaded EXCEPT TABLE integrations) gone ORDER BY name;
CREATE TEMP TABLE versions AS SELECT name, xmin AS version FROM integrations;
SELECT load_catalog(), (SELECT count(*) FROM integrations i JOIN versions v USING (name) WHERE i.xmin = v.version);
SELECT unregister_integration('asana'), register_integration('asana', '{"properties": {"mine": {}}}', 'Asana', 'common');
UPDATE integrations SET title = 'Our chat' WHERE name = 'slack';
UPDATE integrations SET schema = jsonb_set(schema, '{properties,priority,default}', '0') WHERE name = 'pushover';
UPDATE integrations SET category = NULL WHERE name = 'drone_ci';
UPDATE integrations SET schema = schema - 'x-catalog' WHERE name = 'jenkins';
SELECT allow_integrations('{asana}');
SELECT load_catalog();
SELECT name FROM integrations WHERE title = 'Our chat' OR schema->'properties' ? 'mine' OR schema @> '{"properties": {"priority": {"default": 0}}}' ORDER BY name;
SELECT load_catalog(replace => true), load_catalog(replace => NULL);
SELECT string_agg(name, ' ') FROM integrations WHERE allowed;
SELECT allow_integrations(NULL);
SELECT name FROM changed;
-- A type as an older catalogue had it, which nobody has changed, is brought up to date. What is set of it is kept, and
-- listed where it does not fit any more.
CREATE FUNCTION older(type text, older jsonb) RETURNS void LANGUAGE sql AS $$
    UPDATE integrations SET schema = older || jsonb_build_object('x-catalog',
        left(encode(sha256(convert_to(concat_ws(E'\n', title, category, older::text), 'UTF8')), 'hex'), 16)) WHERE name = type $$;
SELECT older('slack', '{"properties": {"webhook": {"type": "string"}, "issue_events": {"type": "boolean"}}}');
SELECT older('pushover', '{"properties": {"priority": {"type": "string"}}}');
SELECT add_project(1), set_default('slack', '{"webhook": "chat.example", "issue_events": true}'), set_custom('slack', 1, '{"webhook": "https://chat.example/1"}');
SELECT name FROM changed ORDER BY name;
SELECT load_catalog();
SELECT name FROM changed;
SELECT settings FROM instance_settings;
SELECT scope_level, violation FROM invalid_settings('slack');
SELECT reset_default('slack'), use_default('slack', 1), remove_project(1);
DROP FUNCTION older;

-- The trigger's function is for its table only.
CREATE TABLE foreign_table (name text, title text, category text, schema jsonb);
CREATE TRIGGER borrowed BEFORE INSERT ON foreign_table FOR EACH ROW EXECUTE FUNCTION check_integration();
SELECT refusal('INSERT INTO foreign_table VALUES (''x'')');
SELECT refusal('SELECT check_integration()');

-- The functions ask for access.
CREATE ROLE regress_catalog;
GRANT USAGE ON SCHEMA integration_defaults TO regress_catalog;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA integration_defaults TO regress_catalog;
SET ROLE regress_catalog;
SELECT refusal('SELECT register_integration(''x'')');
SELECT refusal('SELECT unregister_integration(''slack'')');
SELECT refusal('SELECT allow_integrations(NULL)');
SELECT refusal('SELECT validate_settings(''slack'', ''{}'')');
RESET ROLE;
DROP OWNED BY regress_catalog;
DROP ROLE regress_catalog;
DROP TABLE foreign_table;
SELECT remove_project(7), remove_project(8), remove_group(1);
DELETE FROM integrations;
DROP FUNCTION refusal, undone;
