// What somebody may have meant who gave a name that is not there.
#pragma once

#include "postgres/memory.hpp"

namespace intd {

/// `Did you mean "channel"? `, if one of the names is close to what was given, and then `opening`, the first names in
/// their order, and how many more there are. For a HINT; in the current memory context. Names must be in order.
const char *suggestion(std::string_view given, const std::pmr::vector<std::string_view> &names, const char *opening);

} // namespace intd
