// Secrets in what history_changes has already.
#pragma once

#include "catalog/integration.hpp"

namespace intd {

/// Takes out what has become a secret of the type.
void hide_in_history(const Integration &type);

} // namespace intd
