// The table effective_settings, beyond what follows from changes of settings.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

/// Gives the rows of a materialized type its new name.
void rename_materialized(std::string_view before, std::string_view after);

} // namespace intd
