// What is set on a group or project lives as long as its id. Settings are another room's, which says here what it wants
// to be told of ids of which our tables tell nothing: those of rows that a tracking filter leaves out.
#pragma once

#include "tracking/tracked.hpp"

namespace intd {

struct Lifetime {
    /// These ids (text[]) are gone, unless they are there again at commit. Whether anything is set on them.
    bool (*removed)(Kind kind, Datum ids);
    /// Every id that is not there at commit is gone.
    void (*emptied)(Kind kind);
    /// What is set on an id that none of our rows has is set on another one from now on, where nothing is left of
    /// before.
    void (*renamed)(Kind kind, Datum before, Datum after);
};

/// Filled in by that room when the module is loaded.
extern Lifetime lifetime;

} // namespace intd
