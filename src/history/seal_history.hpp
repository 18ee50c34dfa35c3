// Secrets in what history_changes has already.
#pragma once

#include "catalog/integration.hpp"

namespace intd {

/// Takes out what is a secret of the type, also under names that it had before.
void hide_in_history(const Integration &type);

} // namespace intd
