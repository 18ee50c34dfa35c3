// Tables that Citus has distributed, and their shards.
#pragma once

#include "postgres/boundary.hpp"

namespace intd {

/// Throws 0A000 if Citus has distributed the table (or keeps copies of it elsewhere), or if it is a shard of such a
/// table: its rows are written on other nodes, or on this one under another table's name, where nothing of ours would
/// follow. Only what belongs to the extension "citus" is asked, not what somebody has made under its names.
void require_undistributed(Oid relation);

} // namespace intd
