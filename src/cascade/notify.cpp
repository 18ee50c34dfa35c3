#include "cascade/notify.hpp"

#include "cascade/materialize.hpp"
#include "hierarchy/arguments.hpp"
#include "postgres/invalidation.hpp"
#include "postgres/memory.hpp"
#include "postgres/query.hpp"
#include "postgres/transaction.hpp"
#include "postgres/trigger.hpp"
#include "store/owner.hpp"
#include "store/settings_row.hpp"
#include "store/switch.hpp"

extern "C" {
#include "commands/async.h"
#include "utils/json.h"
}

namespace intd {
namespace {

constexpr const char *channel = "integration_defaults";
/// Of one type, more scopes than this become one message for the instance.
constexpr size_t most_told = 100;
/// No id and no name is longer, but for what replication may bring; so every message fits.
constexpr size_t longest = 255;

Statement turn_off = {"DELETE FROM integration_defaults.change_notifications", 0, {}, nullptr};
Statement turn_on = {"INSERT INTO integration_defaults.change_notifications (enabled) VALUES (true)", 0, {}, nullptr};

/// Known until the server says that the table, or while there is none any relation, has changed.
struct {
    Oid relation;
    bool enabled, valid;
} known;

void forget_known(Oid relation) {
    if (relation == InvalidOid || relation == known.relation || !OidIsValid(known.relation))
        known.valid = false;
}

/// Server code: raises reports.
Oid notifications_table() {
    const Oid schema = get_namespace_oid("integration_defaults", true);
    return OidIsValid(schema) ? get_relname_relid("change_notifications", schema) : InvalidOid;
}

/// A scope that was written.
struct Written {
    core::Level scope;
    std::string_view id;
};
/// Of one type. One of more than most_told stands for all that there would be.
using Scopes = std::pmr::vector<Written>;

/// That something was written, and the level of nested transactions at which it was; the last of its type.
struct Noted {
    Scopes *scopes;
    int level;
};

struct Notes {
    std::pmr::unordered_map<std::string_view, Scopes> types; // where no name stands for all types
    std::pmr::vector<Noted> order;                           // levels never fall from one to the next

    explicit Notes(std::pmr::memory_resource *memory) : types(memory), order(memory) {}
};

/// In TopTransactionContext; notes null: nothing.
struct {
    MemoryContext context;
    Notes *notes;
    bool sent;
} list;

void forget() {
    list = {};
}

Notes &open_list() {
    if (list.notes != nullptr)
        return *list.notes;
    if (list.context == nullptr)
        list.context = guard([] {
            return AllocSetContextCreate(TopTransactionContext, "integration_defaults notifications",
                                         ALLOCSET_SMALL_SIZES);
        });
    ContextResource *memory = ContextResource::in(list.context);
    list.notes = new (memory->allocate(sizeof(Notes))) Notes(memory);
    return *list.notes;
}

void end_savepoint(const Savepoint &savepoint) {
    if (savepoint.rolled_back)
        list.sent = false; // the server has discarded what was sent since
    if (list.notes == nullptr)
        return;
    auto &order = list.notes->order;
    for (size_t i = order.size(); i > 0 && order[i - 1].level >= savepoint.level; i--) {
        order[i - 1].level = savepoint.level - 1;
        if (!savepoint.rolled_back)
            continue;
        if (order[i - 1].scopes != nullptr)
            order[i - 1].scopes->pop_back();
        order.pop_back();
    }
}

void note_scope(core::Level scope, std::string_view id, std::string_view integration) {
    if (integration.size() > longest || id.size() > longest)
        return note_all_written();
    Notes &notes = open_list();
    InContext inside(list.context);
    auto found = notes.types.find(integration);
    if (found == notes.types.end())
        found = notes.types.try_emplace(std::string_view(cat(integration), integration.size())).first;
    Scopes &scopes = found->second;
    if (scopes.size() > most_told || std::any_of(scopes.begin(), scopes.end(), [&](const Written &written) {
            return written.scope == scope && written.id == id;
        }))
        return;
    notes.order.push_back({nullptr, GetCurrentTransactionNestLevel()});
    scopes.push_back({scope, {cat(id), id.size()}});
    notes.order.back().scopes = &scopes;
    list.sent = false;
}

/// One message: {"integration": …, "scope_level": …, "scope_id": …}. Server code.
char *message(std::string_view integration, core::Level scope, std::string_view id) {
    StringInfoData text;
    initStringInfo(&text);
    auto add = [&](const char *key, std::string_view value) {
        appendStringInfo(&text, "%s\"%s\": ", text.len == 0 ? "{" : ", ", key);
        if (value.empty())
            appendStringInfoString(&text, "null");
        else
            escape_json(&text, pnstrdup(value.data(), value.size()));
    };
    add("integration", integration);
    add("scope_level", core::name_of(scope));
    add("scope_id", id);
    appendStringInfoChar(&text, '}');
    return text.data;
}

bool is_unsent() {
    return list.notes != nullptr && !list.sent && !list.notes->order.empty();
}

/// What is sent in a subtransaction that rolls back is sent again.
void send() {
    if (is_preparing())
        throw Refusal(ERRCODE_FEATURE_NOT_SUPPORTED,
                      "a transaction that changes what is set can't be prepared while clients are told of changes")
            .detail("The server sends no notifications for PREPARE TRANSACTION.")
            .hint("Commit it in one step; or integration_defaults.notify_changes(false) ends the telling.");
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<std::tuple<std::string_view, core::Level, std::string_view>> messages(&memory);
    for (const auto &[type, scopes] : list.notes->types)
        if (scopes.size() > most_told)
            messages.emplace_back(type, core::Level::instance, std::string_view());
        else
            for (const Written &written : scopes)
                messages.emplace_back(type, written.scope, written.id);
    std::sort(messages.begin(), messages.end());
    for (const auto &[type, scope, id] : messages)
        guard([&, type = type, scope = scope, id = id] { Async_Notify(channel, message(type, scope, id)); });
    list.sent = true;
}

// --- what rows say ---------------------------------------------------------------------------------------------------

void type_written(const Image *before, const Image *after) {
    auto tell = [](const Image &row) { note_scope(core::Level::instance, {}, row.text(column::name)); };
    if (before != nullptr && after != nullptr && before->same(*after, column::name)) {
        const int columns[] = {column::schema, column::allowed, column::strict};
        if (!std::all_of(std::begin(columns), std::end(columns), [&](int n) { return before->same(*after, n); }))
            tell(*after);
        return;
    }
    if (before != nullptr)
        tell(*before);
    if (after != nullptr)
        tell(*after);
}

/// What is in a group that comes by replication may have been there before it.
void scope_written(core::Level level, const Image *before, const Image *after, bool replicated) {
    auto tell = [&](const Image &row) { note_scope(level, row.text(column::id), {}); };
    const bool same_id = before != nullptr && after != nullptr && before->same(*after, column::id);
    if (before != nullptr && !(same_id && before->same(*after, column::parent)))
        tell(*before);
    if (after != nullptr && !same_id && replicated && level == core::Level::group)
        tell(*after);
}

void settings_written(const SettingsColumns &columns, const Image *before, const Image *after) {
    auto tell = [&](const Image &row) {
        note_scope(columns.level, columns.scope < 0 ? std::string_view() : row.text(columns.scope),
                   row.text(columns.integration));
    };
    auto same = [&](int column) { return column < 0 || before->same(*after, column); };
    if (before != nullptr && after != nullptr && same(columns.integration) && same(columns.scope)) {
        if (!same(columns.custom) || !same(columns.active) || !same(columns.settings) || !same(columns.locked))
            tell(*after);
        return;
    }
    for (const Image *row : {before, after})
        if (row != nullptr && !settings_in(columns, *row).is_empty())
            tell(*row);
}

} // namespace

bool is_notifying() {
    if (!known.valid)
        guard([] {
            renew(known.valid, [] {
                known.relation = notifications_table();
                known.enabled = OidIsValid(known.relation) &&
                                any_row("change_notifications", BOOLOID, [](Datum on) { return DatumGetBool(on); });
            });
        });
    return known.enabled;
}

void note_written(Table table, const Image *before, const Image *after, bool replicated) {
    switch (table) {
    case Table::integrations:
        return type_written(before, after);
    case Table::groups:
        return scope_written(core::Level::group, before, after, replicated);
    case Table::projects:
        return scope_written(core::Level::project, before, after, replicated);
    default:
        settings_written(columns_of(table), before, after);
    }
}

void note_all_written() {
    note_scope(core::Level::instance, {}, {});
}

/// notify_changes(enabled)
INTD_FUNCTION(notify_changes) {
    require_argument(fcinfo, 0, "enabled");
    const bool enabled = PG_GETARG_BOOL(0);
    require_administrator("notify_changes()");
    keep_writers_out();
    if (enabled == is_notifying())
        PG_RETURN_VOID();
    AsOwner owner;
    execute_newest_alone(turn_off, {});
    if (enabled)
        execute(turn_on, {});
    PG_RETURN_VOID();
}

/// AFTER INSERT, UPDATE or DELETE, for each row, and AFTER TRUNCATE, on change_notifications.
INTD_FUNCTION(note_notifications) {
    TriggerData *data = own_trigger(fcinfo, {guard([] { return notifications_table(); })});
    Relation relation = data->tg_relation;
    guard([&] { CacheInvalidateRelcache(relation); });
    return PointerGetDatum(nullptr);
}

void watch_notifications() {
    on_relation_change(forget_known);
    before_commit(is_unsent, send);
    on_transaction_end(forget);
    on_savepoint_end(end_savepoint);
}

} // namespace intd
