// How large the history is.
#pragma once

#include "cascade/status.hpp"

namespace intd {

/// Says so in status().
void look_at_history(Status &status);

} // namespace intd
