// Writing through a typed view.
#include "resolve/typed_values.hpp"

#include "tracking/rows.hpp"
#include "postgres/snapshot.hpp"
#include "postgres/trigger.hpp"
#include "resolve/locate.hpp"
#include "settings/fields.hpp"

extern "C" {
#include "utils/numeric.h"
}

namespace intd {
namespace {

[[noreturn]] void refuse(const char *message, const char *hint) {
    throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, message).hint(hint);
}

/// The trigger of one typed view, fired for one row.
class TypedRow {
  public:
    explicit TypedRow(FunctionCallInfo fcinfo) : data_(reinterpret_cast<TriggerData *>(fcinfo->context)) {
        if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_INSTEAD(data_->tg_event))
            throw Refusal(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                          "this function is for the triggers of views that create_view() makes");
        if (!is_typed_view())
            throw Refusal(
                ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                cat("view \"", RelationGetRelationName(data_->tg_relation), "\" is not one that this trigger is for"))
                .detail("It is for views with the columns that integration_defaults.create_view makes.");
    }

    Datum run() {
        HeapTuple before = data_->tg_trigtuple;
        if (TRIGGER_FIRED_BY_DELETE(data_->tg_event)) {
            remove_row(target_of(before));
            return PointerGetDatum(before);
        }
        if (TRIGGER_FIRED_BY_INSERT(data_->tg_event)) {
            insert(before);
            return PointerGetDatum(resolved(before));
        }
        update(before, data_->tg_newtuple);
        return PointerGetDatum(resolved(data_->tg_newtuple));
    }

  private:
    /// Any role may put this trigger on a view of its own. It runs with the rights of the writer, so all that it must
    /// know is that the columns are what it takes them for.
    bool is_typed_view() const {
        if (data_->tg_trigger->tgnargs < 1 || columns()->natts != typed_column::first_field - 1 + fields() ||
            !has_columns(columns(), typed_column::active, {BOOLOID, BOOLOID, TEXTOID, TEXTOID, TEXTARRAYOID}))
            return false;
        for (int n = 0; n < fields(); n++)
            if (!is_column_type(type_of(typed_column::first_field + n)))
                return false;
        return true;
    }

    TupleDesc columns() const { return RelationGetDescr(data_->tg_relation); }
    int fields() const { return data_->tg_trigger->tgnargs - 1; }
    std::string_view field(int n) const { return data_->tg_trigger->tgargs[n + 1]; }
    std::string_view integration() const { return data_->tg_trigger->tgargs[0]; }
    Oid type_of(int column) const { return TupleDescAttr(columns(), column - 1)->atttypid; }

    Value value(HeapTuple tuple, int column) const { return column_value(tuple, columns(), column); }

    std::optional<bool> boolean(HeapTuple tuple, int column) const {
        Value found = value(tuple, column);
        return found ? std::optional<bool>(DatumGetBool(*found)) : std::nullopt;
    }

    /// Whether a column is the same in both rows: as its type's bytes are, but equal numbers may be written otherwise.
    bool same(HeapTuple a, HeapTuple b, int column) const {
        Value one = value(a, column), other = value(b, column);
        if (!one || !other)
            return one.has_value() == other.has_value();
        Form_pg_attribute attribute = TupleDescAttr(columns(), column - 1);
        return guard([&] {
            return attribute->atttypid == NUMERICOID ? DatumGetBool(DirectFunctionCall2(numeric_eq, *one, *other))
                   : attribute->atttypid == JSONBOID
                       ? compareJsonbContainers(&DatumGetJsonbP(*one)->root, &DatumGetJsonbP(*other)->root) == 0
                       : datumIsEqual(*one, *other, attribute->attbyval, attribute->attlen);
        });
    }

    /// A field's value of the one in its column.
    JsonbValue json(int column, Datum given) const {
        if (type_of(column) == NUMERICOID &&
            (numeric_is_nan(DatumGetNumeric(given)) || numeric_is_inf(DatumGetNumeric(given))))
            refuse(
                cat("column \"", NameStr(TupleDescAttr(columns(), column - 1)->attname), "\" must be a finite number"),
                "JSON has no NaN and no infinity.");
        return json_from_column(type_of(column), given);
    }

    /// The key as our id, made of it as tracking does.
    Datum id(HeapTuple tuple) const {
        Datum id = guard([&] { return read_id(tuple, columns(), typed_column::key); });
        if (id == 0)
            throw Refusal(ERRCODE_NULL_VALUE_NOT_ALLOWED, "the key of a project must not be null");
        check_id(view(id));
        return id;
    }

    Target target_of(HeapTuple tuple) const { return target(integration(), {core::Level::project, id(tuple), false}); }

    /// Whole settings: the columns that are given.
    void insert(HeapTuple row) {
        Target where = target_of(row);
        ObjectBuilder settings;
        for (int n = 0; n < fields(); n++)
            if (Value given = value(row, typed_column::first_field + n); given)
                settings.add(field(n), json(typed_column::first_field + n, *given));
        set_whole_row(where, settings.finish(), boolean(row, typed_column::active));
    }

    void update(HeapTuple before, HeapTuple after) {
        if (!same(before, after, typed_column::key))
            refuse("the key of a row can't be changed", "Settings of another project are set by its own row.");
        ContextResource memory(CurrentMemoryContext);
        FieldChange change;
        Names cleared(&memory);
        change.set.begin_ = static_cast<JsonField *>(memory.allocate(sizeof(JsonField) * (fields() + 1)));
        for (int n = 0; n < fields(); n++) {
            int column = typed_column::first_field + n;
            if (same(before, after, column))
                continue;
            if (Value given = value(after, column); given)
                change.set.begin_[change.set.count++] = {field(n), json(column, *given)};
            else
                cleared.push_back(field(n));
        }
        // JsonFields::find needs the order of jsonb objects
        std::sort(change.set.begin_, change.set.begin_ + change.set.count, [](const JsonField &a, const JsonField &b) {
            return a.key.size() != b.key.size() ? a.key.size() < b.key.size() : a.key < b.key;
        });
        change.sets_active = !same(before, after, typed_column::active);
        change.active = boolean(after, typed_column::active);
        bool changes = change.set.count > 0 || !cleared.empty() || change.sets_active;
        Target where = target_of(before);
        if (!changes)
            refuse_derived(before, after);
        if (!cleared.empty()) {
            check_own(where, cleared);
            change.take_back = &cleared;
            change.take_back_from_custom = true;
        }
        if (changes)
            change_fields(where, change);
    }

    /// Columns that follow from what is set can't be set. But an ORM that saves every column saves these as it loaded
    /// them, although they may have changed since: then all of them are as they were loaded, which is no error, and
    /// changes nothing.
    void refuse_derived(HeapTuple before, HeapTuple after) {
        bool inherits = !same(before, after, typed_column::inherited);
        if (inherits && !same(before, after, typed_column::source_level))
            return;
        if (inherits)
            refuse("inherited can't be changed", "DELETE uses the default; changing a column overrides its field.");
        for (int column : {typed_column::source_level, typed_column::source_id, typed_column::locked})
            if (!same(before, after, column))
                refuse(cat("column \"", NameStr(TupleDescAttr(columns(), column - 1)->attname), "\" can't be changed"),
                       "It follows from what is set.");
    }

    HeapTuple resolved(HeapTuple row) {
        FreshSnapshot snapshot;
        Inheritance &inherited = inheritance();
        const Integration &type = inherited.type(integration());
        Located at = locate(inherited, {core::Level::project, id(row), false});
        const Question asked = {inherited, type, at};
        const Folded &folded = asked.folded();
        const core::Scope *source = folded.fold->nearest();
        Value source_name = source_id(source);
        ContextResource memory(CurrentMemoryContext);
        std::pmr::vector<int> numbers(&memory);
        std::pmr::vector<Datum> values(&memory);
        std::pmr::vector<char> nulls(&memory);
        auto put = [&](int column, const Value &found) {
            numbers.push_back(column);
            values.push_back(found.value_or(static_cast<Datum>(0)));
            nulls.push_back(!found);
        };
        put(typed_column::active, BoolGetDatum(folded.active()));
        put(typed_column::inherited, BoolGetDatum(at.inherits_from(source)));
        put(typed_column::source_level, source == nullptr ? std::nullopt : Value(level_name(source->level)));
        put(typed_column::source_id, source_name);
        put(typed_column::locked, locked_names(asked.above()));
        for (int n = 0; n < fields(); n++) {
            const std::optional<JsonbValue> json = source == nullptr ? std::nullopt : folded.masked(field(n));
            put(typed_column::first_field + n,
                column_from_json(type_of(typed_column::first_field + n), json ? &*json : nullptr));
        }
        return guard([&] {
            return heap_modify_tuple_by_cols(row, columns(), static_cast<int>(numbers.size()), numbers.data(),
                                             values.data(), reinterpret_cast<bool *>(nulls.data()));
        });
    }

    TriggerData *data_;
};

} // namespace

/// INSTEAD OF INSERT, UPDATE or DELETE on a typed view; arguments: the integration, then the fields by column.
INTD_FUNCTION(write_typed) {
    ViewRowWrite write;
    return TypedRow(fcinfo).run();
}

} // namespace intd
