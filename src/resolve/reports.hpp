// What has gone out of shape, and what could go.
#pragma once

namespace intd {

/// Called once, when the module is loaded.
void watch_reports();

} // namespace intd
