#include "tracking/distributed.hpp"

#include "postgres/query.hpp"
#include "tracking/tracked.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "parser/parse_func.h"
}

namespace intd {
namespace {

Statement distributed = {"SELECT TRUE FROM pg_catalog.pg_dist_partition p WHERE p.logicalrelid "
                         "OPERATOR(pg_catalog.=) $1::pg_catalog.regclass",
                         1,
                         {OIDOID},
                         nullptr};

/// What Citus knows of tables, as far as it is installed.
struct Citus {
    bool has_tables;
    Oid is_shard; // a function
};

Citus find_citus() {
    const Oid extension = get_extension_oid("citus", true);
    if (!OidIsValid(extension))
        return {false, InvalidOid};
    const Oid tables = get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE);
    const Oid argument = REGCLASSOID;
    const Oid is_shard =
        LookupFuncName(list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup("relation_is_a_known_shard"))),
                       1, &argument, true);
    return {OidIsValid(tables) && getExtensionOfObject(RelationRelationId, tables) == extension,
            OidIsValid(is_shard) && getExtensionOfObject(ProcedureRelationId, is_shard) == extension ? is_shard
                                                                                                     : InvalidOid};
}

[[noreturn]] void refuse(Oid relation, const char *what, const char *detail) {
    throw Refusal(ERRCODE_FEATURE_NOT_SUPPORTED,
                  cat("table ", relation_name(relation), " can't be tracked, because it ", what))
        .detail(detail)
        .hint("Track a table of one server only; or call add_project() and add_group() and their like where the app "
              "writes.");
}

} // namespace

void require_undistributed(Oid relation) {
    const Citus citus = guard(find_citus);
    Value found;
    if (citus.has_tables && fetch(distributed, {ObjectIdGetDatum(relation)}, &found) > 0)
        refuse(relation, "is distributed by Citus", "Its rows are written on the nodes that have its shards.");
    if (OidIsValid(citus.is_shard) &&
        guard([&] { return DatumGetBool(OidFunctionCall1(citus.is_shard, ObjectIdGetDatum(relation))); }))
        refuse(relation, "is a shard of a table that Citus has distributed",
               "It has a part of that table's rows only, and moves to other nodes.");
}

} // namespace intd
