// References to groups: what foreign keys from groups.parent_id and projects.group_id to groups.id would hold. They are
// triggers because a restore brings back rows in any order (see restoring()), which foreign keys don't allow.
//
// As with foreign keys, a transaction that refers to a group takes a FOR KEY SHARE lock on the group's row. One that
// deletes or renames the group has that row locked when it looks, in the newest state, for what still refers to it. If
// two transactions do both at once, the second waits for the first and sees what the first did.
#pragma once

#include "hierarchy/scope.hpp"
#include "postgres/query.hpp"
#include "postgres/trigger.hpp"

namespace intd {

/// Whether there is such a group. If so, no other transaction deletes or renames it before this one has ended. With
/// `at_once` nobody is waited for, and nothing refused: false as well where it can't be held so.
bool hold_group(Datum id, bool at_once = false);

/// For rows that are added to projects without an event of check_parent() of their own: whether this one needs an event
/// after all. True for the first row with that parent.
///
/// None is needed where the parent is held: if this transaction deletes it, the event of that deletion looks for what
/// is left inside (refuse_what_is_left()). That is done when rows come that have one parent between them, and not where
/// they have several: held one after the other, of which the next may have to be waited for at commit, they could close
/// a circle with who deletes several.
///
/// One deferred event for each parent is enough for all rows that name it:
///  - It is queued before the rows that it stands for, or with them, in their subtransaction or one around it. So a
///    rollback that drops the event drops the rows as well (and then nothing is expected any more).
///  - It fires after all of them are there: at commit, or when SET CONSTRAINTS makes it fire, after which it does not
///    stand for rows that come later. When it has fired, the parent is there and locked, as it would be for each of the
///    rows. From then on no other transaction can delete it; and if this transaction does, the event of that deletion
///    looks for what is left inside (refuse_what_is_left()).
///  - If its own row has gone or moved meanwhile, it looks for another row with that parent before it gives up.
/// The list of expected parents is emptied whenever any event comes, a subtransaction rolls back, or the list gets too
/// long. That costs nothing but more events.
bool expect_check_of(Datum parent);

/// Whether groups or projects name this one, which is not there, as their parent, and it is this transaction that has
/// put one of them there, or may have taken it away from them.
bool has_own_in(std::string_view group);

/// Throws 23503 unless the parent of a row that was inserted into or updated in groups or projects is there, and holds
/// it. Does nothing for a row that is no longer current.
void refuse_missing_parent(TriggerData *data);

/// From now on until the transaction ends, a refusal of a parent that is not there lists all rows of the kind that lack
/// theirs: many are taken in at once.
void list_orphans(Kind kind);

/// The refusal 23503 of a row of the kind whose parent is not there.
Refusal missing_parent(Kind kind, const char *message, const char *hint);

/// Whether rows of the kind that name this group, which was not there, have been put under the instance, or it is there
/// by now. False where the kind does not take them so. For checks at commit: what adds groups waits until we have
/// ended.
bool take_orphans(Kind kind, Datum group);

/// Rows that refer to another table, where all of that one goes by TRUNCATE.
struct Referring {
    Table table;
    Statement find;         // gives the table's name if there are any
    Statement empty;        // where the TRUNCATE cascades
    const char *constraint; // named where they are left; null: none
};
/// Of projects, to groups.
extern Referring projects_in_groups;

/// `2 groups and 1 project`.
const char *count_scopes(int64 groups, int64 projects);

/// Called once, when the module is loaded.
void watch_parents();

} // namespace intd
