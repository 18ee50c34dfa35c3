// What has to be remembered between two events of one transaction, because the server tells them one by one.
//
// Three things come in pieces or out of order:
//  - A row that moves between partitions is a DELETE, then an INSERT (`leaving`).
//  - A trigger of the app's that changes a row again, while the first event of that row is still to come: the second
//    change is told first (`ahead`).
//  - Ids that are swapped: for a while two rows have the same one, and the first gets a placeholder (`aside`).
// All of it is dropped at the end of the transaction, or of the subtransaction that rolls back.
#pragma once

#include "tracking/rows.hpp"

namespace intd {

/// What became of a row that we have not been told of yet, by the id that it will be told with. A row that was
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
/// One that never arrived, which shows when the next event of its kind is another one at `depth` or above; all are
/// lapsed at depth 0.
bool take_lapsed(Kind kind, int depth, State *state);

/// Whether a row may have a placeholder as its id.
bool some_are_aside();
void remember_aside();

/// Called once, when the module is loaded. `finish` runs before a commit where rows are still leaving.
void watch_transit(void (*finish)());

} // namespace intd
