// Names of types and of fields that are not there: what is said to who gave one.
#pragma once

#include "catalog/integration.hpp"

namespace intd {

/// The refusal 42704 of a type that is not registered, with those that are in its HINT.
Refusal unknown_integration(Store store, std::string_view name);

/// The fields of a type, as a HINT for who has named another one. `beside`: what else may be named there, or null.
const char *fields_hint(const Integration &type, std::string_view name, const char *beside = nullptr);

} // namespace intd
