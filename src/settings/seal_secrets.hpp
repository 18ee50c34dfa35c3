// Sealing what is stored already: with another key, for another schema, or for the first time.
#pragma once

#include "postgres/trigger.hpp"

namespace intd {

/// Whether what seals stored secrets has fired the trigger that is running: then nothing is set, and nothing is
/// checked.
bool sealing_has_fired(const TriggerData *data);

} // namespace intd
