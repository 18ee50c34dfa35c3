#include "history/seal_history.hpp"

#include "history/arrays.hpp"
#include "history/state.hpp"
#include "settings/seal_secrets.hpp"
#include "store/access.hpp"
#include "store/owner.hpp"

namespace intd {
namespace {

#define STATES                                                                                                         \
    "SELECT change::pg_catalog.int8, integration::pg_catalog.text, before::pg_catalog.jsonb, "                         \
    "after::pg_catalog.jsonb FROM integration_defaults.history_changes "                                               \
    "WHERE scope_level IS NOT NULL AND integration IS NOT NULL"
Statement read_all = {STATES, 0, {}, nullptr};
Statement read_type = {STATES " AND integration OPERATOR(pg_catalog.=) $1 AND (change OPERATOR(pg_catalog.<) $2 "
                              "OR transaction OPERATOR(pg_catalog.=) $3)",
                       3,
                       {TEXTOID, INT8OID, INT8OID},
                       nullptr};
// The names that a type has had, each until the change, and the transaction, by which it got the next one: what follows
// a rename is noted beside it. Of a rename the name that comes is noted after the one that went, in the same
// transaction.
Statement names_of_type = {
    "WITH RECURSIVE names AS (SELECT $1::pg_catalog.text COLLATE pg_catalog.\"C\" AS name, "
    "9223372036854775807::pg_catalog.int8 AS until, 0::pg_catalog.int8 AS transaction UNION "
    "SELECT w.integration::pg_catalog.text, w.change::pg_catalog.int8, w.transaction::pg_catalog.int8 "
    "FROM names n JOIN integration_defaults.history_changes c "
    "ON c.integration OPERATOR(pg_catalog.=) n.name AND c.scope_id IS NULL AND c.scope_level IS NULL "
    "AND c.operation OPERATOR(pg_catalog.=) 'rename'::pg_catalog.text AND c.after IS NOT NULL "
    "AND c.change OPERATOR(pg_catalog.<) n.until CROSS JOIN LATERAL "
    "(SELECT p.integration, p.change, p.transaction FROM integration_defaults.history_changes p "
    "WHERE p.change OPERATOR(pg_catalog.>=) c.transaction AND p.change OPERATOR(pg_catalog.<) c.change "
    "AND p.transaction OPERATOR(pg_catalog.=) c.transaction AND p.scope_level IS NULL "
    "AND p.operation OPERATOR(pg_catalog.=) 'rename'::pg_catalog.text AND p.before IS NOT NULL "
    "ORDER BY p.change DESC LIMIT 1) w) SELECT name, until, transaction FROM names",
    1,
    {TEXTOID},
    nullptr};
Statement write_states = {
    "UPDATE integration_defaults.history_changes c SET before = n.before, after = n.after FROM ROWS FROM "
    "(pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS n (change, before, after) "
    "WHERE c.change OPERATOR(pg_catalog.=) n.change",
    3,
    {INT8ARRAYOID, JSONBARRAYOID, JSONBARRAYOID},
    nullptr,
    true};

/// A sealed secret as it is to be, if it is to be another one. One that does not open, though its key is there, can't
/// be put back anywhere: it is not kept, so that its key need not be either.
std::optional<JsonbValue> sealed_anew(const Sealer &sealer, const SecretField &name, const StoredSecret &stored,
                                      const Beside &around) {
    if (!stored.sealed || sealer.key == nullptr || is_stored_with(stored, sealer))
        return std::nullopt;
    JsonbValue value;
    const Opening opening = open_secret(stored, name, around, &value);
    if (opening == Opening::no_key)
        throw cant_open(stored, name, opening);
    if (opening == Opening::does_not_fit)
        return withheld();
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<std::string_view> bound(&memory);
    for (const JsonbValue &item : stored.bound)
        bound.push_back(string_of(item));
    return store_secret(sealer, name, around, bound, value);
}

/// The state as it is to be kept, or the same. Without a Sealer nothing is sealed anew; `type` may be null.
const Jsonb *anew(const Jsonb *state, std::string_view integration, const Integration *type, const Sealer *sealer) {
    const std::optional<SettingsState> read = state == nullptr ? std::nullopt : read_state(state);
    if (!read)
        return state;
    const Beside around = beside(read->settings);
    ObjectBuilder settings;
    bool differs = false;
    for (const JsonField &field : read->settings) {
        std::optional<JsonbValue> other;
        if (const std::optional<StoredSecret> stored = read_secret(field.value); stored && sealer != nullptr)
            other = sealed_anew(*sealer, {integration, field.key}, *stored, around);
        else if (!stored && type != nullptr)
            other = kept(type, field.key, field.value);
        settings.add(field.key, other ? *other : field.value);
        differs = differs || other;
    }
    return differs ? with_settings(state, settings.finish()) : state;
}

/// What is noted of a type under one of its names, up to a change.
struct Noted {
    const Integration *type;
    Datum name, until, transaction;
};

/// Goes over the states of one type, or of all.
void write_anew(const Noted *only, const Sealer *sealer) {
    constexpr int most_rows = 1000;
    constexpr Size most_bytes = 16 * 1024 * 1024;
    MemoryContext batch = guard([] {
        return AllocSetContextCreate(CurrentMemoryContext, "integration_defaults history", ALLOCSET_DEFAULT_SIZES);
    });
    Growing<NullableDatum> changes, befores, afters;
    auto flush = [&] {
        if (changes.count > 0) {
            InContext inside(batch);
            auto jsons = [](const Growing<NullableDatum> &items) {
                return guard([&] { return array_of(items, JSONBOID, false, -1, TYPALIGN_INT); });
            };
            const Datum numbers =
                guard([&] { return array_of(changes, INT8OID, true, sizeof(int64), TYPALIGN_DOUBLE); });
            execute_newest_alone(write_states, {numbers, jsons(befores), jsons(afters)});
        }
        changes = befores = afters = {};
        guard([&] { MemoryContextReset(batch); });
    };
    NewestState newest;
    RowMemory memory;
    Cursor rows =
        only == nullptr ? Cursor(read_all, {}) : Cursor(read_type, {only->name, only->until, only->transaction});
    while (rows.next()) {
        InContext inside(memory.empty());
        const Datum name = *rows.column(1);
        auto json = [&](int column) {
            const Value found = rows.column(column);
            return found ? jsonb_of(*found) : nullptr;
        };
        const Jsonb *before = json(2), *after = json(3);
        const Integration *type = only != nullptr ? only->type : find_usable_integration(live, name);
        const Jsonb *before_anew = anew(before, view(name), type, sealer),
                    *after_anew = anew(after, view(name), type, sealer);
        if (before_anew == before && after_anew == after)
            continue;
        InContext kept_until_written(batch);
        auto copy = [](const Jsonb *state) {
            return state == nullptr ? nullptr : jsonb_of(datumCopy(PointerGetDatum(state), false, -1));
        };
        guard([&] {
            changes.add({*rows.column(0), false});
            befores.add(nullable(copy(before_anew)));
            afters.add(nullable(copy(after_anew)));
        });
        if (changes.count >= most_rows || MemoryContextMemAllocated(batch, false) > most_bytes)
            flush();
    }
    rows.close();
    flush();
    guard([&] { MemoryContextDelete(batch); });
}

} // namespace

void hide_in_history(const Integration &type) {
    AsOwner owner;
    in_passing_memory([&] {
        ContextResource memory(CurrentMemoryContext);
        std::pmr::vector<Noted> all(&memory);
        {
            NewestState newest;
            Cursor names(names_of_type, {text_datum(type.name)});
            while (names.next())
                all.push_back({&type, text_datum(view(*names.column(0))), *names.column(1), *names.column(2)});
            names.close();
        }
        for (const Noted &each : all)
            write_anew(&each, nullptr);
    });
}

/// seal_secrets() → how many of what is set were changed
INTD_FUNCTION(seal_secrets) {
    require_access(Access::admin);
    WritingFunction function;
    AsOwner owner;
    PG_RETURN_INT64(
        seal_all_settings([](const Sealer &sealer) { in_passing_memory([&] { write_anew(nullptr, &sealer); }); }));
}

} // namespace intd
