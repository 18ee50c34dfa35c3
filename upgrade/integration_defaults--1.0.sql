-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION integration_defaults" to load this file. \quit

-- This script runs as a superuser, on behalf of the owner of the database, who need not be one. So
--  - it runs with search_path = pg_catalog, pg_temp ("schema" in the control file) and writes out the schema of every name
--    and operator
--  - it creates only what is new, without OR REPLACE or IF NOT EXISTS: a thing that is there already would stay in the hands
--    of the role that made it. A schema of this name that is there already is not used (42P06)
--  - it has no GRANT and no REVOKE: dumps would have these under the name of the role that installed
CREATE SCHEMA integration_defaults AUTHORIZATION @extowner@;
COMMENT ON SCHEMA integration_defaults IS
    'settings of integrations, inherited from an instance and its groups by projects';

-- A role, for tables that are dumped: an oid together with the name.

CREATE TYPE integration_defaults.role_name;

CREATE FUNCTION integration_defaults.role_name_in(cstring) RETURNS integration_defaults.role_name
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_in';
CREATE FUNCTION integration_defaults.role_name_out(integration_defaults.role_name) RETURNS cstring
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_out';
CREATE FUNCTION integration_defaults.role_name_recv(internal) RETURNS integration_defaults.role_name
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_recv';
CREATE FUNCTION integration_defaults.role_name_send(integration_defaults.role_name) RETURNS bytea
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_send';

CREATE TYPE integration_defaults.role_name (
    INPUT = integration_defaults.role_name_in, OUTPUT = integration_defaults.role_name_out,
    RECEIVE = integration_defaults.role_name_recv, SEND = integration_defaults.role_name_send,
    INTERNALLENGTH = 68, ALIGNMENT = int4, STORAGE = plain
);
COMMENT ON TYPE integration_defaults.role_name IS
    'a role: read and written by name, kept by its oid, so that a rename is followed and a role that is made again is another one; a name that no role has is kept, and is nobody';
COMMENT ON FUNCTION integration_defaults.role_name_in(cstring) IS 'I/O: the role of that name; 22023 if the name is empty or has more than 63 bytes';
COMMENT ON FUNCTION integration_defaults.role_name_out(integration_defaults.role_name) IS 'I/O: the role''s name as it is now; of a role that is gone the name it had';
COMMENT ON FUNCTION integration_defaults.role_name_recv(internal) IS 'I/O: the role in binary form, which is its name';
COMMENT ON FUNCTION integration_defaults.role_name_send(integration_defaults.role_name) IS 'I/O: the role in binary form, which is its name';

CREATE FUNCTION integration_defaults.role_name_lt(integration_defaults.role_name, integration_defaults.role_name) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_lt';
CREATE FUNCTION integration_defaults.role_name_le(integration_defaults.role_name, integration_defaults.role_name) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_le';
CREATE FUNCTION integration_defaults.role_name_eq(integration_defaults.role_name, integration_defaults.role_name) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_eq';
CREATE FUNCTION integration_defaults.role_name_ne(integration_defaults.role_name, integration_defaults.role_name) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_ne';
CREATE FUNCTION integration_defaults.role_name_ge(integration_defaults.role_name, integration_defaults.role_name) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_ge';
CREATE FUNCTION integration_defaults.role_name_gt(integration_defaults.role_name, integration_defaults.role_name) RETURNS boolean
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_gt';
CREATE FUNCTION integration_defaults.role_name_cmp(integration_defaults.role_name, integration_defaults.role_name) RETURNS integer
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_role_name_cmp';
COMMENT ON FUNCTION integration_defaults.role_name_lt(integration_defaults.role_name, integration_defaults.role_name) IS 'implementation of the operator <';
COMMENT ON FUNCTION integration_defaults.role_name_le(integration_defaults.role_name, integration_defaults.role_name) IS 'implementation of the operator <=';
COMMENT ON FUNCTION integration_defaults.role_name_eq(integration_defaults.role_name, integration_defaults.role_name) IS 'implementation of the operator =: the same role, or the same name of nobody';
COMMENT ON FUNCTION integration_defaults.role_name_ne(integration_defaults.role_name, integration_defaults.role_name) IS 'implementation of the operator <>';
COMMENT ON FUNCTION integration_defaults.role_name_ge(integration_defaults.role_name, integration_defaults.role_name) IS 'implementation of the operator >=';
COMMENT ON FUNCTION integration_defaults.role_name_gt(integration_defaults.role_name, integration_defaults.role_name) IS 'implementation of the operator >';
COMMENT ON FUNCTION integration_defaults.role_name_cmp(integration_defaults.role_name, integration_defaults.role_name) IS 'for indexes: by oid; those without one by name';

CREATE OPERATOR integration_defaults.< (
    FUNCTION = integration_defaults.role_name_lt, LEFTARG = integration_defaults.role_name, RIGHTARG = integration_defaults.role_name,
    COMMUTATOR = OPERATOR(integration_defaults.>), NEGATOR = OPERATOR(integration_defaults.>=),
    RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel);
CREATE OPERATOR integration_defaults.<= (
    FUNCTION = integration_defaults.role_name_le, LEFTARG = integration_defaults.role_name, RIGHTARG = integration_defaults.role_name,
    COMMUTATOR = OPERATOR(integration_defaults.>=), NEGATOR = OPERATOR(integration_defaults.>),
    RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel);
CREATE OPERATOR integration_defaults.= (
    FUNCTION = integration_defaults.role_name_eq, LEFTARG = integration_defaults.role_name, RIGHTARG = integration_defaults.role_name,
    COMMUTATOR = OPERATOR(integration_defaults.=), NEGATOR = OPERATOR(integration_defaults.<>),
    RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel, MERGES);
CREATE OPERATOR integration_defaults.<> (
    FUNCTION = integration_defaults.role_name_ne, LEFTARG = integration_defaults.role_name, RIGHTARG = integration_defaults.role_name,
    COMMUTATOR = OPERATOR(integration_defaults.<>), NEGATOR = OPERATOR(integration_defaults.=),
    RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel);
CREATE OPERATOR integration_defaults.>= (
    FUNCTION = integration_defaults.role_name_ge, LEFTARG = integration_defaults.role_name, RIGHTARG = integration_defaults.role_name,
    COMMUTATOR = OPERATOR(integration_defaults.<=), NEGATOR = OPERATOR(integration_defaults.<),
    RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel);
CREATE OPERATOR integration_defaults.> (
    FUNCTION = integration_defaults.role_name_gt, LEFTARG = integration_defaults.role_name, RIGHTARG = integration_defaults.role_name,
    COMMUTATOR = OPERATOR(integration_defaults.<), NEGATOR = OPERATOR(integration_defaults.<=),
    RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel);
CREATE OPERATOR CLASS integration_defaults.role_name_ops DEFAULT FOR TYPE integration_defaults.role_name USING btree AS
    OPERATOR 1 integration_defaults.<, OPERATOR 2 integration_defaults.<=, OPERATOR 3 integration_defaults.=,
    OPERATOR 4 integration_defaults.>=, OPERATOR 5 integration_defaults.>,
    FUNCTION 1 integration_defaults.role_name_cmp(integration_defaults.role_name, integration_defaults.role_name);

CREATE FUNCTION integration_defaults.is_dumped(role integration_defaults.role_name) RETURNS boolean
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_is_dumped';
COMMENT ON FUNCTION integration_defaults.is_dumped(integration_defaults.role_name) IS
    'for pg_dump: false if the name would come back as a role that it does not mean, because that role is gone, or has come since';

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
-- The keys that masks are made with, random, each made by the first write that needs it. `sealed` true: for sealed
-- secrets, itself sealed by a key of the server; false: for marked ones, in a database of a server without keys. There
-- are two, as old dumps have the second in clear, by which masks of few possible secrets could be guessed. That there is
-- a sealed one says that this database has sealed: then no secret is written without a key any more. Dumped, so that
-- both stay true in a restored database; nobody but the owner needs rights on it.
CREATE TABLE integration_defaults.mask_keys (
    sealed boolean NOT NULL PRIMARY KEY,
    key text NOT NULL
);
COMMENT ON TABLE integration_defaults.mask_keys IS
    'what the masks of secrets are made with; kept by the extension, not for applications';
ALTER TABLE integration_defaults.mask_keys ALTER COLUMN key SET STATISTICS 0;
SELECT pg_catalog.pg_extension_config_dump('integration_defaults.mask_keys', '');
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
-- The app's own id of a group or a project: text inside, so that there is one function for every type of id.

CREATE TYPE integration_defaults.external_id;

CREATE FUNCTION integration_defaults.external_id_in(cstring) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_in';
CREATE FUNCTION integration_defaults.external_id_out(integration_defaults.external_id) RETURNS cstring
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_out';
CREATE FUNCTION integration_defaults.external_id_recv(internal) RETURNS integration_defaults.external_id
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_recv';
CREATE FUNCTION integration_defaults.external_id_send(integration_defaults.external_id) RETURNS bytea
    LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_send';

CREATE TYPE integration_defaults.external_id (
    INPUT = integration_defaults.external_id_in, OUTPUT = integration_defaults.external_id_out,
    RECEIVE = integration_defaults.external_id_recv, SEND = integration_defaults.external_id_send,
    INTERNALLENGTH = VARIABLE, STORAGE = extended
);
COMMENT ON TYPE integration_defaults.external_id IS
    'the app''s own id of a group or project: 1 to 255 bytes of text; integers, numeric, text and uuid are cast to it implicitly';
COMMENT ON FUNCTION integration_defaults.external_id_in(cstring) IS 'I/O: 22023 if the id is empty or longer than 255 bytes';
COMMENT ON FUNCTION integration_defaults.external_id_out(integration_defaults.external_id) IS 'I/O: the id as text; of not_given() a text that is no id';
COMMENT ON FUNCTION integration_defaults.external_id_recv(internal) IS 'I/O: the id in binary form, which is its text';
COMMENT ON FUNCTION integration_defaults.external_id_send(integration_defaults.external_id) IS 'I/O: the id in binary form, which is its text';

CREATE FUNCTION integration_defaults.not_given() RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_not_given';
COMMENT ON FUNCTION integration_defaults.not_given() IS 'what an id that is left out is: a value that no input can make. Its text, which is no id, is read where a call comes from another server, and stands for an id that is left out beside one that is given; by itself it is refused (22023), so that no text means the instance';

CREATE FUNCTION integration_defaults.external_id(smallint) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_smallint';
CREATE FUNCTION integration_defaults.external_id(integer) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_integer';
CREATE FUNCTION integration_defaults.external_id(bigint) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_bigint';
CREATE FUNCTION integration_defaults.external_id(numeric) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_numeric';
CREATE FUNCTION integration_defaults.external_id(text) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_text';
CREATE FUNCTION integration_defaults.external_id(varchar) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_text';
CREATE FUNCTION integration_defaults.external_id(bpchar) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_bpchar';
CREATE FUNCTION integration_defaults.external_id(uuid) RETURNS integration_defaults.external_id
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_external_id_from_uuid';

COMMENT ON FUNCTION integration_defaults.external_id(smallint) IS 'cast: the number''s digits';
COMMENT ON FUNCTION integration_defaults.external_id(integer) IS 'cast: the number''s digits';
COMMENT ON FUNCTION integration_defaults.external_id(bigint) IS 'cast: the number''s digits';
COMMENT ON FUNCTION integration_defaults.external_id(numeric) IS
    'cast: the number''s digits without zeros at the end of its fraction; 22023 for NaN and infinity';
COMMENT ON FUNCTION integration_defaults.external_id(text) IS 'cast: 22023 if the text is empty or longer than 255 bytes';
COMMENT ON FUNCTION integration_defaults.external_id(varchar) IS 'cast: 22023 if the text is empty or longer than 255 bytes';
COMMENT ON FUNCTION integration_defaults.external_id(bpchar) IS 'cast, without the padding: 22023 if the text is empty or longer than 255 bytes';
COMMENT ON FUNCTION integration_defaults.external_id(uuid) IS 'cast: the uuid in its standard form';

CREATE CAST (smallint AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(smallint) AS IMPLICIT;
CREATE CAST (integer AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(integer) AS IMPLICIT;
CREATE CAST (bigint AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(bigint) AS IMPLICIT;
CREATE CAST (numeric AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(numeric) AS IMPLICIT;
CREATE CAST (text AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(text) AS IMPLICIT;
CREATE CAST (varchar AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(varchar) AS IMPLICIT;
CREATE CAST (bpchar AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(bpchar) AS IMPLICIT;
CREATE CAST (uuid AS integration_defaults.external_id)
    WITH FUNCTION integration_defaults.external_id(uuid) AS IMPLICIT;

-- The tree: groups nest, projects are leaves; no parent means straight under the instance. Parents and cycles are
-- checked at commit, so that the order in which an app deletes, moves and re-parents inside a transaction does not
-- matter. Settings follow an id that changes. So does what is inside a group, except where a tracked table says where it
-- is: then the app names the new id there, because it may give the old id to another group in the same transaction.

-- References to groups. They are triggers, because a restore fills these tables in any order, and in parallel.

CREATE FUNCTION integration_defaults.check_parent() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_check_parent';
COMMENT ON FUNCTION integration_defaults.check_parent() IS
    'trigger of groups and projects: at commit, every parent is there (23503 scope_parent_exists)';
CREATE CONSTRAINT TRIGGER scope_parent_exists AFTER INSERT OR UPDATE OR DELETE ON integration_defaults.groups
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION integration_defaults.check_parent();
CREATE CONSTRAINT TRIGGER scope_parent_exists AFTER INSERT OR UPDATE ON integration_defaults.projects
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION integration_defaults.check_parent();
CREATE FUNCTION integration_defaults.hold_parent() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_hold_parent';
COMMENT ON FUNCTION integration_defaults.hold_parent() IS
    'trigger of groups: locks the parent before the row is written, so that this transaction and one that renames the parent do not wait for each other';
CREATE TRIGGER hold_parent BEFORE INSERT OR UPDATE OF parent_id ON integration_defaults.groups
    FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL) EXECUTE FUNCTION integration_defaults.hold_parent();

-- The other rules.

CREATE FUNCTION integration_defaults.check_group_chain() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_check_group_chain';
COMMENT ON FUNCTION integration_defaults.check_group_chain() IS
    'trigger of groups: at commit, no group is its own ancestor (23514 scope_has_no_cycle)';
CREATE CONSTRAINT TRIGGER scope_has_no_cycle AFTER INSERT OR UPDATE OF id, parent_id ON integration_defaults.groups
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL)
    EXECUTE FUNCTION integration_defaults.check_group_chain();

CREATE FUNCTION integration_defaults.note_group_changes() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_note_group_changes';
COMMENT ON FUNCTION integration_defaults.note_group_changes() IS
    'trigger of groups: notes for check_group_chain() that the transaction changes groups, and that it frees ids';
CREATE TRIGGER note_group_changes BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON integration_defaults.groups
    FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.note_group_changes();

CREATE FUNCTION integration_defaults.rename_parent() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_rename_parent';
COMMENT ON FUNCTION integration_defaults.rename_parent() IS
    'trigger of groups: when a group''s id changes, what is inside it follows, unless a tracked table says where it is';
CREATE TRIGGER rename_parent AFTER UPDATE OF id ON integration_defaults.groups
    FOR EACH ROW WHEN (OLD.id OPERATOR(pg_catalog.<>) NEW.id) EXECUTE FUNCTION integration_defaults.rename_parent();

CREATE FUNCTION integration_defaults.check_id_is_final() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_check_id_is_final';
COMMENT ON FUNCTION integration_defaults.check_id_is_final() IS
    'trigger of groups and projects: at commit, no row has a placeholder as its id, which it got while another row had that id (23505)';
CREATE CONSTRAINT TRIGGER id_is_final AFTER INSERT OR UPDATE OF id ON integration_defaults.groups
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_catalog.starts_with(NEW.id, E'\x01'))
    EXECUTE FUNCTION integration_defaults.check_id_is_final();
CREATE CONSTRAINT TRIGGER id_is_final AFTER INSERT OR UPDATE OF id ON integration_defaults.projects
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (pg_catalog.starts_with(NEW.id, E'\x01'))
    EXECUTE FUNCTION integration_defaults.check_id_is_final();

-- The tree by hand, where no table of the app's is tracked. These check at once.

CREATE FUNCTION integration_defaults.add_group(
    group_id integration_defaults.external_id,
    parent_id integration_defaults.external_id DEFAULT integration_defaults.not_given()) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_add_group';
COMMENT ON FUNCTION integration_defaults.add_group(integration_defaults.external_id, integration_defaults.external_id) IS
    'adds a group under a parent group, or straight under the instance (parent left out or NULL). Errors: 23505 the id is there already; 23503 scope_parent_exists no such parent; 23514 scope_has_no_cycle its own parent; 22004 null id; 55000 groups are tracked';

CREATE FUNCTION integration_defaults.move_group(
    group_id integration_defaults.external_id, parent_id integration_defaults.external_id) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_move_group';
COMMENT ON FUNCTION integration_defaults.move_group(integration_defaults.external_id, integration_defaults.external_id) IS
    'moves a group, with all that is in it, under another parent; NULL: straight under the instance. Everything in it inherits from its new ancestors from the commit on. Moves wait for each other until commit. Errors: 42704 unknown group; 23503 scope_parent_exists no such parent; 23514 scope_has_no_cycle the parent is the group or in it; 22004 null id; 55000 groups are tracked';

CREATE FUNCTION integration_defaults.remove_group(group_id integration_defaults.external_id) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_remove_group';
COMMENT ON FUNCTION integration_defaults.remove_group(integration_defaults.external_id) IS
    'removes an empty group and what is set on it; also removes what is left of settings where the group is gone. Errors: 42704 unknown group; 23503 scope_parent_exists groups or projects are still in it; 22004 null id; 55000 groups are tracked';

CREATE FUNCTION integration_defaults.add_project(
    project_id integration_defaults.external_id,
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given()) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_add_project';
COMMENT ON FUNCTION integration_defaults.add_project(integration_defaults.external_id, integration_defaults.external_id) IS
    'adds a project to a group, or straight under the instance (group left out or NULL). Errors: 23505 the id is there already; 23503 scope_parent_exists no such group; 22004 null id; 55000 projects are tracked';

CREATE FUNCTION integration_defaults.move_project(
    project_id integration_defaults.external_id, group_id integration_defaults.external_id) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_move_project';
COMMENT ON FUNCTION integration_defaults.move_project(integration_defaults.external_id, integration_defaults.external_id) IS
    'moves a project to another group; NULL: straight under the instance. It inherits from its new ancestors from the commit on. Errors: 42704 unknown project; 23503 scope_parent_exists no such group; 22004 null id; 55000 projects are tracked';

CREATE FUNCTION integration_defaults.remove_project(project_id integration_defaults.external_id) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_remove_project';
COMMENT ON FUNCTION integration_defaults.remove_project(integration_defaults.external_id) IS
    'removes a project and what is set on it; also removes what is left of settings where the project is gone. Errors: 42704 unknown project; 22004 null id; 55000 projects are tracked';

-- In a cluster of Citus': docs/shards.md.

CREATE FUNCTION integration_defaults.follow_cluster() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_follow_cluster';
COMMENT ON FUNCTION integration_defaults.follow_cluster() IS
    'trigger of the table cluster that enable_citus() makes, on every node: takes in what the node''s shards have of the tables that are tracked, their triggers and what is set on their projects included. Errors: 42501 for who has not our owner''s rights, or a shard has another owner than its table; 55000 on another table, or a shard that is placed here is not; 08006 a node does not answer';

CREATE FUNCTION integration_defaults.taken_in_shards() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_taken_in_shards';
COMMENT ON FUNCTION integration_defaults.taken_in_shards() IS
    'trigger of groups and projects in a cluster of Citus'', whose arguments are the shards that the node has taken in; does nothing';
-- Tracking: groups and projects follow tables of the app's.

CREATE FUNCTION integration_defaults.follow_groups() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_follow_groups';
COMMENT ON FUNCTION integration_defaults.follow_groups() IS
    'trigger of the table that track_groups() tracks: groups follow it. Its owner must have admin access, or be our owner (42501); other tables, and writes while one of these triggers is missing or disabled, are refused (55000)';
CREATE FUNCTION integration_defaults.follow_projects() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_follow_projects';
COMMENT ON FUNCTION integration_defaults.follow_projects() IS
    'trigger of the table that track_projects() tracks: projects follow it. Its owner must have admin access, or be our owner (42501); other tables, and writes while one of these triggers is missing or disabled, are refused (55000)';

CREATE FUNCTION integration_defaults.read_tracked_tables()
    RETURNS TABLE (kind text, source regclass, id_column name, parent_column name, filter text, label_column name,
        orphans text)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 2 AS 'MODULE_PATHNAME', 'intd_read_tracked_tables';
COMMENT ON FUNCTION integration_defaults.read_tracked_tables() IS
    'for the view tracked_tables: the tables that are tracked, read from their triggers';
CREATE VIEW integration_defaults.tracked_tables AS
    SELECT t.kind, t.source, t.id_column, t.parent_column, t.filter, t.label_column, t.orphans
    FROM integration_defaults.read_tracked_tables() t
    WHERE integration_defaults.may_read();
COMMENT ON VIEW integration_defaults.tracked_tables IS
    'the tables that are tracked: kind (groups, projects), source, its columns of the id and of the parent, the filter, the column of the names that tree() shows, and whether a parent that is not there is refused or counts as the instance (orphans)';

CREATE FUNCTION integration_defaults.read_tracked(kind text) RETURNS TABLE (id text, parent text, passes boolean)
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_read_tracked';
COMMENT ON FUNCTION integration_defaults.read_tracked(text) IS
    'for track_groups(), track_projects() and resync(): the rows of the table that is tracked for groups or projects, with what its filter says; the filter runs as the table''s owner. Errors: 42501 without SELECT on the table, 55000 not tracked, 22023 another kind';

CREATE FUNCTION integration_defaults.track_groups(
    source regclass, id_column name DEFAULT 'id', parent_column name DEFAULT 'parent_id',
    filter text DEFAULT NULL, label_column name DEFAULT NULL, orphans text DEFAULT 'refuse') RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_track_groups';
COMMENT ON FUNCTION integration_defaults.track_groups(regclass, name, name, text, name, text) IS
    'makes groups follow a table of the app''s, plain or partitioned: puts triggers on it, takes in its rows (gives how many; groups that it does not have are removed, with a notice; where that takes long, notices say how far it is), and from then on every INSERT, UPDATE, DELETE and TRUNCATE there keeps groups in step in the same transaction. filter: a boolean SQL expression over the row (type = ''Group''); what it leaves out is no group, and counts as the instance where it is a parent. label_column: the names that tree() shows to who may SELECT them; where the column is renamed, untrack and track again. orphans: a parent that is not there at commit is refused (refuse; where rows are taken in, DETAIL has the first 100 such rows and how many they are), or counts as the instance until it is there (instance). After ATTACH or DETACH of a partition, and before TRUNCATE of a single partition that was created later, call resync(). What is set on an id goes at commit when its row has gone; on one that the filter leaves out it stays. Errors: 42501 without admin access, not the table''s owner, or the owner has no admin access; 0A000 not a plain or partitioned table, or a key of a type whose equal values may differ as text; 55000 another table is tracked for groups; 42703 no such column; 22023 bad filter, bad ids, another word for orphans; 22004 null ids; 23505 an id twice; 25001 a table that Citus has distributed, in a transaction that does more; at commit 23503 scope_parent_exists, 23514 scope_has_no_cycle';

CREATE FUNCTION integration_defaults.track_projects(
    source regclass, id_column name DEFAULT 'id', group_column name DEFAULT 'group_id',
    filter text DEFAULT NULL, orphans text DEFAULT 'refuse') RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_track_projects';
COMMENT ON FUNCTION integration_defaults.track_projects(regclass, name, name, text, text) IS
    'makes projects follow a table of the app''s, plain or partitioned: puts triggers on it, takes in its rows (gives how many, or NULL where Citus has distributed the table; projects that it does not have are removed, with a notice), and from then on every INSERT, UPDATE, DELETE and TRUNCATE there keeps projects in step in the same transaction. filter: a boolean SQL expression over the row; what it leaves out is no project. orphans: what becomes of a project whose group is not there, as with track_groups(). After ATTACH or DETACH of a partition, and before TRUNCATE of a single partition that was created later, call resync(). Errors: as track_groups()';

CREATE FUNCTION integration_defaults.untrack(source regclass) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_untrack';
COMMENT ON FUNCTION integration_defaults.untrack(regclass) IS
    'stops following a table: drops our triggers from it. Our groups and projects stay as they are, and can be changed by hand from then on. What is set on those that the filter left out stays, too, until remove_group() or remove_project() removes it. Errors: 42501 without admin access, or not the table''s owner; 55000 it is not tracked';

CREATE FUNCTION integration_defaults.resync(source regclass, dry_run boolean DEFAULT false) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_resync';
COMMENT ON FUNCTION integration_defaults.resync(regclass, boolean) IS
    'makes what follows a table equal to it again, and creates and enables triggers that it lacks: after ATTACH or DETACH of a partition, or writes that fired no triggers (session_replication_role = replica). Gives the number of groups and projects that it added, changed and removed. dry_run: changes nothing and locks nothing against writers, but gives that number, and says in a NOTICE which it would add, move and remove, how many rows of settings would go with them, and which triggers it would create or enable. Errors: 42501 without admin access, or not the table''s owner; 55000 it is not tracked; else as track_groups()';

-- While a table of the app's is tracked, only what follows it changes groups or projects, and a restore.

CREATE FUNCTION integration_defaults.keep_tracked() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_keep_tracked';
COMMENT ON FUNCTION integration_defaults.keep_tracked() IS
    'trigger of groups and projects: while they are tracked they are not changed by hand (55000)';
CREATE TRIGGER keep_tracked BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON integration_defaults.groups
    FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.keep_tracked();
CREATE TRIGGER keep_tracked BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON integration_defaults.projects
    FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.keep_tracked();
CREATE FUNCTION integration_defaults.pass_over_restored() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_pass_over_restored';
COMMENT ON FUNCTION integration_defaults.pass_over_restored() IS
    'trigger of groups and projects: in a restore, leaves out a row that is there already because the tracked table was restored before';
CREATE TRIGGER pass_over_restored BEFORE INSERT ON integration_defaults.groups
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.pass_over_restored();
CREATE TRIGGER pass_over_restored BEFORE INSERT ON integration_defaults.projects
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.pass_over_restored();

-- Counts how often the small tables, which say what is inherited, have changed. What a backend remembers of them is exact
-- for every snapshot that shows the same sum: see generation.hpp. Not dumped. Has as many rows as there were ever writers
-- at one time. There is no key: no row is ever looked for, and a writer that adds one must not wait for another writer.

CREATE TABLE integration_defaults.generations (changes bigint NOT NULL, moves bigint NOT NULL, additions bigint NOT NULL)
    -- Who counts removes old versions of rows. VACUUM would remove young ones too, and so end queries of standbys: it is
    -- for what an old snapshot has left.
    WITH (autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE integration_defaults.generations IS
    'counts the transactions that changed integrations, instance_settings or group_settings (changes), that changed groups (moves), and that added groups; kept by triggers, not for applications';
-- A publication FOR ALL TABLES has it too; the subscriber, which counts for itself, skips the rows.
ALTER TABLE integration_defaults.generations REPLICA IDENTITY FULL;

CREATE FUNCTION integration_defaults.keep_generations() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_keep_generations';
COMMENT ON FUNCTION integration_defaults.keep_generations() IS
    'trigger of generations: nobody writes there (55000); rows that a subscription brings are skipped';
CREATE TRIGGER keep_generations BEFORE INSERT OR UPDATE OR DELETE ON integration_defaults.generations
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.keep_generations();
CREATE TRIGGER keep_generations_truncated BEFORE TRUNCATE ON integration_defaults.generations
    FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.keep_generations();
ALTER TABLE integration_defaults.generations ENABLE ALWAYS TRIGGER keep_generations,
    ENABLE ALWAYS TRIGGER keep_generations_truncated;

-- Fires before the change, so that nobody can see the change uncounted; for each row and always, because a subscription
-- fires only such triggers; also while a dump is restored.
CREATE FUNCTION integration_defaults.count_change() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_count_change';
COMMENT ON FUNCTION integration_defaults.count_change() IS
    'trigger of integrations, groups, instance_settings and group_settings: counts the transaction in generations; refuses what a subscription fills (55000), unless it is the subscription that writes';
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['integrations', 'groups', 'instance_settings', 'group_settings'] LOOP
        EXECUTE pg_catalog.format(
            'CREATE TRIGGER count_change BEFORE INSERT OR UPDATE OR DELETE ON integration_defaults.%1$I
                 FOR EACH ROW EXECUTE FUNCTION integration_defaults.count_change();
             CREATE TRIGGER count_truncation BEFORE TRUNCATE ON integration_defaults.%1$I
                 FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.count_change();
             ALTER TABLE integration_defaults.%1$I ENABLE ALWAYS TRIGGER count_change,
                 ENABLE ALWAYS TRIGGER count_truncation',
            name);
    END LOOP;
END
$$;
-- Secrets that are stored already.

CREATE FUNCTION integration_defaults.seal_settings() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_seal_settings';
COMMENT ON FUNCTION integration_defaults.seal_settings() IS
    'trigger of integrations: where a schema changes, fields that become secrets are sealed, and secrets are bound to their new atomic groups (55000 without their keys)';
CREATE TRIGGER seal_settings AFTER UPDATE ON integration_defaults.integrations
    FOR EACH ROW WHEN (OLD.schema OPERATOR(pg_catalog.<>) NEW.schema)
    EXECUTE FUNCTION integration_defaults.seal_settings();
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

-- What the views are made of. NULL where the integration is not configured, or the group is not there.

CREATE FUNCTION integration_defaults.effective_active(
    integration text, group_id text, custom boolean, active boolean, settings jsonb) RETURNS boolean
    LANGUAGE c STABLE PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'intd_effective_active';
COMMENT ON FUNCTION integration_defaults.effective_active(text, text, boolean, boolean, jsonb) IS
    'for the views: whether an integration is active for what hangs on a group (NULL: the instance) and has this row of its own (NULLs: none)';
CREATE FUNCTION integration_defaults.effective_settings_of(
    integration text, group_id text, custom boolean, active boolean, settings jsonb) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'intd_effective_settings_of';
COMMENT ON FUNCTION integration_defaults.effective_settings_of(text, text, boolean, boolean, jsonb) IS
    'for the views: the effective settings of what hangs on a group (NULL: the instance) and has this row of its own (NULLs: none)';
CREATE FUNCTION integration_defaults.inherited_source_level(integration text, group_id text) RETURNS text
    LANGUAGE c STABLE PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'intd_inherited_source_level';
COMMENT ON FUNCTION integration_defaults.inherited_source_level(text, text) IS
    'for the views: the level of the nearest scope that sets something, from a group (NULL: the instance) upwards';
CREATE FUNCTION integration_defaults.inherited_source_id(integration text, group_id text) RETURNS text
    LANGUAGE c STABLE PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'intd_inherited_source_id';
COMMENT ON FUNCTION integration_defaults.inherited_source_id(text, text) IS
    'for the views: the id of the nearest scope that sets something, from a group (NULL: the instance) upwards; NULL for the instance';

CREATE FUNCTION integration_defaults.set_by_instance(integration text) RETURNS boolean
    LANGUAGE c STABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'intd_set_by_instance';
COMMENT ON FUNCTION integration_defaults.set_by_instance(text) IS
    'for the views: true if the instance sets an integration, so that all that is below has it; false if only groups or projects have rows; NULL if nobody has';

CREATE FUNCTION integration_defaults.inherited_locks(integration text, group_id text) RETURNS text[]
    LANGUAGE c STABLE PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'intd_inherited_locks';
COMMENT ON FUNCTION integration_defaults.inherited_locks(text, text) IS
    'for the views: what is locked for whatever hangs on a group (NULL: the instance): names of properties, and active';

-- The same answers as rows, for ORMs and reports: one for each scope and configured integration. A predicate on the
-- id or on the integration reaches the indexes; a group is folded once for all its projects. They read as
-- their owner does; may_read() asks, before anything is read, whether the reader may.

CREATE VIEW integration_defaults.project_integrations AS
SELECT p.id AS project_id,
       i.name AS integration,
       integration_defaults.effective_active(i.name, p.group_id, s.custom, s.active, s.settings) AS active,
       integration_defaults.effective_settings_of(i.name, p.group_id, s.custom, s.active, s.settings) AS settings,
       s.project_id IS NULL AS inherited,
       CASE WHEN s.project_id IS NULL THEN integration_defaults.inherited_source_level(i.name, p.group_id)
            ELSE 'project'::pg_catalog.text END AS source_level,
       CASE WHEN s.project_id IS NULL THEN integration_defaults.inherited_source_id(i.name, p.group_id)
            ELSE p.id END COLLATE pg_catalog."C" AS source_id
-- GROUP BY, by the key, keeps set_by_instance() from being asked for each project.
FROM (SELECT name, integration_defaults.set_by_instance(name) AS everywhere
      FROM integration_defaults.integrations GROUP BY name) i
-- With all projects, but as a hash join, so that parallel workers can each have a part of them.
JOIN integration_defaults.projects p ON (p.id IS NOT NULL) OPERATOR(pg_catalog.=) (i.name IS NOT NULL)
LEFT JOIN integration_defaults.project_settings s
    ON s.project_id OPERATOR(pg_catalog.=) p.id AND s.integration OPERATOR(pg_catalog.=) i.name
    -- a row that sets nothing changes nothing: as SETS_SOMETHING in store/sets_something.hpp
    AND (s.custom OR s.active IS NOT NULL OR s.settings OPERATOR(pg_catalog.<>) '{}'::pg_catalog.jsonb)
WHERE integration_defaults.may_read() AND i.everywhere IS NOT NULL
  AND (i.everywhere
       OR CASE WHEN s.project_id IS NULL THEN integration_defaults.inherited_source_level(i.name, p.group_id) IS NOT NULL
               ELSE integration_defaults.effective_active(i.name, p.group_id, s.custom, s.active, s.settings) IS NOT NULL
          END);
COMMENT ON VIEW integration_defaults.project_integrations IS
    'the effective settings of every project: a row for each integration that is configured there, with the columns of resolve()';

CREATE VIEW integration_defaults.group_integrations AS
SELECT g.id AS group_id,
       i.name AS integration,
       integration_defaults.effective_active(i.name, g.id, NULL, NULL, NULL) AS active,
       integration_defaults.effective_settings_of(i.name, g.id, NULL, NULL, NULL) AS settings,
       (integration_defaults.inherited_source_id(i.name, g.id) OPERATOR(pg_catalog.=) g.id) IS NOT TRUE AS inherited,
       integration_defaults.inherited_source_level(i.name, g.id) AS source_level,
       integration_defaults.inherited_source_id(i.name, g.id) AS source_id
FROM integration_defaults.integrations i
CROSS JOIN LATERAL (SELECT integration_defaults.set_by_instance(i.name) AS everywhere OFFSET 0) u
-- as above, but GROUP BY would not let FOR UPDATE lock the rows
CROSS JOIN integration_defaults.groups g
WHERE integration_defaults.may_read() AND u.everywhere IS NOT NULL
  AND (u.everywhere OR integration_defaults.inherited_source_level(i.name, g.id) IS NOT NULL);
COMMENT ON VIEW integration_defaults.group_integrations IS
    'the effective settings of every group: a row for each integration that is configured there, with the columns of resolve()';

CREATE VIEW integration_defaults.instance_integrations AS
SELECT i.name AS integration,
       integration_defaults.effective_active(i.name, NULL, NULL, NULL, NULL) AS active,
       integration_defaults.effective_settings_of(i.name, NULL, NULL, NULL, NULL) AS settings,
       false AS inherited,
       'instance'::pg_catalog.text AS source_level,
       NULL::pg_catalog.text AS source_id
FROM integration_defaults.integrations i
WHERE integration_defaults.may_read() AND integration_defaults.inherited_source_level(i.name, NULL) IS NOT NULL;
COMMENT ON VIEW integration_defaults.instance_integrations IS
    'the effective settings of the instance: a row for each integration that is configured there, with the columns of resolve()';

-- What typed views are made of: they belong to others, who have no rights on our tables.
CREATE VIEW integration_defaults.all_project_integrations AS
SELECT p.id AS project_id,
       i.name AS integration,
       COALESCE(integration_defaults.effective_active(i.name, p.group_id, s.custom, s.active, s.settings), false) AS active,
       CASE WHEN s.project_id IS NOT NULL OR integration_defaults.inherited_source_level(i.name, p.group_id) IS NOT NULL
            THEN integration_defaults.effective_settings_of(i.name, p.group_id, s.custom, s.active, s.settings)
            END AS settings,
       s.project_id IS NULL AS inherited,
       CASE WHEN s.project_id IS NULL THEN integration_defaults.inherited_source_level(i.name, p.group_id)
            ELSE 'project'::pg_catalog.text END AS source_level,
       CASE WHEN s.project_id IS NULL THEN integration_defaults.inherited_source_id(i.name, p.group_id)
            ELSE p.id END COLLATE pg_catalog."C" AS source_id,
       integration_defaults.inherited_locks(i.name, p.group_id) AS locked
FROM integration_defaults.integrations i
CROSS JOIN integration_defaults.projects p
LEFT JOIN integration_defaults.project_settings s
    ON s.project_id OPERATOR(pg_catalog.=) p.id AND s.integration OPERATOR(pg_catalog.=) i.name
    AND (s.custom OR s.active IS NOT NULL OR s.settings OPERATOR(pg_catalog.<>) '{}'::pg_catalog.jsonb)
WHERE integration_defaults.may_read();
COMMENT ON VIEW integration_defaults.all_project_integrations IS
    'as project_integrations, with a row for every project and integration, configured or not, and what is locked above: for typed views';

-- Writing through them changes what the scope has set.

CREATE FUNCTION integration_defaults.write_integrations() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_write_integrations';
COMMENT ON FUNCTION integration_defaults.write_integrations() IS
    'trigger of the views: UPDATE overrides the fields that change and takes back those that are removed, INSERT sets whole settings, DELETE uses the default';
CREATE TRIGGER write_integrations INSTEAD OF INSERT OR UPDATE OR DELETE ON integration_defaults.project_integrations
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.write_integrations();
CREATE TRIGGER write_integrations INSTEAD OF INSERT OR UPDATE OR DELETE ON integration_defaults.group_integrations
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.write_integrations();
CREATE TRIGGER write_integrations INSTEAD OF INSERT OR UPDATE OR DELETE ON integration_defaults.instance_integrations
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.write_integrations();

CREATE FUNCTION integration_defaults.create_general_view(level text DEFAULT 'project', name text DEFAULT NULL) RETURNS regclass
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_create_general_view';
COMMENT ON FUNCTION integration_defaults.create_general_view(text, text) IS
    'makes a view of the effective settings of every project (level: project) or group (level: group) in the current schema, as project_integrations or group_integrations, and of that name unless told otherwise (name: of the view, or schema.name): with the same columns, read and written in the same way, but project_id or group_id is the key of the tracked table, of its type: numbers compare with numbers, and join the app''s tables. Called again, it makes the view anew; a comment that somebody has given it stays. Errors: 22023 another level, or a name that can''t be one; 55000 no tracked table of that kind; 42P07 the name is taken; 42501 no read access, or somebody else''s view';

-- What is set, wherever that is: for an overview, and for an audit.

CREATE VIEW integration_defaults.own_settings AS
SELECT o.scope_level, o.scope_id, o.integration, o.custom, o.active, o.fields, o.locked, o.updated_at, o.updated_by
FROM (
SELECT 'instance'::pg_catalog.text AS scope_level, NULL::pg_catalog.text COLLATE pg_catalog."C" AS scope_id,
       s.integration, s.custom, s.active,
       ARRAY(SELECT k.key FROM pg_catalog.jsonb_object_keys(
           CASE WHEN pg_catalog.jsonb_typeof(s.settings) OPERATOR(pg_catalog.=) 'object'::pg_catalog.text
                THEN s.settings END) k(key) ORDER BY k.key COLLATE pg_catalog."C") AS fields,
       s.locked, s.updated_at, s.updated_by
FROM integration_defaults.instance_settings s
UNION ALL
SELECT 'group'::pg_catalog.text, s.group_id, s.integration, s.custom, s.active,
       ARRAY(SELECT k.key FROM pg_catalog.jsonb_object_keys(
           CASE WHEN pg_catalog.jsonb_typeof(s.settings) OPERATOR(pg_catalog.=) 'object'::pg_catalog.text
                THEN s.settings END) k(key) ORDER BY k.key COLLATE pg_catalog."C"),
       s.locked, s.updated_at, s.updated_by
FROM integration_defaults.group_settings s
UNION ALL
SELECT 'project'::pg_catalog.text, s.project_id, s.integration, s.custom, s.active,
       ARRAY(SELECT k.key FROM pg_catalog.jsonb_object_keys(
           CASE WHEN pg_catalog.jsonb_typeof(s.settings) OPERATOR(pg_catalog.=) 'object'::pg_catalog.text
                THEN s.settings END) k(key) ORDER BY k.key COLLATE pg_catalog."C"),
       '{}'::pg_catalog.text[], s.updated_at, s.updated_by
FROM integration_defaults.project_settings s
) o
WHERE integration_defaults.may_read();
COMMENT ON VIEW integration_defaults.own_settings IS
    'all that is set anywhere: scope_level (instance, group, project), scope_id (NULL: the instance), integration, custom (false: single fields are overridden), active (NULL: inherited), fields (the names of what is set, never the values), locked (what is locked for all below), updated_at, updated_by';

-- Typed views: one integration, a column each field, keyed by the app's own key.

CREATE FUNCTION integration_defaults.create_view(integration text, name text DEFAULT NULL) RETURNS regclass
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_create_view';
COMMENT ON FUNCTION integration_defaults.create_view(text, text) IS
    'makes a typed view of an integration in the current schema, named <integration>_settings unless told otherwise (name: of the view, or schema.name): the key of the tracked table of projects, active, inherited, source_level, source_id, locked, and a column for each field of the schema (text, bigint, numeric, boolean, jsonb; NULL where it is unset or null). UPDATE of a column overrides the field, to NULL takes the override back; DELETE uses the default. The columns that follow from what is set can''t be changed: a change of them alone is refused, and ignored where an ORM saves them along with others. Called again, it adds columns for new fields; a comment that somebody has given the view or a column stays. Errors: 42704 unknown integration; 55000 no tracked table of projects; 42P07 the name is taken; 42P16 a field of the view is gone from the schema; 22023, 42622 a field that can''t be the name of a column; 54011 more fields than columns';
CREATE FUNCTION integration_defaults.write_typed() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_write_typed';
COMMENT ON FUNCTION integration_defaults.write_typed() IS
    'trigger of typed views; its arguments are the integration and the fields in the order of the columns. Errors: 39P01 the columns of the view are not those that create_view() makes';
-- Effective settings as rows, to be indexed, joined, replicated or captured: kept by the triggers here.

CREATE FUNCTION integration_defaults.materialize(integration text) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_materialize';
COMMENT ON FUNCTION integration_defaults.materialize(text) IS
    'keeps the effective settings of an integration as rows of the table effective_settings, which has the columns of project_integrations and equals it from now on, in every transaction that changes something; gives the number of rows; where that takes long, it says in a NOTICE how far it is. The first call makes the table, an ordinary one: indexes, policies, triggers and publications on it are the user''s, and pg_dump keeps them. Waits for writers, and keeps them out until the transaction ends. Called again, it mends the rows, and makes the triggers of integration_defaults fire as they were declared to. Errors: 42501 without admin access; 42704 unknown integration; 42P07 another relation has the table''s name; 55000 the table belongs to somebody else than the extension''s tables';

CREATE FUNCTION integration_defaults.dematerialize(integration text) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_dematerialize';
COMMENT ON FUNCTION integration_defaults.dematerialize(text) IS
    'ends materialize(): removes the rows of an integration from effective_settings, and gives their number. The table stays. Errors: 42501 without admin access; 42704 unknown integration; 55000 the table has been changed, or belongs to somebody else';

CREATE FUNCTION integration_defaults.refuse_plain_writes() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_refuse_plain_writes';
COMMENT ON FUNCTION integration_defaults.refuse_plain_writes() IS
    'trigger of effective_settings: only integration_defaults writes to it (55000). Its arguments are the materialized types, and their only record';
CREATE FUNCTION integration_defaults.skip_replicated() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_skip_replicated';
COMMENT ON FUNCTION integration_defaults.skip_replicated() IS
    'trigger of effective_settings in sessions that replicate: rows that a subscription brings are skipped, because they follow from what it brings besides';

CREATE FUNCTION integration_defaults.settle() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_settle';
COMMENT ON FUNCTION integration_defaults.settle() IS
    'trigger of the tables of integration_defaults: effective_settings follows what a statement changes, at its end, or before the commit if another trigger ran the statement';
CREATE FUNCTION integration_defaults.note_change() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_note_change';
COMMENT ON FUNCTION integration_defaults.note_change() IS
    'trigger of the tables of integration_defaults in sessions that replicate: effective_settings follows before the commit';
CREATE FUNCTION integration_defaults.limit_truncation() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_limit_truncation';
COMMENT ON FUNCTION integration_defaults.limit_truncation() IS
    'trigger of the tables of integration_defaults: a TRUNCATE changes no more projects than integration_defaults.max_affected';

CREATE FUNCTION integration_defaults.effective_differs(
    active boolean, settings jsonb, inherited boolean, source_level text, source_id text, other_active boolean,
    other_settings jsonb, other_inherited boolean, other_source_level text, other_source_id text) RETURNS boolean
    LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_effective_differs';
COMMENT ON FUNCTION integration_defaults.effective_differs(boolean, jsonb, boolean, text, text, boolean, jsonb, boolean, text, text) IS
    'for effective_settings: whether a row differs, in any byte of its values, from the other one, which it should be; false where other_active is NULL, as then there should be no row';

-- Triggers for a statement fire in the order of their names: this one is the last that does something.
DO $$
DECLARE
    own text;
BEGIN
    FOREACH own IN ARRAY ARRAY['integrations', 'groups', 'projects', 'instance_settings', 'group_settings',
                               'project_settings']
    LOOP
        EXECUTE pg_catalog.format($f$
            CREATE TRIGGER settle_insert AFTER INSERT ON integration_defaults.%1$I REFERENCING NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.settle();
            CREATE TRIGGER settle_update AFTER UPDATE ON integration_defaults.%1$I
                REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.settle();
            CREATE TRIGGER settle_delete AFTER DELETE ON integration_defaults.%1$I REFERENCING OLD TABLE AS old_rows
                FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.settle();
            CREATE TRIGGER settle_truncate AFTER TRUNCATE ON integration_defaults.%1$I
                FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.settle();
            CREATE TRIGGER limit_truncation BEFORE TRUNCATE ON integration_defaults.%1$I
                FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.limit_truncation();
            CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON integration_defaults.%1$I
                FOR EACH ROW EXECUTE FUNCTION integration_defaults.note_change();
            ALTER TABLE integration_defaults.%1$I ENABLE REPLICA TRIGGER note_change,
                ENABLE ALWAYS TRIGGER settle_truncate;
        $f$, own);
    END LOOP;
END
$$;


-- Taking back what is set below.

CREATE FUNCTION integration_defaults.reset_below(
    integration text, group_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    fields text[] DEFAULT NULL) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_reset_below';
COMMENT ON FUNCTION integration_defaults.reset_below(text, integration_defaults.external_id, text[]) IS
    'takes back what is set below a group, or below the instance if no group is given, itself left out: everything, locks included, or only these fields, whole atomic groups at a time, active among them by that name. Custom settings lose the fields, too, which then have the schema''s default, but stay active or not. Gives the number of scopes that were changed. Never refused for what these end up with: see invalid_settings(). Errors: 42704 unknown integration or group; 22023 unknown field';

CREATE FUNCTION integration_defaults.drop_redundant(
    integration text, group_id integration_defaults.external_id DEFAULT integration_defaults.not_given())
    RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_drop_redundant';
COMMENT ON FUNCTION integration_defaults.drop_redundant(text, integration_defaults.external_id) IS
    'takes back all that redundant_overrides() lists: nobody''s effective settings change, but what was dropped follows later changes above. Locks stay. Gives the number of scopes that were changed. Errors: 42704 unknown integration or group';

CREATE FUNCTION integration_defaults.preview(statement text, integration text DEFAULT NULL)
    RETURNS TABLE (scope_level text, scope_id text, integration text,
                   before_active boolean, before jsonb, before_source_level text, before_source_id text,
                   after_active boolean, after jsonb, after_source_level text, after_source_id text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE COST 10000 AS 'MODULE_PATHNAME', 'intd_preview';
COMMENT ON FUNCTION integration_defaults.preview(text, text) IS
    'what one or more SQL statements would change: runs them with the caller''s rights, and the checks of a commit, and rolls all of it back. A row for each project and group that would end up with other effective settings, or be enabled or disabled; NULLs where the integration is not configured, or the project or group is not there. integration: only this one. What no transaction takes back stays, as numbers of sequences. Errors: those of the statements; 0A000 for transaction commands, and COPY by the client; 42704 unknown integration';

-- Telling clients what has changed. A row that says true: they are told.

CREATE TABLE integration_defaults.change_notifications (enabled boolean NOT NULL);
-- It has no primary key, and a publication FOR ALL TABLES has it, too.
ALTER TABLE integration_defaults.change_notifications REPLICA IDENTITY FULL;
COMMENT ON TABLE integration_defaults.change_notifications IS
    'whether clients are told of changes: a row while notify_changes() has turned that on';
SELECT pg_catalog.pg_extension_config_dump('integration_defaults.change_notifications', '');
CREATE FUNCTION integration_defaults.note_notifications() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_note_notifications';
COMMENT ON FUNCTION integration_defaults.note_notifications() IS
    'trigger of change_notifications: tells all sessions, at commit, to look up anew whether clients are told of changes';
CREATE TRIGGER note_notifications AFTER INSERT OR UPDATE OR DELETE ON integration_defaults.change_notifications
    FOR EACH ROW EXECUTE FUNCTION integration_defaults.note_notifications();
CREATE TRIGGER note_notifications_truncated AFTER TRUNCATE ON integration_defaults.change_notifications
    FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.note_notifications();
ALTER TABLE integration_defaults.change_notifications ENABLE ALWAYS TRIGGER note_notifications,
    ENABLE ALWAYS TRIGGER note_notifications_truncated;

CREATE FUNCTION integration_defaults.notify_changes(enabled boolean) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_notify_changes';
COMMENT ON FUNCTION integration_defaults.notify_changes(boolean) IS
    'whether each transaction that changes what is set, the tree or a type tells those who LISTEN to the channel integration_defaults at its commit, from now on: a JSON object {"integration", "scope_level", "scope_id"} for each scope that was written, which stands for all that is below it; integration null: all types; scope_id null: the instance. More than 100 scopes of a type become the instance. New groups and projects are not told. While it is on, such a transaction can''t be prepared (0A000). Waits for writers, and keeps them out until the transaction ends. Errors: 42501 no admin access; 22023 NULL';
-- What a DBA looks at.

CREATE FUNCTION integration_defaults.status() RETURNS TABLE (subject text, state text, detail text)
    LANGUAGE c STABLE PARALLEL UNSAFE ROWS 20 COST 100000 AS 'MODULE_PATHNAME', 'intd_status';
COMMENT ON FUNCTION integration_defaults.status() IS
    'whether all is as it should be, in rows: state is ok, note or broken, detail says what was found and the way out. Looks at the versions of database and module, our tables and triggers, schemas that can''t be used, tracked tables (their triggers, and whether groups and projects are in step: counts only above 1,000,000 rows), rows that hang on a group, project or type that is not there, access given to roles that are not there, secrets that are not sealed and keys that can''t be read, materialized types (a sample above 100,000 rows), how large the history is, and subscriptions that fill our tables or have been left. Writes nothing, and locks no more than a SELECT; works on a standby. Errors: 42501 without read access';

CREATE FUNCTION integration_defaults.lock_key(name text) RETURNS oid
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'intd_lock_key';
COMMENT ON FUNCTION integration_defaults.lock_key(text) IS
    'the objid under which pg_locks shows the lock of a materialized type, or of a project: a hash of the name or id';
CREATE FUNCTION integration_defaults.read_materialized_types() RETURNS TABLE (integration text, lock_key oid)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 5 AS 'MODULE_PATHNAME', 'intd_read_materialized_types';
COMMENT ON FUNCTION integration_defaults.read_materialized_types() IS
    'for the view materialized_types: the types that are materialized, read from a trigger of effective_settings';
CREATE VIEW integration_defaults.materialized_types AS
    SELECT t.integration, t.lock_key FROM integration_defaults.read_materialized_types() t
    WHERE integration_defaults.may_read();
COMMENT ON VIEW integration_defaults.materialized_types IS
    'the types that materialize() keeps as rows of effective_settings, and the objid under which pg_locks shows the lock of each';

-- pg_locks can't name our locks: they are known by a number.
CREATE VIEW integration_defaults.server_locks AS
SELECT l.pid, l.granted, l.mode,
       CASE WHEN l.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
            THEN CASE WHEN l.objsubid OPERATOR(pg_catalog.=) 0::pg_catalog.int2 THEN 'type'::pg_catalog.text ELSE 'project'::pg_catalog.text END
            WHEN l.objid OPERATOR(pg_catalog.=) 'integration_defaults.instance_settings'::pg_catalog.regclass::pg_catalog.oid
            THEN 'exclusive types on the instance'::pg_catalog.text
            WHEN l.objsubid OPERATOR(pg_catalog.=) 1::pg_catalog.int2 THEN 'moves of groups'::pg_catalog.text
            WHEN l.objsubid OPERATOR(pg_catalog.=) 2::pg_catalog.int2 THEN 'renames of groups'::pg_catalog.text
            ELSE 'restored rows'::pg_catalog.text END AS subject,
       t.integration,
       CASE WHEN l.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
            THEN l.objid END AS lock_key
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_database d ON d.oid OPERATOR(pg_catalog.=) l.database
    AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
LEFT JOIN integration_defaults.read_materialized_types() t
    ON l.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
    AND l.objsubid OPERATOR(pg_catalog.=) 0::pg_catalog.int2 AND t.lock_key OPERATOR(pg_catalog.=) l.objid
WHERE l.locktype OPERATOR(pg_catalog.=) 'object'::pg_catalog.text
    AND integration_defaults.may_read()
    AND (l.classid OPERATOR(pg_catalog.=)
             pg_catalog.to_regclass('integration_defaults.effective_settings'::pg_catalog.text)::pg_catalog.oid
         OR l.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
            AND l.objsubid OPERATOR(pg_catalog.>) 0::pg_catalog.int2
            AND (l.objid OPERATOR(pg_catalog.=) 'integration_defaults.groups'::pg_catalog.regclass::pg_catalog.oid
                 OR l.objid OPERATOR(pg_catalog.=) 'integration_defaults.projects'::pg_catalog.regclass::pg_catalog.oid
                 OR l.objid OPERATOR(pg_catalog.=)
                    'integration_defaults.instance_settings'::pg_catalog.regclass::pg_catalog.oid));
COMMENT ON VIEW integration_defaults.server_locks IS
    'who has or waits for a lock of ours that is not of a row (docs/locking.md): pid, granted, mode, subject, for the lock of a materialized type the integration, and the lock_key() of the type or project';
-- Who may do what. Our own objects open the door with privileges, which these functions grant as the owner; what is asked
-- is in the table access.

CREATE FUNCTION integration_defaults.grant_access(
    role name, access text,
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given()) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_grant_access';
COMMENT ON FUNCTION integration_defaults.grant_access(name, text, integration_defaults.external_id) IS
    'gives a role, and the roles that inherit its rights, access: read, every answer, secrets masked; use, read and active_settings(), which gives secrets; write, read and what is set; admin, write and types, the tree, tracking, materialization and access. On a group: use, write and admin there and on all below it (admin: moves and changes of the tree inside it), and read everywhere. Also grants USAGE on the schema and what is needed on the views. Again does no harm. Errors: 42704 unknown role or group; 22023 unknown access, or read on a group; 22004 null group; 42501 without admin access';

CREATE FUNCTION integration_defaults.revoke_access(
    role name, access text,
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given()) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_revoke_access';
COMMENT ON FUNCTION integration_defaults.revoke_access(name, text, integration_defaults.external_id) IS
    'takes back what grant_access() gave with the same arguments, and the privileges on the schema and the views that nothing the role still has needs. What was not given is a notice. Errors: 42704 unknown role; 22023 unknown access, or read on a group; 22004 null group; 42501 without admin access';

-- What was, who changed it, and when: docs/history.md.

CREATE SEQUENCE integration_defaults.history_change_seq;
SELECT pg_catalog.pg_extension_config_dump('integration_defaults.history_change_seq', '');

CREATE TABLE integration_defaults.history_changes (
    change bigint NOT NULL PRIMARY KEY,
    transaction bigint NOT NULL,
    by text NOT NULL,
    operation text NOT NULL,
    scope_level text,
    scope_id text COLLATE pg_catalog."C",
    integration text COLLATE pg_catalog."C",
    before jsonb,
    after jsonb
);
CREATE INDEX history_changes_scope_id_idx ON integration_defaults.history_changes (scope_id, integration);
COMMENT ON TABLE integration_defaults.history_changes IS
    'every change of what is set, of the tree, of the types and of access, with the state before and after it; the view history shows them';
ALTER TABLE integration_defaults.history_changes ALTER COLUMN before SET STATISTICS 0,
    ALTER COLUMN after SET STATISTICS 0;
SELECT pg_catalog.pg_extension_config_dump('integration_defaults.history_changes', '');

CREATE TABLE integration_defaults.history_transactions (
    transaction bigint NOT NULL PRIMARY KEY,
    last_change bigint NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX history_transactions_at_idx ON integration_defaults.history_transactions (at);
COMMENT ON TABLE integration_defaults.history_transactions IS
    'when the transactions ended of which history_changes has something: the number of the first change, and a number that none of them is above';
SELECT pg_catalog.pg_extension_config_dump('integration_defaults.history_transactions', '');

CREATE TABLE integration_defaults.history_since (since timestamptz NOT NULL);
-- It has no primary key, and a publication FOR ALL TABLES has it, too.
ALTER TABLE integration_defaults.history_since REPLICA IDENTITY FULL;
COMMENT ON TABLE integration_defaults.history_since IS
    'from when on the history has no gap: infinity while none is kept, no row if that has never changed';
SELECT pg_catalog.pg_extension_config_dump('integration_defaults.history_since', '');

CREATE FUNCTION integration_defaults.note_history() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_note_history';
COMMENT ON FUNCTION integration_defaults.note_history() IS
    'trigger of the tables of integration_defaults: notes what a statement changes in history_changes';
DO $$
DECLARE
    own text;
BEGIN
    FOREACH own IN ARRAY ARRAY['integrations', 'groups', 'projects', 'instance_settings', 'group_settings',
                               'project_settings', 'access']
    LOOP
        EXECUTE pg_catalog.format($f$
            CREATE TRIGGER note_history_update AFTER UPDATE ON integration_defaults.%1$I
                REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.note_history();
            CREATE TRIGGER note_history_delete AFTER DELETE ON integration_defaults.%1$I
                REFERENCING OLD TABLE AS old_rows
                FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.note_history();
            CREATE TRIGGER note_history_truncate BEFORE TRUNCATE ON integration_defaults.%1$I
                FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.note_history();
        $f$, own);
    END LOOP;
    -- Groups and projects that are added are not noted.
    FOREACH own IN ARRAY ARRAY['integrations', 'instance_settings', 'group_settings', 'project_settings', 'access'] LOOP
        EXECUTE pg_catalog.format($f$
            CREATE TRIGGER note_history_insert AFTER INSERT ON integration_defaults.%1$I
                REFERENCING NEW TABLE AS new_rows
                FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.note_history();
        $f$, own);
    END LOOP;
END
$$;

CREATE FUNCTION integration_defaults.shown_change(integration text, schema jsonb, strict boolean, state jsonb) RETURNS jsonb
    LANGUAGE c STABLE PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'intd_shown_change';
COMMENT ON FUNCTION integration_defaults.shown_change(text, jsonb, boolean, jsonb) IS
    'for the view history: the state of a row of settings as people may see it, with every secret masked: those that were one when it was noted, and those that are one by this schema (NULL: none). Other states as they are';

CREATE VIEW integration_defaults.history AS
SELECT c.change, c.transaction, t.at, c.by, c.operation, c.scope_level, c.scope_id, c.integration,
       integration_defaults.shown_change(c.integration, i.schema, i.strict, c.before) AS before,
       integration_defaults.shown_change(c.integration, i.schema, i.strict, c.after) AS after
FROM integration_defaults.history_changes c
LEFT JOIN integration_defaults.history_transactions t ON t.transaction OPERATOR(pg_catalog.=) c.transaction
LEFT JOIN integration_defaults.integrations i ON i.name OPERATOR(pg_catalog.=) c.integration
WHERE integration_defaults.may_read();
COMMENT ON VIEW integration_defaults.history IS
    'every change of what is set (set, change, remove), of the tree (move, rename, remove; without an integration), of the types (register, change, rename, unregister; without a scope) and of access (grant, revoke; without an integration), with its state before and after, secrets masked. transaction: the number of its first change; at: when it ended, NULL for one''s own that has not; by: who, as updated_by. The order of a scope''s commits is that of at, change';

CREATE FUNCTION integration_defaults.keep_history(enabled boolean) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_keep_history';
COMMENT ON FUNCTION integration_defaults.keep_history(boolean) IS
    'whether changes are noted from now on, as they are from the start. What is noted already stays; where there was a gap, resolve_at() reaches back to its end. Waits for writers, and keeps them out until the transaction ends. Errors: 42501 no admin access; 22023 NULL';

CREATE FUNCTION integration_defaults.forget_history(before timestamptz) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_forget_history';
COMMENT ON FUNCTION integration_defaults.forget_history(timestamptz) IS
    'removes the changes of all transactions that ended before a time, and gives their number. Errors: 42501 no admin access; 22023 NULL';

CREATE FUNCTION integration_defaults.resolve_at(
    at timestamptz, integration text,
    project_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given())
    RETURNS TABLE (integration text, active boolean, settings jsonb, inherited boolean, source_level text,
                   source_id text)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 1 COST 1000 AS 'MODULE_PATHNAME', 'intd_resolve_at';
COMMENT ON FUNCTION integration_defaults.resolve_at(timestamptz, text, integration_defaults.external_id, integration_defaults.external_id) IS
    'as resolve(), of all transactions noted as ended at or before a time, whole: settings, locks, places in the tree and types as they were, secrets masked. A group or project that is there now and was not noted to have come by a new id counts as having been there. Errors: 42501 no access; 22023 before the history begins, while none is kept, or both ids; 42704 integration, project or group that was not there';

CREATE FUNCTION integration_defaults.explain_at(
    at timestamptz, integration text,
    project_id integration_defaults.external_id DEFAULT integration_defaults.not_given(),
    group_id integration_defaults.external_id DEFAULT integration_defaults.not_given())
    RETURNS TABLE (field text, value jsonb, source_level text, source_id text, reason text, own_value jsonb,
                   inherited_value jsonb, locked_by text, change bigint)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 20 COST 2000 AS 'MODULE_PATHNAME', 'intd_explain_at';
COMMENT ON FUNCTION integration_defaults.explain_at(timestamptz, text, integration_defaults.external_id, integration_defaults.external_id) IS
    'as explain(), of the time of which resolve_at() tells. change: the number of the change that gave the field, on the scope that it comes from, the value that it had; NULL if nobody had set it, or before the history begins. Errors: as resolve_at()';

CREATE FUNCTION integration_defaults.undo(transaction bigint) RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_undo';
COMMENT ON FUNCTION integration_defaults.undo(bigint) IS
    'puts back what a transaction of the view history changed of what is set: every row as it was before, as one change that can be undone itself; gives their number. Changes of the tree, of types and of access stay. The rules of every write hold. Errors: 55000, with a list in DETAIL and nothing written, if something has changed since or is not there any more, or if a secret would be needed that was not kept; 42704 unknown transaction; 23514 and 42501 as set_custom(); 22023 NULL';

CREATE FUNCTION integration_defaults.seal_secrets() RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_seal_secrets';
COMMENT ON FUNCTION integration_defaults.seal_secrets() IS
    'seals every secret that is not sealed with the first key of integration_defaults.key_file: those in clear from before there was a key, and those of older keys, which are not needed after that, history included. Without a key, secrets in clear are marked. Gives how many of what is set were changed. Nothing is checked, and what was set stays set by whom and when it was. A secret that does not open stays as it is, with a WARNING. Errors: 42501 without admin access; 55000 a key that is needed is not there';
-- In a cluster of Citus': docs/shards.md.

CREATE PROCEDURE integration_defaults.enable_citus()
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_enable_citus';
COMMENT ON PROCEDURE integration_defaults.enable_citus() IS
    'makes the extension usable in a cluster of Citus'': on the coordinator, once. Publishes the types and what is set on the instance and on groups (publication integration_defaults_citus), makes the reference table integration_defaults.cluster, and does what resync_node() does. From then on track_groups() takes a reference table and track_projects() a distributed table. Runs outside of transactions (25001). Errors: as resync_node(); 55000 the coordinator is not in pg_dist_node, wal_level is not logical, or integration_defaults.cluster is somebody else''s';

CREATE PROCEDURE integration_defaults.resync_node()
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_resync_node';
COMMENT ON PROCEDURE integration_defaults.resync_node() IS
    'on the coordinator of a cluster, after a shard has moved or was split, after a node is new, or a trigger was lost: nodes that have not subscribed do so, and all of them take in what they have, in one distributed transaction, with what is set on projects that have come. Nobody writes groups or projects meanwhile. On a worker, which is how the coordinator calls it, it subscribes to the coordinator''s publication, if that is still to be done. Runs outside of transactions (25001). Errors: 42501 for who has not admin access and our owner''s rights, and of new nodes for who may not make subscriptions; 55000 not a cluster, enable_citus() was not called, or a shard is not where it is placed; 08006 a node does not answer; as subscribe_defaults()';
-- One database's types, groups and settings in many: docs/shards.md.

CREATE FUNCTION integration_defaults.publish_defaults(publication name DEFAULT 'integration_defaults'::pg_catalog.name) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'intd_publish_defaults';
COMMENT ON FUNCTION integration_defaults.publish_defaults(name) IS
    'makes a publication of the types, the groups and what is set on these and on the instance, for shards to subscribe to with subscribe_defaults(). DROP PUBLICATION takes it back. Errors: 42501 without admin access, or who may not publish the tables: that are superusers, and their owner with CREATE on the database; 42710 the publication is there already';

CREATE PROCEDURE integration_defaults.subscribe_defaults(connection text, publication name DEFAULT 'integration_defaults'::pg_catalog.name)
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_subscribe_defaults';
COMMENT ON PROCEDURE integration_defaults.subscribe_defaults(text, name) IS
    'makes this database a shard of another one: the types, the groups and what is set on these and on the instance come from there, by subscription integration_defaults, from now on. Waits until all that is there has been copied; that can be cancelled, and goes on. They can''t be written to here any more (55000); projects and their settings are this database''s own. connection: as of CREATE SUBSCRIPTION, to the database that has called publish_defaults(). Runs outside of transactions (25001). Errors: 42501 without admin access, or who may not make subscriptions; 55000 there are types, groups or settings of these here already, or groups are tracked, the database has subscribed already, the publication has other tables, the copy fails; 42704 no such publication; 08001 no connection; 22023 NULL, or this database itself';

CREATE PROCEDURE integration_defaults.unsubscribe_defaults()
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_unsubscribe_defaults';
COMMENT ON PROCEDURE integration_defaults.unsubscribe_defaults() IS
    'ends subscribe_defaults(): what has come stays, and can be written to here from now on. Drops the slot on the publisher''s server; a WARNING says so where that can''t be reached. Runs outside of transactions (25001). Errors: 42501 without admin access, or who may not drop the subscription; 55000 the database has not subscribed';

-- Tables and views belong to the role that creates the extension, which can use, dump and restore them. What the server
-- runs, functions and types, stays with the role that this script runs as: nobody else can replace or alter it.
ALTER TABLE integration_defaults.integrations OWNER TO @extowner@;
ALTER TABLE integration_defaults.groups OWNER TO @extowner@;
ALTER TABLE integration_defaults.projects OWNER TO @extowner@;
ALTER TABLE integration_defaults.instance_settings OWNER TO @extowner@;
ALTER TABLE integration_defaults.group_settings OWNER TO @extowner@;
ALTER TABLE integration_defaults.project_settings OWNER TO @extowner@;
ALTER TABLE integration_defaults.access OWNER TO @extowner@;
ALTER TABLE integration_defaults.mask_keys OWNER TO @extowner@;
ALTER TABLE integration_defaults.generations OWNER TO @extowner@;
ALTER TABLE integration_defaults.change_notifications OWNER TO @extowner@;
ALTER SEQUENCE integration_defaults.history_change_seq OWNER TO @extowner@;
ALTER TABLE integration_defaults.history_changes OWNER TO @extowner@;
ALTER TABLE integration_defaults.history_transactions OWNER TO @extowner@;
ALTER TABLE integration_defaults.history_since OWNER TO @extowner@;
ALTER VIEW integration_defaults.history OWNER TO @extowner@;
ALTER VIEW integration_defaults.instance_integrations OWNER TO @extowner@;
ALTER VIEW integration_defaults.group_integrations OWNER TO @extowner@;
ALTER VIEW integration_defaults.project_integrations OWNER TO @extowner@;
ALTER VIEW integration_defaults.all_project_integrations OWNER TO @extowner@;
ALTER VIEW integration_defaults.tracked_tables OWNER TO @extowner@;
ALTER VIEW integration_defaults.own_settings OWNER TO @extowner@;
ALTER VIEW integration_defaults.materialized_types OWNER TO @extowner@;
ALTER VIEW integration_defaults.server_locks OWNER TO @extowner@;
