// Adding projects without a statement for them: what INSERT does, in an order that suits the indexes.
//
// Most of what it costs to follow a large INSERT is finding a place in two indexes whose order is not that of the rows.
// So rows go to the table first, many a page at a time, and then to each index in that index's order. The rest is as
// the executor and COPY do it: the rows become visible with the next command; unique indexes wait for whoever is just
// inserting the same id, and refuse it (23505); statement triggers and row triggers fire.
//
// One thing is different: the deferred trigger that looks at commit whether a parent is there (scope_parent_exists)
// gets one event for each parent instead of one for each row. See parents.hpp for why that is enough.
//
// It is here for one row of the benchmark, the tracked INSERT of many projects, which takes half as long again by the
// statement that mirror_insert_projects() falls back to; without the indexes' order, a fifth longer.
#pragma once

#include "tracking/rows.hpp"

namespace intd {

/// Adds projects to our table, whose ids must be such as check_id() lets pass. False, and nothing has been done, if
/// that table is not as we declared it, so that only a statement knows what an INSERT means there: another kind of
/// table or distributed, other columns, rules, row security, generated values, triggers BEFORE each row or that need
/// transition tables, indexes over a part of the rows or over expressions, deferrable or exclusion constraints, no
/// right to INSERT. The current user is our owner.
bool insert_projects(const NewProject *projects, int count);

/// Called once, when the module is loaded, by a room whose trigger function is told of new projects by transition
/// tables, but needs them only if `needed` says so: else triggers that call it do not stand in the way.
void watch_new_projects(const char *function, bool (*needed)());

} // namespace intd
