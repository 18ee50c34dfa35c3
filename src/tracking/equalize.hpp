// Making our groups or projects equal to what their tracked table holds.
#pragma once

#include "tracking/tracked.hpp"

namespace intd {

struct Equalized {
    int64 rows;                    // of the table that are let in
    int64 removed, changed, added; // of ours
};

/// Reads every row of the table and writes ours, with the rights of the current user. It is an error if row security
/// would hide rows from that user. In the newest state, also under REPEATABLE READ. The caller holds locks that keep
/// writers out. Throws 22004, 22023, 23505.
Equalized equalize(Kind kind);

} // namespace intd
