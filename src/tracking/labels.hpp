// The names that the app's table has for groups, for a person who reads.
#pragma once

#include "postgres/memory.hpp"
#include "tracking/tracked.hpp"

namespace intd {

using Labels = std::pmr::unordered_map<std::string_view, std::string_view>; // by our id

/// The labels of those of these groups that have one, under the active snapshot, in the current memory context. None
/// where no column of labels was named, where the current user may not SELECT it and the ids, and where row security
/// hides rows from that user: reading our groups gives nobody what the app's table would not. The cast of the label to
/// text may be the app's, and runs as the table's owner.
Labels group_labels(const std::pmr::vector<std::string_view> &ids, std::pmr::memory_resource *memory);

} // namespace intd
