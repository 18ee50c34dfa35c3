-- What people set. Every write passes the rules here, be it by function, view, plain SQL or COPY.

CREATE FUNCTION integration_defaults.check_settings() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_check_settings';
COMMENT ON FUNCTION integration_defaults.check_settings() IS
    'trigger of the settings tables: checks a row against locks, levels and schema, and stamps it';
CREATE TRIGGER check_settings BEFORE INSERT OR UPDATE ON integration_defaults.instance_settings
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.check_settings();
CREATE TRIGGER check_settings BEFORE INSERT OR UPDATE ON integration_defaults.group_settings
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.check_settings();
CREATE TRIGGER check_settings BEFORE INSERT OR UPDATE ON integration_defaults.project_settings
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.check_settings();

CREATE FUNCTION integration_defaults.remove_empty_settings() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_remove_empty_settings';
COMMENT ON FUNCTION integration_defaults.remove_empty_settings() IS
    'trigger of the settings tables: a row that neither sets nor locks anything goes';
-- What sets nothing may still lock something, which the function looks at.
CREATE TRIGGER remove_empty_settings AFTER INSERT OR UPDATE ON integration_defaults.instance_settings
    FOR EACH ROW WHEN (NOT NEW.custom AND NEW.active IS NULL
                       AND NEW.settings OPERATOR(pg_catalog.=) '{}'::pg_catalog.jsonb)
    EXECUTE FUNCTION integration_defaults.remove_empty_settings();
CREATE TRIGGER remove_empty_settings AFTER INSERT OR UPDATE ON integration_defaults.group_settings
    FOR EACH ROW WHEN (NOT NEW.custom AND NEW.active IS NULL
                       AND NEW.settings OPERATOR(pg_catalog.=) '{}'::pg_catalog.jsonb)
    EXECUTE FUNCTION integration_defaults.remove_empty_settings();
CREATE TRIGGER remove_empty_settings AFTER INSERT OR UPDATE ON integration_defaults.project_settings
    FOR EACH ROW WHEN (NOT NEW.custom AND NEW.active IS NULL
                       AND NEW.settings OPERATOR(pg_catalog.=) '{}'::pg_catalog.jsonb)
    EXECUTE FUNCTION integration_defaults.remove_empty_settings();

-- Settings refer to their type and to their group or project, and follow them. These are triggers, because a restore
-- fills all these tables in any order, and in parallel. That a type with settings stays is up to check_integration().

CREATE FUNCTION integration_defaults.hold_references() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_hold_references';
COMMENT ON FUNCTION integration_defaults.hold_references() IS
    'trigger of the settings tables: the type and the group or project of a row are there (23503), and stay until the transaction ends';
CREATE TRIGGER hold_references AFTER INSERT OR UPDATE ON integration_defaults.instance_settings
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.hold_references();
CREATE TRIGGER hold_references AFTER INSERT OR UPDATE ON integration_defaults.group_settings
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.hold_references();
CREATE TRIGGER hold_references AFTER INSERT OR UPDATE ON integration_defaults.project_settings
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.hold_references();

CREATE FUNCTION integration_defaults.rename_settings() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_rename_settings';
COMMENT ON FUNCTION integration_defaults.rename_settings() IS
    'trigger of integrations, groups and projects: where a name or id changes, settings take the new one';
CREATE TRIGGER rename_settings AFTER UPDATE ON integration_defaults.integrations
    FOR EACH ROW WHEN (OLD.name OPERATOR(pg_catalog.<>) NEW.name)
    EXECUTE FUNCTION integration_defaults.rename_settings();
CREATE TRIGGER rename_settings AFTER UPDATE ON integration_defaults.groups
    FOR EACH ROW WHEN (OLD.id OPERATOR(pg_catalog.<>) NEW.id) EXECUTE FUNCTION integration_defaults.rename_settings();
CREATE TRIGGER rename_settings AFTER UPDATE ON integration_defaults.projects
    FOR EACH ROW WHEN (OLD.id OPERATOR(pg_catalog.<>) NEW.id) EXECUTE FUNCTION integration_defaults.rename_settings();

CREATE FUNCTION integration_defaults.remove_settings() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_remove_settings';
COMMENT ON FUNCTION integration_defaults.remove_settings() IS
    'trigger of groups and projects: settings go with their group or project, unless it is there again at commit';
CREATE TRIGGER remove_settings AFTER DELETE ON integration_defaults.groups
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.remove_settings();
CREATE TRIGGER remove_settings AFTER DELETE ON integration_defaults.projects
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.remove_settings();

CREATE FUNCTION integration_defaults.check_truncate() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_check_truncate';
COMMENT ON FUNCTION integration_defaults.check_truncate() IS
    'trigger of integrations, groups and projects: they are truncated only if nothing refers to them, or together with what does (23503)';
CREATE TRIGGER check_truncate AFTER TRUNCATE ON integration_defaults.integrations
    FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.check_truncate();
CREATE TRIGGER check_truncate AFTER TRUNCATE ON integration_defaults.groups
    FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.check_truncate();
CREATE TRIGGER check_truncate AFTER TRUNCATE ON integration_defaults.projects
    FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.check_truncate();

-- Setting whole settings, resetting them, going back to the default.

CREATE FUNCTION integration_defaults.set_default(
    integration text, settings jsonb,
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    active boolean DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_set_default';
COMMENT ON FUNCTION integration_defaults.set_default(text, jsonb, integration_defaults.external_id, boolean) IS
    'sets the default of an integration on a group, or on the instance if no group is given: a JSON object that replaces what was set there; everything below that has no settings of its own has it from the commit on. active left out: as it was, else as it is locked above, else true. Errors: 42704 unknown integration or group; 23514 setting_matches_schema, setting_is_complete, setting_not_locked, setting_level_allowed; 22023 not an object; 22004 null id';

CREATE FUNCTION integration_defaults.reset_default(
    integration text,
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given()) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_reset_default';
COMMENT ON FUNCTION integration_defaults.reset_default(text, integration_defaults.external_id) IS
    'removes the default of an integration, its locks included, from a group, or from the instance if no group is given: what inherited it inherits the next one above from then on, or nothing. Gives whether there was one. Errors: 42704 unknown integration or group; 22004 null id';

CREATE FUNCTION integration_defaults.set_custom(
    integration text, project_id integration_defaults.external_id, settings jsonb,
    active boolean DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_set_custom';
COMMENT ON FUNCTION integration_defaults.set_custom(text, integration_defaults.external_id, jsonb, boolean) IS
    'gives a project custom settings: a JSON object that replaces all that it would inherit, but for what is locked above. active left out: as it was, else as it is locked above, else true. Errors: 42704 unknown integration or project; 23514 setting_matches_schema, setting_is_complete, setting_not_locked, setting_level_allowed; 22023 not an object; 22004 null id';

CREATE FUNCTION integration_defaults.use_default(
    integration text, project_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given()) RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_use_default';
COMMENT ON FUNCTION integration_defaults.use_default(text, integration_defaults.external_id, integration_defaults.external_id) IS
    'removes what a project, or a group, has set of its own, so that it uses the default. Gives whether there was anything. Errors: 42704 unknown integration, project or group; 22023 no id, or both; 22004 null id';

-- Single fields: overriding them, taking them back, locking them for all below.

CREATE FUNCTION integration_defaults.override_fields(
    integration text, fields jsonb,
    project_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    active boolean DEFAULT NULL) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_override_fields';
COMMENT ON FUNCTION integration_defaults.override_fields(text, jsonb, integration_defaults.external_id, integration_defaults.external_id, boolean) IS
    'sets single fields of an integration on a project, a group, or the instance if no id is given, beside what is set there; all others are still inherited (or stay, on custom settings). Where a field of an atomic group changes, the group''s secrets that are not given go. A field that is locked above can be given with its effective value only. active left out: as it is. Errors: 42704 unknown integration, project or group; 23514 setting_matches_schema, setting_is_complete, setting_not_locked, setting_level_allowed; 22023 not an object, or both ids; 22004 null id';

CREATE FUNCTION integration_defaults.inherit_fields(
    integration text, fields text[],
    project_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given()) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_inherit_fields';
COMMENT ON FUNCTION integration_defaults.inherit_fields(text, text[], integration_defaults.external_id, integration_defaults.external_id) IS
    'takes fields back out of an override, whole atomic groups at a time; active among them by that name; a field of the type that is not set does no harm. Errors: 42704 unknown integration, project or group; 22023 unknown field, custom settings, which inherit nothing, or both ids; 22004 null id';

CREATE FUNCTION integration_defaults.set_active(
    integration text, active boolean,
    project_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given()) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_set_active';
COMMENT ON FUNCTION integration_defaults.set_active(text, boolean, integration_defaults.external_id, integration_defaults.external_id) IS
    'enables or disables an integration on a project, a group, or the instance if no id is given; NULL: as inherited. Errors: 42704 unknown integration, project or group; 23514 setting_is_complete, setting_not_locked, setting_level_allowed; 22023 NULL on custom settings, or both ids; 22004 null id';

CREATE FUNCTION integration_defaults.lock_fields(
    integration text, fields text[] DEFAULT NULL,
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given()) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_lock_fields';
COMMENT ON FUNCTION integration_defaults.lock_fields(text, text[], integration_defaults.external_id) IS
    'locks fields of an integration for everything below a group, or below the instance if no group is given: there they have the values that they have here. What is set below is kept, and counts again when the lock goes. fields: names of properties, or active; NULL: all, and active, and fields to come. A field of an atomic group locks all of it. Errors: 42704 unknown integration or group; 22023 unknown field; 22004 null id';

CREATE FUNCTION integration_defaults.unlock_fields(
    integration text, fields text[] DEFAULT NULL,
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given()) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_unlock_fields';
COMMENT ON FUNCTION integration_defaults.unlock_fields(text, text[], integration_defaults.external_id) IS
    'removes locks that lock_fields() set on a group, or on the instance if no group is given. fields NULL: all of them. A field of an atomic group unlocks all of it; where all was locked, the others stay locked by name. Errors: 42704 unknown integration or group; 22023 unknown field; 22004 null id';

