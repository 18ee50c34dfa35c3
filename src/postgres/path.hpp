// The search_path that our own statements, and what they set off, run with.
//
// Our statements write out the schema of every name and operator, so they mean the same under any path. But somebody
// else's expression or trigger that they set off may not be so careful. It must not come to run the caller's functions
// and operators with other rights than the caller's.
#pragma once

#include "postgres/boundary.hpp"

namespace intd {

// Server code: raises reports. An error brings the path back with the (sub)transaction.

/// Sets the search_path to pg_catalog, pg_temp, until restore_search_path(). Gives 0 if that is what it is.
inline int fix_search_path() {
    static constexpr char fixed[] = "pg_catalog, pg_temp";
    if (strcmp(namespace_search_path, fixed) == 0)
        return 0;
    int level = NewGUCNestLevel();
    set_config_option("search_path", fixed, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    return level;
}

/// The same while the current user is another one than the caller (see AsOwner); else 0, and nothing is done.
inline int fix_search_path_as_owner() {
    return InLocalUserIdChange() ? fix_search_path() : 0;
}

inline void restore_search_path(int level) {
    if (level > 0)
        AtEOXact_GUC(true, level);
}

} // namespace intd
