// notify_changes(): each transaction tells listening clients which scopes it has written.
//
// A message is sent for each scope that was written, when the transaction commits: NOTIFY integration_defaults, with
// the type, or null for all types, and the scope. It stands for everything below the scope, too. New scopes are not
// told, since nobody can have asked about them. Of one type, more scopes than most_told become one message for the
// instance.
//
// The server discards a message with its subtransaction, but can't take one back because there have come to be too
// many. So messages are noted here, and sent before the commit.
#pragma once

#include "store/row_image.hpp"

namespace intd {

/// Whether changes are told. The answer stays the same for a transaction that writes to one of our six tables: see
/// keep_writers_out().
bool is_notifying();

/// Notes what has become of a row of one of our tables; either image may be null, of a row that comes or goes.
/// `replicated`: the row comes by replication, in any order.
void note_written(Table table, const Image *before, const Image *after, bool replicated);
/// Notes that a whole table went.
void note_all_written();

/// Called once, when the module is loaded.
void watch_notifications();

} // namespace intd
