// The rows of a transition table: what a statement has inserted, updated or deleted.
#pragma once

#include "postgres/boundary.hpp"

namespace intd {

/// Reads them in the order in which the statement touched them, with a place of its own in the table, so that other
/// triggers can read it too. Server code: raises reports. Owns nothing that an error could leak.
struct TransitionRows {
    Tuplestorestate *store;
    int pointer;
    TupleTableSlot *slot; // the row

    void open(Tuplestorestate *rows, TupleDesc shape);
    /// Goes to the next row; false after the last one.
    bool next();
    void close();
};

/// The same of a trigger's statement: the rows as they were, of an UPDATE each beside what it has become. Where it has
/// only the one or the other, that slot is null.
struct StatementRows {
    TransitionRows before, after;

    void open(const TriggerData *data);
    bool next();
    void close();
};

} // namespace intd
