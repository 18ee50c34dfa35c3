#include "store/hold.hpp"

#include "postgres/query.hpp"
#include "store/owner.hpp"

namespace intd {
namespace {

enum Strength { key_share, key_share_at_once, no_key_update };
constexpr const char *clauses[] = {"KEY SHARE", "KEY SHARE SKIP LOCKED", "NO KEY UPDATE"};
Statement statements[table_count][lengthof(clauses)] = {};

Statement &statement_of(Table table, Strength strength) {
    Statement &statement = statements[static_cast<int>(table)][strength];
    if (statement.sql == nullptr)
        guard([&] {
            const char *text = psprintf("SELECT 1%s FOR %s", from_clause(table, 1), clauses[strength]);
            statement = {MemoryContextStrdup(TopMemoryContext, text), 1, {TEXTOID}, nullptr};
        });
    return statement;
}

/// Locks rows as nodeLockRows.c does above an index scan, at half of what running the statement costs; `held` says of
/// each key whether its row is there; `at_once`: and could be locked without waiting for anybody. False if only the
/// statement knows what to do.
bool hold_directly(Table table, const Datum *keys, int count, bool *held, bool at_once) {
    const KnownTable &entry = look_up(table);
    if (!entry.plain)
        return false;
    Relation relation = table_open(entry.relation, RowShareLock); // until the end of the transaction
    constexpr AclMode rights = ACL_SELECT | ACL_UPDATE;
    if (!entry.valid || pg_class_aclmask(entry.relation, GetUserId(), rights, ACLMASK_ALL) != rights) {
        table_close(relation, NoLock);
        return false;
    }
    PreventCommandIfReadOnly("SELECT FOR KEY SHARE");
    CommandCounterIncrement();
    // What a statement's snapshot does not show yet may be left, which saves making another.
    PushActiveSnapshot(at_once && ActiveSnapshotSet() ? GetActiveSnapshot() : GetTransactionSnapshot());
    Snapshot snapshot = GetActiveSnapshot();
    CommandId command = GetCurrentCommandId(true);
    Relation index = index_open(entry.key, RowShareLock); // as long
    IndexScanDesc scan = begin_index_scan(relation, index, snapshot, 1);
    TupleTableSlot *slot = table_slot_create(relation, nullptr);
    const bool fixed = IsolationUsesXactSnapshot();
    const uint8 flags = TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS | (fixed ? 0 : TUPLE_LOCK_FLAG_FIND_LAST_VERSION);
    for (int i = 0; i < count; i++) {
        CHECK_FOR_INTERRUPTS();
        ScanKeyData condition;
        ScanKeyInit(&condition, 1, BTEqualStrategyNumber, F_TEXTEQ, keys[i]);
        index_rescan(scan, &condition, 1, nullptr, 0);
        held[i] = false;
        while (!held[i] && index_getnext_slot(scan, ForwardScanDirection, slot)) {
            ItemPointerData place = slot->tts_tid;
            TM_FailureData failure;
            TM_Result result = table_tuple_lock(relation, &place, snapshot, slot, command, LockTupleKeyShare,
                                                at_once ? LockWaitSkip : LockWaitBlock, flags, &failure);
            bool is_null;
            if (fixed && !at_once && (result == TM_Updated || result == TM_Deleted))
                ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                                errmsg("could not serialize access due to concurrent update")));
            else if (result == TM_Ok) // a later version of the row may have another key
                held[i] =
                    !failure.traversed ||
                    view(PointerGetDatum(PG_DETOAST_DATUM_PACKED(slot_getattr(slot, 1, &is_null)))) == view(keys[i]);
            else if (result != TM_Deleted && result != TM_SelfModified && !at_once)
                elog(ERROR, "unexpected table_tuple_lock status: %u", result);
        }
    }
    ExecDropSingleTupleTableSlot(slot);
    index_endscan(scan);
    index_close(index, NoLock);
    table_close(relation, NoLock);
    PopActiveSnapshot();
    CommandCounterIncrement();
    return true;
}

} // namespace

bool hold_row(Table table, Datum key) {
    AsOwner owner;
    bool held;
    if (guard([&] { return hold_directly(table, &key, 1, &held, false); }))
        return held;
    return execute(statement_of(table, key_share), {key}) > 0;
}

void hold_at_once(Table table, const Datum *keys, int count, bool *held) {
    AsOwner owner;
    if (guard([&] { return hold_directly(table, keys, count, held, true); }))
        return;
    for (int i = 0; i < count; i++)
        held[i] = execute(statement_of(table, key_share_at_once), {keys[i]}) > 0;
}

void hold_alone(Table table, Datum key) {
    AsOwner owner;
    execute(statement_of(table, no_key_update), {key});
}

} // namespace intd
