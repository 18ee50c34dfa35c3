// What later rooms decide about groups and projects. Each fills in its part when the module is loaded.
#pragma once

#include "hierarchy/scope.hpp"

namespace intd {

/// Groups and projects may follow tables of the app's: the room of tracking.
struct Feeding {
    /// The table that is tracked for the kind, or InvalidOid.
    Oid (*tracked_relation)(Kind kind);
    /// Throws 55000 if there is one: then groups or projects can't be changed by hand.
    void (*require_untracked)(Kind kind);
};
extern Feeding feeding;

/// What is set on a group or project lives as long as its id: the room of settings, which is to be told of ids of which
/// our tables tell nothing, those of rows that a tracking filter leaves out.
struct Lifetime {
    /// These ids (text[]) are gone, unless they are there again at commit. Whether anything is set on them.
    bool (*removed)(Kind kind, Datum ids);
    /// Every id that is not there at commit is gone.
    void (*emptied)(Kind kind);
    /// What is set on an id that none of our rows has is set on another one from now on, where nothing is left of
    /// before.
    void (*renamed)(Kind kind, Datum before, Datum after);
};
extern Lifetime lifetime;

} // namespace intd
