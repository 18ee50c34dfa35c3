// What the server loads.
#include "catalog/integration.hpp"
#include "hierarchy/tracked.hpp"
#include "hierarchy/tree_rules.hpp"
#include "postgres/tables.hpp"
#include "settings/inheritance.hpp"

extern "C" {
PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);
void _PG_init(void) {
    intd::watch_tables();
    intd::watch_integrations();
    intd::watch_tree();
    intd::watch_tracked();
    intd::watch_inheritance();
}
}
