#include "tracking/distributed.hpp"

#include "store/citus.hpp"
#include "tracking/cluster.hpp"

namespace intd {
namespace {

[[noreturn]] void refuse(Oid relation, const char *what, const char *detail, const char *hint) {
    throw Refusal(ERRCODE_FEATURE_NOT_SUPPORTED,
                  cat("table ", relation_name(relation), " can't be tracked, because it ", what))
        .detail(detail)
        .hint(hint);
}

struct Found {
    Oid table; // of which it is a shard
    bool distributed, reference, partitioned;
};

} // namespace

bool is_trackable_spread(Oid relation, Kind kind) {
    const Found found = guard([&]() -> Found {
        if (!has_citus())
            return {};
        return {table_of_shard(relation), is_distributed(relation), is_reference_table(relation),
                get_rel_relkind(relation) == RELKIND_PARTITIONED_TABLE};
    });
    if (OidIsValid(found.table))
        refuse(relation, "is a shard of a table that Citus has distributed",
               "It has a part of that table's rows only, and moves to other nodes.",
               cat("Track table ", relation_name(found.table), ", on the coordinator."));
    if (!found.distributed)
        return false;
    if (!is_cluster())
        refuse(relation, "is distributed by Citus", "Its rows are written on the nodes that have its shards.",
               "CALL integration_defaults.enable_citus() on the coordinator; or call add_project() and add_group() and "
               "their like where the app writes.");
    require_coordinator("Tracking a distributed table");
    if (found.partitioned)
        refuse(relation, "is distributed by Citus, and partitioned", "A shard of it has partitions of its own.",
               "Distribute a plain table.");
    if (kind == Kind::groups && !found.reference)
        refuse(relation, "is distributed by Citus in shards",
               "Every node needs all groups, to know what its projects inherit.",
               "Make it a reference table: create_reference_table().");
    if (kind == Kind::projects && found.reference)
        refuse(relation, "is a reference table of Citus'",
               "Every node would have all projects, and what is set on them on one of the nodes only.",
               "Distribute it: create_distributed_table().");
    if (const Oid groups = tracked_relation(Kind::groups);
        kind == Kind::projects && OidIsValid(groups) && !is_spread(Kind::groups))
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      cat("groups are tracked in table ", relation_name(groups), ", which is on this node only"))
            .detail("Every node needs all groups, to know what its projects inherit.")
            .hint("Make it a reference table: untrack(), create_reference_table(), track_groups().");
    return true;
}

} // namespace intd
