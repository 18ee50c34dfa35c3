// What this transaction has changed that effective_settings has yet to follow.
//
// The triggers note changes; settle_noted() lets effective_settings follow them all at once: at the end of the
// statement where that is one of the client's on our own tables (functions included), else before the commit: what
// comes from tracked tables, from other triggers and by replication. A statement that leaves the tree broken is
// followed before the commit, too.
#pragma once

#include "core/fold.hpp"
#include "postgres/memory.hpp"

namespace intd {

/// What can happen to rows of effective_settings: bits.
enum Pass : uint8_t { pass_remove = 1, pass_update = 2, pass_insert = 4, pass_all = 7 };

/// Something that may have changed what projects end up with.
struct Change {
    core::Level reach;            // instance, group: all that is below; project: just that one
    std::string_view id;          // of the group or project
    std::string_view integration; // empty: every materialized type
    uint8_t passes;               // what may have to be done
};

/// Remembers a change. Does nothing while its type is not materialized.
void note(const Change &change);

/// Lets effective_settings follow what has been noted and not followed yet. `at_commit`: nothing is left for later.
void settle_noted(bool at_commit);

/// Called once, when the module is loaded.
void watch_changes();

} // namespace intd
