// The triggers of the settings tables: every write, by function, view, plain SQL or COPY, passes here.
#include "settings/row_triggers.hpp"

#include "inheritance/remembered.hpp"
#include "postgres/query.hpp"
#include "postgres/snapshot.hpp"
#include "postgres/trigger.hpp"
#include "settings/references.hpp"
#include "settings/seal_secrets.hpp"
#include "settings/secrets.hpp"
#include "settings/write.hpp"
#include "store/hold.hpp"
#include "store/owner.hpp"
#include "store/replicated.hpp"

extern "C" {
#include "storage/lmgr.h"
}

namespace intd {

char *actor = nullptr;

const char *writer(Oid user) {
    const Oid by = InSecurityRestrictedOperation() ? user : GetOuterUserId();
    return guard([&]() -> const char * {
        const char *role = GetUserNameFromId(by, false);
        return actor == nullptr || *actor == '\0' ? role : psprintf("%s (%s)", role, actor);
    });
}

namespace {

TriggerData *settings_trigger(FunctionCallInfo fcinfo, TriggerEvent when) {
    return row_trigger(
        fcinfo,
        {table_oid(Table::instance_settings), table_oid(Table::group_settings), table_oid(Table::project_settings)},
        when);
}

/// What the row says. NULLs are refused here, because the server's own message would print the row, secrets and all.
SettingsRow read_settings(HeapTuple tuple, TupleDesc shape, const SettingsColumns &columns) {
    auto value = [&](int column) {
        Value found = column_value(tuple, shape, column + 1);
        if (!found && column != columns.active)
            throw Refusal(ERRCODE_NOT_NULL_VIOLATION, cat("column \"", NameStr(TupleDescAttr(shape, column)->attname),
                                                          "\" of settings must not be null"));
        return found;
    };
    SettingsRow row = settings_row(columns, value);
    value(columns.integration);
    if (columns.scope >= 0)
        value(columns.scope);
    return row;
}

/// Whether the write may make a type of an `x-exclusive` kind active on the scope.
bool activates_exclusive(const Integration &type, const SettingsRow *current, const SettingsRow &wanted) {
    return !type.schema->exclusive.empty() && wanted.active == true && (current == nullptr || current->active != true);
}

/// Makes others who activate a type of such a kind on the scope wait until this transaction has ended.
void lock_exclusive(const SettingsColumns &columns, Datum scope) {
    if (scope != 0)
        return hold_alone(scope_table(columns.level), scope);
    Oid instance = table_oid(columns.table);
    guard([&] { LockDatabaseObject(RelationRelationId, instance, 1, ExclusiveLock); });
}

} // namespace

/// BEFORE INSERT OR UPDATE, for each row: the rules, and the stamps.
INTD_FUNCTION(check_settings) {
    TriggerData *data = settings_trigger(fcinfo, TRIGGER_EVENT_BEFORE);
    require_event(data, TRIGGER_EVENT_BEFORE | TRIGGER_EVENT_ROW, on_insert | on_update);
    bool update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
    HeapTuple tuple = update ? data->tg_newtuple : data->tg_trigtuple;
    if (restoring() || sealing_has_fired(data) || arrival_has_fired())
        return PointerGetDatum(tuple);
    const Table table = table_with(RelationGetRelid(data->tg_relation));
    require_unreplicated(table); // before it is checked
    const SettingsColumns &columns = columns_of(table);
    TupleDesc shape = RelationGetDescr(data->tg_relation);
    SettingsRow wanted = read_settings(tuple, shape, columns);
    if (!is_object(wanted.settings))
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "settings must be a JSON object")
            .hint("For example: {\"url\": \"https://example.com\"}.");
    Datum type = *column_value(tuple, shape, columns.integration + 1);
    Datum scope = columns.scope < 0 ? 0 : *column_value(tuple, shape, columns.scope + 1);

    const Given &given = given_in(data, type, scope);
    std::optional<SettingsRow> current;
    Value updated_at, updated_by;
    JsonFields had = {nullptr, 0}; // what the row has set so far of the type, be it on another scope
    std::string_view leaving;      // the type that the row was for, if it stays on the scope
    auto keep_stamps = [&] {
        updated_at = column_value(data->tg_trigtuple, shape, columns.updated_at + 1);
        updated_by = column_value(data->tg_trigtuple, shape, columns.updated_by + 1);
    };
    const Oid user = writer_in(data, type, scope);
    AsOwner owner;
    if (update) {
        current = read_settings(data->tg_trigtuple, shape, columns);
        Datum old_type = *column_value(data->tg_trigtuple, shape, columns.integration + 1);
        Datum old_scope = columns.scope < 0 ? 0 : *column_value(data->tg_trigtuple, shape, columns.scope + 1);
        const bool renamed = view(old_type) != view(type) && follows_rename(Table::integrations, old_type, type);
        if (renamed && current->same(wanted))
            current->settings = wanted.settings = renamed_secrets(view(old_type), view(type), wanted.settings);
        if ((renamed || view(old_type) == view(type)) && is_object(current->settings))
            had = fields_of(current->settings);
        // A row that is moved by hand to another key is a new one there.
        if ((view(old_type) != view(type) && !renamed) ||
            (columns.scope >= 0 && view(old_scope) != view(scope) &&
             !follows_rename(scope_table(columns.level), old_scope, scope))) {
            current.reset();
            if (columns.scope < 0 || view(old_scope) == view(scope))
                leaving = view(old_type);
        } else if (current->same(wanted) && !given.any())
            keep_stamps();
    }
    if (!updated_at) {
        const SettingsRow *before = current ? &*current : nullptr;
        bool exclusive = false; // whether the write may make a second type of a kind active
        auto check = [&] {
            Inheritance &inherited = inheritance();
            std::optional<Place> place = place_of(inherited, columns.level, view(type), scope);
            if (!place)
                return false;
            const Integration &integration = *place->above.integration;
            wanted = unmasked(inherited, *place, had, before, wanted, given);
            wanted = checked(inherited, *place, before, wanted, given);
            wanted = with_stored_secrets(integration, had, wanted, given);
            exclusive = activates_exclusive(*place->above.integration, before, wanted);
            return true;
        };
        if (!check()) {
            FreshSnapshot snapshot; // what other parts of the same statement have added is there
            if (!check())
                refuse_missing_reference(columns.table, type, scope);
        }
        if (exclusive) {
            lock_exclusive(columns, scope);
            NewestState newest;
            Inheritance &inherited = inheritance();
            if (std::optional<Place> place = place_of(inherited, columns.level, view(type), scope))
                check_exclusive(inherited, *place, before, wanted, leaving);
        }
        // What was given may be what is there.
        if (current && current->same(wanted))
            keep_stamps();
        else {
            updated_at = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
            updated_by = text_datum(writer(user));
        }
    }
    int changed[] = {columns.custom + 1, columns.active + 1, columns.settings + 1, columns.updated_at + 1,
                     columns.updated_by + 1};
    Datum values[] = {BoolGetDatum(wanted.custom), BoolGetDatum(wanted.active.value_or(false)),
                      PointerGetDatum(wanted.settings), *updated_at, *updated_by};
    bool nulls[] = {false, !wanted.active.has_value(), false, false, false};
    return guard([&] {
        return PointerGetDatum(heap_modify_tuple_by_cols(tuple, shape, lengthof(changed), changed, values, nulls));
    });
}

/// AFTER INSERT OR UPDATE, for each override: one that neither sets nor locks anything goes. If another trigger has
/// changed the row again meanwhile, that change has an event of its own.
INTD_FUNCTION(remove_empty_settings) {
    TriggerData *data = settings_trigger(fcinfo, TRIGGER_EVENT_AFTER);
    require_event(data, TRIGGER_EVENT_AFTER | TRIGGER_EVENT_ROW, on_insert | on_update);
    HeapTuple tuple = trigger_row(data);
    const SettingsColumns &columns = columns_of(table_with(RelationGetRelid(data->tg_relation)));
    TupleDesc shape = RelationGetDescr(data->tg_relation);
    if (restoring() || !read_settings(tuple, shape, columns).is_empty() || !is_current(data))
        return PointerGetDatum(nullptr);
    remove_row(columns.level, *column_value(tuple, shape, columns.integration + 1),
               columns.scope < 0 ? std::nullopt : column_value(tuple, shape, columns.scope + 1));
    return PointerGetDatum(nullptr);
}

} // namespace intd
