// integration_defaults.max_affected: how many projects one statement may change.
//
// What is noted (see changes.hpp) is kept here, too, while there is a limit. At the end of the statement, the projects
// that the changes reach are looked at: what they end up with now is compared with what they ended up with before.
// Those that are there before and after, and whose answer differs, are counted.
//
//   statement   What a client sends at once, with all that it calls: what it has changed by now is counted each time
//               that one of our tables has been written to. What other triggers write, those of tracked tables among
//               them, and a statement that leaves the tree broken, are counted together, before the commit.
//   before      Is read under a snapshot that shows, of our own commands, those before the first change. Of other
//               transactions it shows the same as the snapshot for after, so that none of their changes is counted.
//   TRUNCATE    Leaves nothing to be read. So it is counted on its own, before it happens.
//   not counted What a restore and a replication bring, and what only follows: effective_settings.
#pragma once

#include "cascade/changes.hpp"

namespace intd {

extern int max_affected;

inline bool is_limited() {
    return max_affected >= 0;
}

/// Notes that one of our tables is written to: what was before counts as before. A group that goes is no change, but
/// what was in it changes.
void keep_command_for_limit();

/// Keeps a change, to be counted by check_limit().
void keep_for_limit(const Change &change);

/// Counts what has been kept: by the client's statement; `at_commit`, the rest. Throws 23514 if that is too much.
void check_limit(bool at_commit);

/// Whether something is kept for the commit.
bool has_uncounted();

/// Called when a table has been truncated: what was before can't be read any more.
void begin_count_anew();

/// Called once, when the module is loaded.
void define_max_affected();
void watch_limit();

} // namespace intd
