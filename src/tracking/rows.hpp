// What rows of a tracked table say: the id, the parent, and whether the filter lets them in.
//
// The filter is the app's. It runs here as the current user: the role that writes the row or, where a row is looked up
// for another table (left_out.cpp) or the whole table is read (equalize.cpp), the table's owner. Never as our owner.
#pragma once

#include "tracking/tracked.hpp"

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

/// How a column becomes the text of an id without its cast: for types of the server's of which we know how.
enum class Quickly : uint8_t { no, int2, int4, int8, uuid, text };
Quickly quickly(Form_pg_attribute attribute);
/// That text, which may be in `digits`, or detoasted in the current memory context.
constexpr int most_digits = 40;
std::string_view text_quickly(Quickly how, Datum value, char *digits);

/// Reads rows of one relation.
struct RowReader {
    Source source;
    Oid root; // the relation, or the partitioned table that it is a partition of
    MemoryContext memory;
    bool begun;    // by begin_reading()
    EState *state; // null where no expressions are needed
    ExprContext *context;
    ExprState *id, *parent, *filter; // null: the text is made quickly; every row
    Quickly id_quickly, parent_quickly;
    bool fix_path; // functions that are not the server's run with a fixed search_path
};

/// A reader, in that memory context; null if the relation is not tracked for the kind.
RowReader *make_row_reader(Relation relation, Kind kind, MemoryContext memory);
void free_row_reader(RowReader *reader);

/// Raises 0A000 unless a column's values are the same exactly where their texts are, and these do not depend on the
/// session: only then do ids mean the same here and there. No cast of the app's makes them.
void require_exact_text(TupleDesc shape, AttrNumber column);

/// Prepares a statement that names the relation, which is locked as the statement needs, and no other. Its name is
/// looked up again by the parser: raises 40001 if somebody else's relation has it by then. For what runs as the table's
/// owner.
SPIPlanPtr prepare_over(Relation relation, const char *text, int parameters, Oid *types);

/// Raises 22004 of a row that is let in and has no id.
[[noreturn]] void refuse_null_id(const Source &source, TupleDesc shape);

/// What a row says; texts in the current memory context. A row that is let in has an id: 22004.
State read_state(RowReader *reader, TupleTableSlot *slot);

/// A column of one row as the text of an id, as read_state() makes it; 0 for NULL.
Datum read_id(HeapTuple row, TupleDesc shape, AttrNumber column);

/// From begin to end the search_path is fixed, if the reader needs it; rows of that shape are read in between.
int begin_reading(RowReader *reader, TupleDesc shape);
void end_reading(int level);

// C++.

/// Throws 22023 unless the row's id and parent are ids as external_id takes them.
void check_state(const State &state);

} // namespace intd
