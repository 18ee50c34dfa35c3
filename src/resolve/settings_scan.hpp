// How settings_at() is computed in a FROM clause, as the views have it beside every project or group: by a node of ours
// in the plan, which fills in one row after the other. The server's own node for functions would begin a tuplestore for
// every project, and read it again. The answers are the same, and where the planner does not ask us (ROWS FROM of
// several functions, WITH ORDINALITY) the server's own node calls the function.
//
// Where the rows beside are looked up for others, the node is the inner side of a nested loop, as any LATERAL function
// is, and takes the call's arguments from there:
//
//     Nested Loop
//       ->  Index Scan on projects p
//       ->  Custom Scan (settings_at)
//
// Where many rows are read, it reads them itself, as its child, and gives them joined to its own, which spares the loop
// for each of them:
//
//     Custom Scan (settings_at)
//       ->  Seq Scan on projects p
//
// In both the server reads the tables, with its indexes, statistics and parallel workers. settings_path.cpp makes the
// plan, settings_scan.cpp executes it.
#pragma once

#include "resolve/settings_at.hpp"

extern "C" {
#include "nodes/extensible.h"
}

namespace intd {

/// The columns that the node gives are described by custom_scan_tlist. In custom_private stands where each comes from,
/// after the places above it: a column of settings_at() from 0 on, or one of these.
namespace settings_source {
constexpr int whole_row = -1; // of settings_at(), as a join that locks rows wants it
/// A column of the child, from 1 on.
constexpr int of_child(int column) {
    return -1 - column;
}
constexpr bool is_of_child(int source) {
    return source < whole_row;
}
constexpr int child_column(int source) {
    return -1 - source;
}
} // namespace settings_source

/// The first numbers in custom_private.
enum SettingsPlanNumber {
    relation_number, // of settings_at() in the query, as it was planned
    first_number,    // the first of all relations that the node stands for, by which the server may have moved both
    project_column,  // of the child, from 1 on, that is the call's first argument; 0: the argument is as it stands
    group_column,    // the same of its second
    settings_plan_numbers
};

/// What custom_exprs has: the call, which the server notes as what the plan depends on, and, if only one type is asked
/// for, its name.
enum SettingsPlanExpression { call_expression, type_expression };

/// With the node's name, by which the plan reaches parallel workers.
extern const CustomScanMethods settings_scan_methods;

} // namespace intd
