// The triggers of the settings tables: every write, by function, view, plain SQL or COPY, passes here.
#include "settings/rules.hpp"

#include "inheritance/remembered.hpp"
#include "postgres/query.hpp"
#include "postgres/snapshot.hpp"
#include "postgres/trigger.hpp"
#include "settings/references.hpp"
#include "settings/write.hpp"

extern "C" {
#include "common/hashfn.h"
#include "storage/lmgr.h"
}

namespace intd {

char *actor = nullptr;

namespace {

/// Columns of a settings table, counted from 1 as the server does.
struct Columns {
    Table table;
    core::Level level;
    int scope, integration; // scope: 0 on the instance
    int at(column::of_settings column) const {
        int n = integration + 1 + column;
        return level == core::Level::project && column > column::locked ? n - 1 : n;
    }
};

constexpr Columns all_columns[] = {
    {Table::instance_settings, core::Level::instance, 0, 1},
    {Table::group_settings, core::Level::group, 1, 2},
    {Table::project_settings, core::Level::project, 1, 2},
};

TriggerData *settings_trigger(FunctionCallInfo fcinfo, TriggerEvent when) {
    return row_trigger(
        fcinfo,
        {table_oid(Table::instance_settings), table_oid(Table::group_settings), table_oid(Table::project_settings)},
        when);
}

const Columns &columns_of(Relation relation) {
    for (const Columns &columns : all_columns)
        if (table_oid(columns.table) == RelationGetRelid(relation))
            return columns;
    throw Refusal(ERRCODE_INTERNAL_ERROR, "not a settings table"); // settings_trigger() has checked
}

/// The row's columns that say what is set. NULLs are refused here, because the server's own message would print
/// the row, secrets and all.
SettingsRow settings_row(HeapTuple tuple, TupleDesc shape, const Columns &columns) {
    auto needed = [&](int column) {
        Value value = column_value(tuple, shape, column);
        if (!value)
            throw Refusal(ERRCODE_NOT_NULL_VIOLATION,
                          cat("column \"", NameStr(TupleDescAttr(shape, column - 1)->attname),
                              "\" of settings must not be null"));
        return *value;
    };
    SettingsRow row;
    row.custom = DatumGetBool(needed(columns.at(column::custom)));
    Value active = column_value(tuple, shape, columns.at(column::active));
    row.active = active ? std::optional<bool>(DatumGetBool(*active)) : std::nullopt;
    row.settings = jsonb_of(needed(columns.at(column::settings)));
    row.locked = columns.level == core::Level::project ? 0 : needed(columns.at(column::locked));
    needed(columns.integration);
    if (columns.scope != 0)
        needed(columns.scope);
    return row;
}

/// Whether the row neither sets nor locks anything.
bool is_empty(const SettingsRow &row) {
    return !row.custom && !row.active && is_object(row.settings) && JB_ROOT_COUNT(row.settings) == 0 &&
           (row.locked == 0 ||
            ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(row.locked)), ARR_DIMS(DatumGetArrayTypeP(row.locked))) == 0);
}

bool same_row(const SettingsRow &a, const SettingsRow &b) {
    auto same_bytes = [](const void *one, const void *other) {
        return VARSIZE_ANY(one) == VARSIZE_ANY(other) && memcmp(one, other, VARSIZE_ANY(one)) == 0;
    };
    return a.custom == b.custom && a.active == b.active && same_bytes(a.settings, b.settings) &&
           (a.locked == 0 || same_bytes(DatumGetPointer(a.locked), DatumGetPointer(b.locked)));
}

/// `role`, or `role (actor)` where the session says on whose behalf it acts. The role is the outer one: not that of
/// a SECURITY DEFINER function. But where the server evaluates somebody's expression for others, as autovacuum does, it
/// is the `user` as whom it does.
const char *writer(Oid user) {
    const Oid by = InSecurityRestrictedOperation() ? user : GetOuterUserId();
    return guard([&]() -> const char * {
        const char *role = GetUserNameFromId(by, false);
        return actor == nullptr || *actor == '\0' ? role : psprintf("%s (%s)", role, actor);
    });
}

/// Where the row is to stand, or nothing if the type or the scope is not there.
std::optional<Place> place_of(Inheritance &inherited, const Columns &columns, std::string_view type_name, Datum scope) {
    const Integration *type = inherited.find_type(type_name);
    if (type == nullptr)
        return std::nullopt;
    Tree &tree = inherited.tree();
    switch (columns.level) {
    case core::Level::instance:
        return Place{columns.level, {}, inherited.above(tree.instance(), *type), tree.instance()};
    case core::Level::group: {
        const TreeNode *group = tree.group(view(scope));
        if (group == nullptr)
            return std::nullopt;
        return Place{columns.level, view(scope), inherited.above(group, *type), group};
    }
    default:
        const Row *project = read_row(Table::projects, scope);
        if (project == nullptr)
            return std::nullopt;
        const TreeNode *parent = tree.parent_of(*project);
        return Place{columns.level, view(scope), inherited.down_to(parent, *type), parent};
    }
}

/// Whether the write may make a type of an `x-exclusive` kind active on the scope.
bool activates_exclusive(const Integration &type, const SettingsRow *current, const SettingsRow &wanted) {
    return !type.schema->exclusive.empty() && wanted.active == true && (current == nullptr || current->active != true);
}

/// A transaction takes no more locks than this, however many scopes it writes: the server's table of locks is finite.
/// So scopes may share one, and wait for each other needlessly.
constexpr uint32 exclusive_locks = 1024;

/// Makes others who activate a type of the kind on the scope wait until this transaction has ended.
void lock_exclusive(const Columns &columns, std::string_view kind, Datum scope) {
    const char *name = cat(kind, "\n", scope == 0 ? std::string_view() : view(scope));
    Oid relation = table_oid(columns.table);
    guard([&] {
        uint32 key = hash_bytes(reinterpret_cast<const unsigned char *>(name), static_cast<int>(strlen(name)));
        LockDatabaseObject(relation, key % exclusive_locks, 0, ExclusiveLock);
    });
}

} // namespace

/// BEFORE INSERT OR UPDATE, for each row: the rules, and the stamps.
INTD_FUNCTION(check_settings) {
    TriggerData *data = settings_trigger(fcinfo, TRIGGER_EVENT_BEFORE);
    require_event(data, TRIGGER_EVENT_BEFORE | TRIGGER_EVENT_ROW, on_insert | on_update);
    bool update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
    HeapTuple tuple = update ? data->tg_newtuple : data->tg_trigtuple;
    if (restoring())
        return PointerGetDatum(tuple);
    const Columns &columns = columns_of(data->tg_relation);
    TupleDesc shape = RelationGetDescr(data->tg_relation);
    SettingsRow wanted = settings_row(tuple, shape, columns);
    if (!is_object(wanted.settings))
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "settings must be a JSON object")
            .hint("For example: {\"url\": \"https://example.com\"}.");
    Datum type = *column_value(tuple, shape, columns.integration);
    Datum scope = columns.scope == 0 ? 0 : *column_value(tuple, shape, columns.scope);

    const Given &given = given_in(data, type, scope);
    std::optional<SettingsRow> current;
    Value updated_at, updated_by;
    const Oid user = GetUserId();
    AsOwner owner;
    if (update) {
        current = settings_row(data->tg_trigtuple, shape, columns);
        Datum old_type = *column_value(data->tg_trigtuple, shape, columns.integration);
        Datum old_scope = columns.scope == 0 ? 0 : *column_value(data->tg_trigtuple, shape, columns.scope);
        // A row that is moved by hand to another key is a new one there.
        Table scopes = columns.level == core::Level::group ? Table::groups : Table::projects;
        if ((view(old_type) != view(type) && !follows_rename(Table::integrations, old_type, type)) ||
            (columns.scope != 0 && view(old_scope) != view(scope) && !follows_rename(scopes, old_scope, scope)))
            current.reset();
        else if (same_row(*current, wanted) && !given.any()) {
            updated_at = column_value(data->tg_trigtuple, shape, columns.at(column::updated_at));
            updated_by = column_value(data->tg_trigtuple, shape, columns.at(column::updated_by));
        }
    }
    if (!updated_at) {
        const SettingsRow *before = current ? &*current : nullptr;
        std::string_view exclusive; // the kind, if the write may make a second one of it active
        auto check = [&] {
            Inheritance &inherited = inheritance();
            std::optional<Place> place = place_of(inherited, columns, view(type), scope);
            if (!place)
                return false;
            const Integration &integration = *place->above.integration;
            wanted = checked(inherited, *place, before, wanted, given);
            if (activates_exclusive(integration, before, wanted))
                exclusive = cat(integration.schema->exclusive);
            return true;
        };
        if (!check()) {
            FreshSnapshot snapshot; // what other parts of the same statement have added is there
            if (!check())
                refuse_missing_reference(columns.table, type, scope);
        }
        if (!exclusive.empty()) {
            lock_exclusive(columns, exclusive, scope);
            NewestState newest;
            Inheritance &inherited = inheritance();
            if (std::optional<Place> place = place_of(inherited, columns, view(type), scope))
                check_exclusive(inherited, *place, before, wanted);
        }
        updated_at = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
        updated_by = text_datum(writer(user));
    }
    int changed[] = {columns.at(column::custom), columns.at(column::active), columns.at(column::settings),
                     columns.at(column::updated_at), columns.at(column::updated_by)};
    Datum values[] = {BoolGetDatum(wanted.custom), BoolGetDatum(wanted.active.value_or(false)),
                      PointerGetDatum(wanted.settings), *updated_at, *updated_by};
    bool nulls[] = {false, !wanted.active.has_value(), false, false, false};
    return guard([&] {
        return PointerGetDatum(heap_modify_tuple_by_cols(tuple, shape, lengthof(changed), changed, values, nulls));
    });
}

/// AFTER INSERT OR UPDATE, for each row that neither sets nor locks anything (the trigger's WHEN, which is not relied
/// upon): it goes. If another trigger has changed it again meanwhile, that has an event of its own.
INTD_FUNCTION(remove_empty_settings) {
    TriggerData *data = settings_trigger(fcinfo, TRIGGER_EVENT_AFTER);
    require_event(data, TRIGGER_EVENT_AFTER | TRIGGER_EVENT_ROW, on_insert | on_update);
    HeapTuple tuple = trigger_row(data);
    const Columns &columns = columns_of(data->tg_relation);
    TupleDesc shape = RelationGetDescr(data->tg_relation);
    if (restoring() || !is_empty(settings_row(tuple, shape, columns)) || !is_current(data))
        return PointerGetDatum(nullptr);
    AsOwner owner;
    remove_row(columns.level, *column_value(tuple, shape, columns.integration),
               columns.scope == 0 ? std::nullopt : column_value(tuple, shape, columns.scope));
    return PointerGetDatum(nullptr);
}

} // namespace intd
