// materialize() and dematerialize(): which types have rows in effective_settings, and the table itself.
#include "cascade/materialize.hpp"

#include "cascade/declared.hpp"
#include "cascade/server_locks.hpp"
#include "cascade/materialized.hpp"
#include "cascade/settle.hpp"
#include "catalog/integration.hpp"
#include "hierarchy/arguments.hpp"
#include "postgres/progress.hpp"
#include "postgres/query.hpp"
#include "tracking/cluster.hpp"
#include "store/access.hpp"
#include "store/owner.hpp"

extern "C" {
#include "storage/lmgr.h"
}

namespace intd {
namespace {

const char *const create_table[] = {
    "CREATE TABLE integration_defaults.effective_settings ("
    "project_id pg_catalog.text COLLATE pg_catalog.\"C\" NOT NULL, "
    "integration pg_catalog.text COLLATE pg_catalog.\"C\" NOT NULL, "
    "active pg_catalog.bool NOT NULL, settings pg_catalog.jsonb NOT NULL, inherited pg_catalog.bool NOT NULL, "
    "source_level pg_catalog.text NOT NULL, source_id pg_catalog.text COLLATE pg_catalog.\"C\", "
    "PRIMARY KEY (project_id, integration))",
    "ALTER TABLE integration_defaults.effective_settings ALTER COLUMN settings SET STATISTICS 0", // as on ours
    "CREATE INDEX effective_settings_integration_idx ON integration_defaults.effective_settings (integration)",
    "CREATE TRIGGER skip_replicated BEFORE INSERT OR UPDATE OR DELETE ON integration_defaults.effective_settings "
    "FOR EACH ROW EXECUTE FUNCTION integration_defaults.skip_replicated()",
    "ALTER TABLE integration_defaults.effective_settings ENABLE REPLICA TRIGGER skip_replicated",
    "COMMENT ON TABLE integration_defaults.effective_settings IS "
    "'the rows of project_integrations for the types that were given to materialize(), kept equal to it; indexes, "
    "policies, triggers and publications are yours to add'"};

Statement remove_rows = {
    "DELETE FROM integration_defaults.effective_settings WHERE integration OPERATOR(pg_catalog.=) $1",
    1,
    {TEXTOID},
    nullptr};
Statement remove_others = {
    "DELETE FROM integration_defaults.effective_settings WHERE NOT (integration OPERATOR(pg_catalog.=) ANY ($1))",
    1,
    {TEXTARRAYOID},
    nullptr};
Statement rename_rows = {"UPDATE integration_defaults.effective_settings SET integration = $2 "
                         "WHERE integration OPERATOR(pg_catalog.=) $1",
                         2,
                         {TEXTOID, TEXTOID},
                         nullptr};
Statement count_rows = {"SELECT pg_catalog.count(*) FROM integration_defaults.effective_settings "
                        "WHERE integration OPERATOR(pg_catalog.=) $1",
                        1,
                        {TEXTOID},
                        nullptr};

/// Makes the table, or makes sure that one that is there already is such a table.
void provide_table() {
    if (!OidIsValid(effective_settings()))
        guard([] {
            for (const char *command : create_table)
                run_command(command);
        });
    else if (!has_declared_shape())
        throw Refusal(
            ERRCODE_DUPLICATE_TABLE,
            "relation \"integration_defaults.effective_settings\" exists, and is not what materialize() makes")
            .hint("Rename or drop it.");
    require_effective_settings();
}

} // namespace

void require_administrator(const char *command) {
    guard([&] { PreventCommandDuringRecovery(command); }); // 25006, before a lock that no standby gives
    require_access(Access::admin);
}

void keep_writers_out() {
    for (int table = 0; table < table_count; table++) {
        Oid oid = table_oid(static_cast<Table>(table));
        guard([&] { LockRelationOid(oid, ShareRowExclusiveLock); });
    }
}

void rename_materialized(std::string_view before, std::string_view after) {
    AsOwner owner;
    ContextResource memory(CurrentMemoryContext);
    Locks locks(&memory);
    locks.type(before, true);
    locks.type(after, true);
    locks.take();
    std::pmr::vector<std::string_view> types = lock_materialized_types(&memory);
    std::replace(types.begin(), types.end(), before, after);
    std::sort(types.begin(), types.end());
    types.erase(std::unique(types.begin(), types.end()), types.end());
    record_materialized(types);
    write_effective_settings(rename_rows, {text_datum(before), text_datum(after)});
}

/// materialize(integration) → the rows that it has
INTD_FUNCTION(materialize) {
    std::string_view name = required_text(fcinfo, 0, "integration");
    require_administrator("materialize()");
    if (is_cluster())
        throw Refusal(ERRCODE_FEATURE_NOT_SUPPORTED, "types are not materialized in a cluster of Citus'")
            .detail("A statement that writes many shards has several sessions on a node, which would wait for each "
                    "other at the type's lock.")
            .hint("active_settings() and resolve() for rows of the projects' table are computed on all nodes at once.");
    AsOwner owner;
    keep_writers_out();
    NewestState newest;
    get_integration(live, name);
    provide_table();
    mend_triggers();
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<std::string_view> types = lock_materialized_types(&memory);
    const bool first = types.empty();
    if (std::find(types.begin(), types.end(), name) == types.end()) {
        types.push_back(name);
        std::sort(types.begin(), types.end());
        record_materialized(types);
    }
    if (first) // of types whose record has gone with the table's trigger
        write_effective_settings(remove_others, {text_array(types)});
    LongWork work(LongWork::computes_rows, cat("computing effective settings of ", name));
    if (!settle_type(name)) // the transaction is still at work on the tree
        note({core::Level::instance, {}, name, pass_all});
    Value rows;
    fetch(count_rows, {text_datum(name)}, &rows);
    // A move is planned by what is known of the table, which would be nothing until autovacuum comes. What is known of
    // a small one is soon wrong.
    constexpr int64 many = 10000;
    if (DatumGetInt64(*rows) >= many)
        guard([] { run_command("ANALYZE integration_defaults.effective_settings"); });
    return *rows;
}

/// dematerialize(integration) → the rows that were removed
INTD_FUNCTION(dematerialize) {
    std::string_view name = required_text(fcinfo, 0, "integration");
    require_administrator("dematerialize()");
    AsOwner owner;
    if (!is_materialized(name)) {
        get_integration(live, name);
        PG_RETURN_INT64(0);
    }
    ContextResource memory(CurrentMemoryContext);
    Locks locks(&memory);
    locks.type(name, true); // waits for transactions that are letting it follow
    locks.take();
    std::pmr::vector<std::string_view> types = lock_materialized_types(&memory);
    types.erase(std::remove(types.begin(), types.end(), name), types.end());
    record_materialized(types);
    PG_RETURN_INT64(static_cast<int64>(write_effective_settings(remove_rows, {text_datum(name)})));
}

} // namespace intd
