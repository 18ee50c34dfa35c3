// Tables in which a parent need not be there: a row that names a missing parent counts as straight under the instance.
//
// This is settled at commit, when everything that a transaction did has been told (the checks of hierarchy/parents.hpp
// ask). A row that names a group that is not there by then is put under the instance. Where groups are new, the rows
// that the app's tables say are in them are put into them, for all new groups at once. A transaction in which a parent
// is missing, or that adds groups, takes the lock of group moves before it looks, in the newest state. So the second of
// two such transactions sees what the first one did.
#pragma once

namespace intd {

/// Called once, when the module is loaded.
void watch_orphans();

} // namespace intd
