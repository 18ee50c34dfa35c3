-- Types of integration.

CREATE TABLE integrations (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    title text,
    category text,
    schema jsonb NOT NULL DEFAULT '{}',
    allowed boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE integrations IS 'types of integration, each with the JSON Schema of its settings';
SELECT pg_catalog.pg_extension_config_dump('integrations', '');

