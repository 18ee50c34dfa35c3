// Holding a row of ours that others refer to.
#pragma once

#include "store/tables.hpp"

namespace intd {

/// Takes FOR KEY SHARE on the row of integrations, groups or projects whose primary key is `key`, as our owner: what
/// `SELECT … FOR KEY SHARE` locks, waits for and refuses. False if there is no such row.
bool hold_row(Table table, Datum key);

} // namespace intd
