// References to groups: what foreign keys from groups.parent_id and projects.group_id to groups.id would hold. They are
// triggers because a restore brings back rows in any order (see restoring()), which foreign keys don't allow.
//
// As with foreign keys, whoever refers to a group takes a FOR KEY SHARE lock on its row, and whoever deletes or renames
// it has that row's lock when he looks, in the newest state, for what still refers to it. Of two who do both at once,
// the second waits for the first and sees what he did.
#pragma once

#include "postgres/trigger.hpp"

namespace intd {

/// Whether there is such a group. If so, no other transaction deletes or renames it before this one has ended.
bool hold_group(Datum id);

/// Throws 23503 unless the parent of a row that was inserted into or updated in groups or projects is there, and holds
/// it. Does nothing for a row that is no longer current.
void refuse_missing_parent(TriggerData *data);

/// `2 groups and 1 project`.
const char *count_scopes(int64 groups, int64 projects);

/// Called once, when the module is loaded.
void watch_references();

} // namespace intd
