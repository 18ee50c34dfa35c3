// With whose rights the whole of a tracked table is read.
#pragma once

#include "postgres/path.hpp"

extern "C" {
#include "utils/rel.h"
}

namespace intd {

/// From enter() to leave() the table's owner is the current user, who could have put there what runs: a filter, a cast.
/// It can do no more than in an expression of an index, with a search_path that is fixed, and every row is seen. The
/// caller has made sure that the user before may read it. What it sets goes, as after an expression of an index:
/// whoever asked goes on with the settings from before. Server code; an error brings the user and the settings back
/// with the (sub)transaction.
struct TableOwner {
    Oid user;
    int context, level;

    /// `asking`: for whom.
    void enter(Relation relation, Oid asking) {
        const Oid owner = relation->rd_rel->relowner;
        GetUserIdAndSecContext(&user, &context);
        if (asking == owner) // an error where forced row security hides rows from it
            SetUserIdAndSecContext(owner, context & ~SECURITY_NOFORCE_RLS);
        else
            SetUserIdAndSecContext(owner, context | SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
        level = NewGUCNestLevel();
        fix_search_path(); // every name in a filter is written out, and what its functions see is fixed
        set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    }
    void leave() const {
        AtEOXact_GUC(false, level);
        SetUserIdAndSecContext(user, context);
    }
};

} // namespace intd
