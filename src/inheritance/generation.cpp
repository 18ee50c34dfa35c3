#include "inheritance/generation.hpp"

#include "postgres/invalidation.hpp"
#include "postgres/snapshot.hpp"
#include "postgres/transaction.hpp"
#include "store/relation.hpp"
#include "postgres/trigger.hpp"
#include "store/tables.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/relation.h"
#include "access/parallel.h"
#include "catalog/indexing.h"
#include "catalog/pg_trigger.h"
#include "storage/lmgr.h"
}

namespace intd {
namespace {

constexpr Table small[] = {Table::integrations, Table::groups, Table::instance_settings, Table::group_settings};
constexpr int small_count = 4;

/// While an old snapshot keeps dead versions of rows from going, reading more than this is not worth it. Pages stay
/// until VACUUM can take them off, empty ones cost little.
constexpr BlockNumber most_pages = 64;
constexpr int most_versions = 250;

/// A row that has come to stand further back than this goes back to the first page, once that is empty enough for an
/// INSERT (see the table's fillfactor), so that VACUUM can take the others off.
constexpr BlockNumber pages_in_use = 4;
constexpr Size empty_enough = BLCKSZ * 85 / 100;

/// What is known of the tables until the server says that one has changed.
struct {
    uint64 epoch;
    Oid relation; // generations
    Oid tables[small_count];
    bool valid;
    bool counted;                // all that changes the tables is counted
    ShownTransactions beginning; // of the epoch
} watched;

/// The level of nested transactions at which this transaction was counted, and at which the tables were locked; 0: they
/// were not.
int counted_at, locked_at;

void forget_tables(Oid relation) {
    if (relation == InvalidOid || relation == watched.relation || !watched.valid ||
        std::find(std::begin(watched.tables), std::end(watched.tables), relation) != std::end(watched.tables))
        watched.valid = false;
}

void end_transaction() {
    counted_at = locked_at = 0;
}

void end_savepoint(const Savepoint &savepoint) {
    counted_at = savepoint.level_of(counted_at);
    locked_at = savepoint.level_of(locked_at);
}

Oid generations() {
    Oid schema = get_namespace_oid("integration_defaults", true);
    return OidIsValid(schema) ? get_relname_relid("generations", schema) : InvalidOid;
}

/// Whether the function is called, always, before each row changes and before the table is truncated.
bool has_triggers(Relation relation, Oid function) {
    int found = 0;
    const TriggerDesc *triggers = relation->trigdesc;
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
        const Trigger &trigger = triggers->triggers[i];
        if (trigger.tgfoid != function || trigger.tgenabled != TRIGGER_FIRES_ALWAYS || trigger.tgqual != nullptr ||
            trigger.tgnattr != 0 || !TRIGGER_FOR_BEFORE(trigger.tgtype))
            continue;
        if (TRIGGER_FOR_ROW(trigger.tgtype)) {
            if (TRIGGER_FOR_INSERT(trigger.tgtype))
                found |= TRIGGER_TYPE_INSERT;
            if (TRIGGER_FOR_UPDATE(trigger.tgtype))
                found |= TRIGGER_TYPE_UPDATE;
            if (TRIGGER_FOR_DELETE(trigger.tgtype))
                found |= TRIGGER_TYPE_DELETE;
        } else if (TRIGGER_FOR_TRUNCATE(trigger.tgtype))
            found |= TRIGGER_TYPE_TRUNCATE;
    }
    return found == (TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE | TRIGGER_TYPE_TRUNCATE);
}

/// Whether `generations` has the column that is read and written here.
bool has_shape(Relation relation) {
    TupleDesc shape = RelationGetDescr(relation);
    return relation->rd_rel->relkind == RELKIND_RELATION && relation->rd_tableam == GetHeapamTableAmRoutine() &&
           shape->natts > 0 && !TupleDescAttr(shape, 0)->attisdropped && TupleDescAttr(shape, 0)->atttypid == INT8OID;
}

bool is_counted(Oid oid, Oid function) {
    Relation relation = relation_open(oid, AccessShareLock);
    bool counted = OidIsValid(function) && (oid != watched.relation || has_shape(relation)) &&
                   relation->rd_rel->relkind == RELKIND_RELATION &&
                   relation->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT && !relation->rd_rel->relhassubclass &&
                   relation->rd_tableam == GetHeapamTableAmRoutine() && has_triggers(relation, function);
    relation_close(relation, NoLock);
    return counted;
}

/// Begins an epoch. A message that arrives meanwhile makes it invalid again.
void look_at_tables() {
    remember(watched.valid, [] {
        watched.counted = false;
        watched.epoch++;
        watched.relation = generations();
        for (int i = 0; i < small_count; i++)
            watched.tables[i] = look_up(small[i]).relation;
        // A parallel operation takes no new snapshot; neither does one end, or begin, an epoch for others.
        if (!OidIsValid(watched.relation) || IsInParallelMode()) {
            watched.valid = false;
            return;
        }
        Oid function = own_trigger_function("count_change");
        bool counted = is_counted(watched.relation, own_trigger_function("keep_generations"));
        for (Oid table : watched.tables)
            counted = counted && is_counted(table, function);
        // Taken after the tables have been looked at. A transaction that changed them uncounted, while triggers were
        // missing, had ended by then, so this snapshot shows it. Whatever changes them later is counted.
        watched.beginning = ShownTransactions(GetLatestSnapshot());
        watched.counted = counted;
    });
}

void lock_tables() {
    if (locked_at > 0)
        return;
    for (Oid table : watched.tables)
        LockRelationOid(table, AccessShareLock);
    locked_at = GetCurrentTransactionNestLevel();
}

/// The sum that the active snapshot shows; none if it would take long. Every read does this once: so it reads the pages
/// itself, as a sequential scan would.
std::optional<int64> sum() {
    Relation relation = table_open(watched.relation, AccessShareLock);
    Snapshot snapshot = GetActiveSnapshot();
    const BlockNumber pages =
        watched.valid ? RelationGetNumberOfBlocks(relation) : 0; // else changed until it was locked
    bool readable = pages <= most_pages;
    int64 changes = 0;
    int versions = 0;
    for (BlockNumber n = 0; readable && n < pages; n++) {
        Buffer buffer = ReadBuffer(relation, n);
        heap_page_prune_opt(relation, buffer);
        LockBuffer(buffer, BUFFER_LOCK_SHARE);
        Page page = BufferGetPage(buffer);
        check_snapshot_age(snapshot, relation, page);
        const OffsetNumber last = PageGetMaxOffsetNumber(page);
        for (OffsetNumber at = FirstOffsetNumber; readable && at <= last; at++) {
            ItemId item = PageGetItemId(page, at);
            if (!ItemIdIsNormal(item))
                continue;
            readable = ++versions <= most_versions;
            HeapTupleData tuple;
            tuple.t_data = reinterpret_cast<HeapTupleHeader>(PageGetItem(page, item));
            tuple.t_len = ItemIdGetLength(item);
            tuple.t_tableOid = watched.relation;
            ItemPointerSet(&tuple.t_self, n, at);
            bool is_null;
            if (HeapTupleSatisfiesVisibility(&tuple, snapshot, buffer))
                changes += DatumGetInt64(heap_getattr(&tuple, 1, RelationGetDescr(relation), &is_null));
        }
        UnlockReleaseBuffer(buffer);
    }
    table_close(relation, NoLock);
    return readable ? std::optional<int64>(changes) : std::nullopt;
}

/// Locks a row that nobody has locked, without waiting. SnapshotSelf, because the newest state is wanted, and reading
/// it makes no dependency under SERIALIZABLE.
bool lock_free_row(Relation relation, TableScanDesc scan, TupleTableSlot *slot) {
    while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
        TM_FailureData failure;
        ItemPointerData place = slot->tts_tid;
        if (table_tuple_lock(relation, &place, SnapshotSelf, slot, GetCurrentCommandId(false), LockTupleNoKeyExclusive,
                             LockWaitSkip, 0, &failure) == TM_Ok)
            return true;
    }
    return false;
}

void count() {
    const Oid oid = generations();
    Relation relation = OidIsValid(oid) ? relation_open(oid, RowExclusiveLock) : nullptr;
    if (relation == nullptr || !has_shape(relation))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("table integration_defaults.generations is not as the extension made it"),
                        errdetail("Its column 1 should be \"changes\" of type bigint."),
                        errhint("Undo what was done to it.")));
    bool room_in_front = false;
    for (BlockNumber n = 0, pages = RelationGetNumberOfBlocks(relation); n < pages; n++) {
        CHECK_FOR_INTERRUPTS();
        Buffer buffer = ReadBuffer(relation, n);
        heap_page_prune_opt(relation, buffer);
        if (n == 0) {
            LockBuffer(buffer, BUFFER_LOCK_SHARE);
            room_in_front = PageGetHeapFreeSpace(BufferGetPage(buffer)) >= empty_enough;
            LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
        }
        ReleaseBuffer(buffer);
    }
    TupleTableSlot *slot = table_slot_create(relation, nullptr);
    TableScanDesc scan = table_beginscan_strat(relation, SnapshotSelf, 0, nullptr, true, false);
    bool found = lock_free_row(relation, scan, slot);
    TupleDesc shape = RelationGetDescr(relation);
    auto *values = static_cast<Datum *>(palloc0(shape->natts * sizeof(Datum)));
    auto *nulls = static_cast<bool *>(palloc(shape->natts * sizeof(bool)));
    std::fill_n(nulls, shape->natts, true); // columns that others have added, or dropped again
    int64 changes = found ? DatumGetInt64(slot_getattr(slot, 1, &nulls[0])) : 0;
    values[0] = Int64GetDatum(changes + 1);
    nulls[0] = false;
    ItemPointerData place = slot->tts_tid;
    table_endscan(scan);
    HeapTuple tuple = heap_form_tuple(shape, values, nulls);
    // These mind indexes, if somebody has made any.
    if (found && (!room_in_front || ItemPointerGetBlockNumber(&place) < pages_in_use))
        CatalogTupleUpdate(relation, &place, tuple);
    else {
        if (found) {
            CatalogTupleDelete(relation, &place);
            RelationSetTargetBlock(relation, 0);
        }
        CatalogTupleInsert(relation, tuple);
    }
    ExecDropSingleTupleTableSlot(slot);
    relation_close(relation, NoLock);
    counted_at = GetCurrentTransactionNestLevel();
}

void require_counting(const TriggerData *data) {
    if (TRIGGER_FIRED_FOR_ROW(data->tg_event))
        require_event(data, TRIGGER_EVENT_BEFORE | TRIGGER_EVENT_ROW, on_insert | on_update | on_delete);
    else
        require_event(data, TRIGGER_EVENT_BEFORE, on_truncate);
}

/// Whether an UPDATE leaves the row as it is: no trigger that could still change it comes after this one (hold_parent()
/// only locks). Server code.
bool leaves_as_it_is(const TriggerData *data) {
    if (!TRIGGER_FIRED_BY_UPDATE(data->tg_event) || !TRIGGER_FIRED_FOR_ROW(data->tg_event))
        return false;
    const TriggerDesc *triggers = data->tg_relation->trigdesc;
    bool after = false; // they fire in this order
    for (int i = 0; i < triggers->numtriggers; i++) {
        const Trigger &trigger = triggers->triggers[i];
        if (after && TRIGGER_FOR_ROW(trigger.tgtype) && TRIGGER_FOR_BEFORE(trigger.tgtype) &&
            TRIGGER_FOR_UPDATE(trigger.tgtype) && trigger.tgfoid != own_trigger_function("hold_parent"))
            return false;
        after = after || trigger.tgoid == data->tg_trigger->tgoid;
    }
    TupleDesc shape = RelationGetDescr(data->tg_relation);
    for (int n = 1; n <= shape->natts; n++) {
        Form_pg_attribute attribute = TupleDescAttr(shape, n - 1);
        bool nulls[2];
        Datum before = heap_getattr(data->tg_trigtuple, n, shape, &nulls[0]),
              now = heap_getattr(data->tg_newtuple, n, shape, &nulls[1]);
        if (nulls[0] != nulls[1] || (!nulls[0] && !datum_image_eq(before, now, attribute->attbyval, attribute->attlen)))
            return false;
    }
    return after;
}

/// Whether what this transaction reads may have one.
bool may_have_generation() {
    return counted_at == 0 && !IsolationIsSerializable() && !IsParallelWorker();
}

} // namespace

std::optional<Generation> generation() {
    if (!may_have_generation())
        return std::nullopt;
    struct Found {
        bool known;
        Generation generation;
    };
    Found found = guard([&]() -> Found {
        if (!watched.valid)
            look_at_tables();
        if (!watched.valid || !watched.counted)
            return {false, {}};
        lock_tables();
        if (!watched.valid) // changed while we waited for a lock
            return {false, {}};
        if (!ShownTransactions(GetActiveSnapshot()).include(watched.beginning))
            return {false, {}};
        std::optional<int64> changes = sum();
        if (!changes || !watched.valid)
            return {false, {}};
        return {true, {watched.epoch, *changes}};
    });
    return found.known ? std::optional<Generation>(found.generation) : std::nullopt;
}

bool is_still(const Generation &generation) {
    return watched.valid && watched.epoch == generation.epoch && counted_at == 0;
}

bool hold(const Generation &generation) {
    if (!may_have_generation() || !is_still(generation))
        return false;
    guard([] { lock_tables(); });
    return is_still(generation);
}

/// BEFORE INSERT OR UPDATE OR DELETE, for each row, and BEFORE TRUNCATE, on the small tables.
INTD_FUNCTION(count_change) {
    TriggerData *data =
        own_trigger(fcinfo, {table_oid(small[0]), table_oid(small[1]), table_oid(small[2]), table_oid(small[3])});
    require_counting(data);
    if (counted_at == 0)
        guard([&] {
            if (!leaves_as_it_is(data))
                count();
        });
    if (!TRIGGER_FIRED_FOR_ROW(data->tg_event))
        return PointerGetDatum(nullptr);
    return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple);
}

/// BEFORE INSERT OR UPDATE OR DELETE, for each row, and BEFORE TRUNCATE, on generations. count() fires no triggers.
INTD_FUNCTION(keep_generations) {
    TriggerData *data = own_trigger(fcinfo, {guard([] { return generations(); })});
    require_counting(data);
    if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA && TRIGGER_FIRED_FOR_ROW(data->tg_event))
        return PointerGetDatum(nullptr);
    throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "integration_defaults.generations can't be written to")
        .detail("Triggers of integration_defaults count there which transactions changed what is inherited.");
}

void watch_generations() {
    on_relation_change(forget_tables);
    on_transaction_end(end_transaction);
    on_savepoint_end(end_savepoint);
}

} // namespace intd
