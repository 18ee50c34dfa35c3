-- What people set: at most one row for each scope and type of integration. A scope without a row inherits. There is
-- no CHECK on these tables, because its message would print the row, secrets and all; triggers hold the rules.

CREATE TABLE instance_settings (
    integration text COLLATE "C" NOT NULL PRIMARY KEY
        REFERENCES integrations (name) ON UPDATE CASCADE,
    custom boolean NOT NULL DEFAULT true,
    active boolean,
    settings jsonb NOT NULL DEFAULT '{}',
    locked text[] COLLATE "C" NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_by text NOT NULL DEFAULT CURRENT_USER
);
COMMENT ON TABLE instance_settings IS 'what is set on the instance: the defaults of everybody';
SELECT pg_catalog.pg_extension_config_dump('instance_settings', '');

CREATE TABLE group_settings (
    group_id text COLLATE "C" NOT NULL
        REFERENCES groups (id) ON DELETE CASCADE ON UPDATE CASCADE,
    integration text COLLATE "C" NOT NULL
        REFERENCES integrations (name) ON UPDATE CASCADE,
    custom boolean NOT NULL DEFAULT true,
    active boolean,
    settings jsonb NOT NULL DEFAULT '{}',
    locked text[] COLLATE "C" NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_by text NOT NULL DEFAULT CURRENT_USER,
    PRIMARY KEY (group_id, integration)
);
CREATE INDEX group_settings_integration_idx ON group_settings (integration);
COMMENT ON TABLE group_settings IS 'what is set on groups: the defaults of everything below each';
SELECT pg_catalog.pg_extension_config_dump('group_settings', '');

CREATE TABLE project_settings (
    project_id text COLLATE "C" NOT NULL
        REFERENCES projects (id) ON DELETE CASCADE ON UPDATE CASCADE,
    integration text COLLATE "C" NOT NULL
        REFERENCES integrations (name) ON UPDATE CASCADE,
    custom boolean NOT NULL DEFAULT true,
    active boolean,
    settings jsonb NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_by text NOT NULL DEFAULT CURRENT_USER,
    PRIMARY KEY (project_id, integration)
);
CREATE INDEX project_settings_integration_idx ON project_settings (integration);
COMMENT ON TABLE project_settings IS 'what is set on projects: custom settings and overrides';
SELECT pg_catalog.pg_extension_config_dump('project_settings', '');

