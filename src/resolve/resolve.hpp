// What resolve() answers.
#pragma once

#include "postgres/result.hpp"
#include "resolve/locate.hpp"

namespace intd {

/// Adds a scope's row, if the type is configured there.
void add_resolved(ResultSet &result, const Located &at, const Folded &folded);

} // namespace intd
