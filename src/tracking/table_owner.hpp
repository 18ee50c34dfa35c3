// With whose rights a tracked table is read, and a shard of it gets its triggers.
#pragma once

#include "postgres/path.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace intd {

/// From enter() to leave() the table's owner is the current user, who could have put there what runs: a filter, a cast.
/// It can do no more than in an expression of an index, with a search_path that is fixed. What it sets goes, as after
/// an expression of an index: whoever asked goes on with the settings from before. Server code; an error brings the
/// user and the settings back with the (sub)transaction.
struct TableOwner {
    Oid user;
    int context, level;

    /// To look up rows, or to create triggers.
    void enter(Oid owner) {
        GetUserIdAndSecContext(&user, &context);
        become(owner, context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
    }

    /// To read the whole table for the role `asking`, which may do so, as the caller has checked: every row is seen.
    void enter(Relation relation, Oid asking) {
        const Oid owner = relation->rd_rel->relowner;
        GetUserIdAndSecContext(&user, &context);
        become(owner, asking == owner // an error where forced row security hides rows from it
                          ? context & ~SECURITY_NOFORCE_RLS
                          : context | SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
        set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    }

    void leave() const {
        AtEOXact_GUC(false, level);
        SetUserIdAndSecContext(user, context);
    }

  private:
    void become(Oid owner, int restrictions) {
        SetUserIdAndSecContext(owner, restrictions);
        level = NewGUCNestLevel();
        fix_search_path(); // every name in a filter is written out, and what its functions see is fixed
    }
};

} // namespace intd
