// Tables that Citus has distributed, and their shards.
#pragma once

#include "tracking/tracked.hpp"

namespace intd {

/// Whether Citus has distributed the table. Throws 0A000 if it is a shard of such a table, whose rows are written under
/// the table's name; if enable_citus() was not called, because they are written on other nodes, where nothing of ours
/// would follow; or if the kind can't follow a table that is distributed so. Throws 55000 on other nodes than the
/// coordinator, and for projects whose groups are on one node.
bool is_trackable_spread(Oid relation, Kind kind);

} // namespace intd
