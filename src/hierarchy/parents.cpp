#include "hierarchy/parents.hpp"

#include "hierarchy/external_id.hpp"
#include "hierarchy/hooks.hpp"
#include "hierarchy/tree_rules.hpp"
#include "postgres/memory.hpp"
#include "postgres/query.hpp"
#include "postgres/transaction.hpp"
#include "store/hold.hpp"
#include "store/owner.hpp"
#include "store/store.hpp"

namespace intd {
namespace {

// --- rows that refer to a group --------------------------------------------------------------------------------------

/// Ids of groups, until the transaction ends. The first needs no memory of its own: mostly there is no other.
struct GroupIds {
    using Set = std::pmr::unordered_set<std::string_view>;
    char first[max_id_length];
    size_t first_length;   // 0: none
    MemoryContext context; // null: no others
    std::pmr::monotonic_buffer_resource *memory;
    Set *set;

    std::string_view first_id() const { return {first, first_length}; }
    size_t size() const { return (first_length > 0 ? 1 : 0) + (context != nullptr ? set->size() : 0); }
    bool has(std::string_view id) const {
        return (first_length > 0 && id == first_id()) || (context != nullptr && set->count(id) > 0);
    }
    /// Whether they take as much memory as work on many rows may use.
    bool are_too_many() const {
        return context != nullptr &&
               MemoryContextMemAllocated(context, false) > Size{1024} * static_cast<Size>(maintenance_work_mem);
    }
    void add(std::string_view id) {
        if (size() == 0 && !id.empty() && id.size() <= sizeof(first)) {
            memcpy(first, id.data(), id.size());
            first_length = id.size();
            return;
        }
        if (context == nullptr) {
            context = guard([] {
                return AllocSetContextCreate(TopTransactionContext, "integration_defaults group ids",
                                             ALLOCSET_DEFAULT_SIZES);
            });
            ContextResource *resource = ContextResource::in(context);
            using Memory = std::pmr::monotonic_buffer_resource;
            memory = new (resource->allocate(sizeof(Memory))) Memory(resource);
            set = new (memory->allocate(sizeof(Set))) Set(memory);
        }
        auto *own = static_cast<char *>(memory->allocate(id.size(), 1));
        memcpy(own, id.data(), id.size());
        set->emplace(own, id.size());
    }
    void forget() {
        if (context != nullptr)
            MemoryContextDelete(context);
        context = nullptr;
        first_length = 0;
    }
};

/// Groups whose rows this transaction has locked, so that each is locked once: many projects are in few groups. The
/// list is good until this transaction runs a command that writes, which may delete the groups, or rolls back to a
/// savepoint, which releases the locks. What the command that is now running deletes is looked for after it, by
/// refuse_what_is_left(), whatever is remembered here.
GroupIds held;
CommandId held_by; // the command

// --- one check for many rows -----------------------------------------------------------------------------------------

/// Parents for which an event of check_parent() is queued that has not fired yet. A parent that is missing here does no
/// harm: it gets a second event. But a parent must not be here any more when its event has fired or was rolled back:
/// rows that come later would rely on that event, and would not be checked.
GroupIds expected;

/// Whether this transaction has added rows without an event of their own. Stays true if that is rolled back.
bool rows_are_represented = false;

Statement hold_many = {"SELECT g.id FROM pg_catalog.unnest($1) AS given (id) JOIN integration_defaults.groups g "
                       "ON g.id OPERATOR(pg_catalog.=) given.id FOR KEY SHARE OF g",
                       1,
                       {TEXTARRAYOID},
                       nullptr,
                       true};

/// Locks the rows of those of these groups that are there, and remembers their ids.
void hold_some(const std::pmr::vector<std::string_view> &ids) {
    AsOwner owner;
    for (Datum id : fetch_column(hold_many, {text_array(ids)}))
        held.add(view(id));
    held_by = GetCurrentCommandId(false);
}

/// An event of check_parent() has come. All parents that are expected to be checked are locked now, together and in one
/// order; their own events will find that done.
void hold_expected() {
    constexpr size_t at_once = 10000;
    if (expected.size() > 1) {
        RowMemory memory;
        ContextResource resource(expected.context);
        using Ids = std::pmr::vector<std::string_view>;
        Ids ids(expected.set->begin(), expected.set->end(), &resource);
        if (expected.first_length > 0)
            ids.push_back(expected.first_id());
        std::sort(ids.begin(), ids.end());
        if (held_by != GetCurrentCommandId(false))
            held.forget();
        for (size_t from = 0; from < ids.size(); from += at_once) {
            InContext inside(memory.empty());
            hold_some(Ids(ids.begin() + from, ids.begin() + std::min(from + at_once, ids.size()), &resource));
        }
    }
    expected.forget();
}

/// Kinds of which this transaction takes in many rows.
bool orphans_are_listed[2];

// The first of those whose parents are not there, and how many they are.
#define ORPHANS(table, parent)                                                                                         \
    {                                                                                                                  \
        "WITH orphans AS MATERIALIZED (SELECT t.id, t." parent " AS parent FROM integration_defaults." table " t "     \
        "WHERE t." parent " IS NOT NULL AND NOT EXISTS (SELECT FROM integration_defaults.groups g "                    \
        "WHERE g.id OPERATOR(pg_catalog.=) t." parent ")) "                                                            \
        "SELECT (SELECT pg_catalog.count(*) FROM orphans), (SELECT pg_catalog.string_agg("                             \
        "pg_catalog.format('%s (%s)', f.id, f.parent), ', ' ORDER BY f.id) "                                           \
        "FROM (SELECT o.id, o.parent FROM orphans o ORDER BY o.id LIMIT 100) f)",                                      \
            0, {}, nullptr, false, true                                                                                \
    }
Statement find_orphans[] = {ORPHANS("groups", "parent_id"), ORPHANS("projects", "group_id")};

Statement writers_of_children = {
    "SELECT xmin FROM integration_defaults.projects WHERE group_id OPERATOR(pg_catalog.=) $1 "
    "UNION ALL SELECT xmin FROM integration_defaults.groups WHERE parent_id OPERATOR(pg_catalog.=) $1",
    1,
    {TEXTOID},
    nullptr};

/// The last group that had nothing of this transaction in it, so that a look at each of many lost projects does not
/// look at all of them. Good for one snapshot's commands: to roll back takes only away.
struct {
    char group[max_id_length];
    size_t length;
    CommandId command;
    TimestampTz statement;

    bool is(std::string_view id) const {
        return length > 0 && id == std::string_view(group, length) && command == GetActiveSnapshot()->curcid &&
               statement == GetCurrentStatementStartTimestamp();
    }
    void set(std::string_view id) {
        length = std::min(id.size(), sizeof(group));
        memcpy(group, id.data(), length);
        command = GetActiveSnapshot()->curcid;
        statement = GetCurrentStatementStartTimestamp();
    }
} others_only;

void end_transaction() {
    std::fill(std::begin(orphans_are_listed), std::end(orphans_are_listed), false);
    held.forget();
    expected.forget();
    rows_are_represented = false;
    others_only.length = 0;
}

void end_savepoint(const Savepoint &savepoint) {
    if (!savepoint.rolled_back)
        return;
    held.forget();
    expected.forget();
}

Statement find_child = {"SELECT id FROM integration_defaults.projects WHERE group_id OPERATOR(pg_catalog.=) $1 LIMIT 1",
                        1,
                        {TEXTOID},
                        nullptr};

/// A project that refers to the group, in the newest state.
Value project_in(Datum group) {
    AsOwner owner;
    NewestState newest;
    Value id;
    fetch(find_child, {group}, &id, true);
    return id;
}

// --- groups that are deleted or renamed ------------------------------------------------------------------------------

// Another transaction may be about to delete what is still in a group: FOR KEY SHARE waits for it.
Statement hold_left[] = {
    {"SELECT 1 FROM integration_defaults.groups WHERE parent_id OPERATOR(pg_catalog.=) $1 FOR KEY SHARE",
     1,
     {TEXTOID},
     nullptr},
    {"SELECT 1 FROM integration_defaults.projects WHERE group_id OPERATOR(pg_catalog.=) $1 FOR KEY SHARE",
     1,
     {TEXTOID},
     nullptr},
};

Statement count_left = {
    "SELECT (SELECT pg_catalog.count(*) FROM integration_defaults.groups WHERE parent_id OPERATOR(pg_catalog.=) $1), "
    "(SELECT pg_catalog.count(*) FROM integration_defaults.projects WHERE group_id OPERATOR(pg_catalog.=) $1)",
    1,
    {TEXTOID},
    nullptr};

/// Throws 23503 if groups or projects are left in a group that was deleted or has another id now, and is not there
/// again.
void refuse_what_is_left(Datum id) {
    AsOwner owner;
    NewestState newest;
    if (live.row(Table::groups, id) != nullptr)
        return;
    feeding.release(id);
    if (execute_newest(hold_left[0], {id}, 1) == 0 && execute_newest(hold_left[1], {id}, 1) == 0)
        return;
    Value counts[2];
    fetch_row(count_left, {id}, counts, 2, true);
    throw Refusal(ERRCODE_FOREIGN_KEY_VIOLATION,
                  cat("group \"", view(id), "\" is still the parent of ",
                      count_scopes(DatumGetInt64(*counts[0]), DatumGetInt64(*counts[1]))))
        .hint("Move or remove them in the same transaction.")
        .constraint("scope_parent_exists");
}

} // namespace

Referring projects_in_groups = {
    Table::projects,
    {"SELECT pg_catalog.text 'projects' FROM integration_defaults.projects WHERE group_id IS NOT NULL LIMIT 1",
     0,
     {},
     nullptr},
    {"DELETE FROM integration_defaults.projects", 0, {}, nullptr},
    "scope_parent_exists"};

bool has_own_in(std::string_view group) {
    if (others_only.is(group))
        return false;
    AsOwner owner;
    bool any = false, own = false;
    // A parallel worker does not know what was taken away: it finds only what was put there.
    Cursor writers(writers_of_children, {text_datum(group)});
    while (!own && writers.next()) {
        const TransactionId writer = DatumGetTransactionId(*writers.column(0));
        any = true;
        own = groups_were_freed() || TransactionIdIsCurrentTransactionId(writer);
    }
    writers.close();
    if (any && !own)
        others_only.set(group);
    return own;
}

bool hold_group(Datum id, bool at_once) {
    if (held_by != GetCurrentCommandId(false) || held.are_too_many())
        held.forget();
    if (held.has(view(id)))
        return true;
    if (!hold_row(Table::groups, id, at_once))
        return false;
    held.add(view(id));
    held_by = GetCurrentCommandId(false); // a row lock, too, takes a command
    return true;
}

bool expect_check_of(Datum parent) {
    rows_are_represented = true;
    if (expected.are_too_many())
        expected.forget();
    if (expected.has(view(parent)))
        return false;
    expected.add(view(parent));
    return true;
}

void refuse_missing_parent(TriggerData *data) {
    HeapTuple row = trigger_row(data);
    Value parent = text_column(row, data->tg_relation, column::parent + 1);
    if (!parent || !refers_anew(data, column::parent + 1))
        return;
    bool is_group = RelationGetRelid(data->tg_relation) == table_oid(Table::groups);
    Value id = text_column(row, data->tg_relation, column::id + 1);
    if (!is_current(data)) {
        // Its event may stand for other rows with this parent, too: look for one of them.
        id = rows_are_represented && !is_group ? project_in(*parent) : std::nullopt;
        if (!id) {
            expected.forget();
            return;
        }
    }
    hold_expected();
    const Kind kind = is_group ? Kind::groups : Kind::projects;
    if (hold_group(*parent) || take_orphans(kind, *parent))
        return;
    throw missing_parent(kind,
                         cat("group \"", view(*parent), "\", the parent of ",
                             scope_name(is_group ? core::Level::group : core::Level::project, view(*id)),
                             ", is not there"),
                         missing_parent_hint());
}

void list_orphans(Kind kind) {
    orphans_are_listed[static_cast<int>(kind)] = true;
}

Refusal missing_parent(Kind kind, const char *message, const char *hint) {
    Refusal refusal(ERRCODE_FOREIGN_KEY_VIOLATION, message);
    refusal.hint(hint).constraint("scope_parent_exists");
    if (!orphans_are_listed[static_cast<int>(kind)])
        return refusal;
    Value found[2];
    AsOwner owner;
    NewestState newest;
    fetch_row(find_orphans[static_cast<int>(kind)], {}, found, 2, true);
    const int64 count = DatumGetInt64(*found[0]);
    if (!found[1])
        return refusal;
    const char *counted = guard([&]() -> const char * { return psprintf(INT64_FORMAT, count); });
    refusal.detail(cat("Of the ", name_of(kind), ", ", counted,
                       count == 1 ? " names a parent that is not there: " : " name parents that are not there: ",
                       view(*found[1]), count > 100 ? ", ..." : "."));
    if (OidIsValid(feeding.tracked_relation(Kind::groups)))
        refusal.hint(cat(missing_parent_hint(), " Where track_", name_of(kind),
                         "() is told orphans => 'instance', such a parent counts as the instance."));
    return refusal;
}

bool take_orphans(Kind kind, Datum group) {
    if (!feeding.takes_orphans(kind))
        return false;
    lock_group_moves();
    if (!hold_group(group))
        feeding.release(group);
    return true;
}

const char *count_scopes(int64 groups, int64 projects) {
    return guard([&]() -> const char * {
        return psprintf(INT64_FORMAT " %s and " INT64_FORMAT " %s", groups, groups == 1 ? "group" : "groups", projects,
                        projects == 1 ? "project" : "projects");
    });
}

/// AFTER INSERT OR UPDATE OR DELETE on groups, AFTER INSERT OR UPDATE on projects, at commit, for each row.
INTD_FUNCTION(check_parent) {
    Oid groups = table_oid(Table::groups);
    TriggerData *data = row_trigger(fcinfo, {groups, table_oid(Table::projects)}, TRIGGER_EVENT_AFTER);
    forget_owed_checks();
    bool inserts = TRIGGER_FIRED_BY_INSERT(data->tg_event), deletes = TRIGGER_FIRED_BY_DELETE(data->tg_event);
    if (!deletes && restoring())
        expected.forget();
    else if (!deletes)
        refuse_missing_parent(data);
    if (RelationGetRelid(data->tg_relation) == groups) {
        auto id_in = [&](HeapTuple row) { return *text_column(row, data->tg_relation, column::id + 1); };
        const Datum id = id_in(data->tg_trigtuple);
        const bool renames = !inserts && !deletes && view(id) != view(id_in(data->tg_newtuple));
        if (deletes || renames)
            refuse_what_is_left(id);
        if ((inserts || renames) && !restoring())
            feeding.adopt(id_in(trigger_row(data)));
    }
    return PointerGetDatum(nullptr);
}

/// BEFORE INSERT OR UPDATE OF parent_id on groups, for each row. check_parent() would lock the parent at commit. That
/// is too late: another transaction may be giving the parent the id of this row. It has the parent's row locked, and
/// once our row is written it waits for us, while we would wait for the parent. So the parent is locked before the row
/// is written. (An UPDATE has locked its own row before it comes here. Nobody who wants that row's id waits for a row
/// that is only locked.)
INTD_FUNCTION(hold_parent) {
    TriggerData *data = row_trigger(fcinfo, {table_oid(Table::groups)}, TRIGGER_EVENT_BEFORE);
    HeapTuple row = trigger_row(data);
    // What follows a tracked table has that table's rows locked already, and comes in any order.
    if (trigger_depth() > 1 || restoring())
        return PointerGetDatum(row);
    Value parent = text_column(row, data->tg_relation, column::parent + 1);
    if (parent && refers_anew(data, column::parent + 1))
        hold_group(*parent);
    return PointerGetDatum(row);
}

void watch_parents() {
    on_transaction_end(end_transaction);
    on_savepoint_end(end_savepoint);
}

} // namespace intd
