// The rules of the tree besides references: no group is its own ancestor, no id is used twice.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

/// Whether this transaction has written groups or projects, and what is checked at commit, that every parent is there
/// and no group is its own ancestor, has not been checked yet. Not where a subscription fills the groups: the
/// publisher's go without asking what hangs on them here. A parallel worker can't tell: there every transaction that
/// has written owes it.
bool tree_checks_are_owed();

/// A check fires: it may have been the last that was owed.
void forget_owed_checks();

/// Makes other moves of groups wait until this transaction has ended.
void lock_group_moves();

/// Whether this transaction has deleted groups or changed ids of groups, even if that was rolled back. Only then can a
/// group that is inserted have something in it already.
bool groups_were_freed();

/// Walks up from a group in the newest state (this transaction's and all that is committed, also under REPEATABLE
/// READ) and throws 23514 if it comes back to where it was, 23503 if a parent is not there.
void refuse_cycle(Datum id);

/// The refusal 23514 of a group that would be its own ancestor. `chain`: the groups of the circle, for DETAIL.
Refusal group_cycle(const char *chain, std::string_view group);

/// The id that a row has while another one has taken its own (see tracking/follow.cpp): no input makes it. In the
/// current memory context.
Datum placeholder_of(std::string_view id);

/// Called once, when the module is loaded.
void watch_tree();

} // namespace intd
