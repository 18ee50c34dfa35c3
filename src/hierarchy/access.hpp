// Access to one scope: what was given on a group is good for the group and all below it.
//
// A role that has access on a group only may be able to move scopes in the app's tables. So what it has written is
// noted, and looked at again before the commit: by then, too, the scope must be where the role has that access.
// Otherwise it could move somebody's project into its group, write there, and move it back, all in one transaction. A
// note says for which role it is, because at a commit the current user may be anybody. It follows a scope whose id
// changes. A scope that is gone by then, with all that was set on it, is no matter.
//
// That is enough whatever other sessions do meanwhile. The second look is in the newest state: what they have committed
// by then counts as having happened before. If one moves the scope away after that, its move counts as happening after
// this transaction, which wrote where it might.
#pragma once

#include "hierarchy/arguments.hpp"
#include "store/access.hpp"

namespace intd {

/// Throws 42501 unless the current user has this access to the scope, and 42704 if somebody who has it on some group
/// asks for a scope that is not there: whoever has any access reads everything. What is written is noted.
void require_access(Access access, const ScopeArgument &scope);

/// The same for what a group or project is in: its parent.
void require_access_around(Access access, Kind kind, Datum id);

/// The same of `use`, where the way up is known: calls next() for the ids of the groups, from the nearest one on; null
/// ends it.
template <class Next>
bool has_access_by(Access access, Next &&next) {
    const Rights &rights = rights_of(GetUserId());
    if (rights.has(access))
        return true;
    if (!rights.has_somewhere(access))
        return false;
    for (std::optional<std::string_view> group = next(); group; group = next())
        if (rights.has_in(access, *group))
            return true;
    return false;
}

/// A scope has got another id.
void note_new_id(Kind kind, Datum before, Datum after);

/// Called once, when the module is loaded; last of those who do something before a commit.
void watch_noted_access();

} // namespace intd
