// The triggers that our tables are declared with, and when each fires.
#pragma once

#include "store/tables.hpp"

namespace intd {

/// Makes the triggers of our tables and of effective_settings fire as they were declared to. ALTER TABLE … DISABLE or
/// ENABLE TRIGGER may have changed that: pg_restore --disable-triggers leaves all of them firing on origin. Runs as the
/// tables' owner, with the tables locked against writers.
void mend_triggers();

} // namespace intd
