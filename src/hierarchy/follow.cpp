#include "hierarchy/tracked.hpp"
namespace intd {
INTD_FUNCTION(follow_groups) { return 0; }
INTD_FUNCTION(follow_projects) { return 0; }
}
