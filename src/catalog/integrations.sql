-- Types of integration.

CREATE FUNCTION integration_defaults.check_integration() RETURNS trigger
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_check_integration';
COMMENT ON FUNCTION integration_defaults.check_integration() IS
    'trigger of the table integrations: names and schemas are checked (22023); a type with settings is not deleted (2BP01)';
CREATE TRIGGER check_integration BEFORE INSERT OR UPDATE OR DELETE ON integration_defaults.integrations
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.check_integration();

CREATE FUNCTION integration_defaults.register_integration(
    name text, schema jsonb DEFAULT '{}', title text DEFAULT NULL, category text DEFAULT NULL,
    force boolean DEFAULT false, strict boolean DEFAULT true) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_register_integration';
COMMENT ON FUNCTION integration_defaults.register_integration(text, jsonb, text, text, boolean, boolean) IS
    'adds a type of integration, or replaces its schema; a title or category that is NULL stays as it is. name: 1 to 63 of A-Z a-z 0-9 _ - . (22023); schema: JSON Schema of its settings, draft 7 unless "$schema" says another of 4 to 2020-12, with writeOnly for secrets, "x-atomic", "x-levels" and "x-exclusive" (22023 if malformed, with every place in DETAIL). strict false: keywords and formats that are not known are ignored, with a NOTICE, and airbyte_secret is the same as writeOnly. A schema that effective settings no longer fit is refused (23514 setting_matches_schema) unless force is true';

CREATE FUNCTION integration_defaults.unregister_integration(name text) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_unregister_integration';
COMMENT ON FUNCTION integration_defaults.unregister_integration(text) IS
    'removes a type of integration: 42704 if it is not registered, 2BP01 while it has settings anywhere';

CREATE FUNCTION integration_defaults.load_catalog(catalog text DEFAULT 'gitlab', replace boolean DEFAULT false)
    RETURNS integer
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_load_catalog';
COMMENT ON FUNCTION integration_defaults.load_catalog(text, boolean) IS
    'registers every type of a catalogue that comes with the extension, or brings it up to date, and gives their number. A type that somebody registered or changed by hand stays as it is, with a NOTICE, unless replace is true. Settings are kept; those that no longer fit are told in a NOTICE and listed by invalid_settings(). 22023 if there is no such catalogue';

CREATE FUNCTION integration_defaults.allow_integrations(names text[]) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_allow_integrations';
COMMENT ON FUNCTION integration_defaults.allow_integrations(text[]) IS
    'only these types may be active, and none that is registered later; NULL: all. Settings of the others are kept. 42704 if one is not registered, 22023 for nulls in the list';

CREATE FUNCTION integration_defaults.validate_settings(integration text, settings jsonb)
    RETURNS TABLE (path text, rule text, violation text)
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_validate_settings';
COMMENT ON FUNCTION integration_defaults.validate_settings(text, jsonb) IS
    'where settings do not fit the schema of a type, as if they were active: a row for each place (JSON pointer) and rule, never with a value; no row if they fit, or for NULL. 42704 if the type is not registered';
