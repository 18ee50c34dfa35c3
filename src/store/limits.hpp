// How much a type of integration, its settings and the work of checking them may be: settings of the server that only a
// superuser changes. They hold for what is written; what is stored already is read whatever its size, and can be
// cancelled. And how much a session remembers, which anybody may change for the own session, as work_mem.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

struct Limit {
    int most;
    const char *setting; ///< its name without `integration_defaults.`
    const char *hint;

    int64 bytes() const { return static_cast<int64>(most) * 1024; } ///< of those that are in kB
    /// What to throw, or in server code to raise(): 54000.
    Refusal refusal(const char *message, const char *detail) const;
};

extern Limit max_schema_size;   // kB as stored
extern Limit max_settings_size; // kB as stored: settings and locks of a scope
extern Limit max_pattern_size;  // see PatternSize
extern Limit max_check_steps;   // of one check of settings: see Steps

/// How much a session remembers of what is inherited, in kB.
extern int session_cache_size;

/// Throws 54000 if a value has more than a limit in kB allows. `what` begins the message.
void check_size(const Limit &limit, int64 bytes, const char *what);

/// Called once, when the module is loaded.
void define_size_limits();

} // namespace intd
