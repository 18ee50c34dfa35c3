#include "tracking/feed.hpp"

#include "postgres/memory.hpp"
#include "postgres/datum.hpp"

extern "C" {
#include "executor/executor.h"
}

namespace intd {
namespace {

constexpr int batch_size = 10000;
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
        *items = static_cast<Item *>(repalloc(*items, 2 * *count * sizeof(Item)));
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
    int level = begin_reading(feed->reader, feed->slot->tts_tupleDescriptor);
    while (batch.count < batch_size && batch.left_out_count < batch_size && !batch.last) {
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

namespace {

/// Texts, one behind the other, with the short header where that is possible: half of what palloc() would take.
struct Texts {
    MemoryContext context;
    char *at, *end;

    Datum add(std::string_view text) {
        constexpr Size first_chunk = 512, chunk = 64 * 1024;
        const Size length = text.size(), needed = length + VARHDRSZ + ALIGNOF_INT;
        if (static_cast<Size>(end - at) < needed) {
            const Size room = std::max(at == nullptr ? first_chunk : chunk, needed);
            at = static_cast<char *>(MemoryContextAlloc(context, room));
            end = at + room;
        }
        bool fits = length + VARHDRSZ_SHORT <= VARATT_SHORT_MAX;
        char *value = fits ? at : reinterpret_cast<char *>(INTALIGN(reinterpret_cast<uintptr_t>(at)));
        if (fits)
            SET_VARSIZE_SHORT(value, length + VARHDRSZ_SHORT);
        else
            SET_VARSIZE(value, length + VARHDRSZ);
        memcpy(VARDATA_ANY(value), text.data(), length);
        at = VARDATA_ANY(value) + length;
        return PointerGetDatum(value);
    }
};

} // namespace

ProjectBatch next_projects(Feed *feed) {
    ExecClearTuple(feed->slot);
    MemoryContextReset(feed->memory);
    MemoryContext caller = MemoryContextSwitchTo(feed->memory);
    constexpr int first_room = 16;
    Growing<NewProject> rows = {static_cast<NewProject *>(palloc(first_room * sizeof(NewProject))), 0, first_room};
    Texts texts = {feed->memory, nullptr, nullptr};
    const Source &source = feed->reader->source;
    TupleDesc shape = feed->slot->tts_tupleDescriptor;
    const Quickly id = quickly(TupleDescAttr(shape, source.id - 1)),
                  parent = quickly(TupleDescAttr(shape, source.parent - 1));
    const bool quick = source.filter == nullptr && id != Quickly::no && parent != Quickly::no;
    char digits[most_digits];
    MemoryContext row = AllocSetContextCreate(feed->memory, "integration_defaults row", ALLOCSET_SMALL_SIZES);
    MemoryContextSwitchTo(row);
    bool last = false, full = false;
    tuplestore_select_read_pointer(feed->store, feed->pointer);
    int level = quick ? 0 : begin_reading(feed->reader, shape);
    while (!full) {
        ExecClearTuple(feed->slot); // a row that was read back from disk is in the memory of the row
        MemoryContextReset(row);
        if (!next_row(feed)) {
            last = true;
            break;
        }
        bool no_id = false, no_parent = false;
        Datum id_value = 0, parent_value = 0;
        if (quick) {
            id_value = slot_getattr(feed->slot, source.id, &no_id);
            parent_value = slot_getattr(feed->slot, source.parent, &no_parent);
        }
        if (no_id)
            refuse_null_id(source, shape);
        if (quick)
            rows.add({texts.add(text_quickly(id, id_value, digits)),
                      no_parent ? 0 : texts.add(text_quickly(parent, parent_value, digits))});
        else if (State state = read_state(feed->reader, feed->slot); state.in)
            rows.add({texts.add(view(state.id)), state.parent ? texts.add(view(*state.parent)) : 0});
        if (rows.count % 1024 == 0 && rows.count > 0) {
            CHECK_FOR_INTERRUPTS();
            constexpr Size beside = 40; // what adding a row needs besides
            full = MemoryContextMemAllocated(feed->memory, true) + rows.count * beside >
                   static_cast<Size>(maintenance_work_mem) * 1024;
        }
    }
    end_reading(level);
    MemoryContextSwitchTo(caller);
    MemoryContextDelete(row);
    return {rows.items, rows.count, last};
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
