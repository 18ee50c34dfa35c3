-- Single fields: overriding them, taking them back, atomic groups; each pitfall by name.
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
    "url": {"type": "string"}, "token": {"type": "string", "writeOnly": true}, "user": {"type": ["string", "null"]},
    "channel": {"type": ["string", "null"], "default": "#general"}, "retries": {"type": "integer", "default": 3}},
    "x-atomic": [["url", "token"], ["url", "user"]]}');
SELECT add_group('g1'), add_group('g2', 'g1'), add_group('g3', 'g2'), add_project('p', 'g3');
CREATE TEMP VIEW p AS SELECT active, settings, inherited, source_level, source_id FROM resolve('hook', 'p');
CREATE TEMP VIEW own AS SELECT custom, active, settings FROM project_settings;

SELECT set_default('hook', '{"url": "u0", "token": "t0", "user": "w0", "channel": "#c0"}');

-- An override replaces its fields only.
SELECT override_fields('hook', '{"retries": 5}', 'p');
TABLE p;
-- A later change of the others still arrives.
SELECT set_default('hook', '{"url": "u1", "token": "t1", "user": "w1", "channel": "#c1"}');
TABLE p;

-- null as a value: it stops inheritance and is not "inherit".
SELECT override_fields('hook', '{"channel": null}', 'p');
TABLE p;
SELECT inherit_fields('hook', '{channel,nonsense}', 'p');
SELECT inherit_fields('hook', '{channel}', 'p');
TABLE p;

-- an override equal to the inherited value stays a pin
SELECT override_fields('hook', '{"channel": "#c1"}', 'p');
TABLE own;
SELECT set_default('hook', '{"url": "u1", "token": "t1", "user": "w1", "channel": "#c2"}');
TABLE p;
SELECT * FROM redundant_overrides('hook');
SELECT override_fields('hook', '{"channel": "#c2"}', 'p');
SELECT * FROM redundant_overrides('hook');
SELECT inherit_fields('hook', '{channel,retries}', 'p');
-- a row that neither sets nor locks anything goes
TABLE own;

-- override of url does not keep the inherited token, nor what is atomic with it through another group
SELECT override_fields('hook', '{"url": "mine"}', 'p');
TABLE p;
-- whole groups are taken back
SELECT override_fields('hook', '{"token": "mine"}', 'p');
TABLE own;
SELECT inherit_fields('hook', '{user}', 'p');
TABLE own;
TABLE p;

-- changing one's own url without giving the token drops the token; saying the same again does not
SELECT override_fields('hook', '{"url": "a", "token": "s", "user": "w"}', 'p');
SELECT override_fields('hook', '{"url": "a"}', 'p');
TABLE own;
SELECT override_fields('hook', '{"url": "b"}', 'p');
TABLE own;
SELECT set_custom('hook', 'p', '{"url": "a", "token": "s"}');
SELECT override_fields('hook', '{"url": "b"}', 'p');
TABLE own;
-- on custom settings, which stay custom and inherit nothing
SELECT inherit_fields('hook', '{url}', 'p');
SELECT set_active('hook', NULL, 'p');
SELECT use_default('hook', 'p');

-- three layers of atomic group: the nearest that has any of it decides all of it
SELECT override_fields('hook', '{"url": "u2"}', group_id => 'g1');
SELECT override_fields('hook', '{"token": "t3"}', group_id => 'g2');
SELECT settings FROM resolve('hook', group_id => 'g1');
SELECT settings FROM resolve('hook', group_id => 'g2');
SELECT override_fields('hook', '{"user": "w4"}', group_id => 'g3');
TABLE p;
SELECT inherit_fields('hook', '{user}', group_id => 'g3');
TABLE p;

-- schema default under custom settings
SELECT set_default('hook', '{"url": "u", "channel": "#group", "retries": 9}', 'g2');
SELECT set_custom('hook', 'p', '{"url": "c"}');
TABLE p;
SELECT use_default('hook', 'p'), reset_default('hook', 'g2'), reset_default('hook', 'g1');

-- active is inherited apart from the fields
SELECT set_active('hook', false, 'p');
TABLE p;
TABLE own;
SELECT set_active('hook', NULL, 'p');
TABLE own;
SELECT override_fields('hook', '{"channel": "#x"}', 'p', active => false);
SELECT inherit_fields('hook', '{active}', 'p');
TABLE own;
-- on the instance too, where nothing is above
SELECT reset_default('hook'), set_active('hook', true), override_fields('hook', '{"channel": "#i"}');
SELECT custom, active, settings FROM instance_settings;
SELECT inherit_fields('hook', '{active,channel}');
SELECT count(*) FROM instance_settings;

-- field added to the schema later: it is inherited at once, with its default below everything
SELECT set_default('hook', '{"url": "u0"}');
SELECT register_integration('hook', '{"properties": {"url": {"type": "string"}, "fresh": {"default": [1, 2]}}}');
TABLE p;

-- names: fields that are not set do no harm, also where there is no row; what is set and has left the schema can go
SELECT inherit_fields('hook', '{fresh,active}', 'p'), inherit_fields('hook', '{fresh,active}', group_id => 'g3');
SELECT inherit_fields('hook', '{channel}', group_id => 'g3');
SELECT inherit_fields('hook', ARRAY['fresh', ''], 'p');
SELECT override_fields('hook', '{"channel": "#left"}', 'p'), inherit_fields('hook', '{channel}', 'p');
TABLE own;

-- plain SQL keeps the same rules
INSERT INTO project_settings (project_id, integration, custom, settings) VALUES ('p', 'hook', false, '{"url": 1}');
INSERT INTO project_settings (project_id, integration, custom, settings) VALUES ('p', 'hook', false, '[]');
INSERT INTO project_settings (project_id, integration, custom, settings) VALUES ('p', 'hook', false, NULL);
INSERT INTO project_settings (project_id, integration, custom, settings) VALUES ('p', 'nope', false, '{}');
INSERT INTO project_settings (project_id, integration, custom, settings) VALUES ('nope', 'hook', false, '{"url": "x"}');
UPDATE project_settings SET settings = '{}';
TABLE own;
INSERT INTO project_settings (project_id, integration, custom, settings) VALUES ('p', 'hook', false, '{}');
TABLE own;
COPY project_settings (project_id, integration, custom, active, settings) FROM stdin;
p	hook	t	\N	{"url": 5}
\.
COPY project_settings (project_id, integration, custom, active, settings) FROM stdin;
p	hook	t	\N	{"url": "copied"}
\.
TABLE own;
-- renamed scopes and types take their rows along
UPDATE projects SET id = 'q';
UPDATE integrations SET name = 'hook2' WHERE name = 'hook';
SELECT project_id, integration, settings FROM project_settings;
-- a row moved by hand to another scope is checked as a new one there
SELECT add_project('r');
UPDATE project_settings SET project_id = 'r';
SELECT project_id, integration, settings FROM project_settings;
