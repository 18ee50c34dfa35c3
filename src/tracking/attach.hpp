// Creating, finding and dropping the triggers of a tracked table.
#pragma once

#include "tracking/tracked.hpp"

namespace intd {

// Server code: raises reports. Runs with the rights of the caller, which owns the table.

/// Creates those triggers of the kind that a table and its partitions lack, and enables those that would not fire. The
/// UPDATE trigger is the binding, which says what is tracked: it is created only if `source` is not null.
void create_triggers(Oid relation, Kind kind, const Source *source);

/// Drops all triggers of the kind; how many there were.
int drop_triggers(Oid relation, Kind kind);

} // namespace intd
