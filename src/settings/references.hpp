// References of settings to their type and to their group or project. They do what foreign keys would do: ON UPDATE
// CASCADE and, for groups and projects, ON DELETE CASCADE. hierarchy/parents.hpp says why they are triggers, and how.
#pragma once

#include "hierarchy/scope.hpp"

namespace intd {

/// Throws 23503, naming what is not there of the type and of the scope (0 on the instance) that a row of `table`
/// refers to.
[[noreturn]] void refuse_missing_reference(Table table, Datum type, Datum scope);

/// Whether an UPDATE of settings that changes what they refer to follows a change of that name or id in `table`, rather
/// than moving them by hand.
bool follows_rename(Table table, Datum before, Datum after);

/// Moves settings from an id that none of our rows has to another id. Settings that are left there from before go.
void rename_left_out(Kind kind, Datum before, Datum after);

/// Gives what was given on a group its new id.
void rename_access(Datum before, Datum after);

} // namespace intd
