#include "store/hold.hpp"

#include "postgres/query.hpp"
#include "postgres/snapshot.hpp"
#include "store/owner.hpp"

namespace intd {
namespace {

enum { key_share, no_key_update };
Statement statements[table_count][2] = {};

Statement &statement_of(Table table, int strength) {
    Statement &statement = statements[static_cast<int>(table)][strength];
    if (statement.sql == nullptr)
        guard([&] {
            const char *text = psprintf("SELECT 1%s FOR %s", from_clause(table, 1),
                                        strength == key_share ? "KEY SHARE" : "NO KEY UPDATE");
            statement = {MemoryContextStrdup(TopMemoryContext, text), 1, {TEXTOID}, nullptr};
        });
    return statement;
}

/// Whether there is no later version of a row, nor is one coming. Locking one that was changed would wait for whoever
/// is at work on a later version, also where it is to be skipped.
bool has_no_later_version(TupleTableSlot *slot) {
    bool free_it;
    return is_unchanged(ExecFetchSlotHeapTuple(slot, false, &free_it)->t_data);
}

/// Locks a row as nodeLockRows.c does above an index scan, at half of what running the statement costs. None if only
/// the statement knows what to do.
std::optional<bool> hold_directly(Table table, Datum key, bool at_once) {
    const KnownTable &entry = look_up(table);
    if (!entry.plain)
        return std::nullopt;
    Relation relation = table_open(entry.relation, RowShareLock); // until the end of the transaction
    constexpr AclMode rights = ACL_SELECT | ACL_UPDATE;
    if (!entry.valid || pg_class_aclmask(entry.relation, GetUserId(), rights, ACLMASK_ALL) != rights) {
        table_close(relation, NoLock);
        return std::nullopt;
    }
    PreventCommandIfReadOnly("SELECT FOR KEY SHARE");
    CommandCounterIncrement();
    // What a statement's snapshot does not show yet may be left, which saves making another.
    PushActiveSnapshot(at_once && ActiveSnapshotSet() ? GetActiveSnapshot() : GetTransactionSnapshot());
    Snapshot snapshot = GetActiveSnapshot();
    CommandId command = GetCurrentCommandId(true);
    Relation index = index_open(entry.key, RowShareLock); // as long
    IndexScanDesc scan = begin_index_scan(relation, index, snapshot, 1);
    ScanKeyData condition;
    ScanKeyInit(&condition, 1, BTEqualStrategyNumber, F_TEXTEQ, key);
    index_rescan(scan, &condition, 1, nullptr, 0);
    TupleTableSlot *slot = table_slot_create(relation, nullptr);
    const bool fixed = IsolationUsesXactSnapshot();
    const uint8 flags = TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS | (fixed ? 0 : TUPLE_LOCK_FLAG_FIND_LAST_VERSION);
    bool held = false;
    while (!held && index_getnext_slot(scan, ForwardScanDirection, slot)) {
        if (at_once && !has_no_later_version(slot))
            break;
        ItemPointerData place = slot->tts_tid;
        TM_FailureData failure;
        TM_Result result = table_tuple_lock(relation, &place, snapshot, slot, command, LockTupleKeyShare,
                                            at_once ? LockWaitSkip : LockWaitBlock, flags, &failure);
        bool is_null;
        if (result == TM_Ok) // a later version of the row may have another key
            held = !failure.traversed ||
                   view(PointerGetDatum(PG_DETOAST_DATUM_PACKED(slot_getattr(slot, 1, &is_null)))) == view(key);
        else if (at_once)
            break;
        else if (fixed && (result == TM_Updated || result == TM_Deleted))
            ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                            errmsg("could not serialize access due to concurrent update")));
        else if (result != TM_Deleted && result != TM_SelfModified)
            elog(ERROR, "unexpected table_tuple_lock status: %u", result);
    }
    ExecDropSingleTupleTableSlot(slot);
    index_endscan(scan);
    index_close(index, NoLock);
    table_close(relation, NoLock);
    PopActiveSnapshot();
    CommandCounterIncrement();
    return held;
}

} // namespace

bool hold_row(Table table, Datum key, bool at_once) {
    AsOwner owner;
    std::optional<bool> held = guard([&] { return hold_directly(table, key, at_once); });
    return held ? *held : !at_once && execute(statement_of(table, key_share), {key}) > 0;
}

void hold_alone(Table table, Datum key) {
    AsOwner owner;
    execute(statement_of(table, no_key_update), {key});
}

} // namespace intd
