// Row triggers: the rows that they get, and giving back a changed one.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

/// The trigger's data. Throws unless it is fired on one of `tables`.
TriggerData *own_trigger(FunctionCallInfo fcinfo, std::initializer_list<Oid> tables);

/// The trigger's data. Throws unless it is fired for each row of one of `tables` at `when` (a TRIGGER_EVENT_ mask of
/// timing): others can't use our trigger functions on tables of their own.
TriggerData *row_trigger(FunctionCallInfo fcinfo, std::initializer_list<Oid> tables, TriggerEvent when);

/// A column of a row, counted from 1, detoasted; none if it is NULL.
std::optional<Datum> column_value(HeapTuple tuple, TupleDesc shape, int column);

/// Whether a dump is being restored: every dump turns check_function_bodies off, and while it is off our triggers
/// neither check nor derive, so that a restore gives back exactly what was there.
inline bool restoring() {
    return !check_function_bodies;
}

} // namespace intd
