// What a backend remembers of what is inherited, and the decision that it is exact for a snapshot.
#pragma once

#include "inheritance/inheritance.hpp"

namespace intd {

/// What is remembered, if it is exact for the active snapshot and the current user; else a new one.
Inheritance &inheritance();

/// Called once, when the module is loaded.
void watch_inheritance();

} // namespace intd
