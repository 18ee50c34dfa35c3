// Making our groups or projects equal to what their tracked table holds.
#pragma once

#include "tracking/tracked.hpp"

namespace intd {

struct Equalized {
    int64 rows;                    // of the table that are let in
    int64 removed, changed, added; // of ours
};

/// Reads every row of the table as the caller, whatever row security would hide from him (an error if it would), and
/// writes ours as the caller. In the newest state, also under REPEATABLE READ. The caller holds locks that keep
/// writers out. Throws 22004, 22023, 23505.
Equalized equalize(Kind kind);

} // namespace intd
