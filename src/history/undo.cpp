// undo(): what a transaction changed of what is set is put back, as one who sets it would write it.
#include "cascade/changes.hpp"
#include "hierarchy/access.hpp"
#include "history/state.hpp"
#include "postgres/query.hpp"
#include "postgres/snapshot.hpp"
#include "settings/write.hpp"
#include "store/owner.hpp"

namespace intd {
namespace {

Statement is_known = {"SELECT 1 FROM integration_defaults.history_changes WHERE transaction OPERATOR(pg_catalog.=) $1 "
                      "AND change OPERATOR(pg_catalog.>=) $1 AND change OPERATOR(pg_catalog.<=) "
                      "COALESCE((SELECT last_change FROM integration_defaults.history_transactions t "
                      "WHERE t.transaction OPERATOR(pg_catalog.=) $1), 9223372036854775807::pg_catalog.int8) LIMIT 1",
                      1,
                      {INT8OID},
                      nullptr};
Statement settings_of = {
    "SELECT scope_level::pg_catalog.text, scope_id::pg_catalog.text, integration::pg_catalog.text, "
    "before::pg_catalog.jsonb, "
    "after::pg_catalog.jsonb FROM integration_defaults.history_changes "
    "WHERE transaction OPERATOR(pg_catalog.=) $1 AND change OPERATOR(pg_catalog.>=) $1 "
    "AND change OPERATOR(pg_catalog.<=) COALESCE((SELECT last_change FROM integration_defaults.history_transactions t "
    "WHERE t.transaction OPERATOR(pg_catalog.=) $1), 9223372036854775807::pg_catalog.int8) "
    "AND scope_level IS NOT NULL AND integration IS NOT NULL ORDER BY change DESC",
    1,
    {INT8OID},
    nullptr};

/// What a transaction made of one row: its state before the first change and after the last one, null where there was
/// no row.
struct Undoing {
    ScopeArgument scope;
    std::string_view integration;
    const Jsonb *before, *after;
    bool exists; // whether there is a row now
    SettingsRow wanted;
};

/// What keeps it from being put back: the lines of a DETAIL.
class Obstacles {
  public:
    template <class... Pieces>
    void add(const Undoing &undoing, const Pieces &...what) {
        if (count_++ < most) {
            const char *line = cat("\"", undoing.integration, "\" for ",
                                   scope_name(undoing.scope.level, undoing.scope.text()), ": ", what...);
            text_ = text_ == nullptr ? line : cat(text_, "\n", line);
        }
    }
    void check(int64 transaction) const {
        if (count_ == 0)
            return;
        const char *text = count_ <= most ? text_ : cat(text_, "\nand ", std::to_string(count_ - most), " more");
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      cat("transaction ", std::to_string(transaction), " can't be undone"))
            .detail(text)
            .hint("The view integration_defaults.history shows what has changed since.");
    }

  private:
    static constexpr int most = 20;
    const char *text_ = nullptr;
    int count_ = 0;
};

std::string_view name_in(const JsonbValue &value) {
    return value.type == jbvString ? string_of(value) : std::string_view();
}

SettingsState state_of(const Jsonb *json) {
    std::optional<SettingsState> state = read_state(json);
    if (!state)
        throw Refusal(ERRCODE_DATA_CORRUPTED, "history_changes has a state that integration_defaults has not written")
            .hint("Only its triggers write there.");
    return *state;
}

std::pmr::vector<std::string_view> sorted_names(Datum locked, std::pmr::memory_resource *memory) {
    std::pmr::vector<std::string_view> names(memory);
    for (Datum name : guard([&] { return text_elements(locked); }))
        names.push_back(view(name));
    std::sort(names.begin(), names.end());
    return names;
}

/// Whether the row is what the state says, secrets by their masks.
bool is_as(const SettingsRow &row, const SettingsState &state) {
    if (row.custom != state.custom || row.active != state.active || !is_object(row.settings))
        return false;
    const JsonFields fields = fields_of(row.settings);
    if (fields.count != state.settings.count)
        return false;
    for (const JsonField &field : fields) {
        const JsonbValue *value = state.settings.find(field.key);
        if (value == nullptr || !is_as_kept(field.value, *value))
            return false;
    }
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<std::string_view> locked(&memory);
    for (const JsonbValue &name : state.locked)
        locked.push_back(name_in(name));
    std::sort(locked.begin(), locked.end());
    return sorted_names(row.locked, &memory) == locked;
}

bool is_as(const std::optional<SettingsRow> &row, const Jsonb *state) {
    return row && state != nullptr ? is_as(*row, state_of(state)) : !row && state == nullptr;
}

/// The row that is to be put back. A secret of which only the mask was kept is that of the present row, if that has the
/// same; it is given as itself, to be bound to what it was bound to.
SettingsRow earlier_row(const Undoing &undoing, const std::optional<SettingsRow> &present, Obstacles &obstacles) {
    const SettingsState before = state_of(undoing.before);
    ObjectBuilder settings;
    const JsonFields now =
        present && is_object(present->settings) ? fields_of(present->settings) : JsonFields{nullptr, 0};
    for (const JsonField &field : before.settings) {
        const std::optional<StoredSecret> stored = read_secret(field.value);
        if (!is_withheld(field.value) && (!stored || stored->sealed)) {
            settings.add(field.key, field.value);
            continue;
        }
        const JsonbValue *value = now.find(field.key);
        const std::optional<StoredSecret> present_one = value == nullptr ? std::nullopt : read_secret(*value);
        if (present_one && is_as_kept(*value, field.value))
            settings.add(field.key, present_one->sealed ? *value : present_one->value);
        else
            obstacles.add(undoing, "the secret \"", shown(field.key), "\" was not kept.");
    }
    SettingsRow row = {before.custom, before.active, settings.finish(), 0};
    if (undoing.scope.level != core::Level::project) {
        ContextResource memory(CurrentMemoryContext);
        std::pmr::vector<std::string_view> locked(&memory);
        for (const JsonbValue &name : before.locked)
            locked.push_back(name_in(name));
        row.locked = text_array(locked);
    }
    return row;
}

/// What the transaction changed, the last change first; each row once.
std::pmr::vector<Undoing> read_changes(int64 transaction, std::pmr::memory_resource *memory) {
    std::pmr::vector<Undoing> result(memory);
    std::pmr::unordered_map<std::pmr::string, size_t> places(memory);
    AsOwner owner;
    FreshSnapshot snapshot;
    Value known;
    if (fetch(is_known, {Int64GetDatum(transaction)}, &known, true) == 0)
        throw Refusal(ERRCODE_UNDEFINED_OBJECT, cat("the history has no transaction ", std::to_string(transaction)))
            .hint("A transaction is named by the number of its first change: see integration_defaults.history.");
    auto json = [&](const Value &value) {
        return value ? jsonb_of(guard([&] { return datumCopy(*value, false, -1); })) : nullptr;
    };
    Cursor changes(settings_of, {Int64GetDatum(transaction)});
    while (changes.next()) {
        std::string_view name = view(*changes.column(0));
        const core::Level level = name == core::name_of(core::Level::instance) ? core::Level::instance
                                  : name == core::name_of(core::Level::group)  ? core::Level::group
                                                                               : core::Level::project;
        const Value id = changes.column(1);
        std::pmr::string key(name, memory);
        key.append(1, '\0')
            .append(id ? view(*id) : std::string_view())
            .append(1, '\0')
            .append(view(*changes.column(2)));
        auto [place, is_new] = places.emplace(std::move(key), result.size());
        if (is_new) {
            Datum integration = text_datum(view(*changes.column(2)));
            result.push_back({{level, id ? text_datum(view(*id)) : 0, false},
                              view(integration),
                              nullptr,
                              json(changes.column(4)),
                              false,
                              {}});
        }
        result[place->second].before = json(changes.column(3));
    }
    changes.close();
    return result;
}

/// Locks the row, and finds out whether it can be put back.
void prepare(Undoing &undoing, Obstacles &obstacles) {
    {
        AsOwner owner;
        FreshSnapshot snapshot;
        if (live.row(Table::integrations, text_datum(undoing.integration)) == nullptr)
            return obstacles.add(undoing, "the integration is not registered.");
        if (undoing.scope.level != core::Level::instance &&
            live.row(scope_table(undoing.scope.level), undoing.scope.id) == nullptr)
            return obstacles.add(undoing, "it is not there; once it is again, this can be undone.");
    }
    const std::optional<SettingsRow> present = lock_row(target(undoing.integration, undoing.scope));
    undoing.exists = present.has_value();
    if (!is_as(present, undoing.after))
        return obstacles.add(undoing, "changed since.");
    if (undoing.before != nullptr)
        undoing.wanted = earlier_row(undoing, present, obstacles);
}

void put_back(const Undoing &undoing) {
    const Target where = target(undoing.integration, undoing.scope);
    Given given;
    given.takes_back = true;
    const bool written =
        undoing.before == nullptr ? remove_row(where) : store_row(where, undoing.exists, undoing.wanted, given);
    // Another session may have set something where there was nothing. A lock above may keep what it shadows.
    if (!written || !is_as(lock_row(where), undoing.before))
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      cat("settings of integration \"", where.type.name, "\" for ",
                          scope_name(where.scope.level, where.scope.text()), " can't be put back as they were"))
            .detail(written ? "A lock above, or a trigger, keeps them from it." : "They have changed meanwhile.");
}

} // namespace

/// undo(transaction) → how many rows of settings were put back
INTD_FUNCTION(undo) {
    require_argument(fcinfo, 0, "transaction");
    const int64 transaction = PG_GETARG_INT64(0);
    require_access(Access::read); // and to write, each row's scope
    WritingFunction function;
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<Undoing> changes = read_changes(transaction, &memory);
    changes.erase(std::remove_if(changes.begin(), changes.end(),
                                 [](const Undoing &each) { return same_state(each.before, each.after); }),
                  changes.end());
    Obstacles obstacles;
    for (Undoing &each : changes)
        prepare(each, obstacles);
    obstacles.check(transaction);
    // The last one first: so each meets what was around it before it was changed, locks above all.
    SettleOnce together;
    for (const Undoing &each : changes)
        put_back(each);
    together.finish();
    PG_RETURN_INT64(static_cast<int64>(changes.size()));
}

} // namespace intd
