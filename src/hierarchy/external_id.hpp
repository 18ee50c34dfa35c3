// The type external_id: the app's own id of a group or a project, as text. Stored as text is; the empty value means
// "not given" and can't be made by any input.
//
// It is written as a text that is no id (see written_not_given), because a call that is sent to another server, by
// Citus or a foreign table, has the value of not_given() in that form. Whoever gives an app an id can write it, too. So
// what is read from that text never means the instance: it counts as left out beside an id that is given, and is
// refused by itself.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

constexpr size_t max_id_length = 255; // bytes

/// Throws 22023 unless the text is an id: 1 to 255 bytes, the first of them not 0x01, with which placeholders begin
/// (see tree_rules.hpp).
void check_id(std::string_view text);

/// Whether the text is an id.
bool is_id(std::string_view text);

/// What not_given() is written as.
constexpr std::string_view written_not_given = "\x01not given";

/// An argument of type external_id: given, left out, left out as it is written, or an explicit NULL.
struct IdArgument {
    enum State { not_given, written, null, given } state;
    Datum id; // text, if given

    bool is_given() const { return state == given; }
    std::string_view text() const { return view(id); }
};

/// Throws 22023 for one that is left out as it is written.
IdArgument id_argument(FunctionCallInfo fcinfo, int n);
/// For functions that take two of which one may be given: see scope_argument().
IdArgument either_id_argument(FunctionCallInfo fcinfo, int n);
[[noreturn]] void refuse_written_not_given();

} // namespace intd
