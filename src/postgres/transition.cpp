#include "postgres/transition.hpp"

extern "C" {
#include "executor/executor.h"
}

namespace intd {

void TransitionRows::open(Tuplestorestate *rows, TupleDesc shape) {
    store = rows;
    pointer = tuplestore_alloc_read_pointer(store, EXEC_FLAG_REWIND);
    tuplestore_select_read_pointer(store, pointer);
    tuplestore_rescan(store);
    slot = MakeSingleTupleTableSlot(shape, &TTSOpsMinimalTuple);
}

bool TransitionRows::next() {
    tuplestore_select_read_pointer(store, pointer);
    return tuplestore_gettupleslot(store, true, false, slot);
}

void TransitionRows::close() {
    ExecDropSingleTupleTableSlot(slot);
}

} // namespace intd
