// Our groups and projects while they follow a tracked table.
#pragma once

#include "hierarchy/scope.hpp"

namespace intd {

/// While a dump is restored: makes a session that fills the tracked table and one that fills ours wait for each other,
/// until the transaction ends.
void hold_restored(Kind kind);

} // namespace intd
