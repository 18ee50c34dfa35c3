// Groups that are in the app's table but that its filter leaves out. What is in such a group counts as being in the
// instance. All of this is for groups that are tracked with a filter, and for tables whose parents need not be there
// (orphans.hpp). Elsewhere nothing is ever looked up in the app's tables.
#pragma once

#include "tracking/rows.hpp"

namespace intd {

/// Sets to none (0) those of the parents that are left out. The others stay as they are; that they are there is checked
/// at commit.
void forget_left_out(Datum *parents, int count);

/// Rows that name one of these groups (text[]) as their parent in the table that is tracked for the kind: their ids and
/// parents, each a text[]; 0 if there are none.
struct Children {
    Datum ids, parents;
};
Children children_in_source(Kind kind, Datum groups);

/// Takes ids (text[]) that our table does not have, and gives those that the tracked table of the kind has in the
/// newest state, as a text[]; 0 if there are none, or nothing can be left out. Locks the rows that it finds.
Datum ids_left_out(Kind kind, Datum ids);

} // namespace intd
