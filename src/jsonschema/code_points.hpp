// Text in the database's encoding as Unicode. Server code: raises reports.
#pragma once

#include "postgres/datum.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace intd {

struct CodePoints {
    pg_wchar *begin;
    int count;
};

std::string_view to_utf8(std::string_view text);
CodePoints code_points(std::string_view text);

} // namespace intd
