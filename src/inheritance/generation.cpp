#include "inheritance/generation.hpp"

#include "postgres/invalidation.hpp"
#include "postgres/snapshot.hpp"
#include "postgres/transaction.hpp"
#include "store/relation.hpp"
#include "store/replicated.hpp"
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

/// Rows wander over this many pages in a circle. So the dead versions of rows that are removed, to make room for new
/// ones, are those of some thousand commits ago, and are in the way of no younger query of a standby.
constexpr BlockNumber circle = 32;
constexpr Size room_enough = BLCKSZ / 4;

/// While an old snapshot keeps dead versions of rows from going, more pages come. Reading more than this, nearly 200
/// commits each, is not worth it.
constexpr BlockNumber most_pages = 1024;

/// What is known of the tables until the server says that one has changed.
struct {
    uint64 epoch;
    Oid relation; // generations
    Oid tables[small_count];
    bool valid;
    bool counted;                // all that changes the tables is counted
    ShownTransactions beginning; // of the epoch
} watched;

/// In the order of the columns.
enum Counted { change, move, addition, kinds };
struct Counts {
    int64 of[kinds];
};

/// What snapshots show of pages of generations in which nothing is undecided: each version of a row is shown, and
/// nobody has begun to change it, or it is dead. As long as such a page stays as it is, by its LSN, later snapshots
/// show the same of it, and it need not be read again.
struct {
    ShownTransactions shown; // by a snapshot that they hold for
    BlockNumber count;
    struct {
        XLogRecPtr lsn; // invalid: not decided
        Counts counts;
    } pages[most_pages];
} decided;

/// Where this session counted last.
BlockNumber last_page;

/// The level of nested transactions at which this transaction was counted, and at which the tables were locked; 0: they
/// were not.
int counted_at[kinds], locked_at;

bool has_counted() {
    return counted_at[change] > 0 || counted_at[move] > 0 || counted_at[addition] > 0;
}

void forget_tables(Oid relation) {
    if (relation == InvalidOid || relation == watched.relation || !watched.valid ||
        std::find(std::begin(watched.tables), std::end(watched.tables), relation) != std::end(watched.tables))
        watched.valid = false;
}

void end_transaction() {
    std::fill_n(counted_at, int{kinds}, 0);
    locked_at = 0;
}

void end_savepoint(const Savepoint &savepoint) {
    for (int &level : counted_at)
        level = savepoint.level_of(level);
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

/// Whether `generations` has the columns that are read and written here.
/// Columns that others have added are written as NULL.
bool has_shape(Relation relation) {
    TupleDesc shape = RelationGetDescr(relation);
    for (int n = kinds; n < shape->natts; n++)
        if (!TupleDescAttr(shape, n)->attisdropped && TupleDescAttr(shape, n)->attnotnull)
            return false;
    auto is_count = [&](int n) {
        return n < shape->natts && !TupleDescAttr(shape, n)->attisdropped &&
               TupleDescAttr(shape, n)->atttypid == INT8OID;
    };
    return relation->rd_rel->relkind == RELKIND_RELATION && relation->rd_tableam == GetHeapamTableAmRoutine() &&
           is_count(change) && is_count(move) && is_count(addition);
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
        decided.count = 0;
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

/// Whether it is decided what a snapshot, and each later one, shows of a version of a row. The snapshot was asked
/// whether it is `visible`, which leaves on it what is known of the transactions. Server code.
bool is_decided(HeapTupleHeader tuple, bool visible, Snapshot snapshot) {
    const uint16 known = tuple->t_infomask;
    if (visible)
        return is_unchanged(tuple);
    return HeapTupleHeaderXminInvalid(tuple) ||
           ((known & HEAP_XMAX_COMMITTED) != 0 && (known & HEAP_XMAX_IS_MULTI) == 0 &&
            !HEAP_XMAX_IS_LOCKED_ONLY(known) && !XidInMVCCSnapshot(HeapTupleHeaderGetRawXmax(tuple), snapshot));
}

/// Calls visit(tuple) for each version of a row in the page, until that is false. Server code.
template <class Visit>
void visit_versions(Relation relation, Buffer buffer, Visit &&visit) {
    Page page = BufferGetPage(buffer);
    const OffsetNumber last = PageGetMaxOffsetNumber(page);
    for (OffsetNumber at = FirstOffsetNumber; at <= last; at++) {
        ItemId item = PageGetItemId(page, at);
        if (!ItemIdIsNormal(item))
            continue;
        HeapTupleData tuple;
        tuple.t_data = reinterpret_cast<HeapTupleHeader>(PageGetItem(page, item));
        tuple.t_len = ItemIdGetLength(item);
        tuple.t_tableOid = RelationGetRelid(relation);
        ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(buffer), at);
        if (!visit(&tuple))
            return;
    }
}

Counts &operator+=(Counts &counts, const Counts &more) {
    for (int kind = 0; kind < kinds; kind++)
        counts.of[kind] += more.of[kind];
    return counts;
}

Counts counts_in(HeapTuple tuple, Relation relation) {
    Counts counts;
    for (int kind = 0; kind < kinds; kind++) {
        bool is_null;
        const Datum value = heap_getattr(tuple, kind + 1, RelationGetDescr(relation), &is_null);
        counts.of[kind] = is_null ? 0 : DatumGetInt64(value);
    }
    return counts;
}

/// The sums that the active snapshot shows; none if it would take long. Every read does this once: so it reads the
/// pages itself, as a sequential scan would, but prunes none.
std::optional<Counts> sum() {
    Relation relation = table_open(watched.relation, AccessShareLock);
    Snapshot snapshot = GetActiveSnapshot();
    const BlockNumber pages =
        watched.valid ? RelationGetNumberOfBlocks(relation) : 0; // else changed until it was locked
    const ShownTransactions shown(snapshot);
    const bool later = decided.count == 0 || shown.include(decided.shown);
    Counts all = {};
    if (later) {
        decided.shown = shown;
        decided.count = std::min({decided.count, pages, most_pages});
    }
    for (BlockNumber n = 0; pages <= most_pages && n < pages; n++) {
        Buffer buffer = ReadBuffer(relation, n);
        const XLogRecPtr lsn = BufferGetLSNAtomic(buffer);
        if (later && n < decided.count && decided.pages[n].lsn == lsn && !XLogRecPtrIsInvalid(lsn)) {
            all += decided.pages[n].counts;
            ReleaseBuffer(buffer);
            continue;
        }
        CHECK_FOR_INTERRUPTS();
        LockBuffer(buffer, BUFFER_LOCK_SHARE);
        check_snapshot_age(snapshot, relation, BufferGetPage(buffer));
        // Where nothing is logged, nothing tells that the page has changed.
        const XLogRecPtr version = BufferGetLSNAtomic(buffer);
        bool all_decided = !XLogRecPtrIsInvalid(version);
        Counts here = {};
        visit_versions(relation, buffer, [&](HeapTuple tuple) {
            const bool visible = HeapTupleSatisfiesVisibility(tuple, snapshot, buffer);
            if (visible)
                here += counts_in(tuple, relation);
            all_decided = all_decided && is_decided(tuple->t_data, visible, snapshot);
            return true;
        });
        UnlockReleaseBuffer(buffer);
        all += here;
        if (later) {
            decided.pages[n] = {all_decided ? version : InvalidXLogRecPtr, here};
            decided.count = std::max(decided.count, n + 1);
        }
    }
    table_close(relation, NoLock);
    return pages <= most_pages ? std::optional<Counts>(all) : std::nullopt;
}

/// Locks a row that nobody has locked, without waiting, and gives its place; else an invalid one. SnapshotSelf, because
/// the newest state is wanted, and reading it makes no dependency under SERIALIZABLE.
ItemPointerData lock_free_row(Relation relation, BlockNumber pages, TupleTableSlot *slot) {
    ItemPointerData place;
    for (BlockNumber n = 0; n < pages; n++) {
        CHECK_FOR_INTERRUPTS();
        Buffer buffer = ReadBuffer(relation, (last_page + n) % pages);
        for (OffsetNumber seen = InvalidOffsetNumber;;) {
            ItemPointerSetInvalid(&place);
            LockBuffer(buffer, BUFFER_LOCK_SHARE);
            visit_versions(relation, buffer, [&](HeapTuple tuple) {
                if (ItemPointerGetOffsetNumber(&tuple->t_self) > seen &&
                    HeapTupleSatisfiesVisibility(tuple, SnapshotSelf, buffer))
                    place = tuple->t_self;
                return !ItemPointerIsValid(&place);
            });
            LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
            if (!ItemPointerIsValid(&place))
                break;
            seen = ItemPointerGetOffsetNumber(&place);
            TM_FailureData failure;
            if (table_tuple_lock(relation, &place, SnapshotSelf, slot, GetCurrentCommandId(false),
                                 LockTupleNoKeyExclusive, LockWaitSkip, 0, &failure) == TM_Ok) {
                ReleaseBuffer(buffer);
                return place;
            }
        }
        ReleaseBuffer(buffer);
    }
    ItemPointerSetInvalid(&place);
    return place;
}

/// How much room a page has, and when it was last written to. Server code.
struct Room {
    Size bytes;
    XLogRecPtr lsn;
    Room(Relation relation, BlockNumber page, bool prune) {
        Buffer buffer = ReadBuffer(relation, page);
        if (prune)
            heap_page_prune_opt(relation, buffer);
        LockBuffer(buffer, BUFFER_LOCK_SHARE);
        bytes = PageGetHeapFreeSpace(BufferGetPage(buffer));
        lsn = BufferGetLSNAtomic(buffer);
        UnlockReleaseBuffer(buffer);
    }
};

/// Says where the next version of a row goes, if its page has no room for it, or is none of the circle: to the page
/// that was written to last; if all are full, to the one that was left alone the longest, whose old versions go. Gives
/// whether the row has to be moved there, so that VACUUM can take the pages off that an old snapshot has cost.
bool move_on(Relation relation, BlockNumber page, BlockNumber pages, Size size) {
    if (page < circle && Room(relation, page, false).bytes >= MAXALIGN(size))
        return false;
    BlockNumber next = InvalidBlockNumber, oldest = InvalidBlockNumber;
    XLogRecPtr written = 0, left_alone = 0;
    for (BlockNumber n = 0; n < std::min(pages, circle); n++) {
        if (n == page)
            continue;
        const Room room(relation, n, false);
        if (room.bytes >= room_enough && (next == InvalidBlockNumber || room.lsn > written)) {
            next = n;
            written = room.lsn;
        }
        if (oldest == InvalidBlockNumber || room.lsn < left_alone) {
            oldest = n;
            left_alone = room.lsn;
        }
    }
    if (next == InvalidBlockNumber && pages >= circle && Room(relation, oldest, true).bytes >= room_enough)
        next = oldest;
    RelationSetTargetBlock(relation, next); // none: a new page at the end
    return page >= circle && next != InvalidBlockNumber;
}

void count(Counted what) {
    const Oid oid = generations();
    Relation relation = OidIsValid(oid) ? relation_open(oid, RowExclusiveLock) : nullptr;
    if (relation == nullptr || !has_shape(relation))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("table integration_defaults.generations is not as the extension made it"),
                        errdetail("Its columns 1 to 3 should be \"changes\", \"moves\" and \"additions\" of type "
                                  "bigint, and others allow NULL."),
                        errhint("Undo what was done to it.")));
    const CatalogIndexState indexes = CatalogOpenIndexes(relation);
    for (int i = 0; i < indexes->ri_NumIndices; i++)
        if (!is_simple_index(indexes->ri_IndexRelationDescs[i], indexes->ri_IndexRelationInfo[i]))
            ereport(ERROR,
                    (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                     errmsg("table integration_defaults.generations can't be written to because of index \"%s\"",
                            RelationGetRelationName(indexes->ri_IndexRelationDescs[i])),
                     errdetail("It is on an expression, for some rows only, or of a constraint that is deferrable "
                               "or excludes."),
                     errhint("Drop it.")));
    const BlockNumber pages = RelationGetNumberOfBlocks(relation);
    TupleTableSlot *slot = table_slot_create(relation, nullptr);
    ItemPointerData place = lock_free_row(relation, pages, slot);
    const bool found = ItemPointerIsValid(&place);
    TupleDesc shape = RelationGetDescr(relation);
    auto *values = static_cast<Datum *>(palloc0(shape->natts * sizeof(Datum)));
    auto *nulls = static_cast<bool *>(palloc(shape->natts * sizeof(bool)));
    std::fill_n(nulls, shape->natts, true); // columns that others have added, or dropped again
    for (int kind = 0; kind < kinds; kind++) {
        bool is_null = true;
        const Datum before = found ? slot_getattr(slot, kind + 1, &is_null) : 0;
        values[kind] = Int64GetDatum((is_null ? 0 : DatumGetInt64(before)) + (kind == what ? 1 : 0));
        nulls[kind] = false;
    }
    HeapTuple tuple = heap_form_tuple(shape, values, nulls);
    if (found && !move_on(relation, ItemPointerGetBlockNumber(&place), pages, tuple->t_len))
        CatalogTupleUpdateWithInfo(relation, &place, tuple, indexes);
    else {
        if (found)
            CatalogTupleDelete(relation, &place);
        CatalogTupleInsertWithInfo(relation, tuple, indexes);
    }
    last_page = ItemPointerGetBlockNumber(&tuple->t_self);
    ExecDropSingleTupleTableSlot(slot);
    CatalogCloseIndexes(indexes);
    relation_close(relation, NoLock);
    counted_at[what] = GetCurrentTransactionNestLevel();
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
    const Oid hold_parent = own_trigger_function("hold_parent");
    const TriggerDesc *triggers = data->tg_relation->trigdesc; // after that look-up, which may have it read anew
    bool after = false;                                        // they fire in this order
    for (int i = 0; i < triggers->numtriggers; i++) {
        const Trigger &trigger = triggers->triggers[i];
        if (after && TRIGGER_FOR_ROW(trigger.tgtype) && TRIGGER_FOR_BEFORE(trigger.tgtype) &&
            TRIGGER_FOR_UPDATE(trigger.tgtype) && trigger.tgfoid != hold_parent)
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
    return !has_counted() && !IsolationIsSerializable() && !IsParallelWorker();
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
        std::optional<Counts> counts = sum();
        if (!counts || !watched.valid)
            return {false, {}};
        return {true, {watched.epoch, counts->of[change], counts->of[move], counts->of[addition]}};
    });
    return found.known ? std::optional<Generation>(found.generation) : std::nullopt;
}

bool is_still(const Generation &generation) {
    return watched.valid && watched.epoch == generation.epoch && !has_counted();
}

bool hold(const Generation &generation) {
    if (!may_have_generation() || !is_still(generation))
        return false;
    guard([] { lock_tables(); });
    return is_still(generation);
}

/// BEFORE INSERT OR UPDATE OR DELETE, for each row, and BEFORE TRUNCATE, on the small tables. What a subscription fills
/// is refused, too.
INTD_FUNCTION(count_change) {
    TriggerData *data =
        own_trigger(fcinfo, {table_oid(small[0]), table_oid(small[1]), table_oid(small[2]), table_oid(small[3])});
    require_counting(data);
    require_unreplicated(table_with(RelationGetRelid(data->tg_relation)));
    const bool inserts = TRIGGER_FIRED_FOR_ROW(data->tg_event) && TRIGGER_FIRED_BY_INSERT(data->tg_event);
    const Counted what = RelationGetRelid(data->tg_relation) != table_oid(Table::groups) ? change
                         : inserts                                                       ? addition
                                                                                         : move;
    if (counted_at[what] == 0)
        guard([&] {
            if (!leaves_as_it_is(data))
                count(what);
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
