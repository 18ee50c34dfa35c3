// What secrets are stored with in this database: a key of the server, and the key of the masks.
#pragma once

#include "secrets/secret.hpp"

namespace intd {

/// For a write, which makes what is not there yet. Throws 55000 if the server has no key and the database has sealed
/// before, or if a key is wanted that is not there.
Sealer writing_sealer();

/// Whether writing_sealer() would throw because the server has no key file.
bool needs_key_file();

/// The one that new secrets are stored with; none while there are none. Only for masks. Reads under the active
/// snapshot.
std::optional<Sealer> reading_sealer();

/// Seals the key of the masks with the server's first key, if it is sealed with another one.
void seal_mask_key_anew(const Sealer &sealer);

/// Removes the key of the masks of marked secrets, of which there are none any more.
void remove_mask_key_of_marked();

} // namespace intd
