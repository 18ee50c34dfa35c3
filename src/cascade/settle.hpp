// Letting effective_settings follow changes. The rows of all projects that the changes reach become what
// project_integrations says in the newest state. Rows whose value stays the same are not touched.
#pragma once

#include "cascade/changes.hpp"

namespace intd {

/// Follows the changes, under the locks that docs/locking.md describes. False if a project has no way up to the
/// instance; it has no row then. 40001 where the transaction's snapshot is too old to do so exactly.
bool settle(const std::pmr::vector<Change> &changes);

/// Makes all rows of a type right. The caller keeps all writers out. Gives false where settle() does.
bool settle_type(std::string_view integration);

} // namespace intd
