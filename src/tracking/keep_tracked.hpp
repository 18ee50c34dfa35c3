// Our groups and projects while they follow a tracked table.
#pragma once

#include "hierarchy/scope.hpp"

namespace intd {

/// While a dump is restored into a tracked table and ours, the two wait for each other's rows until the transaction
/// ends.
void hold_restored(Kind kind);

} // namespace intd
