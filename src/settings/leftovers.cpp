#include "settings/leftovers.hpp"

#include "catalog/register.hpp"
#include "hierarchy/external_id.hpp"
#include "tracking/left_out.hpp"
#include "hierarchy/hooks.hpp"
#include "postgres/memory.hpp"
#include "postgres/query.hpp"
#include "postgres/transaction.hpp"
#include "settings/references.hpp"
#include "settings/write.hpp"
#include "store/access.hpp"
#include "store/owner.hpp"
#include "store/replicated.hpp"

namespace intd {
namespace {

// --- the statements --------------------------------------------------------------------------------------------------

struct Statements {
    Statement lock, set_on, gone, page, remove;
    Statement lock_access = {}, remove_access = {};
};

#define OF_IDS(key) " WHERE " key " OPERATOR(pg_catalog.=) ANY ($1)"
#define LEFTOVER_STATEMENTS(table, key, scopes, more, ...)                                                             \
    {                                                                                                                  \
        {"SELECT 1 FROM integration_defaults." table OF_IDS(key) " FOR UPDATE", 1, {TEXTARRAYOID}, nullptr, true},     \
            {"SELECT pg_catalog.array_agg(DISTINCT " key ") FROM (SELECT " key                                         \
             " FROM integration_defaults." table more ") s" OF_IDS(key),                                               \
             1,                                                                                                        \
             {TEXTARRAYOID},                                                                                           \
             nullptr,                                                                                                  \
             true},                                                                                                    \
            {"SELECT pg_catalog.array_agg(given.id) FROM pg_catalog.unnest($1) AS given (id) WHERE NOT EXISTS "        \
             "(SELECT FROM integration_defaults." scopes " s WHERE s.id OPERATOR(pg_catalog.=) given.id)",             \
             1,                                                                                                        \
             {TEXTARRAYOID},                                                                                           \
             nullptr,                                                                                                  \
             true},                                                                                                    \
            {"SELECT pg_catalog.array_agg(x.id ORDER BY x.id), pg_catalog.max(x.id) FROM (SELECT DISTINCT t." key      \
             " AS id "                                                                                                 \
             "FROM (SELECT " key " FROM integration_defaults." table more ") t WHERE t." key                           \
             " OPERATOR(pg_catalog.>) $1 AND NOT EXISTS "                                                              \
             "(SELECT FROM integration_defaults." scopes " s WHERE s.id OPERATOR(pg_catalog.=) t." key ") "            \
             "ORDER BY 1 LIMIT 1000) x",                                                                               \
             1,                                                                                                        \
             {TEXTOID},                                                                                                \
             nullptr},                                                                                                 \
            {"DELETE FROM integration_defaults." table OF_IDS(                                                         \
                 key) " AND ($2 IS NULL OR integration OPERATOR(pg_catalog.=) $2)",                                    \
             2,                                                                                                        \
             {TEXTARRAYOID, TEXTOID},                                                                                  \
             nullptr,                                                                                                  \
             true},                                                                                                    \
            __VA_ARGS__                                                                                                \
    }

// What was given on a group goes as what is set there does.
Statements all_statements[] = {
    LEFTOVER_STATEMENTS(
        "group_settings", "group_id", "groups", " UNION ALL SELECT group_id FROM integration_defaults.access",
        {"SELECT 1 FROM integration_defaults.access" OF_IDS("group_id") " FOR UPDATE",
         1,
         {TEXTARRAYOID},
         nullptr,
         true},
        {"DELETE FROM integration_defaults.access" OF_IDS("group_id"), 1, {TEXTARRAYOID}, nullptr, true}),
    LEFTOVER_STATEMENTS("project_settings", "project_id", "projects", "", {}, {})};

Statement count_settings = {
    "SELECT CASE WHEN found.instance OPERATOR(pg_catalog.+) found.groups OPERATOR(pg_catalog.+) found.projects "
    "    OPERATOR(pg_catalog.>) 0 THEN pg_catalog.format('It is set on the instance (%s), on groups (%s) and on "
    "projects (%s).', "
    "    found.instance, found.groups, found.projects) END "
    "FROM (SELECT "
    "    (SELECT pg_catalog.count(*) FROM integration_defaults.instance_settings "
    "        WHERE integration OPERATOR(pg_catalog.=) $1) AS instance, "
    "    (SELECT pg_catalog.count(*) FROM integration_defaults.group_settings "
    "        WHERE integration OPERATOR(pg_catalog.=) $1) AS groups, "
    "    (SELECT pg_catalog.count(*) FROM integration_defaults.project_settings "
    "        WHERE integration OPERATOR(pg_catalog.=) $1) AS projects) AS found",
    1,
    {TEXTOID},
    nullptr};

Statements &statements_of(Kind kind) {
    return all_statements[static_cast<int>(kind)];
}

// --- what is noted ---------------------------------------------------------------------------------------------------

/// More than this is not remembered one by one (bytes): then every id may be gone.
constexpr Size remember_at_most = 64 * 1024 * 1024;

/// An id, and the level of nested transactions at which it was noted: levels never fall from one to the next.
struct Noted {
    std::string_view id;
    int level;
};

struct Ids {
    std::pmr::vector<Noted> noted;
    std::pmr::unordered_set<std::string_view> known; // the same
    int all = 0;                                     // the level at which every id was noted; 0: it was not

    explicit Ids(std::pmr::memory_resource *memory) : noted(memory), known(memory) {}
};

/// In TopTransactionContext; null: nothing.
struct {
    MemoryContext context;
    Ids *ids[2];
} list;

/// Its memory goes with the transaction.
void forget() {
    list = {};
}

Ids &open_list(Kind kind) {
    if (list.context == nullptr) {
        MemoryContext context = guard([] {
            return AllocSetContextCreate(TopTransactionContext, "integration_defaults removed ids",
                                         ALLOCSET_DEFAULT_SIZES);
        });
        ContextResource *memory = ContextResource::in(context);
        for (Ids *&ids : list.ids)
            ids = new (memory->allocate(sizeof(Ids))) Ids(memory);
        list.context = context;
    }
    return *list.ids[static_cast<int>(kind)];
}

void note_all(Kind kind) {
    Ids &ids = open_list(kind);
    if (ids.all == 0)
        ids.all = GetCurrentTransactionNestLevel();
}

void note(Kind kind, std::string_view id) {
    Ids &ids = open_list(kind);
    if (ids.all > 0 || ids.known.count(id) > 0)
        return;
    if (MemoryContextMemAllocated(list.context, false) > remember_at_most)
        return note_all(kind);
    InContext inside(list.context);
    std::string_view own(cat(id), id.size());
    ids.noted.push_back({own, GetCurrentTransactionNestLevel()});
    ids.known.insert(own);
}

void end_savepoint(const Savepoint &savepoint) {
    if (list.context == nullptr)
        return;
    for (Ids *ids : list.ids) {
        ids->all = savepoint.level_of(ids->all);
        for (size_t i = ids->noted.size(); i > 0 && ids->noted[i - 1].level >= savepoint.level; i--) {
            Noted &last = ids->noted[i - 1];
            last.level = savepoint.level_of(last.level);
            if (last.level > 0)
                continue;
            ids->known.erase(last.id);
            ids->noted.pop_back();
        }
    }
}

// --- removing --------------------------------------------------------------------------------------------------------

Value fetch_newest(Statement &statement, Datum parameter) {
    NewestState newest;
    Value found;
    fetch(statement, {parameter}, &found, true);
    return found;
}

class Removing {
  public:
    explicit Removing(Oid settings) : statement_(settings), outer_(std::exchange(now, this)) {}
    ~Removing() { now = outer_; }
    Removing(const Removing &) = delete;
    Removing &operator=(const Removing &) = delete;

    static bool has_fired(const TriggerData *data) { return now != nullptr && now->statement_.has_fired(data); }

  private:
    OwnStatement statement_;
    const Removing *outer_;
    static const Removing *now;
};
const Removing *Removing::now = nullptr;

/// Removes what is set (of one type, or all) on those ids that our table has not; they are not left out either.
void remove_unless_left_out(Kind kind, Datum ids, Value integration) {
    Datum gone = ids;
    if (Datum left_out = ids_left_out(kind, ids); left_out != 0) {
        ContextResource memory(CurrentMemoryContext);
        std::pmr::unordered_set<std::string_view> kept(&memory);
        std::pmr::vector<Datum> others(&memory);
        for (Datum id : guard([&] { return text_elements(left_out); }))
            kept.insert(view(id));
        for (Datum id : guard([&] { return text_elements(ids); }))
            if (kept.count(view(id)) == 0)
                others.push_back(id);
        if (others.empty())
            return;
        gone = text_array(others.data(), nullptr, static_cast<int>(others.size()));
    }
    AsOwner owner;
    Removing own(table_oid(settings_of(kind)));
    Statements &statements = statements_of(kind);
    if (!is_replicated(settings_of(kind))) // else they go where they come from
        execute_newest_alone(statements.remove, {gone, integration});
    if (statements.remove_access.sql != nullptr && !integration) {
        Removing own_access(guard([] { return access_table(); }));
        execute_newest_alone(statements.remove_access, {gone});
    }
}

/// Of ids noted at [from, to), those that are not there.
void remove_some(Kind kind, const std::pmr::vector<Noted> &noted, size_t from, size_t to, Value integration) {
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<std::string_view> ids(&memory);
    for (size_t i = from; i < to; i++)
        ids.push_back(noted[i].id);
    Value gone;
    {
        AsOwner owner;
        PlannerSettings settings(PlannerSettings::few_rows);
        gone = fetch_newest(statements_of(kind).gone, text_array(ids));
    }
    if (gone)
        remove_unless_left_out(kind, *gone, integration);
}

void remove_all(Kind kind, Value integration) {
    constexpr size_t most = max_id_length + 1;
    char after[most] = "";
    RowMemory memory;
    for (;;) {
        InContext inside(memory.empty());
        Value page[2];
        {
            AsOwner owner;
            PlannerSettings settings(PlannerSettings::few_rows);
            NewestState newest;
            fetch_row(statements_of(kind).page, {text_datum(after)}, page, 2, true);
        }
        if (!page[0])
            return;
        strlcpy(after, cat(view(*page[1])), most);
        remove_unless_left_out(kind, *page[0], integration);
    }
}

void remove(Kind kind, const Ids &ids, Value integration) {
    constexpr size_t at_once = 1000;
    if (ids.all > 0)
        return remove_all(kind, integration);
    RowMemory memory;
    const size_t count = ids.noted.size(); // whatever is noted meanwhile
    for (size_t from = 0; from < count; from += at_once) {
        InContext inside(memory.empty());
        remove_some(kind, ids.noted, from, std::min(from + at_once, count), integration);
    }
}

/// Where a type of integration is set, once what will go at commit has been removed; what is noted stays so.
Value where_set(Datum integration) {
    if (some_are_noted())
        for (Kind kind : all_kinds)
            remove(kind, *list.ids[static_cast<int>(kind)], integration);
    return fetch_newest(count_settings, integration);
}

} // namespace

bool note_removed(Kind kind, Datum ids) {
    AsOwner owner;
    Statements &statements = statements_of(kind);
    uint64 rows = execute_newest(statements.lock, {ids});
    if (statements.lock_access.sql != nullptr)
        rows += execute_newest(statements.lock_access, {ids});
    if (rows == 0)
        return false;
    Value found = fetch_newest(statements.set_on, ids);
    if (found)
        for (Datum id : guard([&] { return text_elements(*found); }))
            note(kind, view(id));
    return found.has_value();
}

bool leftovers_have_fired(const TriggerData *data) {
    return Removing::has_fired(data);
}

bool some_are_noted() {
    return list.context != nullptr && std::any_of(std::begin(list.ids), std::end(list.ids),
                                                  [](const Ids *ids) { return ids->all > 0 || !ids->noted.empty(); });
}

void remove_leftovers() {
    auto now = list;
    const bool anticipated = GetCurrentTransactionNestLevel() > 1; // to be rolled back, and done again
    if (!anticipated)
        forget();
    for (Kind kind : all_kinds)
        remove(kind, *now.ids[static_cast<int>(kind)], std::nullopt);
    if (!anticipated)
        guard([&] { MemoryContextDelete(now.context); });
}

void watch_leftovers() {
    lifetime = {note_removed, note_all, rename_left_out, store_arrived};
    settings_of_types.where_set = where_set;
    on_transaction_end(forget);
    on_savepoint_end(end_savepoint);
}

} // namespace intd
