// Adding projects without a statement for them: what INSERT does, in an order that suits the indexes.
//
// Most of what it costs to follow a large INSERT is finding a place in two indexes whose order is not that of the rows.
// So rows go to the table first, many a page at a time, and then to each index in that index's order. The rest is as
// the executor and COPY do it: the rows become visible with the next command; unique indexes wait for a transaction
// that is just inserting the same id, and refuse ours then (23505).
//
// Of the table's triggers only one has anything to do for these rows, the deferred one that looks at commit whether a
// parent is there (scope_parent_exists). A single parent is held here, as it would do; else it gets one event for each
// parent instead of one for each row: see parents.hpp for why that is enough. The others of ours would do nothing, and
// are not even called; where somebody has put another one there, a statement adds the rows. So nothing of anybody's
// runs here, and no search_path has to be fixed for it.
//
// It is here for two rows of the benchmark: the tracked INSERT of many projects, which takes half as long again by the
// statement that mirror_insert_projects() falls back to (without the indexes' order, a fifth longer), and that of one,
// which costs twice as much by the statement.
#pragma once

#include "tracking/rows.hpp"

namespace intd {

/// Adds projects to our table. check_id() must have accepted their ids. The current user is our owner.
///
/// False, and nothing has been done, if our table is not as we declared it, because then only a statement does what an
/// INSERT means there: another kind of table, or a distributed one; other columns; rules; row security; generated
/// values; other checks; triggers that are not ours, or not as we made them; partial indexes, indexes over expressions,
/// or with other than the server's operators; deferrable or exclusion constraints; no right to INSERT.
bool insert_projects(const NewProject *projects, int count);

/// Called once, when the module is loaded, by a room whose trigger function gets new projects by transition tables, but
/// needs them only while `needed` says so. At other times it has nothing to do for them.
void watch_new_projects(const char *function, bool (*needed)());

} // namespace intd
