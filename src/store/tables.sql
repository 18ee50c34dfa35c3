-- Our tables. What may be in them is held by triggers, which the rooms declare that decide about it.

CREATE TABLE integration_defaults.integrations (
    name text COLLATE pg_catalog."C" NOT NULL PRIMARY KEY,
    title text,
    category text,
    schema jsonb NOT NULL DEFAULT '{}',
    allowed boolean NOT NULL DEFAULT true,
    strict boolean NOT NULL DEFAULT true
);
COMMENT ON COLUMN integration_defaults.integrations.strict IS
    'false: keywords of the schema that are not known are ignored';
COMMENT ON TABLE integration_defaults.integrations IS 'types of integration, each with the JSON Schema of its settings';
SELECT pg_catalog.pg_extension_config_dump('integration_defaults.integrations', '');

CREATE TABLE integration_defaults.groups (
    id text COLLATE pg_catalog."C" NOT NULL PRIMARY KEY
        CHECK (pg_catalog.octet_length(id) OPERATOR(pg_catalog.>=) 1
               AND pg_catalog.octet_length(id) OPERATOR(pg_catalog.<=) 255),
    parent_id text COLLATE pg_catalog."C"
);
CREATE INDEX groups_parent_id_idx ON integration_defaults.groups (parent_id);
COMMENT ON TABLE integration_defaults.groups IS 'the groups of the tree, by the app''s own ids; a null parent is the instance';
SELECT pg_catalog.pg_extension_config_dump('integration_defaults.groups', '');

CREATE TABLE integration_defaults.projects (
    id text COLLATE pg_catalog."C" NOT NULL PRIMARY KEY
        CHECK (pg_catalog.octet_length(id) OPERATOR(pg_catalog.>=) 1
               AND pg_catalog.octet_length(id) OPERATOR(pg_catalog.<=) 255),
    group_id text COLLATE pg_catalog."C"
);
CREATE INDEX projects_group_id_idx ON integration_defaults.projects (group_id);
COMMENT ON TABLE integration_defaults.projects IS 'the projects of the tree, by the app''s own ids; a null group is the instance';
SELECT pg_catalog.pg_extension_config_dump('integration_defaults.projects', '');

-- What people set: at most one row for each scope and type of integration. A scope without a row inherits. There is
-- no CHECK on these tables, because its message would print the row, secrets and all; triggers hold the rules. Nor do
-- statistics hold any values of settings.

CREATE TABLE integration_defaults.instance_settings (
    integration text COLLATE pg_catalog."C" NOT NULL PRIMARY KEY,
    custom boolean NOT NULL DEFAULT true,
    active boolean,
    settings jsonb NOT NULL DEFAULT '{}',
    locked text[] COLLATE pg_catalog."C" NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_by text NOT NULL DEFAULT CURRENT_USER
);
COMMENT ON TABLE integration_defaults.instance_settings IS 'what is set on the instance: the defaults of everybody';
ALTER TABLE integration_defaults.instance_settings ALTER COLUMN settings SET STATISTICS 0;
SELECT pg_catalog.pg_extension_config_dump('integration_defaults.instance_settings', '');

CREATE TABLE integration_defaults.group_settings (
    group_id text COLLATE pg_catalog."C" NOT NULL,
    integration text COLLATE pg_catalog."C" NOT NULL,
    custom boolean NOT NULL DEFAULT true,
    active boolean,
    settings jsonb NOT NULL DEFAULT '{}',
    locked text[] COLLATE pg_catalog."C" NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_by text NOT NULL DEFAULT CURRENT_USER,
    PRIMARY KEY (group_id, integration)
);
CREATE INDEX group_settings_integration_idx ON integration_defaults.group_settings (integration);
COMMENT ON TABLE integration_defaults.group_settings IS 'what is set on groups: the defaults of everything below each';
ALTER TABLE integration_defaults.group_settings ALTER COLUMN settings SET STATISTICS 0;
SELECT pg_catalog.pg_extension_config_dump('integration_defaults.group_settings', '');

CREATE TABLE integration_defaults.project_settings (
    project_id text COLLATE pg_catalog."C" NOT NULL,
    integration text COLLATE pg_catalog."C" NOT NULL,
    custom boolean NOT NULL DEFAULT true,
    active boolean,
    settings jsonb NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    updated_by text NOT NULL DEFAULT CURRENT_USER,
    PRIMARY KEY (project_id, integration)
);
CREATE INDEX project_settings_integration_idx ON integration_defaults.project_settings (integration);
COMMENT ON TABLE integration_defaults.project_settings IS 'what is set on projects: custom settings and overrides';
ALTER TABLE integration_defaults.project_settings ALTER COLUMN settings SET STATISTICS 0;
SELECT pg_catalog.pg_extension_config_dump('integration_defaults.project_settings', '');


-- Who may do what: what a role was given, everywhere or on a group and all below it. Nobody but its owner needs rights on
-- this table or the others.

CREATE TABLE integration_defaults.access (
    role integration_defaults.role_name NOT NULL,
    access text COLLATE pg_catalog."C" NOT NULL
        CHECK (access OPERATOR(pg_catalog.=) ANY (ARRAY['read', 'use', 'write', 'admin'])),
    group_id text COLLATE pg_catalog."C" CHECK (group_id IS NULL OR access OPERATOR(pg_catalog.<>) 'read'),
    UNIQUE NULLS NOT DISTINCT (role, access, group_id)
);
CREATE INDEX access_group_id_idx ON integration_defaults.access (group_id);
COMMENT ON TABLE integration_defaults.access IS
    'what roles were given by grant_access(): read, use, write or admin; on a group and all below it, or everywhere if group_id is null';
-- It has no primary key, and a publication FOR ALL TABLES has it, too.
ALTER TABLE integration_defaults.access REPLICA IDENTITY FULL;
-- What would come back as the right of another role stays out.
SELECT pg_catalog.pg_extension_config_dump('integration_defaults.access', 'WHERE integration_defaults.is_dumped(role)');

-- After each row: what the session finds from then on is what is there. Always: a subscription may bring rows.
CREATE FUNCTION integration_defaults.note_access() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_note_access';
COMMENT ON FUNCTION integration_defaults.note_access() IS
    'trigger of access: tells all sessions, at commit, to look up anew who may do what';
CREATE TRIGGER note_access AFTER INSERT OR UPDATE OR DELETE ON integration_defaults.access
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.note_access();
CREATE TRIGGER note_access_truncated AFTER TRUNCATE ON integration_defaults.access
    FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.note_access();
ALTER TABLE integration_defaults.access ENABLE ALWAYS TRIGGER note_access, ENABLE ALWAYS TRIGGER note_access_truncated;

CREATE FUNCTION integration_defaults.may_read() RETURNS boolean
    LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_may_read';
COMMENT ON FUNCTION integration_defaults.may_read() IS
    'for the views: true if the current user has access of any kind. Errors: 42501 if not';
