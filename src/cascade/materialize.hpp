// The table effective_settings, beyond what follows from changes of settings.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

/// For what makes work for every writer: throws 42501 unless the caller has access `admin` everywhere, 25006 on a
/// standby.
void require_administrator(const char *command);

/// Keeps writers of all our tables out, in the order in which they lock them, until the end of the transaction.
void keep_writers_out();

/// Gives the rows of a materialized type its new name.
void rename_materialized(std::string_view before, std::string_view after);

} // namespace intd
