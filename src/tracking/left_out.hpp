// Groups that their table has but its filter leaves out. They count as the instance for what is in them. All of this
// is for groups that are tracked with a filter; without one nothing is ever looked up in the app's tables.
#pragma once

#include "tracking/rows.hpp"

namespace intd {

/// Makes those parents null that are left out; the others stay, there or not (which is checked at commit).
void forget_left_out(Datum *parents, bool *nulls, int count);

/// The ids of the rows that name a group as their parent in the table that is tracked for the kind, as a text[]; 0
/// if there are none.
Datum children_in_source(Kind kind, Datum group);

/// Of ids (text[]) that our table does not have, those that the table tracked for the kind has in the newest state, as
/// a text[]; 0 if there are none, or nothing can be left out. Their rows are held.
Datum ids_left_out(Kind kind, Datum ids);

} // namespace intd
