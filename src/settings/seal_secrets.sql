-- Secrets that are stored already.

CREATE FUNCTION integration_defaults.seal_settings() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_seal_settings';
COMMENT ON FUNCTION integration_defaults.seal_settings() IS
    'trigger of integrations: where a schema changes, fields that become secrets are sealed, and secrets are bound to their new atomic groups (55000 without their keys)';
CREATE TRIGGER seal_settings AFTER UPDATE ON integration_defaults.integrations
    FOR EACH ROW WHEN (OLD.schema OPERATOR(pg_catalog.<>) NEW.schema)
    EXECUTE FUNCTION integration_defaults.seal_settings();
