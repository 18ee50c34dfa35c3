// The triggers that our tables are declared with, and when each fires.
#pragma once

#include "postgres/memory.hpp"
#include "store/tables.hpp"

namespace intd {

/// Makes the triggers of our tables and of effective_settings fire as they were declared to. ALTER TABLE … DISABLE or
/// ENABLE TRIGGER may have changed that: pg_restore --disable-triggers leaves all of them firing on origin. Runs as the
/// tables' owner, with the tables locked against writers.
void mend_triggers();

/// A trigger that is not there, or does not fire as it was declared to.
struct TriggerFault {
    const char *table, *trigger;
    const char *what; // and the way out
};

/// All of them, on our tables and views and on effective_settings. Locks no more than a SELECT. Server code: raises
/// reports.
Growing<TriggerFault> trigger_faults();

} // namespace intd
