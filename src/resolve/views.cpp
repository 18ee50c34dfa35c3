// Writing through instance_integrations, group_integrations and project_integrations, and those that
// create_general_view() makes: an ORM that loads a row, changes it and saves it changes just that.
#include "postgres/snapshot.hpp"
#include "postgres/trigger.hpp"
#include "resolve/locate.hpp"
#include "settings/fields.hpp"
#include "tracking/rows.hpp"

namespace intd {
namespace {

/// A row of a view: (id,) integration, active, settings, inherited, source_level, source_id.
struct ViewRow {
    Value id, integration, active, settings, inherited, source_level, source_id;
};

struct View {
    core::Level level;
    TupleDesc shape;
    bool keyed; // by the app's key, which is made an id as tracking does; else by our id

    int first() const { return level == core::Level::instance ? 1 : 2; }

    /// Whether its columns are those that the extension gave it: the view's owner may have replaced it.
    bool is_whole() const {
        return (level == core::Level::instance || keyed || has_columns(shape, 1, {TEXTOID})) &&
               has_columns(shape, first(), {TEXTOID, BOOLOID, JSONBOID, BOOLOID, TEXTOID, TEXTOID});
    }

    Value id(HeapTuple tuple) const {
        if (level == core::Level::instance)
            return std::nullopt;
        if (!keyed)
            return column_value(tuple, shape, 1);
        Datum id = guard([&] { return read_id(tuple, shape, 1); });
        return id == 0 ? std::nullopt : Value(id);
    }

    ViewRow row(HeapTuple tuple) const {
        int n = first();
        return {id(tuple),
                column_value(tuple, shape, n),
                column_value(tuple, shape, n + 1),
                column_value(tuple, shape, n + 2),
                column_value(tuple, shape, n + 3),
                column_value(tuple, shape, n + 4),
                column_value(tuple, shape, n + 5)};
    }
};

bool same_text(const Value &a, const Value &b) {
    return a.has_value() == b.has_value() && (!a || view(*a) == view(*b));
}

bool same_boolean(const Value &a, const Value &b) {
    return a.has_value() == b.has_value() && (!a || DatumGetBool(*a) == DatumGetBool(*b));
}

std::optional<bool> boolean(const Value &value) {
    return value ? std::optional<bool>(DatumGetBool(*value)) : std::nullopt;
}

[[noreturn]] void refuse(const char *message, const char *hint = nullptr) {
    Refusal refusal(ERRCODE_INVALID_PARAMETER_VALUE, message);
    if (hint != nullptr)
        refusal.hint(hint);
    throw refusal;
}

std::string_view integration_of(const ViewRow &row) {
    if (!row.integration)
        refuse("integration must not be null");
    return view(*row.integration);
}

/// On a view that somebody else has made, any column may be NULL.
ScopeArgument scope_of(const View &self, const ViewRow &row) {
    ScopeArgument scope = {self.level, row.id.value_or(static_cast<Datum>(0)), false};
    if (self.level != core::Level::instance) {
        scope.is_null = !row.id;
        if (row.id)
            check_id(view(*row.id));
    }
    return scope;
}

Target target_of(const View &self, const ViewRow &row) {
    const std::string_view integration = integration_of(row);
    return target(integration, scope_of(self, row));
}

const Jsonb *object_of(const ViewRow &row) {
    if (!row.settings || !is_object(jsonb_of(*row.settings)))
        refuse("settings must be a JSON object");
    return jsonb_of(*row.settings);
}

void update(const View &self, const ViewRow &before, const ViewRow &after) {
    if (!same_text(before.id, after.id) || !same_text(before.integration, after.integration))
        refuse("the id and the integration of a row can't be changed",
               "Settings of another scope are set by a row of their own.");
    if (!same_text(before.source_level, after.source_level) || !same_text(before.source_id, after.source_id))
        refuse("source_level and source_id can't be changed", "They follow from what is set.");
    if (!after.inherited)
        refuse("inherited must not be null");

    ContextResource memory(CurrentMemoryContext);
    JsonFields had = fields_of(object_of(before)), has = fields_of(object_of(after));
    FieldChange change;
    change.set.begin_ = static_cast<JsonField *>(memory.allocate(sizeof(JsonField) * (has.count + 1)));
    for (const JsonField &field : has)
        if (!same_json(had.find(field.key), &field.value))
            change.set.begin_[change.set.count++] = field;
    Names removed(&memory);
    for (const JsonField &field : had)
        if (has.find(field.key) == nullptr)
            removed.push_back(field.key);
    change.sets_active = !same_boolean(before.active, after.active);
    change.active = boolean(after.active);
    bool changes = change.set.count > 0 || !removed.empty() || change.sets_active;

    Target where = target_of(self, before);
    if (!same_boolean(before.inherited, after.inherited)) {
        if (DatumGetBool(*after.inherited)) {
            if (changes)
                refuse("inherited can't be set together with other changes", "Set inherited alone to use the default.");
            remove_row(where);
            return;
        }
        if (!changes)
            refuse("inherited can't be set to false alone", "Change a field to override it.");
    }
    if (!changes)
        return;
    if (!removed.empty()) {
        check_own(where, removed);
        change.take_back = &removed;
        change.take_back_from_custom = true;
    }
    change_fields(where, change);
}

/// The row as it resolves now, with all that this command has changed.
HeapTuple resolved_row(const View &self, HeapTuple tuple, const ViewRow &row) {
    FreshSnapshot snapshot;
    Inheritance &inherited = inheritance();
    const Integration &type = inherited.type(integration_of(row));
    const ScopeArgument scope = scope_of(self, row);
    require_ids(scope);
    Located at = locate(inherited, scope);
    const Folded &folded = Question{inherited, type, at}.folded();
    const core::Scope *source = folded.fold->nearest();
    std::optional<Datum> id = source_id(source);
    int first = self.first();
    // A uuid may have been given in another spelling than the id has.
    const int own_id = self.keyed || self.level == core::Level::instance ? 0 : 1;
    int columns[] = {first + 1, first + 2, first + 3, first + 4, first + 5, own_id};
    Datum values[] = {BoolGetDatum(folded.active()),          PointerGetDatum(folded.settings()),
                      BoolGetDatum(at.inherits_from(source)), source == nullptr ? 0 : level_name(source->level),
                      id.value_or(static_cast<Datum>(0)),     at.id};
    bool nulls[] = {false, false, false, source == nullptr, !id, false};
    const int count = lengthof(columns) - (own_id == 0 ? 1 : 0);
    return guard([&] { return heap_modify_tuple_by_cols(tuple, self.shape, count, columns, values, nulls); });
}

View view_of(FunctionCallInfo fcinfo) {
    auto *data = reinterpret_cast<TriggerData *>(fcinfo->context);
    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_INSTEAD(data->tg_event))
        throw Refusal(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                      "this function is for the triggers of integration_defaults' own views");
    TupleDesc shape = RelationGetDescr(data->tg_relation);
    if (data->tg_trigger->tgnargs == 1) {
        // Any role may put this trigger on a view of its own. It runs with the rights of the writer, so all that it
        // must know is that the columns are what it takes them for.
        for (core::Level level : {core::Level::group, core::Level::project})
            if (View view = {level, shape, true};
                core::name_of(level) == data->tg_trigger->tgargs[0] && view.is_whole())
                return view;
    } else {
        static const char *const names[] = {"instance_integrations", "group_integrations", "project_integrations"};
        Oid relation = RelationGetRelid(data->tg_relation);
        for (int level = 0; level < 3; level++) {
            const char *name = names[level];
            Oid known =
                guard([&] { return get_relname_relid(name, get_namespace_oid("integration_defaults", false)); });
            View view = {static_cast<core::Level>(level), shape, false};
            if (known == relation && view.is_whole())
                return view;
        }
    }
    throw Refusal(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                  cat("view \"", RelationGetRelationName(data->tg_relation), "\" is not one that this trigger is for"))
        .detail("It is for the views of integration_defaults, as the extension made them.");
}

} // namespace

/// INSTEAD OF INSERT, UPDATE or DELETE on one of the three views, or on one that create_general_view() has made; that
/// one's argument is the level.
INTD_FUNCTION(write_integrations) {
    View self = view_of(fcinfo);
    ViewRowWrite write;
    auto *data = reinterpret_cast<TriggerData *>(fcinfo->context);
    ViewRow before = self.row(data->tg_trigtuple);
    if (TRIGGER_FIRED_BY_DELETE(data->tg_event)) {
        remove_row(target_of(self, before));
        return PointerGetDatum(data->tg_trigtuple);
    }
    if (TRIGGER_FIRED_BY_INSERT(data->tg_event)) {
        set_whole_row(target_of(self, before), object_of(before), boolean(before.active));
        return PointerGetDatum(resolved_row(self, data->tg_trigtuple, before));
    }
    if (!before.settings) // there are none while the way up to the instance is broken: that is what is told
        resolved_row(self, data->tg_trigtuple, before);
    update(self, before, self.row(data->tg_newtuple));
    return PointerGetDatum(resolved_row(self, data->tg_newtuple, before));
}

} // namespace intd
