// Reading our tables' rows by primary key (or by its first column).
//
// Whatever computes from rows (the chain, what is inherited, the look-up of types) is given a Store and reads by that
// alone. So it gives what follows from that Store's rows, whichever state of the tables they are.
//
// A row is read by a direct index scan, all rows by a sequential one, where that is exact (see relation.hpp). Otherwise
// (partitioned, distributed by Citus, …) the same rows are read by a prepared query, which gives the answer that SQL
// gives. Both read as our owner. Neither path writes anything, or locks more than a SELECT does: the tables against
// being altered or truncated until the end of the transaction.
#pragma once

#include "postgres/datum.hpp"
#include "store/tables.hpp"

namespace intd {

/// One row: text and jsonb values are plain (not compressed, not out of line) and live in the memory context that
/// was current when the row was read.
struct Row {
    Datum values[max_columns];
    bool nulls[max_columns];
};

struct Rows {
    Row *begin_;
    int count;
    const Row *begin() const { return begin_; }
    const Row *end() const { return begin_ + count; }
};

/// An id that is a number, as numbers are written, of up to 8 digits; 0 for any other.
inline uint32 number_of(std::string_view id) {
    if (id.empty() || id.size() > 8 || id[0] == '0')
        return 0;
    uint32 number = 0;
    for (char digit : id) {
        const unsigned value = static_cast<unsigned char>(digit) - '0';
        if (value > 9)
            return 0;
        number = number * 10 + value;
    }
    return number;
}

/// A group whose id is a number, and its parent's id: 0 if it has none, UINT32_MAX if that is no number.
struct NumberedGroup {
    uint32 id, parent;
};
struct NumberedGroups {
    NumberedGroup *begin_;
    int count;
    const NumberedGroup *begin() const { return begin_; }
    const NumberedGroup *end() const { return begin_ + count; }
};

/// Another state of our tables than that which a snapshot shows.
class RowSource {
  public:
    /// The rows whose primary key begins with these `keys`.
    virtual Rows rows(Table table, int nkeys, const Datum *keys) const = 0;

  protected:
    ~RowSource() = default;
};

/// A state of our tables, to be read. A small value, to be copied. Which one it is, is decided where a table is read,
/// not for each row: that which the snapshot shows that is active when it is read, or another one.
class Store {
  public:
    constexpr Store() = default;
    constexpr explicit Store(const RowSource &source) : source_(&source) {}

    /// The row whose primary key is (key) or (key1, key2), each a text Datum; null if there is none.
    const Row *row(Table table, Datum key1, Datum key2 = 0) const;

    /// All rows whose primary key starts with `key`; with key 0, all rows of the table, in no order.
    Rows rows(Table table, Datum key = 0) const;

    /// All rows, of each the first column only.
    Rows keys(Table table) const;

    /// All groups whose ids are numbers, in no order; none where the table is not read directly. A tenth of the memory
    /// that their rows take.
    NumberedGroups numbered_groups() const;

    /// Whether reading the whole table costs less than `looks` more of its rows one by one would, and it is not larger
    /// than that many bytes.
    bool is_worth_reading_whole(Table table, int looks, Size at_most) const;

  private:
    const RowSource *source_ = nullptr;
};

/// The tables as the active snapshot shows them.
inline constexpr Store live = {};

/// Whether rows of groups or projects may name one of these ids as their parent, in the newest state. No is certain.
bool may_be_parents(Table table, const Datum *ids, int count);

} // namespace intd
