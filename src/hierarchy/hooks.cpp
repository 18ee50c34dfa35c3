#include "hierarchy/hooks.hpp"

namespace intd {

Feeding feeding;
Lifetime lifetime;

} // namespace intd
