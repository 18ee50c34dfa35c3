// Holding a row of ours that others refer to, or are not to be ahead of us with.
#pragma once

#include "store/tables.hpp"

namespace intd {

/// Takes FOR KEY SHARE on the row of integrations, groups or projects whose primary key is `key`, as our owner: what
/// `SELECT … FOR KEY SHARE` locks, waits for and refuses. False if there is no such row.
/// With `at_once` nobody is waited for, and nothing refused: false as well where it can't be held so.
bool hold_row(Table table, Datum key, bool at_once = false);

/// Takes FOR NO KEY UPDATE there, which waits for others who do, and for who changes the row.
void hold_alone(Table table, Datum key);

} // namespace intd
