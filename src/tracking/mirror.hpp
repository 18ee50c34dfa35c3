// Our groups and projects, as tracked tables tell them to be. These statements run as our owner, so that the roles
// that write the app's tables need no rights on ours; nothing of the app's is evaluated in them.
#pragma once

#include "tracking/transit.hpp"

namespace intd {

/// Adds rows, whose ids and parents have been checked. With `may_be_held`, rows of ours may still have these ids,
/// because the event of their own change is still to come: these step aside (see transit.hpp).
void mirror_insert(Kind kind, const State *states, int count, bool may_be_held);

/// The same for many projects whose ids nothing else holds.
void mirror_insert_projects(const NewProject *projects, int count);

/// Removes rows. Inside triggers of the app's, ids that are not there are remembered: the event of their INSERT is
/// still to come. Parents matter only while some_are_aside().
void mirror_delete(Kind kind, const State *states, int count, int depth);

/// Rows that were left out are gone. Ids that can't be ours are passed over.
void mirror_remove_left_out(Kind kind, const Datum *ids, int count);

/// Removes all rows.
void mirror_truncate(Kind kind);

/// Changes the row from `before` to `after`. If a later change of that id has come ahead (see transit.hpp), the later
/// one counts.
void mirror_update(Kind kind, const State &before, State after, int depth);

/// These groups are left out by the filter of their table: what names one of them as parent is put straight under the
/// instance, also what others have put there: 40001 where the transaction's snapshot does not show it. Ids that are
/// groups of ours are passed over: a trigger of the app's has let them in meanwhile.
void mirror_leave_out(const Datum *group_ids, int count);

/// The same for one kind and groups that are not there.
void mirror_release(Kind kind, Datum group_ids);

/// Puts into these groups (text[]) what names them as parent in the kind's table and is straight under the instance. In
/// the newest state.
void mirror_adopt(Kind kind, Datum group_ids);

} // namespace intd
