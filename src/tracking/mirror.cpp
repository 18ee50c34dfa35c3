#include "tracking/mirror.hpp"

#include "tracking/bulk/insert.hpp"
#include "hierarchy/external_id.hpp"
#include "tracking/left_out.hpp"
#include "hierarchy/hooks.hpp"
#include "tracking/keep_tracked.hpp"
#include "hierarchy/tree_rules.hpp"
#include "postgres/memory.hpp"
#include "postgres/query.hpp"
#include "postgres/trigger.hpp"
#include "store/owner.hpp"
#include "store/store.hpp"

namespace intd {
namespace {

enum { insert, remove, remove_all, step_aside, rename, move, find, find_in, statement_count };

#define MIRROR_STATEMENTS(table, parent)                                                                               \
    {                                                                                                                  \
        {"INSERT INTO integration_defaults." table " (id, " parent ") SELECT given.id, given.parent "                  \
         "FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS given (id, parent)",                        \
         2,                                                                                                            \
         {TEXTARRAYOID, TEXTARRAYOID},                                                                                 \
         nullptr},                                                                                                     \
            {"DELETE FROM integration_defaults." table " WHERE id OPERATOR(pg_catalog.=) ANY ($1)",                    \
             1,                                                                                                        \
             {TEXTARRAYOID},                                                                                           \
             nullptr},                                                                                                 \
            {"DELETE FROM integration_defaults." table, 0, {}, nullptr},                                               \
            {"UPDATE integration_defaults." table " t SET id = given.placeholder "                                     \
             "FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS given (id, placeholder) "               \
             "WHERE t.id OPERATOR(pg_catalog.=) given.id",                                                             \
             2,                                                                                                        \
             {TEXTARRAYOID, TEXTARRAYOID},                                                                             \
             nullptr},                                                                                                 \
            {"UPDATE integration_defaults." table " SET id = $2 WHERE id OPERATOR(pg_catalog.=) $1",                   \
             2,                                                                                                        \
             {TEXTOID, TEXTOID},                                                                                       \
             nullptr},                                                                                                 \
            {"UPDATE integration_defaults." table " SET " parent " = $2 WHERE id OPERATOR(pg_catalog.=) $1 "           \
             "AND NOT (" parent " OPERATOR(pg_catalog.=) $2 IS TRUE OR " parent " IS NULL AND $2 IS NULL)",            \
             2,                                                                                                        \
             {TEXTOID, TEXTOID},                                                                                       \
             nullptr},                                                                                                 \
            {"SELECT 1 FROM integration_defaults." table " WHERE id OPERATOR(pg_catalog.=) $1",                        \
             1,                                                                                                        \
             {TEXTOID},                                                                                                \
             nullptr},                                                                                                 \
            {"SELECT 1 FROM integration_defaults." table " WHERE id OPERATOR(pg_catalog.=) $1 "                        \
             "AND (" parent " OPERATOR(pg_catalog.=) $2 OR " parent " IS NULL AND $2 IS NULL)",                        \
             2,                                                                                                        \
             {TEXTOID, TEXTOID},                                                                                       \
             nullptr},                                                                                                 \
    }

Statement statements[][statement_count] = {MIRROR_STATEMENTS("groups", "parent_id"),
                                           MIRROR_STATEMENTS("projects", "group_id")};

Statement leave_out[] = {
    {"UPDATE integration_defaults.groups t SET parent_id = NULL WHERE t.parent_id OPERATOR(pg_catalog.=) ANY ($1) "
     "AND NOT EXISTS (SELECT FROM integration_defaults.groups g WHERE g.id OPERATOR(pg_catalog.=) t.parent_id)",
     1,
     {TEXTARRAYOID},
     nullptr},
    {"UPDATE integration_defaults.projects t SET group_id = NULL WHERE t.group_id OPERATOR(pg_catalog.=) ANY ($1) "
     "AND NOT EXISTS (SELECT FROM integration_defaults.groups g WHERE g.id OPERATOR(pg_catalog.=) t.group_id)",
     1,
     {TEXTARRAYOID},
     nullptr},
};

Statement adopt[] = {
    {"UPDATE integration_defaults.groups t SET parent_id = given.parent "
     "FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS given (id, parent) "
     "WHERE t.id OPERATOR(pg_catalog.=) given.id AND t.parent_id IS NULL "
     "AND EXISTS (SELECT FROM integration_defaults.groups g WHERE g.id OPERATOR(pg_catalog.=) given.parent)",
     2,
     {TEXTARRAYOID, TEXTARRAYOID},
     nullptr},
    {"UPDATE integration_defaults.projects t SET group_id = given.parent "
     "FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS given (id, parent) "
     "WHERE t.id OPERATOR(pg_catalog.=) given.id AND t.group_id IS NULL "
     "AND EXISTS (SELECT FROM integration_defaults.groups g WHERE g.id OPERATOR(pg_catalog.=) given.parent)",
     2,
     {TEXTARRAYOID, TEXTARRAYOID},
     nullptr},
};

/// While it lives, what follows changes our groups or projects, as our owner.
class Following {
  public:
    explicit Following(Kind kind) : own_(table_oid(table_of(kind))) {}

  private:
    AsOwner owner_;
    OwnStatement own_;
};

uint64 run(Kind kind, int which, std::initializer_list<Value> parameters) {
    Following following(kind);
    return execute(statements[static_cast<int>(kind)][which], parameters);
}

bool is_there(Kind kind, Datum id) {
    AsOwner owner;
    Value found;
    return fetch(statements[static_cast<int>(kind)][find], {id}, &found) > 0;
}

bool is_there_in(Kind kind, Datum id, const std::optional<Datum> &parent) {
    AsOwner owner;
    Value found;
    return fetch(statements[static_cast<int>(kind)][find_in], {id, parent}, &found) > 0;
}

/// The id under which we have the row that an event is about. While two rows have the same id, one of them has stepped
/// aside (see transit.hpp). Then it is the one with the parent that the event names; if both have it, or neither, the
/// one that stepped aside.
Datum held_as(Kind kind, const State &state) {
    if (!some_are_aside())
        return state.id;
    Datum placeholder = placeholder_of(view(state.id));
    if (!is_there(kind, placeholder))
        return state.id;
    bool second = !is_there_in(kind, placeholder, state.parent) && is_there_in(kind, state.id, state.parent);
    return second ? state.id : placeholder;
}

/// The row that had `id` has left it: the row that stepped aside for it, if there is one, gets its id back.
void let_back(Kind kind, Datum held, Datum id) {
    if (!some_are_aside() || view(held) != view(id))
        return;
    Datum placeholder = placeholder_of(view(id));
    if (is_there(kind, placeholder))
        run(kind, rename, {placeholder, id});
}

/// Makes room for rows with these ids.
void make_room(Kind kind, const Datum *ids, int count) {
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<Datum> placeholders(&memory);
    for (int i = 0; i < count; i++)
        placeholders.push_back(placeholder_of(view(ids[i])));
    if (run(kind, step_aside, {text_array(ids, nullptr, count), text_array(placeholders.data(), nullptr, count)}) > 0)
        remember_aside();
}

/// Adds rows by a statement.
void insert_by_statement(Kind kind, const State *states, int count) {
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<Datum> ids(&memory), parents(&memory);
    auto *nulls = static_cast<bool *>(memory.allocate(std::max(count, 1) * sizeof(bool)));
    for (int i = 0; i < count; i++) {
        ids.push_back(states[i].id);
        nulls[i] = !states[i].parent;
        parents.push_back(states[i].parent.value_or(static_cast<Datum>(0)));
    }
    run(kind, insert, {text_array(ids.data(), nullptr, count), text_array(parents.data(), nulls, count)});
}

void insert_row(Kind kind, const State &state) {
    if (!restoring() && is_there(kind, state.id))
        make_room(kind, &state.id, 1);
    insert_by_statement(kind, &state, 1);
}

/// The filter lets a group in from now on.
void adopt_children(Datum group) {
    for (Kind kind : all_kinds)
        mirror_adopt(kind, text_array(&group, nullptr, 1));
}

} // namespace

void mirror_insert(Kind kind, const State *states, int count, bool may_be_held) {
    if (restoring())
        hold_restored(kind); // before the statement looks
    else if (may_be_held) {
        ContextResource memory(CurrentMemoryContext);
        std::pmr::vector<Datum> ids(&memory);
        for (int i = 0; i < count; i++)
            ids.push_back(states[i].id);
        make_room(kind, ids.data(), count);
    }
    constexpr int at_once = 10000;
    for (int from = 0; from < count; from += at_once)
        insert_by_statement(kind, states + from, std::min(at_once, count - from));
}

void mirror_insert_projects(const NewProject *projects, int count) {
    if (restoring())
        hold_restored(Kind::projects);
    else {
        Following following(Kind::projects);
        if (insert_projects(projects, count))
            return;
    }
    constexpr int at_once = 10000;
    for (int from = 0; from < count; from += at_once) {
        RowMemory memory;
        InContext inside(memory.empty());
        ContextResource resource(CurrentMemoryContext);
        std::pmr::vector<State> states(&resource);
        for (int i = from; i < std::min(from + at_once, count); i++)
            states.push_back({true, projects[i].id,
                              projects[i].parent == 0 ? std::nullopt : std::optional<Datum>(projects[i].parent)});
        insert_by_statement(Kind::projects, states.data(), static_cast<int>(states.size()));
    }
}

void mirror_delete(Kind kind, const State *states, int count, int depth) {
    if (count > 0 && !some_are_aside() && depth == 1) {
        ContextResource memory(CurrentMemoryContext);
        std::pmr::vector<Datum> ids(&memory);
        for (int i = 0; i < count; i++)
            ids.push_back(states[i].id);
        run(kind, remove, {text_array(ids.data(), nullptr, count)});
        return;
    }
    for (int i = 0; i < count; i++) {
        Datum held = held_as(kind, states[i]);
        if (run(kind, remove, {text_array(&held, nullptr, 1)}) == 0 && depth > 1)
            remember_ahead(kind, states[i].id, {false, 0, std::nullopt});
        let_back(kind, held, states[i].id);
    }
}

void mirror_truncate(Kind kind) {
    {
        // The table is empty in the newest state, whatever the transaction's snapshot shows.
        Following following(kind);
        execute_newest_alone(statements[static_cast<int>(kind)][remove_all], {});
    }
    if (is_filtered(kind))
        lifetime.emptied(kind);
}

void mirror_remove_left_out(Kind kind, const Datum *ids, int count) {
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<Datum> gone(&memory);
    std::copy_if(ids, ids + count, std::back_inserter(gone), [](Datum id) { return id != 0 && is_id(view(id)); });
    if (!gone.empty())
        lifetime.removed(kind, text_array(gone.data(), nullptr, static_cast<int>(gone.size())));
}

void mirror_leave_out(const Datum *group_ids, int count) {
    // What is committed has its parents; only what this transaction has put there may wait for one, or a restore.
    if (!restoring() && !tree_checks_are_owed())
        return;
    for (Kind kind : all_kinds) {
        // Mostly there is none, which is seen in a fraction of the time that the statement takes.
        if (!may_be_parents(table_of(kind), group_ids, count))
            continue;
        mirror_release(kind, text_array(group_ids, nullptr, count));
    }
}

void mirror_release(Kind kind, Datum group_ids) {
    Following following(kind);
    execute_newest_alone(leave_out[static_cast<int>(kind)], {group_ids});
}

void mirror_adopt(Kind kind, Datum group_ids) {
    const Children children = children_in_source(kind, group_ids);
    if (children.ids == 0)
        return;
    Following following(kind);
    guard([&] {
        Datum values[] = {children.ids, children.parents};
        Connection connection;
        connection.run(prepared(adopt[static_cast<int>(kind)]), values, nullptr, GetLatestSnapshot());
        connection.finish();
    });
}

namespace {

/// A row that was left out, or is now, gets another id. Its settings follow, unless the new id can't be ours.
void rename_set_on(Kind kind, Datum before, const State &after) {
    if (before == 0 || after.id == 0 || view(before) == view(after.id) || !is_id(view(before)))
        return;
    if (is_id(view(after.id)) && (after.in || !is_there(kind, after.id)))
        lifetime.renamed(kind, before, after.id);
    else
        mirror_remove_left_out(kind, &before, 1);
}

} // namespace

void mirror_update(Kind kind, const State &before, State after, int depth) {
    if (after.id != 0)
        take_ahead(kind, after.id, &after);
    bool same_id = before.id != 0 && after.id != 0 && view(before.id) == view(after.id);
    if (before.in) {
        Datum held = held_as(kind, before);
        if (!is_there(kind, held)) {
            // In a trigger of the app's the event of its INSERT is still to come. Else there was none, as in
            // session_replication_role = replica: we have the row from now on.
            if (depth > 1)
                remember_ahead(kind, before.id, after);
            else if (after.in)
                insert_row(kind, after);
            return;
        }
        if (!after.in) {
            run(kind, remove, {text_array(&held, nullptr, 1)});
            if (view(held) == view(before.id))
                rename_set_on(kind, before.id, after);
            let_back(kind, held, before.id);
            if (kind == Kind::groups && after.id != 0)
                mirror_leave_out(&after.id, 1);
            return;
        }
        if (view(held) != view(after.id)) {
            make_room(kind, &after.id, 1);
            run(kind, rename, {held, after.id});
            let_back(kind, held, before.id);
        }
        run(kind, move, {after.id, after.parent});
        return;
    }
    if (after.in) {
        insert_row(kind, after);
        rename_set_on(kind, before.id, after);
        if (kind == Kind::groups)
            adopt_children(after.id);
        return;
    }
    rename_set_on(kind, before.id, after);
    if (before.id != 0 && after.id == 0)
        mirror_remove_left_out(kind, &before.id, 1);
    if (kind == Kind::groups && !same_id && after.id != 0)
        mirror_leave_out(&after.id, 1);
}

} // namespace intd
