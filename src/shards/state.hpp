// What status() says of publications and subscriptions.
#pragma once

namespace intd {

/// Called once, when the module is loaded.
void watch_shards();

} // namespace intd
