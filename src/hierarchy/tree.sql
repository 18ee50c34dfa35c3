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

