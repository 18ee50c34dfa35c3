// STAND-IN until the catalogue room lands: then delete stand_in.cpp and take that room's own schema.hpp, integration.hpp, validate.hpp.
#pragma once
#include "catalog/schema.hpp"
namespace intd {
struct Integration { std::string_view name; bool allowed; const Schema *schema; };
const Integration *find_integration(Datum name_text);
const Integration &get_integration(std::string_view name);
}
