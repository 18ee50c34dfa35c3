// What the server loads.
#include "cascade/changes.hpp"
#include "cascade/limit.hpp"
#include "cascade/server_locks.hpp"
#include "cascade/materialized.hpp"
#include "cascade/notify.hpp"
#include "catalog/integration.hpp"
#include "hierarchy/access.hpp"
#include "hierarchy/parents.hpp"
#include "hierarchy/tree_rules.hpp"
#include "history/note.hpp"
#include "inheritance/generation.hpp"
#include "inheritance/remembered.hpp"
#include "postgres/invalidation.hpp"
#include "postgres/query.hpp"
#include "postgres/transaction.hpp"
#include "postgres/trigger.hpp"
#include "resolve/reports.hpp"
#include "resolve/settings_path.hpp"
#include "secrets/key_file.hpp"
#include "settings/leftovers.hpp"
#include "settings/row_triggers.hpp"
#include "shards/state.hpp"
#include "store/citus.hpp"
#include "store/limits.hpp"
#include "store/access.hpp"
#include "store/relation.hpp"
#include "store/replicated.hpp"
#include "tracking/cluster.hpp"
#include "tracking/follow.hpp"
#include "tracking/orphans.hpp"
#include "tracking/tracked.hpp"

extern "C" {
MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);
void _PG_init(void) {
    DefineCustomStringVariable("integration_defaults.actor",
                               "On whose behalf the session writes settings; noted in updated_by beside the role.",
                               nullptr, &intd::actor, "", PGC_USERSET, 0, nullptr, nullptr, nullptr);
    intd::define_size_limits();
    intd::define_max_affected();
    intd::define_key_file();
    MarkGUCPrefixReserved("integration_defaults");
    intd::watch_transactions();
    intd::watch_invalidations();
    // In this order they hear of ends of transactions, and act before a commit: rows of tracked tables that never
    // arrived are gone, and new groups have what is in them (tracking); then what was set on ids that are gone
    // (settings); then effective_settings follows and clients are told (cascade); then the access that let a write in
    // is looked at once more, when nothing moves any more (hierarchy); and last the time is noted (history).
    intd::watch_planning();
    intd::watch_trigger_functions();
    intd::watch_citus();
    intd::watch_tables();
    intd::watch_replicated();
    intd::watch_access();
    intd::watch_integrations();
    intd::watch_parents();
    intd::watch_tree();
    intd::watch_tracked();
    intd::watch_following();
    intd::watch_orphans();
    intd::watch_cluster();
    intd::watch_generations();
    intd::watch_inheritance();
    intd::watch_leftovers();
    intd::watch_reports();
    intd::watch_materialized();
    intd::watch_locks();
    intd::watch_limit();
    intd::watch_changes();
    intd::watch_notifications();
    intd::watch_noted_access();
    intd::watch_history();
    intd::watch_shards();
    intd::offer_settings_paths();
}
}
