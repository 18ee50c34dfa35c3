// The order of new projects by one of their columns.
#pragma once

#include "tracking/rows.hpp"

namespace intd {

// Server code.

/// A row by the first bytes of one of its columns, which mostly tell the order.
struct Sorted {
    uint64 start;
    int row;
};

/// Sorts rows in the byte order of a column, NULLs last, equal ones as they came. Gives the number of those that are
/// not NULL.
inline int sort_by(Datum NewProject::*column, const NewProject *projects, int count, Sorted *sorted) {
    int last = count, first = 0;
    for (int i = count - 1; i >= 0; i--)
        if (projects[i].*column == 0)
            sorted[--last] = {0, i};
    for (int i = 0; i < count; i++) {
        if (projects[i].*column == 0)
            continue;
        std::string_view text = view(projects[i].*column);
        unsigned char bytes[sizeof(uint64)] = {};
        memcpy(bytes, text.data(), std::min(text.size(), sizeof(bytes)));
        uint64 start = 0;
        for (unsigned char byte : bytes)
            start = start << 8 | byte;
        sorted[first++] = {start, i};
    }
    std::sort(sorted, sorted + first, [&](const Sorted &a, const Sorted &b) {
        if (a.start != b.start)
            return a.start < b.start;
        if ((a.start & 0xff) == 0) // no text has a zero byte: both are shorter, and the same
            return a.row < b.row;
        int order = view(projects[a.row].*column).compare(view(projects[b.row].*column));
        return order != 0 ? order < 0 : a.row < b.row;
    });
    return first;
}

/// Whether two rows have the same text there.
inline bool same_text(Datum NewProject::*column, const NewProject *projects, const Sorted &a, const Sorted &b) {
    return a.start == b.start &&
           ((a.start & 0xff) == 0 || view(projects[a.row].*column) == view(projects[b.row].*column));
}

} // namespace intd
