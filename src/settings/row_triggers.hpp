// What the triggers of the settings tables take from the session.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

/// The setting integration_defaults.actor: on whose behalf the session writes. Empty: nobody's but the role's.
extern char *actor;

/// Who writes: `role`, or `role (actor)`. The role is the outer one: not that of a SECURITY DEFINER function. But where
/// the server itself evaluates an expression as another role, as autovacuum does for indexes, it is that role, `user`.
const char *writer(Oid user);

} // namespace intd
