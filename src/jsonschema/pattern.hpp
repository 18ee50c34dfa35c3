// The patterns of JSON Schema (ECMA 262) on the server's regex engine, which can be interrupted and bounds what it
// uses.
//
// A pattern is parsed and written anew as an ARE over Unicode code points, so that it means the same whatever the
// database's encoding and locale: \d, \w, \b are those of ASCII, \s is Unicode's white space, `.` is all but line ends,
// as ECMA 262 has it. What has no equal there is said to be unsupported, never taken for something else.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

struct Pattern;

/// What is wrong with a pattern; null message: nothing.
struct PatternProblem {
    const char *message;
    bool unsupported; // it is ECMA 262, but can't be run here
    int at = 0;       // by which character, counted from 1; 0: not known
};

/// What a pattern has the engine do.
struct PatternCost {
    /// Of compiling: its characters, those that are repeated as often as they may be, times what makes the engine's
    /// work grow faster than that: the longest row of parts that may all match nothing; assertions in a row double it.
    double size;
    /// Of matching: it looks around, from any place in the subject to its end.
    bool looks_around;
    /// Of matching with back references: how many parts may be of several lengths, so that all ways to divide the
    /// subject among them may have to be tried; -1: any number, one is inside another.
    int divided;
};

/// Only looks whether the text is a regular expression. Server code: raises reports.
PatternProblem check_pattern(std::string_view text);

/// Makes a pattern that lives as long as the memory context; null and *problem if that can't be done. `most`: raises
/// 54000 if its size is more; `where` is for that message. Server code.
const Pattern *compile_pattern(std::string_view text, MemoryContext context, double most, const char *where,
                               PatternProblem *problem);

/// Whether the pattern is found anywhere in the subject. Server code.
bool matches(const Pattern *pattern, std::string_view subject);

/// How many steps that takes at most, as far as that can be said: for max_check_steps.
double steps_of(const Pattern *pattern, std::string_view subject);

/// The pattern as it was written.
std::string_view pattern_text(const Pattern *pattern);

} // namespace intd
