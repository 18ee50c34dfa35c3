// Which of our small tables a subscription of this database fills (see docs/shards.md): the publisher's database says
// what is in them. Known until the server says that the subscriptions' tables have changed.
#pragma once

#include "store/tables.hpp"

namespace intd {

/// Whether a subscription fills the table, one of the four that all shards have in common, whatever has become of it:
/// enabled or not, copying or in step.
bool is_replicated(Table table);

/// Throws 55000 where a subscription fills the table and this is neither its own write nor a restore.
void require_unreplicated(Table table);

/// Called once, when the module is loaded.
void watch_replicated();

} // namespace intd
