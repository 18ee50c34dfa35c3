-- Secrets that are stored already.

CREATE FUNCTION integration_defaults.seal_secrets() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_seal_secrets';
COMMENT ON FUNCTION integration_defaults.seal_secrets() IS
    'seals every secret that is not sealed with the first key of integration_defaults.key_file: those in clear from before there was a key, and those of older keys, which are not needed after that. Without a key, secrets in clear are marked. Gives how many were changed. Nothing is checked, and what was set stays set by whom and when it was. A secret that does not open stays as it is, with a WARNING. Errors: 42501 without admin access; 55000 a key that is needed is not there';

CREATE FUNCTION integration_defaults.seal_settings() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_seal_settings';
COMMENT ON FUNCTION integration_defaults.seal_settings() IS
    'trigger of integrations: where a schema changes, fields that become secrets are sealed, and secrets are bound to their new atomic groups (55000 without their keys)';
CREATE TRIGGER seal_settings AFTER UPDATE ON integration_defaults.integrations
    FOR EACH ROW WHEN (OLD.schema OPERATOR(pg_catalog.<>) NEW.schema)
    EXECUTE FUNCTION integration_defaults.seal_settings();
