// What functions give: values, and sets of rows.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

/// Puts a row of at most 16 columns into a tuplestore; more values are left out.
void put_row(Tuplestorestate *store, TupleDesc columns, std::initializer_list<std::optional<Datum>> values);

/// The rows of a set-returning function, which go into a tuplestore.
class ResultSet {
  public:
    /// Prepares fcinfo's result; the columns are those that the function is declared with.
    explicit ResultSet(FunctionCallInfo fcinfo);

    /// Adds a row: one value a column.
    void add(std::initializer_list<std::optional<Datum>> values) { put_row(store_, columns_, values); }

    /// Where the rows go, and their columns, for server code that adds many.
    Tuplestorestate *store() { return store_; }
    TupleDesc columns() const { return columns_; }

  private:
    Tuplestorestate *store_;
    TupleDesc columns_;
};

} // namespace intd
