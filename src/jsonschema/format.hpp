// The formats of JSON Schema that are checked. Each follows the document that draft 7, or the first draft that has
// it, names for it; int32 and int64 are those of OpenAPI, and about numbers.
#pragma once

#include "postgres/datum.hpp"

extern "C" {
#include "utils/numeric.h"
}

namespace intd {

struct Format {
    const char *name;
    bool (*fits)(std::string_view text);    // null: any text; server code: may raise reports
    bool (*fits_number)(Numeric) = nullptr; // null: any number
};

/// Null if the format is not known.
const Format *find_format(std::string_view name);

/// The names of all, for messages: `date, date-time, …`.
extern const char *const format_names;

} // namespace intd
