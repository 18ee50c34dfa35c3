// Tables in which a parent need not be there: what names such a one counts as straight under the instance.
//
// It is settled at commit, when all that a transaction did has been said (the checks of hierarchy/parents.hpp ask):
// what names a group that is not there by then is put under the instance. When a group is new, what the app's tables
// say is in it is put into it, for all new groups at once. Transactions in which a parent is missing, and those that
// add groups, have the lock of group moves when they look, in the newest state. So whoever comes second sees what the
// first one did.
#pragma once

namespace intd {

/// Called once, when the module is loaded.
void watch_orphans();

} // namespace intd
