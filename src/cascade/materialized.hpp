// Which types of integration are materialized in this database: read from pg_trigger, the only record of it.
//
// The table effective_settings is an ordinary table of our owner's, so that pg_dump keeps the indexes, policies and
// publications that users put on it. The trigger that refuses plain writes to it has the materialized types as its
// arguments: they are dumped, restored and dropped with the table, and are not replicated.
#pragma once

#include "postgres/memory.hpp"
#include "postgres/query.hpp"
#include "store/tables.hpp"

namespace intd {

/// Whether any type is materialized. In a transaction that has written to one of our six tables no further type gets
/// materialized until it ends, because materialize() waits for it.
bool any_materialized();

bool is_materialized(std::string_view integration);

/// The materialized types by name, in the current memory context.
std::pmr::vector<std::string_view> materialized_types(std::pmr::memory_resource *memory);

/// The same, to be changed: with all that has been committed, and locked against others who want to change them. 55000
/// as require_effective_settings().
std::pmr::vector<std::string_view> lock_materialized_types(std::pmr::memory_resource *memory);

/// The table effective_settings, or InvalidOid while nothing has been materialized yet.
Oid effective_settings();

/// Whether it is a table with the columns that materialize() gives it; others may stand beside them.
bool has_declared_shape();

/// Throws 55000 unless it has these columns and belongs to our owner. Our statements run there as our owner, and set
/// off triggers and evaluate expressions that the table's owner has made: the two must be the same role.
void require_effective_settings();

/// Makes these the materialized types: the table's trigger is made anew. As the table's owner.
void record_materialized(const std::pmr::vector<std::string_view> &integrations);

/// Runs a statement of ours that writes to effective_settings, as execute_newest_alone(). No other statement may write
/// there: see refuse_plain_writes(). 55000 as require_effective_settings().
uint64 write_effective_settings(Statement &statement, std::initializer_list<Value> parameters);

/// Called once, when the module is loaded.
void watch_materialized();

} // namespace intd
