// STAND-IN until the catalogue room lands: then delete stand_in.cpp and take that room's own schema.hpp, integration.hpp, validate.hpp.
#pragma once
#include "catalog/schema.hpp"
namespace intd {
struct Violation { std::string_view path, rule, text; bool root_required; bool operator==(const Violation &o) const { return path==o.path && rule==o.rule; } };
using Violations = std::pmr::vector<Violation>;
void validate(const Schema &, const Jsonb *, Violations &);
void validate_property(const Schema &, std::string_view, const JsonbValue &, Violations &);
}
