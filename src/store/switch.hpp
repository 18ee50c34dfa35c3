// Tables of ours whose rows say whether something is on. They are tables, because a dump has neither triggers of an
// extension's tables nor whether they are enabled.
#pragma once

#include "postgres/server.hpp"

namespace intd {

/// Whether some row of a table, in the newest state, has a value of `type` in its first column that `is_so`. Server
/// code: raises reports.
bool any_row(const char *table, Oid type, bool (*is_so)(Datum value));

} // namespace intd
