#include "postgres/spool.hpp"

namespace intd {

Spool::Spool(std::initializer_list<Oid> types) {
    guard([&] {
        context_ = AllocSetContextCreate(CurrentMemoryContext, "integration_defaults spool", ALLOCSET_DEFAULT_SIZES);
        MemoryContext caller = MemoryContextSwitchTo(context_);
        columns_ = CreateTemplateTupleDesc(static_cast<int>(types.size()));
        AttrNumber n = 0;
        for (Oid type : types)
            TupleDescInitEntry(columns_, ++n, nullptr, type, -1, 0);
        slot_ = MakeSingleTupleTableSlot(columns_, &TTSOpsMinimalTuple);
        store_ = tuplestore_begin_heap(false, false, work_mem); // its files belong to the present owner, too
        MemoryContextSwitchTo(caller);
    });
}

// After an error the memory goes with the context around it, and files with their owner.
Spool::~Spool() {
    ExecClearTuple(slot_);
    tuplestore_end(store_);
    MemoryContextDelete(context_);
}

bool Spool::next() {
    return guard([&] {
        CHECK_FOR_INTERRUPTS();
        // a row that comes back from disk is in the memory that is current here
        MemoryContext caller = MemoryContextSwitchTo(context_);
        bool found = tuplestore_gettupleslot(store_, true, false, slot_);
        MemoryContextSwitchTo(caller);
        return found;
    });
}

std::optional<Datum> Spool::column(int n) const {
    struct Found {
        Datum value;
        bool null;
    };
    Found found = guard([&] {
        Found own;
        own.value = slot_getattr(slot_, n + 1, &own.null);
        if (!own.null && TupleDescAttr(columns_, n)->attlen == -1)
            own.value = PointerGetDatum(PG_DETOAST_DATUM(own.value));
        return own;
    });
    return found.null ? std::nullopt : std::optional<Datum>(found.value);
}

} // namespace intd
