// Registering types of integration, and the triggers that hold the same rules for plain SQL.
#include "catalog/register.hpp"

#include "catalog/unknown.hpp"
#include "catalog/validate.hpp"
#include "postgres/query.hpp"
#include "postgres/result.hpp"
#include "postgres/trigger.hpp"
#include "store/access.hpp"
#include "store/owner.hpp"
#include "store/replicated.hpp"

extern "C" {
#include "access/detoast.h"
}

namespace intd {

SettingsOfTypes settings_of_types;

namespace {

Statement lock_types = {"LOCK TABLE integration_defaults.integrations IN SHARE ROW EXCLUSIVE MODE", 0, {}, nullptr};

Statement list_types = {"SELECT pg_catalog.string_agg(pg_catalog.concat(name, allowed), ',' ORDER BY name) "
                        "FROM integration_defaults.integrations",
                        0,
                        {},
                        nullptr};

Statement upsert_type = {
    "INSERT INTO integration_defaults.integrations AS type (name, schema, title, category, strict, allowed) "
    "SELECT $1, $2, $3, $4, $5, NOT EXISTS (SELECT FROM integration_defaults.integrations WHERE NOT allowed) "
    "ON CONFLICT (name) DO UPDATE SET schema = EXCLUDED.schema, title = COALESCE(EXCLUDED.title, type.title), "
    "category = COALESCE(EXCLUDED.category, type.category), strict = EXCLUDED.strict",
    5,
    {TEXTOID, JSONBOID, TEXTOID, TEXTOID, BOOLOID},
    nullptr};

Statement delete_type = {
    "DELETE FROM integration_defaults.integrations WHERE name OPERATOR(pg_catalog.=) $1", 1, {TEXTOID}, nullptr};

Statement lock_type = {
    "SELECT 1 FROM integration_defaults.integrations WHERE name OPERATOR(pg_catalog.=) $1 FOR UPDATE",
    1,
    {TEXTOID},
    nullptr};

Statement unknown_name = {
    "SELECT pg_catalog.min(given.name COLLATE pg_catalog.\"C\") FROM pg_catalog.unnest($1) AS given(name) WHERE NOT "
    "EXISTS "
    "(SELECT FROM integration_defaults.integrations type WHERE type.name OPERATOR(pg_catalog.=) given.name)",
    1,
    {TEXTARRAYOID},
    nullptr};

Statement allow_types = {
    "UPDATE integration_defaults.integrations SET allowed = NOT allowed WHERE "
    "CASE WHEN $1 IS NULL OR name OPERATOR(pg_catalog.=) ANY ($1) THEN NOT allowed ELSE allowed END",
    1,
    {TEXTARRAYOID},
    nullptr};

// $1: what is wrong now, a line each; $2: what was before. Some of the lines that are new, and how many there are.
Statement new_lines = {
    "SELECT pg_catalog.string_agg(added.line, E'\\n' ORDER BY added.number) "
    "FILTER (WHERE added.number OPERATOR(pg_catalog.<=) 20) OPERATOR(pg_catalog.||) "
    "CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.>) 20 "
    "THEN pg_catalog.format(E'\\nand %s more', pg_catalog.count(*) OPERATOR(pg_catalog.-) 20) ELSE '' END "
    "FROM (SELECT found.line, pg_catalog.row_number() OVER (ORDER BY found.at) AS number "
    "FROM pg_catalog.unnest($1) WITH ORDINALITY AS found (line, at) "
    "WHERE NOT EXISTS (SELECT FROM pg_catalog.unnest($2) was(line) "
    "WHERE was.line OPERATOR(pg_catalog.=) found.line)) added",
    2,
    {TEXTARRAYOID, TEXTARRAYOID},
    nullptr};

/// The bytes of an argument, which may be compressed or not there yet.
int64 given_size(FunctionCallInfo fcinfo, int n) {
    return guard([&] { return static_cast<int64>(toast_raw_datum_size(PG_GETARG_DATUM(n))); });
}

std::string_view name_argument(FunctionCallInfo fcinfo, int n) {
    std::optional<std::string_view> name = text_argument(fcinfo, n);
    if (!name)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "name of the integration must not be null");
    return *name;
}

/// Settings keep their type. A transaction that adds some meanwhile waits for the type's row (settings/references.cpp).
void refuse_if_set(Datum name) {
    Value counts;
    {
        AsOwner owner; // also what the caller may not see
        if (execute(lock_type, {name}) == 0)
            return;
        counts = settings_of_types.where_set(name);
    }
    if (counts)
        throw Refusal(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST, cat("integration \"", view(name), "\" still has settings"))
            .detail(cat(view(*counts)))
            .hint("Remove them first with integration_defaults.reset_default and integration_defaults.use_default.");
}

/// Checks a row of `integrations` before it is stored.
void check_row(TriggerData *trigger) {
    bool updates = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event);
    struct Columns {
        const text *name;
        const Jsonb *schema;
        bool strict;
        bool unchanged;
    };
    Columns row = guard([&] {
        TupleDesc shape = RelationGetDescr(trigger->tg_relation);
        auto get = [&](HeapTuple tuple, int column, bool *is_null) {
            return heap_getattr(tuple, column + 1, shape, is_null);
        };
        HeapTuple stored = updates ? trigger->tg_newtuple : trigger->tg_trigtuple;
        bool no_name, no_schema, no_strict;
        Datum name = get(stored, column::name, &no_name);
        Datum schema = get(stored, column::schema, &no_schema);
        Datum strict = get(stored, column::strict, &no_strict);
        Columns columns = {nullptr, nullptr, DatumGetBool(strict), false};
        if (no_name || no_schema || no_strict) // the columns' own constraints refuse it
            columns.unchanged = true;
        else if (updates) {
            bool was_null;
            Datum old_name = get(trigger->tg_trigtuple, column::name, &was_null);
            Datum old_schema = get(trigger->tg_trigtuple, column::schema, &was_null);
            Datum old_strict = get(trigger->tg_trigtuple, column::strict, &was_null);
            columns.unchanged = datumIsEqual(old_name, name, false, -1) &&
                                datumIsEqual(old_schema, schema, false, -1) && old_strict == strict;
        }
        if (!columns.unchanged) {
            columns.name = DatumGetTextPP(name);
            columns.schema = DatumGetJsonbP(schema);
        }
        return columns;
    });
    if (row.unchanged)
        return;
    check_integration_name(view(row.name));
    Schema *schema = compile_schema(row.schema, row.strict, view(row.name));
    guard([&] { MemoryContextDelete(schema->context); });
}

} // namespace

void lock_all_types() {
    execute(lock_types, {});
    if (!IsolationUsesXactSnapshot())
        return;
    Value seen, newest;
    fetch(list_types, {}, &seen);
    {
        NewestState state;
        fetch(list_types, {}, &newest, true);
    }
    if (seen.has_value() != newest.has_value() || (seen && view(*seen) != view(*newest)))
        throw Refusal(ERRCODE_T_R_SERIALIZATION_FAILURE,
                      "could not serialize access due to concurrent changes of integrations")
            .hint("The transaction might succeed if retried.");
}

const char *replace_type(Datum name, const Jsonb *schema, std::optional<Datum> title, std::optional<Datum> category,
                         bool strict) {
    const Value before = settings_of_types.misfits(name);
    Value since;
    execute(upsert_type, {name, JsonbPGetDatum(schema), title, category, BoolGetDatum(strict)});
    fetch(new_lines, {settings_of_types.misfits(name), before}, &since);
    return since ? cat(view(*since)) : nullptr;
}

void register_type(Datum name, const Jsonb *schema, std::optional<Datum> title, std::optional<Datum> category,
                   bool strict, bool force) {
    WritingFunction function;
    AsOwner owner;
    lock_all_types();
    if (force) {
        execute(upsert_type, {name, JsonbPGetDatum(schema), title, category, BoolGetDatum(strict)});
        return;
    }
    if (const char *since = replace_type(name, schema, title, category, strict))
        throw Refusal(ERRCODE_CHECK_VIOLATION,
                      cat("settings that are there do not fit the new schema of integration \"", view(name), "\""))
            .detail(since)
            .hint("Mend them first; or register it with force => true, and invalid_settings() lists them.")
            .constraint("setting_matches_schema");
}

INTD_FUNCTION(register_integration) {
    require_access(Access::admin);
    std::string_view name = name_argument(fcinfo, 0);
    if (PG_ARGISNULL(1))
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "schema of the integration must not be null")
            .hint("A schema that allows all settings is {}.");
    check_size(max_schema_size, given_size(fcinfo, 1), cat("schema of integration \"", shown(name), "\""));
    const Jsonb *schema = guard([&] { return PG_GETARG_JSONB_P(1); });
    // the trigger checks too, but not while a dump is being restored
    check_integration_name(name);
    const bool force = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4), strict = PG_ARGISNULL(5) || PG_GETARG_BOOL(5);
    Schema *compiled = compile_schema(schema, strict, name);
    const char *ignored = compiled->ignored == nullptr ? nullptr : cat(compiled->ignored);
    guard([&] { MemoryContextDelete(compiled->context); });
    auto optional_text = [&](int n) {
        return PG_ARGISNULL(n) ? std::nullopt : std::optional<Datum>(PG_GETARG_DATUM(n));
    };
    register_type(text_datum(name), schema, optional_text(2), optional_text(3), strict, force);
    if (ignored != nullptr) {
        const char *message = cat("integration \"", name, "\" is registered, and some of its schema is ignored");
        guard([&] {
            ereport(NOTICE, (errmsg("%s", message), errdetail("Not known, or of no effect, are: %s.", ignored)));
        });
    }
    PG_RETURN_VOID();
}

INTD_FUNCTION(unregister_integration) {
    WritingFunction function;
    require_access(Access::admin);
    Datum name = text_datum(name_argument(fcinfo, 0));
    AsOwner owner;
    if (execute(delete_type, {name}) == 0)
        throw unknown_integration(live, view(name));
    PG_RETURN_VOID();
}

INTD_FUNCTION(allow_integrations) {
    WritingFunction function;
    require_access(Access::admin);
    std::optional<Datum> names;
    if (!PG_ARGISNULL(0)) {
        auto *array = guard([&] { return PG_GETARG_ARRAYTYPE_P(0); });
        if (ARR_NDIM(array) > 1 || guard([&] { return array_contains_nulls(array); }))
            throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "names of integrations must be a list without nulls")
                .hint("NULL in place of the list allows all integrations.");
        names = PointerGetDatum(array);
    }
    AsOwner owner;
    lock_all_types();
    Value unknown;
    fetch(unknown_name, {names}, &unknown);
    if (unknown)
        throw unknown_integration(live, view(*unknown));
    execute(allow_types, {names});
    PG_RETURN_VOID();
}

/// Rows (path, rule, violation) for settings that do not fit.
INTD_FUNCTION(validate_settings) {
    require_access(Access::read);
    ResultSet rows(fcinfo);
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        return null_result(fcinfo);
    const Schema &schema = *get_integration(live, *text_argument(fcinfo, 0)).schema;
    check_size(max_settings_size, given_size(fcinfo, 1), "what is to be checked");
    const Jsonb *settings = guard([&] { return PG_GETARG_JSONB_P(1); });
    ContextResource memory(CurrentMemoryContext);
    Violations violations(&memory);
    validate(schema, settings, violations);
    for (const Violation &violation : violations)
        rows.add({text_datum(violation.path), text_datum(violation.rule), text_datum(violation.text)});
    return null_result(fcinfo);
}

/// BEFORE INSERT OR UPDATE OR DELETE on integrations, for each row.
INTD_FUNCTION(check_integration) {
    TriggerData *trigger = row_trigger(fcinfo, {table_oid(Table::integrations)}, TRIGGER_EVENT_BEFORE);
    require_unreplicated(Table::integrations);
    bool deletes = TRIGGER_FIRED_BY_DELETE(trigger->tg_event);
    HeapTuple row = trigger_row(trigger);
    if (deletes)
        refuse_if_set(*text_column(row, trigger->tg_relation, column::name + 1));
    else if (!restoring())
        check_row(trigger);
    return PointerGetDatum(row);
}

} // namespace intd
