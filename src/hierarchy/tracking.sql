-- Tracking: groups and projects follow tables of the app's.

CREATE FUNCTION follow_groups() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_follow_groups';
COMMENT ON FUNCTION follow_groups() IS
    'trigger of tables that track_groups() tracks. A role that may execute it can make its tables feed groups';
CREATE FUNCTION follow_projects() RETURNS trigger
    LANGUAGE c AS 'MODULE_PATHNAME', 'intd_follow_projects';
COMMENT ON FUNCTION follow_projects() IS
    'trigger of tables that track_projects() tracks. A role that may execute it can make its tables feed projects';

CREATE FUNCTION tracked_tables()
    RETURNS TABLE (kind text, source regclass, id_column name, parent_column name, filter text)
    LANGUAGE c STABLE PARALLEL SAFE ROWS 2 AS 'MODULE_PATHNAME', 'intd_tracked_tables';
COMMENT ON FUNCTION tracked_tables() IS
    'the tables that are tracked, read from their triggers: kind is groups or projects';
CREATE VIEW tracked_tables AS
    SELECT t.kind, t.source, t.id_column, t.parent_column, t.filter FROM tracked_tables() t;
COMMENT ON VIEW tracked_tables IS
    'the tables that are tracked: kind (groups, projects), source, its columns of the id and of the parent, and the filter';

