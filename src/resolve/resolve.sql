-- Reading: what each scope ends up with. Nothing here writes, locks or notifies; all of it works on a standby.

CREATE FUNCTION integration_defaults.resolve(
    integration text, project_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given())
    RETURNS TABLE (integration text, active boolean, settings jsonb, inherited boolean, source_level text,
                   source_id text)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 1 COST 20 AS 'MODULE_PATHNAME', 'intd_resolve';
COMMENT ON FUNCTION integration_defaults.resolve(text, integration_defaults.external_id, integration_defaults.external_id) IS
    'the effective settings of an integration for a project, a group, or the instance if no id is given: one row, or none where nothing is configured. source_level (instance, group, project) and source_id name the nearest scope that sets something; inherited: that it is not this scope. Errors: 42704 unknown integration, project or group; 22023 both ids';

CREATE FUNCTION integration_defaults.resolve_all(
    project_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given())
    RETURNS TABLE (integration text, active boolean, settings jsonb, inherited boolean, source_level text,
                   source_id text)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 20 COST 100 AS 'MODULE_PATHNAME', 'intd_resolve_all';
COMMENT ON FUNCTION integration_defaults.resolve_all(integration_defaults.external_id, integration_defaults.external_id) IS
    'as resolve(), a row for each integration that is configured there, by name. Errors: 42704 unknown project or group; 22023 both ids';

CREATE FUNCTION integration_defaults.active_settings(
    integration text, project_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given()) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'intd_active_settings';
COMMENT ON FUNCTION integration_defaults.active_settings(text, integration_defaults.external_id, integration_defaults.external_id) IS
    'the effective settings of an integration for a project, a group, or the instance if no id is given, if it is active there; else NULL. With secrets, which all other functions and views mask. Errors: 42501 without use access to it; 42704 unknown integration, project or group; 22023 both ids; 55000 a secret can''t be opened';

CREATE FUNCTION integration_defaults.all_active_settings(
    project_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given())
    RETURNS TABLE (integration text, settings jsonb)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 20 COST 100 AS 'MODULE_PATHNAME', 'intd_all_active_settings';
COMMENT ON FUNCTION integration_defaults.all_active_settings(integration_defaults.external_id, integration_defaults.external_id) IS
    'as active_settings(), a row for each integration that is active there, by name: with secrets. Errors: 42501 without use access to it; 42704 unknown project or group; 22023 both ids; 55000 a secret can''t be opened';

CREATE FUNCTION integration_defaults.mask(integration text, field text, value jsonb) RETURNS text
    LANGUAGE c STABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'intd_mask';
COMMENT ON FUNCTION integration_defaults.mask(text, text, jsonb) IS
    'what is shown in place of a secret with this value, to find who has it; NULL while no secret is set anywhere. Errors: 42501 without use access everywhere; 42704 unknown integration; 22023 the field is no secret; 55000 the key is not there';

CREATE FUNCTION integration_defaults.projects_using_custom_settings(
    integration text, group_id integration_defaults.external_id DEFAULT integration_defaults.not_given())
    RETURNS TABLE (project_id text, custom boolean, active boolean, fields text[], updated_at timestamptz,
                   updated_by text)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 1000 COST 1000
    AS 'MODULE_PATHNAME', 'intd_projects_using_custom_settings';
COMMENT ON FUNCTION integration_defaults.projects_using_custom_settings(text, integration_defaults.external_id) IS
    'every project below a group, or below the instance if no group is given, that has settings of its own for the integration. custom: custom settings; else single fields are overridden. active: the effective one. fields: the names of what it sets. Errors: 42704 unknown integration or group';

CREATE FUNCTION integration_defaults.projects_using_default(
    integration text, group_id integration_defaults.external_id DEFAULT integration_defaults.not_given())
    RETURNS TABLE (project_id text, active boolean, source_level text, source_id text)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 1000 COST 1000 AS 'MODULE_PATHNAME', 'intd_projects_using_default';
COMMENT ON FUNCTION integration_defaults.projects_using_default(text, integration_defaults.external_id) IS
    'every project below a group, or below the instance if no group is given, that has no settings of its own for the integration and inherits a default, with the scope that it inherits from. Errors: 42704 unknown integration or group';

CREATE FUNCTION integration_defaults.explain(
    integration text, project_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given())
    RETURNS TABLE (field text, value jsonb, source_level text, source_id text, reason text, own_value jsonb,
                   inherited_value jsonb, locked_by text)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 20 COST 40 AS 'MODULE_PATHNAME', 'intd_explain';
COMMENT ON FUNCTION integration_defaults.explain(text, integration_defaults.external_id, integration_defaults.external_id) IS
    'why a project, a group, or the instance if no id is given, has the settings of an integration that it has: active first, then the schema''s properties by name, then other keys; no rows where nothing is configured. reason: locked, own, inherited, schema default, not set; not allowed on active. own_value: what its own row has, shadowed or not. inherited_value: without its own row. locked_by: the highest ancestor that locks the field. Secrets are masked. Errors: 42704 unknown integration, project or group; 22023 both ids';

CREATE FUNCTION integration_defaults.compare(
    integration text, project_id integration_defaults.external_id, other_project_id integration_defaults.external_id)
    RETURNS TABLE (field text, value jsonb, source_level text, source_id text, other_value jsonb,
                   other_source_level text, other_source_id text)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 10 COST 80 AS 'MODULE_PATHNAME', 'intd_compare';
COMMENT ON FUNCTION integration_defaults.compare(text, integration_defaults.external_id, integration_defaults.external_id) IS
    'the fields whose effective values differ between two projects, in the order of explain(), each with who supplies it; NULL: not set, or nothing is configured there. Secrets are shown as explain() shows them. Errors: 42704 unknown integration or project; 22023 a project is left out';

CREATE FUNCTION integration_defaults.tree(
    integration text,
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    depth integer DEFAULT NULL, whole boolean DEFAULT false) RETURNS SETOF text
    LANGUAGE c STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'intd_tree';
COMMENT ON FUNCTION integration_defaults.tree(text, integration_defaults.external_id, integer, boolean) IS
    'a drawing of the groups below a group, or below the instance if no group is given, that set or lock something, and of the way to them: what each sets and locks, what a lock above covers of that, and how many groups and projects follow it; then totals. whole: every group, with the projects straight in it. depth: so many levels below the top, and no more. Names are those of the column that track_groups() was told of, for who may SELECT them. For psql: \pset format unaligned. Errors: 42704 unknown integration or group; 22023 negative depth';

CREATE FUNCTION integration_defaults.invalid_settings(integration text DEFAULT NULL)
    RETURNS TABLE (integration text, scope_level text, scope_id text, violation text)
    LANGUAGE c STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'intd_invalid_settings';
COMMENT ON FUNCTION integration_defaults.invalid_settings(text) IS
    'every scope with settings of its own whose effective settings do not fit the schema, with what is wrong; NULL: of all integrations. Without a scope: an integration whose schema can''t be used. Errors: 42704 unknown integration';

CREATE FUNCTION integration_defaults.redundant_overrides(
    integration text, group_id integration_defaults.external_id DEFAULT integration_defaults.not_given())
    RETURNS TABLE (scope_level text, scope_id text, field text)
    LANGUAGE c STABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'intd_redundant_overrides';
COMMENT ON FUNCTION integration_defaults.redundant_overrides(text, integration_defaults.external_id) IS
    'what is set from a group down, or from the instance down if no group is given, and is equal to what would be inherited: overridden fields, active among them, and custom settings as a whole (field is NULL). drop_redundant() takes all of it back without a change of what anybody ends up with. Errors: 42704 unknown integration or group';
