#include "hierarchy/tree_rules.hpp"

#include "hierarchy/external_id.hpp"
#include "hierarchy/parents.hpp"
#include "hierarchy/hooks.hpp"
#include "postgres/memory.hpp"
#include "postgres/query.hpp"
#include "postgres/transaction.hpp"
#include "store/owner.hpp"
#include "store/replicated.hpp"
#include "store/store.hpp"

extern "C" {
#include "access/parallel.h"
#include "common/hashfn.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/relcache.h"
}

namespace intd {
namespace {

/// Whether this transaction has deleted groups or changed ids of groups. Stays true if that is rolled back.
bool freed_groups = false;

/// Whether this transaction has the lock of group moves. After a rollback to a savepoint it is asked for again.
bool moves_locked = false;

/// Groups whose way up has been walked, so that many checks at one commit walk each way once. Good while this
/// transaction neither changes groups nor rolls back: others can only take part in a cycle by moves (excluded once
/// we have the lock, which forgets what was walked before) or with groups that we moved (when we do not have it, we
/// have moved none).
struct {
    MemoryContext memory; // in TopTransactionContext
    std::pmr::unordered_set<std::string_view> *groups;
} walked;

void forget_walked() {
    if (walked.memory != nullptr)
        MemoryContextDelete(walked.memory);
    walked = {};
}

/// Server code.
void prepare_walked() {
    constexpr Size most = 64 * 1024 * 1024;
    if (walked.memory != nullptr && MemoryContextMemAllocated(walked.memory, false) > most)
        forget_walked();
    if (walked.memory == nullptr)
        walked.memory =
            AllocSetContextCreate(TopTransactionContext, "integration_defaults walked groups", ALLOCSET_DEFAULT_SIZES);
}

/// Whether checks of the tree were found to be owed. They are until they fire, which forget_owed_checks() tells, or
/// what owes them is rolled back.
bool known_to_be_owed = false;

/// Whether this transaction may have written to the table: who does has it locked for that, whatever other lock there
/// is, until the transaction ends, or the savepoint is rolled back. Server code.
bool may_be_written(Oid table) {
    Relation relation = RelationIdGetRelation(table);
    if (!RelationIsValid(relation))
        return false;
    const bool locked = CheckRelationLockedByMe(relation, RowExclusiveLock, false);
    RelationClose(relation);
    return locked;
}

/// Whether triggers on the table wait for the end of the transaction. The server goes through all that wait, of
/// whatever table, until it meets one. Server code.
bool are_owed_on(Oid table) {
    return may_be_written(table) && AfterTriggerPendingOnRel(table);
}

void end_transaction() {
    freed_groups = moves_locked = false;
    walked = {}; // its memory goes with the transaction
    known_to_be_owed = false;
}

void end_savepoint(const Savepoint &savepoint) {
    if (savepoint.rolled_back) {
        moves_locked = known_to_be_owed = false;
        forget_walked();
    }
}

bool same(Value a, Value b) {
    return a && b ? view(*a) == view(*b) : a.has_value() == b.has_value();
}

} // namespace

bool tree_checks_are_owed() {
    if (!TransactionIdIsValid(GetTopTransactionIdIfAny()) || is_replicated(Table::groups))
        return false;
    if (IsParallelWorker())
        return true;
    const Oid groups = table_oid(Table::groups), projects = table_oid(Table::projects);
    // That none are owed is not kept: a row may be there before its trigger waits.
    if (!known_to_be_owed)
        known_to_be_owed = guard([&] { return are_owed_on(projects) || are_owed_on(groups); });
    return known_to_be_owed;
}

void forget_owed_checks() {
    known_to_be_owed = false;
}

void lock_group_moves() {
    Oid groups = table_oid(Table::groups);
    if (moves_locked)
        return;
    guard([&] {
        LockDatabaseObject(RelationRelationId, groups, 1, ExclusiveLock);
        forget_walked();
    });
    moves_locked = true;
}

bool groups_were_freed() {
    return freed_groups;
}

Refusal group_cycle(const char *chain, std::string_view group) {
    return Refusal(ERRCODE_CHECK_VIOLATION, cat("group \"", group, "\" would become its own ancestor"))
        .detail(cat("From each group to its parent: ", chain, "."))
        .constraint("scope_has_no_cycle");
}

void refuse_cycle(Datum id) {
    AsOwner owner;
    NewestState newest;
    guard([] { prepare_walked(); });
    if (walked.groups == nullptr) {
        ContextResource *resource = ContextResource::in(walked.memory);
        void *place = resource->allocate(sizeof(*walked.groups));
        walked.groups = new (place) std::pmr::unordered_set<std::string_view>(resource);
    }
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<std::string_view> way(&memory);
    std::pmr::unordered_map<std::string_view, size_t> steps(&memory);
    for (std::string_view at = view(id); walked.groups->count(at) == 0;) {
        if (auto [met, is_new] = steps.emplace(at, way.size()); !is_new) {
            constexpr size_t most = 20;
            const char *chain = cat("\"", at, "\"");
            for (size_t i = met->second + 1; i < way.size() && i < met->second + most; i++)
                chain = cat(chain, " -> \"", way[i], "\"");
            throw group_cycle(cat(chain, way.size() > met->second + most ? " -> ... -> \"" : " -> \"", at, "\""), at);
        }
        const Row *row = live.row(Table::groups, text_datum(at));
        if (row == nullptr) {
            if (way.empty())
                return; // gone again
            // check_parent() would find this too, but perhaps later, when the parent has been committed by
            // somebody else under one of the groups that were walked here: that cycle would be missed.
            if (take_orphans(Kind::groups, text_datum(at)))
                return refuse_cycle(id); // the way is another one now
            throw missing_parent(Kind::groups,
                                 cat("group \"", way.back(), "\" has the parent \"", at, "\", which is not there"),
                                 nullptr);
        }
        way.push_back(at);
        if (row->nulls[column::parent])
            break;
        at = view(row->values[column::parent]);
    }
    InContext inside(walked.memory);
    for (std::string_view group : way)
        walked.groups->emplace(cat(group), group.size());
}

Datum placeholder_of(std::string_view id) {
    if (id.size() < max_id_length)
        return text_datum(cat("\x01", id));
    auto *bytes = reinterpret_cast<const unsigned char *>(id.data());
    unsigned long long hash = hash_bytes_extended(bytes, static_cast<int>(id.size()), 0);
    return text_datum(guard([&]() -> const char * { return psprintf("\x01\x01%016llx", hash); }));
}

/// AFTER INSERT OR UPDATE OF id, parent_id ON groups, at commit.
///
/// Two transactions that each change an existing group's place could close a cycle together. So each takes the lock
/// first and looks then: the other one either has committed, and its change is seen, or waits, and will see ours.
///
/// A transaction that only inserts takes no lock. A cycle that goes through an inserted group goes down from it to a
/// group that names it as parent. Such a child is either an insert of this transaction too, or a group that this
/// transaction moved (which takes the lock), or was there before: then the inserted id was there before, and this
/// transaction has freed it, which it remembers. Or another transaction moves a group under the inserted id: that
/// one finds the insert committed when it looks, or fails because the parent is not there.
INTD_FUNCTION(check_group_chain) {
    TriggerData *data = row_trigger(fcinfo, {table_oid(Table::groups)}, TRIGGER_EVENT_AFTER);
    forget_owed_checks();
    if (restoring())
        return PointerGetDatum(nullptr);
    bool update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
    HeapTuple row = trigger_row(data);
    Value id = text_column(row, data->tg_relation, 1);
    if (update && same(id, text_column(data->tg_trigtuple, data->tg_relation, 1)) &&
        same(text_column(row, data->tg_relation, 2), text_column(data->tg_trigtuple, data->tg_relation, 2)))
        return PointerGetDatum(nullptr);
    refuse_missing_parent(data); // first, because it may have to wait for a transaction that waits for the lock
    if (update || freed_groups)
        lock_group_moves();
    refuse_cycle(*id);
    return PointerGetDatum(nullptr);
}

/// BEFORE any change of groups, for each statement. Statements that change ids wait for each other here, before they
/// have locked any row: later, two that each want the other's old id would wait in a circle.
INTD_FUNCTION(note_group_changes) {
    Oid groups = table_oid(Table::groups);
    TriggerData *data = own_trigger(fcinfo, {groups});
    bool renames = TRIGGER_FIRED_BY_UPDATE(data->tg_event) &&
                   bms_is_member(column::id + 1 - FirstLowInvalidHeapAttributeNumber, data->tg_updatedcols);
    if (renames && trigger_depth() == 1)
        guard([&] { LockDatabaseObject(RelationRelationId, groups, 2, ExclusiveLock); });
    freed_groups = freed_groups || !TRIGGER_FIRED_BY_INSERT(data->tg_event);
    guard([] { forget_walked(); });
    return PointerGetDatum(nullptr);
}

namespace {

Statement rename_statements[] = {
    {"UPDATE integration_defaults.groups SET parent_id = $2 WHERE parent_id OPERATOR(pg_catalog.=) $1",
     2,
     {TEXTOID, TEXTOID},
     nullptr},
    {"UPDATE integration_defaults.projects SET group_id = $2 WHERE group_id OPERATOR(pg_catalog.=) $1",
     2,
     {TEXTOID, TEXTOID},
     nullptr},
};

} // namespace

/// AFTER UPDATE OF id ON groups, for each row whose id changed.
INTD_FUNCTION(rename_parent) {
    TriggerData *data = row_trigger(fcinfo, {table_oid(Table::groups)}, TRIGGER_EVENT_AFTER);
    if (!TRIGGER_FIRED_BY_UPDATE(data->tg_event))
        return PointerGetDatum(nullptr);
    Value old_id = text_column(data->tg_trigtuple, data->tg_relation, 1);
    Value new_id = text_column(data->tg_newtuple, data->tg_relation, 1);
    AsOwner owner;
    guard([] { forget_walked(); }); // the statement has had its note_group_changes()
    for (Kind kind : all_kinds)
        if (!OidIsValid(feeding.tracked_relation(kind)))
            execute_newest(rename_statements[static_cast<int>(kind)], {old_id, new_id});
    return PointerGetDatum(nullptr);
}

/// AFTER INSERT OR UPDATE OF id ON groups and projects, at commit, for each row that got a placeholder as its id.
INTD_FUNCTION(check_id_is_final) {
    Oid groups = table_oid(Table::groups);
    TriggerData *data = row_trigger(fcinfo, {groups, table_oid(Table::projects)}, TRIGGER_EVENT_AFTER);
    if (restoring())
        return PointerGetDatum(nullptr);
    Datum id = *text_column(trigger_row(data), data->tg_relation, 1);
    Kind kind = RelationGetRelid(data->tg_relation) == groups ? Kind::groups : Kind::projects;
    AsOwner owner;
    NewestState newest;
    if (live.row(table_of(kind), id) == nullptr)
        return PointerGetDatum(nullptr);
    std::string_view wanted = view(id).substr(1);
    throw Refusal(ERRCODE_UNIQUE_VIOLATION, cat("two ", name_of(kind), " would have the id \"",
                                                wanted.substr(0, 1) == "\x01" ? std::string_view("...") : wanted, "\""))
        .constraint(kind == Kind::groups ? "groups_pkey" : "projects_pkey");
}

void watch_tree() {
    on_transaction_end(end_transaction);
    on_savepoint_end(end_savepoint);
}

} // namespace intd
