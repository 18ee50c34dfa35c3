// What Citus knows of tables: its catalogs, as far as they belong to the extension "citus". What somebody has made
// under their names is not asked.
//
// A distributed table's rows are in *shards*, plain tables on the nodes that each of them is placed on; a reference
// table has one shard, with a copy on every node. On every node the table itself stands for all of them, without rows.
#pragma once

#include "postgres/memory.hpp"

namespace intd {

// Server code: raises reports.

/// Whether this is a database of Citus'. Remembered.
bool has_citus();

/// Whether Citus keeps the rows of the table elsewhere: in shards, on other nodes or on this one.
bool is_distributed(Oid relation);
/// Whether it does so with a copy on every node.
bool is_reference_table(Oid relation);

struct Shard {
    Oid relation;
    int64 id;
};

/// The table of which a relation is a shard, by the catalogs and its name, which Citus makes of both; else InvalidOid.
Oid table_of_shard(Oid relation);

/// The shards of a table that are placed on this node, by their ids.
Growing<Shard> local_shards(Oid table);
/// The same, where one that is overlooked would count as gone: 55000 if one is not there, or a catalog can't be read.
Growing<Shard> all_local_shards(Oid table);

/// Until the end of the transaction no shard comes, goes or is split. In the order in which Citus writes there.
void lock_placements();

/// Of this node: 0 is the coordinator's; -1 where that is not known.
int local_group();

// C++.

/// Whether it is known already that this is none.
bool has_no_citus();

/// Called once, when the module is loaded.
void watch_citus();

} // namespace intd
