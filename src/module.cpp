// What the server loads.
#include "postgres/tables.hpp"
#include "settings/inheritance.hpp"

extern "C" {
PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);
void _PG_init(void) {
    intd::watch_tables();
    intd::watch_inheritance();
}
}
