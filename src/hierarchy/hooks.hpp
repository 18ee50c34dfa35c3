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
    /// Whether a parent that is not there counts as the instance, where rows of the kind name one.
    bool (*takes_orphans)(Kind kind);
    /// Puts what names a group that is not there as its parent straight under the instance, of those kinds.
    void (*release)(Datum group);
    /// This group is new: before the commit, what its table says is in it is put into it, of those kinds.
    void (*adopt)(Datum group);
    /// Whether a project of our table is not this node's any more: in a cluster of Citus', after its shard has left.
    bool (*has_left)(Datum project);
    /// Throws 55000 if some are not.
    void (*require_none_left)();
    /// Whether projects are spread over the nodes of a cluster.
    bool (*is_spread)(Kind kind);
};
extern Feeding feeding;

/// What is set on a group or project lives as long as its id: the room of settings. Its triggers see ids come and go in
/// our tables. Rows that a tracking filter leaves out are not in our tables: of their ids it is told by these
/// functions.
struct Lifetime {
    /// These ids (text[]) are gone, unless they are there again at commit. Whether anything is set on them.
    bool (*removed)(Kind kind, Datum ids);
    /// Every id that is not there at commit is gone.
    void (*emptied)(Kind kind);
    /// Moves settings from an id that none of our rows has to another id. Settings that are left there from before go.
    void (*renamed)(Kind kind, Datum before, Datum after);
    /// Projects have come from another node of a cluster: stores what is set on them, rows of project_settings as it
    /// has them (a JSON array, as text), where none is there.
    void (*arrived)(Datum rows);
};
extern Lifetime lifetime;

} // namespace intd
