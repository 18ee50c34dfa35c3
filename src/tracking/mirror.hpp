// Our groups and projects, as tracked tables tell them to be. These statements run as our owner, so that the roles
// that write the app's tables need no rights on ours; nothing of the app's is evaluated in them.
#pragma once

#include "tracking/transit.hpp"

namespace intd {

/// Adds rows, whose ids and parents have been checked. Where the ids may still be held by rows whose own change is yet
/// to be told, those step aside.
void mirror_insert(Kind kind, const State *states, int count, bool may_be_held);

/// The same for many projects whose ids nothing else holds.
void mirror_insert_projects(const NewProject *projects, int count);

/// Removes rows. Inside triggers of the app's, ids that are not there are remembered: their INSERT is yet to come.
/// Parents matter only while some_are_aside().
void mirror_delete(Kind kind, const State *states, int count, int depth);

/// Rows that were left out are gone. Ids that can't be ours are passed over.
void mirror_remove_left_out(Kind kind, const Datum *ids, int count);

/// Removes all rows.
void mirror_truncate(Kind kind);

/// Makes the row that was `before` what is `after`; what was told ahead of the row of that id is what it is now.
void mirror_update(Kind kind, const State &before, State after, int depth);

/// Groups that their table has but its filter leaves out count as the instance: what names one of them as parent is
/// put straight under it. Those of which we have a group (a trigger of the app's let it in meanwhile) are not meant.
void mirror_leave_out(Datum group_ids);

} // namespace intd
