// The triggers that our tables are declared with, and when each fires.
#pragma once

#include "store/tables.hpp"

namespace intd {

/// Where triggers are not as declared because ALTER TABLE … DISABLE or ENABLE TRIGGER has been at them (pg_restore
/// --disable-triggers leaves all of them firing on origin), they are again: those of our tables and of
/// effective_settings. As the tables' owner, who has them locked against writers.
void mend_triggers();

} // namespace intd
