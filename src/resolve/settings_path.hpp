// What the planner makes of settings_at() in a FROM clause: see settings_scan.hpp.
#pragma once

namespace intd {

/// Called once, when the module is loaded.
void offer_settings_paths();

} // namespace intd
