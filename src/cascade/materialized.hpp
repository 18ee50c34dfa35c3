// Which types of integration are materialized in this database: read from pg_trigger, the only record of it.
//
// The table effective_settings is an ordinary table of our owner's, so that pg_dump keeps the indexes, policies and
// publications that users put on it. The trigger that refuses plain writes to it has the materialized types as its
// arguments: they are dumped, restored and dropped with the table, and are not replicated.
#pragma once

#include "postgres/memory.hpp"
#include "postgres/tables.hpp"

namespace intd {

/// Whether any type is materialized. A writer who has one of our six tables locked gets the same answer until his
/// transaction ends, or a subset of it: materialize() waits for him.
bool any_materialized();

bool is_materialized(std::string_view integration);

/// The materialized types by name, in the current memory context.
std::pmr::vector<std::string_view> materialized_types(std::pmr::memory_resource *memory);

/// The same, to be changed: nobody else changes them before this transaction ends, and all that was committed is there.
std::pmr::vector<std::string_view> lock_materialized_types(std::pmr::memory_resource *memory);

/// The table effective_settings, or InvalidOid while nothing has been materialized yet.
Oid effective_settings();

/// Makes these the materialized types: the table's trigger is made anew. As the table's owner.
void record_materialized(const std::pmr::vector<std::string_view> &integrations);

/// While it lives, our own statements may write to effective_settings.
class Writing {
  public:
    Writing();
    ~Writing();
    Writing(const Writing &) = delete;
    Writing &operator=(const Writing &) = delete;
};

/// Called once, when the module is loaded.
void watch_materialized();

} // namespace intd
