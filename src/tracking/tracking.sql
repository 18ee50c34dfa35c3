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

