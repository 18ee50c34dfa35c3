#include "tracking/feed.hpp"

#include "postgres/memory.hpp"
#include "postgres/datum.hpp"

extern "C" {
#include "executor/executor.h"
#include "utils/uuid.h"
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

/// How a column becomes the text of an id without its cast: for types of the server's of which we know how.
enum class Quickly : uint8_t { no, int2, int4, int8, uuid, text };

Quickly quickly(Form_pg_attribute attribute) {
    if (is_virtual(attribute))
        return Quickly::no;
    switch (attribute->atttypid) {
    case INT2OID:
        return Quickly::int2;
    case INT4OID:
        return Quickly::int4;
    case INT8OID:
        return Quickly::int8;
    case UUIDOID:
        return Quickly::uuid;
    case TEXTOID:
    case VARCHAROID:
        return Quickly::text;
    default:
        return Quickly::no;
    }
}

/// Texts, one behind the other, with the short header where that is possible: half of what palloc() would take.
struct Texts {
    MemoryContext context;
    char *at, *end;

    Datum add(const char *text, Size length) {
        constexpr Size chunk = 64 * 1024;
        Size needed = length + VARHDRSZ + ALIGNOF_INT;
        if (static_cast<Size>(end - at) < needed) {
            Size room = std::max(chunk, needed);
            at = static_cast<char *>(MemoryContextAlloc(context, room));
            end = at + room;
        }
        bool fits = length + VARHDRSZ_SHORT <= VARATT_SHORT_MAX;
        char *value = fits ? at : reinterpret_cast<char *>(INTALIGN(reinterpret_cast<uintptr_t>(at)));
        if (fits)
            SET_VARSIZE_SHORT(value, length + VARHDRSZ_SHORT);
        else
            SET_VARSIZE(value, length + VARHDRSZ);
        memcpy(VARDATA_ANY(value), text, length);
        at = VARDATA_ANY(value) + length;
        return PointerGetDatum(value);
    }
    Datum add(Datum text) {
        std::string_view value = view(text);
        return add(value.data(), value.size());
    }
    Datum add(Quickly how, Datum value) {
        char digits[40];
        switch (how) {
        case Quickly::int2:
            return add(digits, pg_ltoa(DatumGetInt16(value), digits));
        case Quickly::int4:
            return add(digits, pg_ltoa(DatumGetInt32(value), digits));
        case Quickly::int8:
            return add(digits, pg_lltoa(DatumGetInt64(value), digits));
        case Quickly::uuid: {
            const unsigned char *bytes = DatumGetUUIDP(value)->data;
            char *to = digits;
            for (int i = 0; i < UUID_LEN; i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                    *to++ = '-';
                *to++ = "0123456789abcdef"[bytes[i] >> 4];
                *to++ = "0123456789abcdef"[bytes[i] & 15];
            }
            return add(digits, to - digits);
        }
        default:
            return add(PointerGetDatum(PG_DETOAST_DATUM_PACKED(value)));
        }
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
    Quickly id = quickly(TupleDescAttr(shape, source.id - 1)),
            parent = quickly(TupleDescAttr(shape, source.parent - 1));
    bool quick = source.filter == nullptr && id != Quickly::no && parent != Quickly::no;
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
            rows.add({texts.add(id, id_value), no_parent ? 0 : texts.add(parent, parent_value)});
        else if (State state = read_state(feed->reader, feed->slot); state.in)
            rows.add({texts.add(state.id), state.parent ? texts.add(*state.parent) : 0});
        if (rows.count % 1024 == 0 && rows.count > 0) {
            CHECK_FOR_INTERRUPTS();
            constexpr Size beside = 24; // what adding a row needs besides
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
