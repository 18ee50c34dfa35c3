// Names of hosts in any script.
#pragma once

#include "jsonschema/code_points.hpp"

namespace intd {

/// RFC 5890 to 5893, as far as that can be told without tables of all characters: the labels' lengths (encoded),
/// hyphens and normal form, what may not begin one, the rules of context, and the blocks of symbols. Not that capital
/// letters are written small, nor directions of writing. Server code.
bool is_idn_hostname(std::string_view text);

} // namespace intd
