// Where something is inside a JSON document, as a JSON pointer (RFC 6901). A place is a chain upwards, written out
// only when somebody has to be told.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

struct JsonPlace {
    const JsonPlace *above; // null: this is the root, and the rest has no meaning
    std::string_view key;
    int index = -1; // an array's element, if not negative; then there is no key
};

constexpr JsonPlace document_root = {nullptr, {}, -1};

/// `prefix` and the pointer: `#/properties/url`, or for settings, with no prefix, `/url`. Server code: raises reports.
std::string_view write_place(const JsonPlace *place, const char *prefix);

/// The same for a message: cut if it is long.
const char *shown_place(const JsonPlace *place, const char *prefix);

/// A text of the schema's for a message, cut likewise. Server code.
const char *clipped(std::string_view text, int most);

} // namespace intd
