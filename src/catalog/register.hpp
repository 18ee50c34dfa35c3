// Storing types of integration.
#pragma once

#include "postgres/jsonb.hpp"

namespace intd {

/// Adds a type, or replaces its schema, title and category. Not allowed if it is new and some are not.
/// Unless `force`, throws 23514 if effective settings that fitted no longer do. `strict`: see schema.hpp.
void register_type(Datum name, const Jsonb *schema, std::optional<Datum> title, std::optional<Datum> category,
                   bool strict, bool force);

/// The same, whatever is set: gives what does not fit any more, a line each, or null. For a WritingFunction that has
/// all types locked.
const char *replace_type(Datum name, const Jsonb *schema, std::optional<Datum> title, std::optional<Datum> category,
                         bool strict);

/// Registering and allowing exclude each other, so that no type comes in allowed while a list of allowed ones is made.
/// A transaction whose snapshot is older than what the other did can't tell, and has to be run again.
void lock_all_types();

/// What later rooms know of what is set of a type. Each is filled in by one of them when the module is loaded.
struct SettingsOfTypes {
    /// Where the type is set, as a sentence with numbers; none if nowhere. Settings that will go at commit are removed
    /// before.
    std::optional<Datum> (*where_set)(Datum integration);
    /// What of the effective settings of scopes that set something does not fit the schema: lines as text[].
    std::optional<Datum> (*misfits)(Datum integration);
};
extern SettingsOfTypes settings_of_types;

} // namespace intd
