// What the server loads.
#include "cascade/changes.hpp"
#include "cascade/locks.hpp"
#include "cascade/materialized.hpp"
#include "catalog/integration.hpp"
#include "store/limits.hpp"
#include "hierarchy/parents.hpp"
#include "tracking/tracked.hpp"
#include "hierarchy/tree_rules.hpp"
#include "postgres/query.hpp"
#include "store/relation.hpp"
#include "postgres/trigger.hpp"
#include "inheritance/generation.hpp"
#include "inheritance/inheritance.hpp"
#include "settings/leftovers.hpp"
#include "settings/rules.hpp"

extern "C" {
MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);
void _PG_init(void) {
    DefineCustomStringVariable("integration_defaults.actor",
                               "On whose behalf the session writes settings; noted in updated_by beside the role.",
                               nullptr, &intd::actor, "", PGC_USERSET, 0, nullptr, nullptr, nullptr);
    intd::define_limits();
    MarkGUCPrefixReserved("integration_defaults");
    intd::watch_changes(); // before all others: it is the last to act before a commit
    intd::watch_materialized();
    intd::watch_locks();
    intd::watch_planning();
    intd::watch_tables();
    intd::watch_trigger_functions();
    intd::watch_integrations();
    intd::watch_references();
    intd::watch_tree();
    intd::watch_tracked();
    intd::watch_leftovers();
    intd::watch_generations();
    intd::watch_inheritance();
}
}
