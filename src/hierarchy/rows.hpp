// What rows of a tracked table say: the id, the parent, and whether the filter lets them in.
//
// The expressions (a cast of the id may be the app's, the filter is) run here as whoever runs us: the role that
// writes the row, or that calls track_*(). Never as our owner.
#pragma once

#include "hierarchy/tracked.hpp"

namespace intd {

/// What a row says. `id` is text; it is 0 where the row is left out and has no id.
struct State {
    bool in; // the filter lets it in
    Datum id;
    std::optional<Datum> parent; // none: the instance
};

/// What a project that is let in says, for many of them: texts; no parent (0) is the instance.
struct NewProject {
    Datum id, parent;
};

// Server code: raises reports.

/// Reads rows of one relation. In a memory context of its own.
struct RowReader {
    Source source;
    EState *state;
    ExprContext *context;
    ExprState *id, *parent, *filter;
    bool fix_path; // functions that are not the server's run with a fixed search_path
};

/// A reader, in a new child of `parent`; null if the relation is not tracked for the kind.
RowReader *make_row_reader(Relation relation, Kind kind, MemoryContext parent);
void free_row_reader(RowReader *reader);

/// What a row says; texts in the current memory context. A row that is let in has an id: 22004.
State read_state(RowReader *reader, TupleTableSlot *slot);

/// A column of one row as the text of an id, as read_state() makes it; 0 for NULL.
Datum read_id(HeapTuple row, TupleDesc shape, AttrNumber column);

/// From begin to end the search_path is fixed, if the reader needs it; rows are read in between.
int begin_reading(const RowReader *reader);
void end_reading(int level);

/// Sets the search_path to pg_catalog, pg_temp until end_reading().
int fix_search_path();

// C++.

/// Throws 22023 unless the row's id and parent are ids as external_id takes them.
void check_state(const State &state);

} // namespace intd
