// Settings whose group or project this transaction has removed. They live as long as the id does, and that is decided
// at commit: an id that is there again by then has kept them.
//
// A removed id is noted if anything is set on it, and its settings are locked at once. So the order of locks is kept:
// first the rows of settings, then what follows from them (docs/locking.md). Nobody can add to these settings, because
// that needs the row of the scope, which is locked. Before the commit the noted ids are looked for in the newest state:
// in our table and, where the kind is tracked with a filter, in the tracked table, whose row is then locked. The
// settings of an id that neither table has go. A rollback to a savepoint forgets what was noted since.
#pragma once

#include "hierarchy/scope.hpp"
#include "postgres/trigger.hpp"

namespace intd {

/// Notes ids of groups or projects (text[]) that were removed; whether anything is set on them. In the newest state, as
/// our owner.
bool note_removed(Kind kind, Datum ids);

/// Whether anything is noted.
bool some_are_noted();

/// Before a commit: removes what is set on ids that are not there. This may note more, by triggers that others have on
/// our tables.
void remove_leftovers();

/// Whether what removes them has fired the trigger that is running.
bool leftovers_have_fired(const TriggerData *data);

/// Called once, when the module is loaded.
void watch_leftovers();

} // namespace intd
