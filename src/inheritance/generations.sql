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
