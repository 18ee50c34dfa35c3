// The triggers of tracked tables.
#pragma once

namespace intd {

/// Called once, when the module is loaded.
void watch_following();

} // namespace intd
