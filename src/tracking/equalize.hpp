// Making our groups or projects equal to what their tracked table holds.
#pragma once

#include "postgres/memory.hpp"
#include "tracking/tracked.hpp"

namespace intd {

struct Equalized {
    int64 rows;                    // of the table that are let in
    int64 removed, changed, added; // of ours
};

/// Reads every row of the table and writes ours, with the rights of the current user. It is an error if row security
/// would hide rows from that user. In the newest state, also under REPEATABLE READ. The caller holds locks that keep
/// writers out. Throws 22004, 22023, 23505. `of_node`: of a table that Citus has distributed what this node has, for
/// us and not for the current user.
Equalized equalize(Kind kind, bool of_node = false);

/// What equalize() would do, under the active snapshot.
struct Difference {
    Equalized counts;
    const char *removed, *changed, *added; // the first ids of each; null: none
    int64 settings;                        // rows of settings that would go

    int64 total() const { return counts.removed + counts.changed + counts.added; }
};

/// Reads both tables and locks nothing against writers. Throws as equalize(), and 42501 if the role may not read them.
Difference difference(Kind kind);

/// The rows of the tracked table that are let in, as difference() would find them.
int64 count_let_in(Kind kind);

// Of a shard. Server code: raises reports.

/// The ids of all its rows, also of those that the filter leaves out, as our tables have them.
Growing<Datum> ids_of_shard(Oid shard, Kind kind);
/// Whether a row has that id.
bool shard_has(Oid shard, Kind kind, Datum id);

} // namespace intd
