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
