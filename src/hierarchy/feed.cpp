#include "hierarchy/feed.hpp"

extern "C" {
#include "executor/executor.h"
}

namespace intd {
namespace {

constexpr int batch_size = 10000;
/// Rows that are added are the dearer the smaller the batch, so they get as much memory as an index that is built.
constexpr int largest_batch = 4000000;

bool is_full(const Feed *feed, const Batch &batch) {
    if (!feed->large)
        return batch.count >= batch_size || batch.left_out_count >= batch_size;
    constexpr Size beside = 48; // what is needed for a row of a batch later on
    return batch.count + batch.left_out_count >= batch_size &&
           (batch.count + batch.left_out_count >= largest_batch ||
            MemoryContextMemAllocated(feed->memory, false) + batch.count * beside >
                static_cast<Size>(maintenance_work_mem) * 1024);
}

bool next_row(Feed *feed) {
    return feed->store != nullptr ? tuplestore_gettupleslot(feed->store, true, false, feed->slot)
                                  : table_scan_getnextslot(feed->scan, ForwardScanDirection, feed->slot);
}

/// Adds to an array that grows.
template <class Item>
void append(Item **items, int *count, const Item &item) {
    constexpr int first_room = 16;
    if (*count == 0)
        *items = static_cast<Item *>(palloc(first_room * sizeof(Item)));
    else if (*count >= first_room && (*count & (*count - 1)) == 0) // full at each power of 2
        *items = static_cast<Item *>(repalloc_huge(*items, 2 * *count * sizeof(Item)));
    (*items)[(*count)++] = item;
}

} // namespace

bool open_feed(Feed *feed, Relation relation, Kind kind, Tuplestorestate *store) {
    feed->reader = make_row_reader(relation, kind, CurrentMemoryContext);
    if (feed->reader == nullptr)
        return false;
    feed->store = store;
    if (store != nullptr) {
        feed->slot = MakeSingleTupleTableSlot(RelationGetDescr(relation), &TTSOpsMinimalTuple);
        feed->pointer = tuplestore_alloc_read_pointer(store, EXEC_FLAG_REWIND);
        tuplestore_select_read_pointer(store, feed->pointer);
        tuplestore_rescan(store);
    } else {
        feed->slot = table_slot_create(relation, nullptr);
        feed->snapshot = RegisterSnapshot(GetLatestSnapshot());
        feed->scan = table_beginscan(relation, feed->snapshot, 0, nullptr);
    }
    feed->memory = AllocSetContextCreate(CurrentMemoryContext, "integration_defaults batch", ALLOCSET_DEFAULT_SIZES);
    return true;
}

Batch next_batch(Feed *feed) {
    ExecClearTuple(feed->slot); // a row read back from disk is in the batch's memory
    MemoryContextReset(feed->memory);
    MemoryContext caller = MemoryContextSwitchTo(feed->memory);
    Batch batch = {};
    if (feed->store != nullptr)
        tuplestore_select_read_pointer(feed->store, feed->pointer);
    int level = begin_reading(feed->reader);
    while (!is_full(feed, batch) && !batch.last) {
        CHECK_FOR_INTERRUPTS();
        if (!next_row(feed)) {
            batch.last = true;
            break;
        }
        State state = read_state(feed->reader, feed->slot);
        if (state.in)
            append(&batch.states, &batch.count, state);
        else if (state.id != 0)
            append(&batch.left_out, &batch.left_out_count, state.id);
    }
    end_reading(level);
    MemoryContextSwitchTo(caller);
    return batch;
}

void close_feed(Feed *feed) {
    ExecDropSingleTupleTableSlot(feed->slot);
    if (feed->scan != nullptr) {
        table_endscan(feed->scan);
        UnregisterSnapshot(feed->snapshot);
    }
    MemoryContextDelete(feed->memory);
    free_row_reader(feed->reader);
}

} // namespace intd
