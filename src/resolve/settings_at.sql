-- What the views are made of.

CREATE FUNCTION integration_defaults.settings_at_support(internal) RETURNS internal
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_settings_at_support';
COMMENT ON FUNCTION integration_defaults.settings_at_support(internal) IS
    'for the planner: how many rows settings_at() gives';
CREATE FUNCTION integration_defaults.settings_at(project_id text, group_id text, configured boolean)
    RETURNS TABLE (integration text, active boolean, settings jsonb, inherited boolean, source_level text,
                   source_id text, locked text[])
    LANGUAGE c STABLE PARALLEL SAFE COST 5 SUPPORT integration_defaults.settings_at_support
    AS 'MODULE_PATHNAME', 'intd_settings_at';
COMMENT ON FUNCTION integration_defaults.settings_at(text, text, boolean) IS
    'for the views: the effective settings of a project that is in that group (NULL: in none), or of a group, or, if both are NULL, of the instance: a row for each type that is configured there (configured), or for each type, with the columns of resolve() and what is locked above. Whether project and group are there, and belong together, is not looked at. In FROM it is a node of its own (EXPLAIN: Custom Scan). Errors: 42501 without read access';
