// The table effective_settings, beyond what follows from changes of settings.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

/// A materialized type is called `after` now: its rows are.
void rename_materialized(std::string_view before, std::string_view after);

} // namespace intd
