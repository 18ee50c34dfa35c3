#include "settings/seal_secrets.hpp"

#include "hierarchy/scope.hpp"
#include "postgres/memory.hpp"
#include "postgres/query.hpp"
#include "settings/secrets.hpp"
#include "store/access.hpp"
#include "store/owner.hpp"
#include "store/replicated.hpp"

namespace intd {
namespace {

// One statement a table reads, one writes many rows at once: of a materialized type each statement has to be followed.
// $1 scopes, $2 types, $3 settings as they were read, $4 settings as they are to be.
struct Statements {
    Statement read, read_type, write;
};
#define WRITE(table, same_scope)                                                                                       \
    {                                                                                                                  \
        "UPDATE integration_defaults." table " t SET settings = n.after FROM ROWS FROM (pg_catalog.unnest($1), "       \
        "pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4)) AS n (scope, integration, before, "      \
        "after) WHERE " same_scope "t.integration OPERATOR(pg_catalog.=) n.integration "                               \
        "AND t.settings OPERATOR(pg_catalog.=) n.before",                                                              \
            4, {TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID, JSONBARRAYOID}, nullptr, true                               \
    }
#define READ(table, key)                                                                                               \
    "SELECT " key ", integration, settings FROM integration_defaults." table                                           \
    " WHERE settings OPERATOR(pg_catalog.<>) '{}'::pg_catalog.jsonb"
#define OF_TYPE " AND integration OPERATOR(pg_catalog.=) $1"
#define STATEMENTS(table, key, same_scope)                                                                             \
    { {READ(table, key), 0, {}, nullptr}, {READ(table, key) OF_TYPE, 1, {TEXTOID}, nullptr}, WRITE(table, same_scope) }
Statements statements[] = {
    STATEMENTS("instance_settings", "NULL::pg_catalog.text", ""),
    STATEMENTS("group_settings", "group_id", "t.group_id OPERATOR(pg_catalog.=) n.scope AND "),
    STATEMENTS("project_settings", "project_id", "t.project_id OPERATOR(pg_catalog.=) n.scope AND "),
};

/// While it lives, a statement of ours writes secrets anew.
class Sealing {
  public:
    explicit Sealing(Oid table) : statement_(table), outer_(std::exchange(innermost_, this)) {}
    ~Sealing() { innermost_ = outer_; }
    Sealing(const Sealing &) = delete;
    Sealing &operator=(const Sealing &) = delete;

    static bool has_fired(const TriggerData *data) {
        return innermost_ != nullptr && innermost_->statement_.has_fired(data);
    }

  private:
    OwnStatement statement_;
    const Sealing *outer_;
    static const Sealing *innermost_;
};
const Sealing *Sealing::innermost_ = nullptr;

/// Goes over what is stored.
class SealAnew {
  public:
    /// `rotate`: also what is stored with another key, or only marked where there is one.
    explicit SealAnew(bool rotate) : rotate_(rotate) {}
    ~SealAnew() {
        if (sealer_)
            wipe(sealer_->mask_key, sizeof(sealer_->mask_key));
    }
    SealAnew(const SealAnew &) = delete;
    SealAnew &operator=(const SealAnew &) = delete;

    const Sealer &sealer() {
        if (!sealer_)
            sealer_ = writing_sealer();
        return *sealer_;
    }

    /// Of one type, or of all.
    void run(const Integration *type) {
        for (core::Level level : {core::Level::instance, core::Level::group, core::Level::project})
            if (!is_replicated(settings_table(level))) // the publisher seals those
                in_passing_memory([&] { run(level, type); });
    }

    int64 changed() const { return changed_; }

  private:
    static constexpr size_t most_rows = 1000, most_bytes = 16 * 1024 * 1024;

    void run(core::Level level, const Integration *only) {
        Statements &own = statements[static_cast<int>(level)];
        MemoryContext batch = guard([] {
            return AllocSetContextCreate(CurrentMemoryContext, "integration_defaults batch", ALLOCSET_DEFAULT_SIZES);
        });
        Growing<Datum> scopes, types, before, after;
        size_t bytes = 0;
        auto flush = [&] {
            if (!scopes.empty())
                write(own.write, settings_table(level), scopes, types, before, after);
            scopes = types = before = after = {};
            bytes = 0;
            guard([&] { MemoryContextReset(batch); });
        };
        NewestState newest;
        RowMemory memory;
        Cursor rows = only == nullptr ? Cursor(own.read, {}) : Cursor(own.read_type, {text_datum(only->name)});
        while (rows.next()) {
            InContext inside(memory.empty());
            const Datum integration = *rows.column(1);
            const Value scope = rows.column(0);
            const Jsonb *settings = jsonb_of(*rows.column(2));
            const Integration *type = only != nullptr ? only : find_usable_integration(live, integration);
            if (type == nullptr || !is_object(settings))
                continue;
            const Jsonb *anew = sealed_anew(*type, level, scope ? view(*scope) : std::string_view(), settings);
            if (anew == settings)
                continue;
            InContext kept(batch);
            auto add = [](Growing<Datum> &to, Datum value) { guard([&] { to.add(value); }); };
            auto copy = [](const Jsonb *json) {
                void *place = allocate(VARSIZE(json));
                memcpy(place, json, VARSIZE(json));
                return PointerGetDatum(place);
            };
            add(scopes, scope ? text_datum(view(*scope)) : text_datum(""));
            add(types, text_datum(view(integration)));
            add(before, copy(settings));
            add(after, copy(anew));
            bytes += VARSIZE(settings) + VARSIZE(anew);
            if (static_cast<size_t>(scopes.count) >= most_rows || bytes >= most_bytes)
                flush();
        }
        rows.close();
        flush();
    }

    static void write(Statement &statement, Table table, const Growing<Datum> &scopes, const Growing<Datum> &types,
                      const Growing<Datum> &before, const Growing<Datum> &after) {
        auto texts = [](const Growing<Datum> &values) { return text_array(values.items, nullptr, values.count); };
        auto jsons = [](const Growing<Datum> &values) {
            return guard([&] {
                return PointerGetDatum(construct_array(values.items, values.count, JSONBOID, -1, false, TYPALIGN_INT));
            });
        };
        Sealing sealing(table_oid(table));
        execute_newest_alone(statement, {texts(scopes), texts(types), jsons(before), jsons(after)});
    }

    /// The settings with their secrets as they are to be; the same if they are so already.
    const Jsonb *sealed_anew(const Integration &type, core::Level level, std::string_view scope,
                             const Jsonb *settings) {
        const JsonFields fields = fields_of(settings);
        const Beside around = beside(fields);
        ContextResource memory(CurrentMemoryContext);
        ObjectBuilder object;
        bool differs = false;
        for (const JsonField &field : fields) {
            const std::optional<JsonbValue> anew = value_anew(type, level, scope, fields, around, field, &memory);
            object.add(field.key, anew ? *anew : field.value);
            differs = differs || anew;
        }
        return differs ? object.finish() : settings;
    }

    std::optional<JsonbValue> value_anew(const Integration &type, core::Level level, std::string_view scope,
                                         const JsonFields &fields, const Beside &around, const JsonField &field,
                                         std::pmr::memory_resource *memory) {
        const std::optional<StoredSecret> stored = read_secret(field.value);
        const bool secret = type.schema->is_secret(field.key);
        if (!stored && (!secret || field.value.type == jbvNull))
            return std::nullopt;
        const auto bound = bound_names(type, field.key, stored, fields, memory);
        const bool is_so = stored && is_bound_to(*stored, bound) && (!rotate_ || is_stored_with(*stored, sealer()));
        if (is_so && !rotate_)
            return std::nullopt;
        const SecretField name = {type.name, field.key};
        JsonbValue value = field.value;
        if (stored) { // also of what is sealed as it should be, it is said if it does not open
            const Opening opening = open_secret(*stored, name, around, &value);
            if (opening == Opening::no_key)
                throw cant_open(*stored, name, opening, cat(" for ", scope_name(level, scope)));
            if (opening == Opening::does_not_fit) {
                warn(cat("secret \"", shown(field.key), "\" of integration \"", type.name, "\" for ",
                         scope_name(level, scope), " can't be opened and stays as it is"));
                return std::nullopt;
            }
        }
        if (is_so)
            return std::nullopt;
        changed_++;
        return store_secret(sealer(), name, around, bound, value);
    }

    static void warn(const char *message) {
        guard([&] {
            ereport(WARNING, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("%s", message),
                              errdetail("It, or a field that it is bound to, is not as it was sealed."),
                              errhint("Set it anew.")));
        });
    }

    bool rotate_;
    std::optional<Sealer> sealer_;
    int64 changed_ = 0;
};

} // namespace

bool sealing_has_fired(const TriggerData *data) {
    return Sealing::has_fired(data);
}

int64 seal_all_settings(void (*seal_others)(const Sealer &sealer)) {
    SealAnew anew(true);
    seal_mask_key_anew(anew.sealer());
    anew.run(nullptr);
    seal_others(anew.sealer());
    if (anew.sealer().key != nullptr)
        remove_mask_key_of_marked();
    return anew.changed();
}

/// AFTER UPDATE on integrations, for each row whose schema changes.
INTD_FUNCTION(seal_settings) {
    TriggerData *data = row_trigger(fcinfo, {table_oid(Table::integrations)}, TRIGGER_EVENT_AFTER);
    require_event(data, TRIGGER_EVENT_AFTER | TRIGGER_EVENT_ROW, on_update);
    if (restoring() || !is_current(data))
        return PointerGetDatum(nullptr);
    AsOwner owner;
    const Integration *type = nullptr;
    {
        NewestState newest;
        type = find_usable_integration(live, *text_column(data->tg_newtuple, data->tg_relation, column::name + 1));
    }
    if (type != nullptr && type->schema->has_secrets)
        SealAnew(false).run(type);
    return PointerGetDatum(nullptr);
}

} // namespace intd
