// Sealing what is stored already: with another key, for another schema, or for the first time.
#pragma once

#include "postgres/trigger.hpp"
#include "secrets/mask_key.hpp"

namespace intd {

/// Whether what seals stored secrets has fired the trigger that is running: then nothing is set, and nothing is
/// checked.
bool sealing_has_fired(const TriggerData *data);

/// Seals all that is set with the server's first key, or marks it where there is none, and lets `seal_others` do the
/// same elsewhere. Gives how many secrets that are set were changed.
int64 seal_all_settings(void (*seal_others)(const Sealer &sealer));

} // namespace intd
