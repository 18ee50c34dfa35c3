-- The same answers as rows, for ORMs and reports: one for each scope and configured integration. A predicate on the
-- id reaches the indexes, one on the integration has only that one looked at; a group is folded once for all its
-- projects. They read as their owner does; may_read() asks, before anything is read, whether the reader may.

CREATE VIEW integration_defaults.project_integrations AS
SELECT p.id AS project_id,
       s.integration COLLATE pg_catalog."C" AS integration,
       s.active,
       s.settings,
       s.inherited,
       s.source_level COLLATE pg_catalog."C" AS source_level,
       s.source_id COLLATE pg_catalog."C" AS source_id
FROM integration_defaults.projects p
CROSS JOIN LATERAL integration_defaults.settings_at(p.id, p.group_id, true) s
WHERE integration_defaults.may_read();
COMMENT ON VIEW integration_defaults.project_integrations IS
    'the effective settings of every project: a row for each integration that is configured there, with the columns of resolve()';

CREATE VIEW integration_defaults.group_integrations AS
SELECT g.id AS group_id,
       s.integration COLLATE pg_catalog."C" AS integration,
       s.active,
       s.settings,
       s.inherited,
       s.source_level COLLATE pg_catalog."C" AS source_level,
       s.source_id COLLATE pg_catalog."C" AS source_id
FROM integration_defaults.groups g
CROSS JOIN LATERAL integration_defaults.settings_at(NULL, g.id, true) s
WHERE integration_defaults.may_read();
COMMENT ON VIEW integration_defaults.group_integrations IS
    'the effective settings of every group: a row for each integration that is configured there, with the columns of resolve()';

CREATE VIEW integration_defaults.instance_integrations AS
SELECT s.integration COLLATE pg_catalog."C" AS integration,
       s.active,
       s.settings,
       s.inherited,
       s.source_level,
       s.source_id
FROM integration_defaults.settings_at(NULL, NULL, true) s
WHERE integration_defaults.may_read();
COMMENT ON VIEW integration_defaults.instance_integrations IS
    'the effective settings of the instance: a row for each integration that is configured there, with the columns of resolve()';

-- What typed views are made of: they belong to others, who have no rights on our tables.
CREATE VIEW integration_defaults.all_project_integrations AS
SELECT p.id AS project_id,
       s.integration COLLATE pg_catalog."C" AS integration,
       s.active,
       s.settings,
       s.inherited,
       s.source_level COLLATE pg_catalog."C" AS source_level,
       s.source_id COLLATE pg_catalog."C" AS source_id,
       s.locked COLLATE pg_catalog."C" AS locked
FROM integration_defaults.projects p
CROSS JOIN LATERAL integration_defaults.settings_at(p.id, p.group_id, false) s
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
