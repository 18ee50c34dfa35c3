// What has to be remembered between two events of one transaction. The server fires a trigger for one event at a time,
// and three kinds of change come in pieces or out of order:
//  - `leaving`: a row that moves to another partition is a DELETE, and then an INSERT.
//  - `ahead`: a trigger of the app's changes a row again before the event of its first change has come. Then the event
//    of the second change comes first.
//  - `aside`: ids are swapped. For a while two rows would have the same id, so the first one gets a placeholder.
// All of it is dropped at the end of the transaction, or of the subtransaction that rolls back.
#pragma once

#include "tracking/rows.hpp"

namespace intd {

/// What became of a row whose first event is still to come, under the id that this event will have. A row that was
/// deleted has no id.
void remember_ahead(Kind kind, Datum id, const State &later);
bool take_ahead(Kind kind, Datum id, State *later);
bool some_are_ahead();

/// A row that left its partition in a command and is to arrive in another one.
struct Leaving {
    Kind kind;
    Oid root;
    CommandId command;
    int depth;
    State state;
};
void remember_leaving(const Leaving &leaving);
bool take_leaving(Kind kind, Oid root, CommandId command, State *state);
/// Takes a row that left its partition and will never arrive in another one, because a trigger of the app's suppressed
/// its INSERT. The arrival would have been the next event of that kind. So when another event comes instead, at a depth
/// of triggers of `depth`, all rows that left at that depth or deeper are gone. Before the commit (depth 0) all are.
bool take_lapsed(Kind kind, int depth, State *state);

/// Whether a row may have a placeholder as its id.
bool some_are_aside();
void remember_aside();

/// Called once, when the module is loaded. `finish` runs before a commit where rows are still leaving.
void watch_transit(void (*finish)());

} // namespace intd
