// The type external_id: the app's own id of a group or a project, as text. Stored as text is; the empty value means
// "not given" and can't be made by any input.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

constexpr size_t max_id_length = 255; // bytes

/// Throws 22023 unless the text is an id: 1 to 255 bytes, the first of them not 0x01, with which placeholders begin
/// (see tree_rules.hpp).
void check_id(std::string_view text);

/// Whether the text is an id.
bool is_id(std::string_view text);

/// An argument of type external_id: given, left out, or an explicit NULL.
struct IdArgument {
    enum State { not_given, null, given } state;
    Datum id; // text, if given

    bool is_given() const { return state == given; }
    std::string_view text() const { return view(id); }
};

IdArgument id_argument(FunctionCallInfo fcinfo, int n);

} // namespace intd
