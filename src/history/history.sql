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
    after jsonb,
    application text
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
       integration_defaults.shown_change(c.integration, i.schema, i.strict, c.after) AS after,
       c.application
FROM integration_defaults.history_changes c
LEFT JOIN integration_defaults.history_transactions t ON t.transaction OPERATOR(pg_catalog.=) c.transaction
LEFT JOIN integration_defaults.integrations i ON i.name OPERATOR(pg_catalog.=) c.integration
WHERE integration_defaults.may_read();
COMMENT ON VIEW integration_defaults.history IS
    'every change of what is set (set, change, remove), of the tree (move, rename, remove; without an integration), of the types (register, change, rename, unregister; without a scope) and of access (grant, revoke; without an integration), with its state before and after, secrets masked. transaction: the number of its first change; at: when it ended, NULL for one''s own that has not; by: who, as updated_by. application: the session''s application_name, which it may set as it likes; NULL without one, and of changes from before version 1.1. The order of a scope''s commits is that of at, change';

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
