#include "history/past.hpp"

#include "history/state.hpp"
#include "postgres/query.hpp"
#include "resolve/explain.hpp"
#include "resolve/resolve.hpp"
#include "store/owner.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace intd {
namespace {

Statement read_beginning = {"SELECT pg_catalog.max(since)::pg_catalog.timestamptz, "
                            "(SELECT pg_catalog.min(at)::pg_catalog.timestamptz FROM "
                            "integration_defaults.history_transactions) FROM integration_defaults.history_since",
                            0,
                            {},
                            nullptr};

// What keys had before the first transaction after a time that changed them. $1 is the time, $2 and $3 the scope, where
// there is one, and the type. Of one key, and of all types of a scope. The order is one that no index has: else they
// would be looked for from the first change of all on.
#define AFTER(key)                                                                                                     \
    " FROM integration_defaults.history_changes c LEFT JOIN integration_defaults.history_transactions t "              \
    "ON t.transaction OPERATOR(pg_catalog.=) c.transaction WHERE " key                                                 \
    " AND (t.at IS NULL OR t.at OPERATOR(pg_catalog.>) $1) "
#define ONE(key) "SELECT " STATE AFTER(key) "ORDER BY (change OPERATOR(pg_catalog.+) 0::pg_catalog.int8) LIMIT 1"
#define ALL(key) "SELECT DISTINCT ON (integration) " STATE AFTER(key) "ORDER BY integration, change"
#define STATE "integration::pg_catalog.text, before::pg_catalog.jsonb"
#define OF(level, id, integration)                                                                                     \
    "scope_level OPERATOR(pg_catalog.=) '" level "'::pg_catalog.text AND scope_id " id " AND integration " integration
#define GIVEN(parameter) "OPERATOR(pg_catalog.=) " parameter
#define OF_THE_TREE "operation OPERATOR(pg_catalog.<>) ALL (ARRAY['grant'::pg_catalog.text, 'revoke'::pg_catalog.text])"

struct Earlier {
    Statement one, all; // with all keys, with the scope only
};

/// In the order of Table.
Earlier earlier[table_count] = {
    {{ONE("scope_level IS NULL AND scope_id IS NULL AND integration " GIVEN("$2")),
      2,
      {TIMESTAMPTZOID, TEXTOID},
      nullptr},
     {ALL("scope_level IS NULL AND scope_id IS NULL AND integration IS NOT NULL"), 1, {TIMESTAMPTZOID}, nullptr}},
    {{ONE(OF("group", GIVEN("$2"), "IS NULL AND " OF_THE_TREE)), 2, {TIMESTAMPTZOID, TEXTOID}, nullptr}, {}},
    {{ONE(OF("project", GIVEN("$2"), "IS NULL")), 2, {TIMESTAMPTZOID, TEXTOID}, nullptr}, {}},
    {{ONE(OF("instance", "IS NULL", GIVEN("$2"))), 2, {TIMESTAMPTZOID, TEXTOID}, nullptr},
     {ALL(OF("instance", "IS NULL", "IS NOT NULL")), 1, {TIMESTAMPTZOID}, nullptr}},
    {{ONE(OF("group", GIVEN("$2"), GIVEN("$3"))), 3, {TIMESTAMPTZOID, TEXTOID, TEXTOID}, nullptr},
     {ALL(OF("group", GIVEN("$2"), "IS NOT NULL")), 2, {TIMESTAMPTZOID, TEXTOID}, nullptr}},
    {{ONE(OF("project", GIVEN("$2"), GIVEN("$3"))), 3, {TIMESTAMPTZOID, TEXTOID, TEXTOID}, nullptr},
     {ALL(OF("project", GIVEN("$2"), "IS NOT NULL")), 2, {TIMESTAMPTZOID, TEXTOID}, nullptr}},
};

const JsonbValue *field_of(const JsonFields &fields, std::string_view key, jbvType type) {
    const JsonbValue *value = fields.find(key);
    return value != nullptr && value->type == type ? value : nullptr;
}

/// Somebody has written to history_changes himself.
[[noreturn]] void refuse_state() {
    throw Refusal(ERRCODE_DATA_CORRUPTED, "history_changes has a state that integration_defaults has not written")
        .hint("Only its triggers write there.");
}

/// Which row of a table a state is of.
class Key {
  public:
    Key(Table table, Datum first, Datum second) : table_(table), first_(first), second_(second) {}

    bool is_of(const Row &row) const {
        return view(row.values[0]) == view(first_) &&
               (declared_as(table_).keys < 2 || view(row.values[1]) == view(second_));
    }

    Row row(const Jsonb *state) const {
        Row row;
        std::fill(std::begin(row.nulls), std::end(row.nulls), true);
        set(&row, 0, first_);
        if (declared_as(table_).keys == 2)
            set(&row, 1, second_);
        if (!is_object(state))
            refuse_state();
        switch (table_) {
        case Table::integrations:
            type(&row, fields_of(state));
            break;
        case Table::groups:
            place(&row, fields_of(state), Kind::groups);
            break;
        case Table::projects:
            place(&row, fields_of(state), Kind::projects);
            break;
        default:
            settings(&row, state);
        }
        return row;
    }

  private:
    static void set(Row *row, int column, Datum value) {
        row->values[column] = value;
        row->nulls[column] = false;
    }

    static void text(Row *row, int column, const JsonFields &fields, std::string_view key) {
        if (const JsonbValue *value = field_of(fields, key, jbvString); value != nullptr)
            set(row, column, text_datum(string_of(*value)));
    }

    static void type(Row *row, const JsonFields &fields) {
        const JsonbValue *schema = field_of(fields, "schema", jbvBinary),
                         *allowed = field_of(fields, "allowed", jbvBool), *strict = field_of(fields, "strict", jbvBool);
        if (schema == nullptr || allowed == nullptr || strict == nullptr)
            refuse_state();
        set(row, column::schema, PointerGetDatum(to_jsonb(*schema)));
        set(row, column::allowed, BoolGetDatum(allowed->val.boolean));
        set(row, column::strict, BoolGetDatum(strict->val.boolean));
        text(row, column::title, fields, "title");
        text(row, column::category, fields, "category");
    }

    static void place(Row *row, const JsonFields &fields, Kind kind) {
        text(row, column::parent, fields, parent_column(kind));
    }

    void settings(Row *row, const Jsonb *state) const {
        std::optional<SettingsState> read = read_state(state);
        if (!read)
            refuse_state();
        const SettingsColumns &columns = columns_of(table_);
        set(row, columns.custom, BoolGetDatum(read->custom));
        if (read->active)
            set(row, columns.active, BoolGetDatum(*read->active));
        ObjectBuilder object;
        for (const JsonField &field : read->settings)
            object.add(field.key, is_withheld(field.value) ? unknown_mask() : field.value);
        set(row, columns.settings, PointerGetDatum(object.finish()));
        if (columns.locked >= 0) {
            ContextResource memory(CurrentMemoryContext);
            std::pmr::vector<std::string_view> names(&memory);
            for (const JsonbValue &name : read->locked)
                if (name.type == jbvString)
                    names.push_back(string_of(name));
            set(row, columns.locked, text_array(names));
        }
    }

    Table table_;
    Datum first_, second_;
};

bool is_settings(Table table) {
    return table >= Table::instance_settings;
}

/// Without what is a secret by today's schema, though it was none by that of then.
void hide(Row *row, Table table) {
    const SettingsColumns &columns = columns_of(table);
    const Row *type = live.row(Table::integrations, row->values[columns.integration]);
    const Integration *compiled = type == nullptr ? nullptr
                                                  : compiled_integration(view(row->values[columns.integration]),
                                                                         jsonb_of(type->values[column::schema]),
                                                                         DatumGetBool(type->values[column::strict]));
    const Jsonb *settings = jsonb_of(row->values[columns.settings]);
    if (compiled == nullptr || !is_object(settings))
        return;
    ObjectBuilder object;
    for (const JsonField &field : fields_of(settings)) {
        const bool secret = !read_secret(field.value) && field.value.type != jbvNull;
        object.add(field.key, secret && compiled->schema->is_secret(field.key) ? unknown_mask() : field.value);
    }
    row->values[columns.settings] = PointerGetDatum(object.finish());
}

} // namespace

TableHistory::TableHistory(TimestampTz at) : at_(at) {
    Value found[2];
    {
        AsOwner owner;
        fetch_row(read_beginning, {}, found, 2, true);
    }
    const Value beginning = found[0] ? found[0] : found[1];
    if (beginning && DatumGetTimestampTz(*beginning) <= at)
        return;
    if (found[0] && TIMESTAMP_IS_NOEND(DatumGetTimestampTz(*found[0])))
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "no history is kept")
            .hint("integration_defaults.keep_history(true) begins it.");
    const char *text = guard([&] { return timestamptz_to_str(at); });
    Refusal refusal(ERRCODE_INVALID_PARAMETER_VALUE, cat("the history does not reach back to ", text));
    if (beginning)
        refusal.detail(cat("It begins at ", guard([&] {
                               return static_cast<const char *>(
                                   pstrdup(timestamptz_to_str(DatumGetTimestampTz(*beginning))));
                           }),
                           "."));
    throw refusal;
}

Rows TableHistory::rows(Table table, int nkeys, const Datum *keys) const {
    const DeclaredTable &own = declared_as(table);
    const bool one = nkeys == own.keys;
    Earlier &statements = earlier[static_cast<int>(table)];
    Statement &statement = one ? statements.one : statements.all;
    if (statement.sql == nullptr || nkeys < own.keys - 1)
        throw Refusal(ERRCODE_FEATURE_NOT_SUPPORTED, "the past of a whole table is not read");

    const Row *single = !one ? nullptr : nkeys == 2 ? live.row(table, keys[0], keys[1]) : live.row(table, keys[0]);
    const Rows present =
        one ? Rows{const_cast<Row *>(single), single == nullptr ? 0 : 1} : live.rows(table, nkeys == 0 ? 0 : keys[0]);
    const Datum time = TimestampTzGetDatum(at_);
    AsOwner owner;
    Cursor changed = nkeys == 0   ? Cursor(statement, {time})
                     : nkeys == 1 ? Cursor(statement, {time, keys[0]})
                                  : Cursor(statement, {time, keys[0], keys[1]});
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<bool> replaced(present.count, false, &memory);
    Growing<Row> found;
    auto copy = [&](Value value) { return value ? text_datum(view(*value)) : static_cast<Datum>(0); };
    while (changed.next()) {
        Datum integration = copy(changed.column(0));
        const Key key(table, table == Table::integrations || table == Table::instance_settings ? integration : keys[0],
                      integration);
        for (int i = 0; i < present.count; i++)
            if (key.is_of(present.begin_[i]))
                replaced[i] = true;
        if (Value before = changed.column(1); before) {
            Datum state = guard([&] { return datumCopy(*before, false, -1); });
            Row row = key.row(jsonb_of(state));
            if (is_settings(table))
                hide(&row, table);
            guard([&] { found.add(row); });
        }
    }
    changed.close();
    for (int i = 0; i < present.count; i++) {
        if (replaced[i])
            continue;
        Row row = present.begin_[i];
        if (is_settings(table))
            hide(&row, table);
        guard([&] { found.add(row); });
    }
    return {found.items, found.count};
}

// --- what was
// ----------------------------------------------------------------------------------------------------------

namespace {

Statement changes_of_key = {"SELECT change::pg_catalog.int8, before::pg_catalog.jsonb, after::pg_catalog.jsonb "
                            "FROM integration_defaults.history WHERE scope_level OPERATOR(pg_catalog.=) $2 "
                            "AND (scope_id OPERATOR(pg_catalog.=) $3 OR (scope_id IS NULL AND $3 IS NULL)) "
                            "AND integration OPERATOR(pg_catalog.=) $4 AND at OPERATOR(pg_catalog.<=) $1 "
                            "ORDER BY (change OPERATOR(pg_catalog.+) 0::pg_catalog.int8) DESC",
                            4,
                            {TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID},
                            nullptr};

class ChangesBefore final : public Past {
  public:
    ChangesBefore(TimestampTz at, std::string_view integration) : at_(at), integration_(integration) {}

    Value change(const core::Scope &scope, std::string_view field) const override {
        AsOwner owner;
        Cursor changes(changes_of_key, {TimestampTzGetDatum(at_), level_name(scope.level), source_id(&scope),
                                        text_datum(integration_)});
        Value found;
        while (!found && changes.next()) {
            auto differs = [&] {
                Value before = changes.column(1), after = changes.column(2);
                std::optional<SettingsState> was, is;
                if (before)
                    was = read_state(jsonb_of(*before));
                if (after)
                    is = read_state(jsonb_of(*after));
                if (field == "active")
                    return (was ? was->active : std::nullopt) != (is ? is->active : std::nullopt);
                return !same_json(was ? was->settings.find(field) : nullptr, is ? is->settings.find(field) : nullptr);
            };
            if (differs())
                found = changes.column(0);
        }
        changes.close();
        return found;
    }

  private:
    TimestampTz at_;
    std::string_view integration_;
};

/// Asks (at, integration, project_id, group_id); `answer` gets the question and the time. Nothing if one is NULL.
template <class Answer>
void ask(FunctionCallInfo fcinfo, Answer &&answer) {
    require_access(Access::read);
    std::optional<std::string_view> integration = text_argument(fcinfo, 1);
    ScopeArgument scope = scope_argument(either_id_argument(fcinfo, 2), either_id_argument(fcinfo, 3));
    if (PG_ARGISNULL(0) || !integration || scope.is_null)
        return;
    const TimestampTz at = PG_GETARG_TIMESTAMPTZ(0);
    const TableHistory history(at);
    SlicedMemory *memory = SlicedMemory::in(CurrentMemoryContext);
    Inheritance inherited(memory, Tree::in(memory, Store(history)));
    const Integration &type = inherited.type(*integration);
    if (const std::optional<Question> asked = question(inherited, type, scope); asked)
        answer(*asked, at);
}

} // namespace

/// resolve_at(at, integration, project_id, group_id)
INTD_FUNCTION(resolve_at) {
    ResultSet result(fcinfo);
    ask(fcinfo, [&](const Question &asked, TimestampTz) { add_resolved(result, asked.at, asked.folded()); });
    return null_result(fcinfo);
}

/// explain_at(at, integration, project_id, group_id)
INTD_FUNCTION(explain_at) {
    ResultSet result(fcinfo);
    ask(fcinfo, [&](const Question &asked, TimestampTz at) {
        const ChangesBefore changes(at, asked.type.name);
        explain(result, asked, &changes);
    });
    return null_result(fcinfo);
}

} // namespace intd
