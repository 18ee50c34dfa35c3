// Storing types of integration.
#pragma once

#include "postgres/jsonb.hpp"

namespace intd {

/// Throws 42501 unless the current user may register types.
void require_registering();

/// Adds a type, or replaces its schema, title and category. Not allowed if it is new and some are not.
/// Unless `force`, throws 23514 if effective settings that fitted no longer do.
void register_type(Datum name, const Jsonb *schema, std::optional<Datum> title, std::optional<Datum> category,
                   bool force);

/// Called before it is counted what is set of a type: what will go at commit is not to be. Filled in by the room of
/// settings when the module is loaded.
extern void (*remove_what_goes)(Datum integration);

} // namespace intd
