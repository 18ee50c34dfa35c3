// Creating, finding and dropping the triggers of a tracked table.
#pragma once

#include "tracking/tracked.hpp"

namespace intd {

// Server code: raises reports. Runs with the rights of the caller, which owns the table.

/// Creates those triggers of the kind that a table and its partitions lack, and enables those that would not fire. The
/// UPDATE trigger is the binding, which says what is tracked: it is created only if `source` is not null, with the name
/// of a column of labels or null, and whether a parent that is not there counts as the instance.
void create_triggers(Oid relation, Kind kind, const Source *source, const char *label, bool orphans);

/// The commands that create_triggers() would run without a `source`, as a list of strings; locks no writers out.
List *missing_triggers(Oid relation, Kind kind);

/// The commands that give a shard, on this node, of a distributed table those triggers of the kind that it lacks.
List *missing_shard_triggers(Relation shard, int64 id, Relation table, Kind kind);

/// Drops all triggers of the kind; how many there were.
int drop_triggers(Oid relation, Kind kind);

} // namespace intd
