// Which tables of the app's feed the tree: read from pg_trigger, the only record of it.
//
// Every table that is tracked has, for each kind that it feeds, one UPDATE trigger whose WHEN clause reads
//     old.ID IS DISTINCT FROM new.ID OR old.PARENT IS DISTINCT FROM new.PARENT [OR FILTER(old) IS DISTINCT FROM
//     FILTER(new)]
// The server keeps that clause as a tree of column numbers, so it survives renames, is dumped with the table, and
// a column that it uses can't be dropped by mistake. It is the binding; the other triggers read it.
#pragma once

#include "postgres/tables.hpp"

namespace intd {

/// What a table can be tracked for.
enum class Kind : uint8_t { groups, projects };
constexpr Kind all_kinds[] = {Kind::groups, Kind::projects};

inline Table table_of(Kind kind) {
    return kind == Kind::groups ? Table::groups : Table::projects;
}
inline const char *name_of(Kind kind) {
    return kind == Kind::groups ? "groups" : "projects";
}

/// The columns and the filter of a tracked table. A POD in the memory context that was current.
struct Source {
    Oid relation;
    AttrNumber id, parent;
    ::Node *filter; // over the row as Var number 1; null: every row
};

// Server code: raises reports.

/// The function that the triggers of this kind call, or InvalidOid while the extension is not there.
Oid follow_function(Kind kind);

/// The binding that a relation's triggers give for the kind; false if there is none.
bool read_source(Relation relation, Kind kind, Source *source);

/// Every table that is tracked for the kind, partitions left out, by oid: a list of Oids.
List *tracked_relations(Kind kind);

// C++.

/// The table that is tracked for the kind, or InvalidOid. Remembered until some relation changes.
Oid tracked_relation(Kind kind);

/// Whether groups are tracked with a filter. Remembered likewise.
bool groups_are_filtered();

/// `app.groups`, quoted where needed and with its schema.
const char *relation_name(Oid relation);

/// Called once, when the module is loaded: the first calls the second.
void watch_tracked();
void watch_tracked_relations();

} // namespace intd
