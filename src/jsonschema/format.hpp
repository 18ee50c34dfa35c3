// The formats of JSON Schema that are checked. Each follows the document that draft 7 names for it.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

struct Format {
    const char *name;
    bool (*fits)(std::string_view text); // server code: may raise reports
};

/// Null if the format is not known.
const Format *find_format(std::string_view name);

/// The names of all, for messages: `date, date-time, …`.
extern const char *const format_names;

} // namespace intd
