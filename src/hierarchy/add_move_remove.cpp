// The tree by hand: add_*, move_* and remove_*. They check at once; what other sessions do meanwhile is checked at
// commit (see tree_rules.cpp). Access to a group is enough for what stays in it: both ends of a move.
#include "hierarchy/access.hpp"
#include "hierarchy/hooks.hpp"
#include "hierarchy/parents.hpp"
#include "hierarchy/tree_rules.hpp"
#include "postgres/query.hpp"
#include "store/owner.hpp"

extern "C" {
#include "storage/lmgr.h"
}

namespace intd {
namespace {

#define TREE_STATEMENTS(table, parent)                                                                                 \
    {"SELECT 1 FROM integration_defaults." table " WHERE id OPERATOR(pg_catalog.=) $1", 1, {TEXTOID}, nullptr},        \
        {"INSERT INTO integration_defaults." table " (id, " parent ") VALUES ($1, $2) ON CONFLICT DO NOTHING",         \
         2,                                                                                                            \
         {TEXTOID, TEXTOID},                                                                                           \
         nullptr},                                                                                                     \
        {"UPDATE integration_defaults." table " SET " parent " = $2 WHERE id OPERATOR(pg_catalog.=) $1",               \
         2,                                                                                                            \
         {TEXTOID, TEXTOID},                                                                                           \
         nullptr},                                                                                                     \
        {"DELETE FROM integration_defaults." table " WHERE id OPERATOR(pg_catalog.=) $1", 1, {TEXTOID}, nullptr}, {    \
        "SELECT pg_catalog.count(*) FROM integration_defaults." table " WHERE " parent " OPERATOR(pg_catalog.=) $1",   \
            1, {TEXTOID}, nullptr                                                                                      \
    }

enum { find, insert, update, remove, count_inside };
Statement statements[][5] = {{TREE_STATEMENTS("groups", "parent_id")}, {TREE_STATEMENTS("projects", "group_id")}};

Statement &statement(Kind kind, int which) {
    return statements[static_cast<int>(kind)][which];
}

/// The id that a function is about.
Datum required_id(FunctionCallInfo fcinfo, Kind kind) {
    IdArgument id = id_argument(fcinfo, 0);
    if (id.state == IdArgument::null)
        throw Refusal(ERRCODE_NULL_VALUE_NOT_ALLOWED, kind == Kind::groups ? "the id of a group must not be null"
                                                                           : "the id of a project must not be null")
            .hint(no_row_hint);
    if (!id.is_given())
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE,
                      kind == Kind::groups ? "a group is needed" : "a project is needed");
    return id.id;
}

/// The parent that a function is given; none is the instance.
Value parent_argument(FunctionCallInfo fcinfo) {
    IdArgument parent = id_argument(fcinfo, 1);
    return parent.is_given() ? Value(parent.id) : std::nullopt;
}

/// Refuses to change by hand what a tracked table says. The lock comes first: track_*() waits for it, so what is
/// found here stays so until the end of the transaction.
void begin_change(Kind kind) {
    Oid table = table_oid(table_of(kind));
    guard([&] { LockRelationOid(table, RowExclusiveLock); });
    feeding.require_untracked(kind);
}

/// Whether the current user may put something there.
void require_access_to(Value parent) {
    if (parent)
        require_access(Access::admin, {core::Level::group, *parent, false});
    else
        require_access(Access::admin);
}

void require_parent(Value parent) {
    Value found;
    if (parent && fetch(statement(Kind::groups, find), {parent}, &found) == 0)
        throw Refusal(ERRCODE_FOREIGN_KEY_VIOLATION, cat("parent group \"", view(*parent), "\" does not exist"))
            .hint("Add the parent first.")
            .constraint("scope_parent_exists");
    if (parent && !check_function_bodies) // then perhaps no trigger will hold it at commit: see restoring()
        hold_group(*parent);
}

void add(FunctionCallInfo fcinfo, Kind kind) {
    WritingFunction function;
    Datum id = required_id(fcinfo, kind);
    Value parent = parent_argument(fcinfo);
    require_access_to(parent);
    AsOwner owner;
    begin_change(kind);
    if (kind == Kind::groups && parent && view(*parent) == view(id))
        throw group_cycle(cat("\"", view(id), "\" -> \"", view(id), "\""), view(id));
    require_parent(parent);
    if (execute(statement(kind, insert), {id, parent}) == 0)
        throw Refusal(ERRCODE_UNIQUE_VIOLATION, cat(scope_name(level_of(kind), view(id)), " is there already"))
            .constraint(kind == Kind::groups ? "groups_pkey" : "projects_pkey");
}

void move(FunctionCallInfo fcinfo, Kind kind) {
    WritingFunction function;
    Datum id = required_id(fcinfo, kind);
    Value parent = parent_argument(fcinfo);
    require_access_around(Access::admin, kind, id);
    require_access_to(parent);
    AsOwner owner;
    begin_change(kind);
    Value found;
    if (fetch(statement(kind, find), {id}, &found) == 0)
        throw unknown_scope(level_of(kind), view(id));
    require_parent(parent);
    if (execute(statement(kind, update), {id, parent}) == 0)
        throw unknown_scope(level_of(kind), view(id)); // gone meanwhile
    if (kind == Kind::projects)
        return;
    // After the rows: the same order as in a move by plain SQL, which takes this lock at commit.
    lock_group_moves();
    refuse_cycle(id);
}

void remove_scope(FunctionCallInfo fcinfo, Kind kind) {
    WritingFunction function;
    Datum id = required_id(fcinfo, kind);
    require_access_around(Access::admin, kind, id);
    AsOwner owner;
    begin_change(kind);
    if (kind == Kind::groups) {
        Value groups, projects;
        fetch(statement(Kind::groups, count_inside), {id}, &groups);
        fetch(statement(Kind::projects, count_inside), {id}, &projects);
        int64 of_groups = DatumGetInt64(*groups), of_projects = DatumGetInt64(*projects);
        if (of_groups + of_projects > 0)
            throw Refusal(ERRCODE_FOREIGN_KEY_VIOLATION, cat("group \"", view(id), "\" is not empty"))
                .detail(cat("It contains ", count_scopes(of_groups, of_projects), "."))
                .hint("Move or remove them first.")
                .constraint("scope_parent_exists");
    }
    if (execute(statement(kind, remove), {id}) > 0)
        return;
    // What was set on rows that a filter left out stays where the table is tracked no more.
    if (!lifetime.removed(kind, text_array(&id, nullptr, 1)))
        throw unknown_scope(level_of(kind), view(id));
}

} // namespace

/// add_group(group_id, parent_id)
INTD_FUNCTION(add_group) {
    add(fcinfo, Kind::groups);
    PG_RETURN_VOID();
}

/// move_group(group_id, parent_id)
INTD_FUNCTION(move_group) {
    move(fcinfo, Kind::groups);
    PG_RETURN_VOID();
}

/// remove_group(group_id)
INTD_FUNCTION(remove_group) {
    remove_scope(fcinfo, Kind::groups);
    PG_RETURN_VOID();
}

/// add_project(project_id, group_id)
INTD_FUNCTION(add_project) {
    add(fcinfo, Kind::projects);
    PG_RETURN_VOID();
}

/// move_project(project_id, group_id)
INTD_FUNCTION(move_project) {
    move(fcinfo, Kind::projects);
    PG_RETURN_VOID();
}

/// remove_project(project_id)
INTD_FUNCTION(remove_project) {
    remove_scope(fcinfo, Kind::projects);
    PG_RETURN_VOID();
}

} // namespace intd
