// Parses a regular expression of ECMA 262 (with and without its `u` flag; lenient like a browser where only that flag
// would object) and writes the same as an ARE of the server. Used by pattern.cpp only.
#pragma once

#include "jsonschema/pattern.hpp"
#include "postgres/memory.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace intd {

/// `pattern`: Unicode code points. Server code: raises reports.
PatternProblem translate_pattern(const pg_wchar *pattern, int length, Growing<pg_wchar> *result, PatternCost *cost);

} // namespace intd
