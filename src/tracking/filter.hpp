// A filter as the user writes it: a boolean expression over the columns of one table.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

// Server code: raises reports.

/// Parses a filter with the names that the caller's search_path shows. 22023 that names it, or the server's error,
/// unless it is a boolean expression over columns of the relation.
::Node *parse_filter(Relation relation, const char *filter);

/// An expression over one relation as SQL, every column after `prefix` and a dot.
const char *filter_text(Relation relation, ::Node *filter, const char *prefix);

} // namespace intd
