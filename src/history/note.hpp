// Noting what this transaction changes: docs/history.md says why the order is right.
#pragma once

namespace intd {

/// Called once, when the module is loaded: after every other room that acts before a commit.
void watch_history();

} // namespace intd
