// The types of integration as a Store has them, with their schemas compiled.
#pragma once

#include "catalog/schema.hpp"
#include "store/store.hpp"

namespace intd {

struct Integration {
    std::string_view name;
    bool allowed; // false: inactive everywhere
    const Schema *schema;
};

/// The type of that name, null if there is none. Valid until the end of the transaction, and for as long as
/// freed_integrations() stays the same. A backend compiles a schema once and finds it again by its bytes, so that the
/// answer is exact for every Store. Throws 55000 if the stored schema can't be compiled.
const Integration *find_integration(Store store, Datum name);

/// The same for callers that go over many types: null also if the stored schema can't be compiled; a WARNING says so,
/// once a statement. Schemas are checked when they are registered, but a restore may bring one of another version.
const Integration *find_usable_integration(Store store, Datum name);

/// The type that has this name and this schema, whether it is stored anywhere or not; null if the schema can't be
/// compiled. As an allowed one.
const Integration *compiled_integration(std::string_view name, const Jsonb *schema, bool strict);

/// Why the stored schema of a type can't be compiled; null if it can, or if there is no such type.
const char *schema_problems(Store store, Datum name);

/// As find_integration(), but throws 42704 if there is none.
const Integration &get_integration(Store store, std::string_view name);

/// How many of the types that find_integration() has given are freed by now. A caller that keeps one across
/// transactions must compare: while the number stays the same, the pointer is good.
uint64 freed_integrations();

/// Throws 22023 unless the text can be the name of a type: 1 to 63 letters, digits, `_`, `-`, `.` of ASCII.
void check_integration_name(std::string_view name);

/// Called once, when the module is loaded.
void watch_integrations();

} // namespace intd
