#include "settings/references.hpp"

#include "catalog/integration.hpp"
#include "hierarchy/access.hpp"
#include "hierarchy/hooks.hpp"
#include "hierarchy/parents.hpp"
#include "postgres/memory.hpp"
#include "postgres/query.hpp"
#include "postgres/transition.hpp"
#include "settings/leftovers.hpp"
#include "settings/write.hpp"
#include "store/hold.hpp"
#include "store/owner.hpp"
#include "store/replicated.hpp"

namespace intd {
namespace {

// --- rows that refer -------------------------------------------------------------------------------------------------

Refusal missing_type(Table table, Datum type) {
    return Refusal(ERRCODE_FOREIGN_KEY_VIOLATION, cat("integration \"", view(type), "\" is not registered"))
        .hint("Register it before anything is set.")
        .constraint(table == Table::instance_settings ? "instance_settings_integration_fkey"
                    : table == Table::group_settings  ? "group_settings_integration_fkey"
                                                      : "project_settings_integration_fkey");
}

Refusal missing_scope(Table table, Datum scope) {
    bool group = table == Table::group_settings;
    return Refusal(ERRCODE_FOREIGN_KEY_VIOLATION,
                   cat(scope_name(group ? core::Level::group : core::Level::project, view(scope)), " does not exist"))
        .hint("Add it before anything is set on it.")
        .constraint(group ? "group_settings_group_id_fkey" : "project_settings_project_id_fkey");
}

// --- rows that are deleted or renamed --------------------------------------------------------------------------------

#define RENAME(table, key)                                                                                             \
    {                                                                                                                  \
        "UPDATE integration_defaults." table " SET " key " = $2 WHERE " key " OPERATOR(pg_catalog.=) $1", 2,           \
            {TEXTOID, TEXTOID}, nullptr                                                                                \
    }
#define REMOVE(table, key)                                                                                             \
    {                                                                                                                  \
        "DELETE FROM integration_defaults." table " WHERE " key " OPERATOR(pg_catalog.=) ANY ($1)", 1, {TEXTARRAYOID}, \
            nullptr, true                                                                                              \
    }
#define REFERRING(table)                                                                                               \
    {                                                                                                                  \
        Table::table,                                                                                                  \
            {"SELECT pg_catalog.text '" #table "' FROM integration_defaults." #table " LIMIT 1", 0, {}, nullptr},      \
            {"DELETE FROM integration_defaults." #table, 0, {}, nullptr}, nullptr                                      \
    }

Referring instance_rows = REFERRING(instance_settings), group_rows = REFERRING(group_settings),
          project_rows = REFERRING(project_settings);

/// A table that settings refer to: the statements that rename or remove the settings that refer to a row, and what was
/// given on it; and all tables of settings, or of the tree, that refer to it.
struct Referenced {
    Table table;
    Statement rename[3], remove[2];
    Referring *referring[3];
};
Referenced all_referenced[] = {
    {Table::integrations,
     {RENAME("instance_settings", "integration"), RENAME("group_settings", "integration"),
      RENAME("project_settings", "integration")},
     {},
     {&instance_rows, &group_rows, &project_rows}},
    {Table::groups,
     {RENAME("group_settings", "group_id"), RENAME("access", "group_id")},
     {REMOVE("group_settings", "group_id"), REMOVE("access", "group_id")},
     {&projects_in_groups, &group_rows}},
    {Table::projects,
     {RENAME("project_settings", "project_id")},
     {REMOVE("project_settings", "project_id")},
     {&project_rows}},
};

Statement move_access = RENAME("access", "group_id"), remove_access = REMOVE("access", "group_id");

/// The change that settings are just following.
struct Renaming {
    Table table;
    Datum before, after;
};
const Renaming *renaming = nullptr;

/// Until the end of the block.
class Follow {
  public:
    explicit Follow(const Renaming &now) : outer_(renaming) { renaming = &now; }
    ~Follow() { renaming = outer_; }
    Follow(const Follow &) = delete;
    Follow &operator=(const Follow &) = delete;

  private:
    const Renaming *outer_;
};

/// While it lives, our own statement gives settings an id that none of our rows has.
class LeftOutRenaming {
  public:
    explicit LeftOutRenaming(Oid settings) : statement_(settings), outer_(std::exchange(now, this)) {}
    ~LeftOutRenaming() { now = outer_; }
    LeftOutRenaming(const LeftOutRenaming &) = delete;
    LeftOutRenaming &operator=(const LeftOutRenaming &) = delete;

    static bool has_fired(const TriggerData *data) { return now != nullptr && now->statement_.has_fired(data); }

  private:
    OwnStatement statement_;
    const LeftOutRenaming *outer_;
    static const LeftOutRenaming *now;
};
const LeftOutRenaming *LeftOutRenaming::now = nullptr;

/// What is set on groups, where it comes from a publisher whose groups change likewise: the nodes of Citus' have groups
/// of their own, and these settings from the coordinator.
bool is_publishers(const Statement *statement) {
    const Referenced &groups = all_referenced[1];
    return (statement == groups.rename || statement == groups.remove) && is_replicated(Table::group_settings);
}

uint64 run_all(Statement *first, const Statement *end, std::initializer_list<Value> parameters,
               uint64 (*run)(Statement &, std::initializer_list<Value>)) {
    uint64 rows = 0;
    for (Statement *statement = first; statement != end; statement++)
        if (statement->sql != nullptr && !is_publishers(statement))
            rows += run(*statement, parameters);
    return rows;
}

/// In a statement of the trigger that we are in.
uint64 execute_inside(Statement &statement, std::initializer_list<Value> parameters) {
    return execute_newest(statement, parameters);
}

struct ReferencedTrigger {
    TriggerData *data;
    Referenced &referenced;
};

/// The trigger's data and what it is fired on. Throws unless that is one of the three tables.
ReferencedTrigger referenced_trigger(FunctionCallInfo fcinfo) {
    TriggerData *data =
        own_trigger(fcinfo, {table_oid(Table::integrations), table_oid(Table::groups), table_oid(Table::projects)});
    Referenced *referenced = all_referenced;
    while (table_oid(referenced->table) != RelationGetRelid(data->tg_relation))
        referenced++;
    return {data, *referenced};
}

[[noreturn]] void refuse_event() {
    throw Refusal(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                  "this function is for the triggers of integration_defaults' own tables");
}

/// The next ids of deleted rows as text[], or 0 after the last one. Server code: raises reports.
Datum next_ids(TransitionRows *deleted) {
    constexpr int most = 1000;
    Datum ids[most];
    int count = 0;
    bool is_null;
    while (count < most && deleted->next())
        ids[count++] = PointerGetDatum(PG_DETOAST_DATUM_COPY(slot_getattr(deleted->slot, 1, &is_null)));
    ExecClearTuple(deleted->slot); // a row that was read back from disk is in the caller's memory
    return count == 0 ? 0 : PointerGetDatum(construct_array(ids, count, TEXTOID, -1, false, TYPALIGN_INT));
}

} // namespace

void refuse_missing_reference(Table table, Datum type, Datum scope) {
    if (find_integration(live, type) == nullptr)
        throw missing_type(table, type);
    throw missing_scope(table, scope);
}

bool follows_rename(Table table, Datum before, Datum after) {
    return renaming != nullptr && renaming->table == table && view(renaming->before) == view(before) &&
           view(renaming->after) == view(after);
}

void rename_left_out(Kind kind, Datum before, Datum after) {
    AsOwner owner;
    {
        NewestState newest;
        if (live.row(table_of(kind), before) != nullptr)
            return; // what is set on it is set on that row
    }
    Referenced &referenced = all_referenced[kind == Kind::groups ? 1 : 2];
    Renaming now = {referenced.table, before, after};
    Follow follow(now);
    LeftOutRenaming own(table_oid(settings_of(kind)));
    Datum there = text_array(&after, nullptr, 1);
    note_new_id(kind, before, after);
    run_all(std::begin(referenced.remove), std::end(referenced.remove), {there}, execute_newest_alone);
    if (run_all(std::begin(referenced.rename), std::end(referenced.rename), {before, after}, execute_newest_alone) > 0)
        note_removed(kind, there); // unless the row is there at commit
}

void rename_access(Datum before, Datum after) {
    AsOwner owner;
    execute_newest_alone(remove_access, {text_array(&after, nullptr, 1)});
    execute_newest_alone(move_access, {before, after});
}

/// AFTER INSERT OR UPDATE on the settings tables, for each row. Not in check_settings(), because triggers of others may
/// still change the row there; this is what was stored.
INTD_FUNCTION(hold_references) {
    TriggerData *data = row_trigger(
        fcinfo,
        {table_oid(Table::instance_settings), table_oid(Table::group_settings), table_oid(Table::project_settings)},
        TRIGGER_EVENT_AFTER);
    if (restoring() || !is_current(data) || LeftOutRenaming::has_fired(data) || arrival_has_fired())
        return PointerGetDatum(nullptr);
    const SettingsColumns &columns = columns_of(table_with(RelationGetRelid(data->tg_relation)));
    const Table table = columns.table;
    const int type_column = columns.integration + 1;
    if (columns.scope >= 0 && refers_anew(data, columns.scope + 1)) {
        Datum scope = *text_column(trigger_row(data), data->tg_relation, columns.scope + 1);
        if (!(table == Table::group_settings ? hold_group(scope) : hold_row(Table::projects, scope)))
            throw missing_scope(table, scope);
    }
    if (refers_anew(data, type_column)) {
        Datum type = *text_column(trigger_row(data), data->tg_relation, type_column);
        if (!hold_row(Table::integrations, type))
            throw missing_type(table, type);
    }
    return PointerGetDatum(nullptr);
}

/// AFTER UPDATE on integrations, groups and projects, for each row whose name or id changed.
INTD_FUNCTION(rename_settings) {
    auto [data, referenced] = referenced_trigger(fcinfo);
    if (!TRIGGER_FIRED_FOR_ROW(data->tg_event) || !TRIGGER_FIRED_AFTER(data->tg_event) ||
        !TRIGGER_FIRED_BY_UPDATE(data->tg_event))
        refuse_event();
    Renaming now = {referenced.table, *text_column(data->tg_trigtuple, data->tg_relation, 1),
                    *text_column(data->tg_newtuple, data->tg_relation, 1)};
    Follow follow(now);
    AsOwner owner;
    // Our table has no other row of that id: what is set on it was left by one that has gone.
    run_all(std::begin(referenced.remove), std::end(referenced.remove), {text_array(&now.after, nullptr, 1)},
            execute_inside);
    run_all(std::begin(referenced.rename), std::end(referenced.rename), {now.before, now.after}, execute_inside);
    if (referenced.table != Table::integrations)
        note_new_id(referenced.table == Table::groups ? Kind::groups : Kind::projects, now.before, now.after);
    return PointerGetDatum(nullptr);
}

/// AFTER DELETE on groups and projects, for each statement: at commit their settings go, if they are not there again.
INTD_FUNCTION(remove_settings) {
    auto [data, referenced] = referenced_trigger(fcinfo);
    if (data->tg_oldtable == nullptr || !TRIGGER_FIRED_BY_DELETE(data->tg_event) ||
        referenced.table == Table::integrations)
        refuse_event();
    const Kind kind = referenced.table == Table::groups ? Kind::groups : Kind::projects;
    TransitionRows deleted;
    guard([&, data = data] { deleted.open(data->tg_oldtable, RelationGetDescr(data->tg_relation)); });
    RowMemory memory;
    for (;;) {
        InContext inside(memory.empty());
        Datum ids = guard([&] { return next_ids(&deleted); });
        if (ids == 0)
            break;
        note_removed(kind, ids);
    }
    guard([&] { deleted.close(); });
    return PointerGetDatum(nullptr);
}

/// Empties what refers to a table that a TRUNCATE … CASCADE has emptied, if the user may truncate that too (42501).
void cascade_truncate(Referenced &referenced) {
    for (Referring *referring : referenced.referring) {
        if (referring == nullptr)
            break;
        Oid relation = table_oid(referring->table);
        guard([&] {
            AclResult may = pg_class_aclcheck(relation, GetUserId(), ACL_TRUNCATE);
            if (may != ACLCHECK_OK)
                aclcheck_error(may, OBJECT_TABLE, get_rel_name(relation));
        });
        AsOwner owner;
        execute(referring->empty, {});
    }
}

/// AFTER TRUNCATE on integrations, groups and projects.
INTD_FUNCTION(check_truncate) {
    auto [data, referenced] = referenced_trigger(fcinfo);
    if (!TRIGGER_FIRED_BY_TRUNCATE(data->tg_event) || !TRIGGER_FIRED_AFTER(data->tg_event))
        refuse_event();
    if (truncate_cascades())
        cascade_truncate(referenced);
    AsOwner owner;
    if (referenced.table == Table::groups)
        lifetime.emptied(Kind::groups); // what was given on them goes, unless they are there again at commit
    NewestState newest;
    for (Referring *referring : referenced.referring) {
        Value table;
        if (referring == nullptr || fetch(referring->find, {}, &table, true) == 0)
            continue;
        throw Refusal(ERRCODE_FOREIGN_KEY_VIOLATION, cat("rows of table \"", view(*table), "\" refer to table \"",
                                                         RelationGetRelationName(data->tg_relation), "\""))
            .hint("Truncate both in one command, or use TRUNCATE ... CASCADE.")
            .constraint(referring->constraint);
    }
    return PointerGetDatum(nullptr);
}

} // namespace intd
