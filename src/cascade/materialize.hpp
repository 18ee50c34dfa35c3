// The table effective_settings, beyond what follows from changes of settings.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

/// Only the extension's owner may say what is materialized, or whether history is kept: from then on every writer has
/// to do its work. 42501; 25006 on a standby.
void require_owner(const char *command);

/// Keeps writers of all our tables out, in the order in which they lock them, until the end of the transaction.
void keep_writers_out();

/// Gives the rows of a materialized type its new name.
void rename_materialized(std::string_view before, std::string_view after);

} // namespace intd
