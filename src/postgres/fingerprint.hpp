// Telling secrets apart without showing them.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

/// `secret 1a2b3c4d`: a hash of the text keyed with a secret of this server and database. The same text has the same
/// fingerprint in one database (on its standbys too) and another one elsewhere.
const char *fingerprint(std::string_view secret);

} // namespace intd
