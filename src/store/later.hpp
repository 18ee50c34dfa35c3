// Columns that versions after 1.0 have added. A module serves the SQL of every released version until ALTER EXTENSION
// UPDATE: so who reads or writes such a column looks first whether it is there, and has a statement for when it is not.
// What tables.hpp declares is what the tables of all versions have; more columns at the end do no harm.
#pragma once

#include "postgres/server.hpp"

namespace intd {

struct LaterColumn {
    const char *table, *name;
    Oid type;
};

/// Whether the table has the column. It keeps it, or does without, until the end of the transaction: it stays locked as
/// by a SELECT, for which an update of the extension waits.
bool is_there(const LaterColumn &column);

} // namespace intd
