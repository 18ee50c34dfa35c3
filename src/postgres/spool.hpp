// Rows put aside, to be read later in the same order: in memory, or on disk past work_mem.
#pragma once

#include "postgres/result.hpp"

namespace intd {

/// Belongs to the (sub)transaction in which it is made, and goes with it: rows that a later subtransaction puts in stay
/// when that one is rolled back. In between, the caller may run whatever it likes.
class Spool {
  public:
    /// Columns of these types, at most 16.
    explicit Spool(std::initializer_list<Oid> types);
    ~Spool();
    Spool(const Spool &) = delete;
    Spool &operator=(const Spool &) = delete;

    void put(std::initializer_list<std::optional<Datum>> values) { put_row(store_, columns_, values); }

    /// The next row, from the first one on; false after the last one. What it points to is good until the next call.
    bool next();
    /// A column of that row, counted from 0, detoasted; none for NULL.
    std::optional<Datum> column(int n) const;

  private:
    Tuplestorestate *store_;
    TupleDesc columns_;
    TupleTableSlot *slot_;
    MemoryContext context_;
};

} // namespace intd
