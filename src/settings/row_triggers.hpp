// What the triggers of the settings tables take from the session.
#pragma once

namespace intd {

/// The setting integration_defaults.actor: on whose behalf the session writes. Empty: nobody's but the role's.
extern char *actor;

} // namespace intd
