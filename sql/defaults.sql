-- The administrator's page: defaults of the instance and of groups, custom settings, back to the default.
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS integration_defaults CASCADE;
CREATE EXTENSION integration_defaults;
RESET client_min_messages;
SET search_path = integration_defaults;
\pset format unaligned
\pset tuples_only on
\pset null NULL

SELECT register_integration('chat', '{
    "properties": {"url": {"type": "string", "format": "uri"}, "channel": {"type": "string", "default": "#general"},
                   "username": {"type": ["string", "null"]}},
    "required": ["url"], "additionalProperties": false}');
SELECT add_group('acme'), add_group('web', 'acme'), add_group('shop', 'web'), add_group('other');
SELECT add_project('p1', 'shop'), add_project('p2', 'web'), add_project('p3', 'other'), add_project('p4');
SELECT set_custom('chat', 'p3', '{"url": "https://three.example", "channel": "#three"}');

CREATE TEMP VIEW all_projects AS
    SELECT project_id, active, settings, inherited, source_level, source_id FROM project_integrations
    WHERE integration = 'chat' ORDER BY project_id;

-- Nothing is configured but on the one project.
TABLE all_projects;
SELECT * FROM resolve('chat', 'p1');
SELECT active_settings('chat', 'p1');

-- First instance default: every group and project without a row of its own has it; those with one keep theirs.
SELECT set_default('chat', '{"url": "https://all.example"}');
TABLE all_projects;
SELECT group_id, active, settings, source_level FROM group_integrations ORDER BY group_id;
SELECT * FROM instance_integrations;

-- A later change reaches all who inherit, new projects and groups included.
SELECT set_default('chat', '{"url": "https://all.example", "channel": "#all"}');
SELECT add_group('new'), add_project('p5', 'new');
TABLE all_projects;
SELECT * FROM resolve('chat', group_id => 'new');

-- A group default beats the instance default for all below it; the nearest group wins.
SELECT set_default('chat', '{"url": "https://acme.example"}', 'acme');
SELECT set_default('chat', '{"url": "https://shop.example"}', group_id => 'shop', active => false);
TABLE all_projects;
-- Nearest wins whether it is active or not.
SELECT active_settings('chat', 'p1'), active_settings('chat', 'p2');

-- Reset of a default: whoever inherited from it now inherits from the next one above.
SELECT reset_default('chat', 'shop'), reset_default('chat', 'shop');
TABLE all_projects;

-- Use the default: the scope's own row goes.
SELECT * FROM projects_using_default('chat') ORDER BY project_id;
SELECT project_id, custom, active, fields, updated_by = current_user AS by_me FROM projects_using_custom_settings('chat');
SELECT use_default('chat', 'p3'), use_default('chat', project_id => 'p3'), use_default('chat', group_id => 'acme');
TABLE all_projects;

-- Lists of one group's subtree.
SELECT set_custom('chat', 'p1', '{"url": "https://one.example"}', false);
SELECT project_id, active, fields FROM projects_using_custom_settings('chat', 'acme');
SELECT project_id FROM projects_using_custom_settings('chat', 'other');
SELECT project_id, source_level FROM projects_using_default('chat', 'acme') ORDER BY 1;

-- A moved group or project inherits from its new ancestors, with its whole subtree.
SELECT set_default('chat', '{"url": "https://other.example"}', 'other');
SELECT move_group('web', 'other'), move_project('p4', 'shop');
TABLE all_projects;

-- Deleting a group or project takes its own rows and nobody else's.
SELECT remove_project('p1');
SELECT count(*) FROM project_settings;
SELECT move_project('p3', NULL), remove_group('new');
SELECT move_project('p5', NULL);
SELECT remove_group('new');
TABLE all_projects;

-- active left out: what the row has; else true. Settings are replaced as a whole.
SELECT set_custom('chat', 'p4', '{"url": "https://four.example", "channel": "#four"}', false);
SELECT set_custom('chat', 'p4', '{"url": "https://four.example"}');
SELECT active, settings FROM resolve('chat', 'p4');

-- The last default is gone: what has none is not configured.
SELECT reset_default('chat'), reset_default('chat', 'other');
TABLE all_projects;

-- More than one type, by name.
SELECT register_integration('alpha'), register_integration('zeta');
SELECT set_default('zeta', '{"a": 1}', 'web'), set_default('alpha', '{"a": null}');
SELECT integration, active, settings, inherited, source_level, source_id FROM resolve_all('p4');
SELECT integration, source_level, source_id FROM resolve_all(group_id => 'web');
SELECT integration, source_level, source_id FROM resolve_all();

-- A type that is not allowed is inactive everywhere; its rows are kept.
SELECT allow_integrations('{alpha}');
SELECT integration, active FROM resolve_all('p4');
SELECT allow_integrations(NULL);
SELECT integration, active FROM resolve_all('p4');

-- Ids of every type, and the one that is not given.
SELECT add_project(7), add_project('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid);
SELECT active_settings('alpha', 7), active_settings('alpha', 7::smallint), active_settings('alpha', 7::bigint),
       active_settings('alpha', 7.0), active_settings('alpha', '7'), active_settings('alpha', '7'::varchar),
       active_settings('alpha', '7'::char(3)), active_settings('alpha', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid),
       active_settings('alpha', not_given()), active_settings('alpha', NULL), active_settings(NULL);
SELECT count(*) FROM resolve('alpha', NULL);
SELECT count(*) FROM resolve('alpha', group_id => NULL);

-- Who set it, and on whose behalf.
SET integration_defaults.actor = 'alice@example.com';
SELECT set_default('alpha', '{"a": 1}');
SELECT updated_by = current_user || ' (alice@example.com)' AS claimed, updated_at = now() AS now FROM instance_settings;
