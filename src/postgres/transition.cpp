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

void StatementRows::open(const TriggerData *data) {
    TupleDesc shape = RelationGetDescr(data->tg_relation);
    before = after = {};
    if (data->tg_oldtable != nullptr)
        before.open(data->tg_oldtable, shape);
    if (data->tg_newtable != nullptr)
        after.open(data->tg_newtable, shape);
}

bool StatementRows::next() {
    CHECK_FOR_INTERRUPTS();
    return (before.slot == nullptr || before.next()) && (after.slot == nullptr || after.next());
}

void StatementRows::close() {
    for (TransitionRows *rows : {&before, &after})
        if (rows->slot != nullptr)
            rows->close();
}

} // namespace intd
