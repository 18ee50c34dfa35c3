// A cluster of Citus': every node keeps ordinary tables of ours, with the groups and the projects that the node's own
// shards have. docs/shards.md says how it works as a whole.
//
// What all nodes do together they do in one distributed transaction. It is set off on the coordinator by an UPDATE of
// the table integration_defaults.cluster, a reference table of Citus': its trigger fires on every node, on the copy
// that the node has. Citus carries the statement there, prepares all of them and commits them; nothing of ours
// connects.
//
//   lock     Every node locks Citus' placements, its shards of the tracked tables, and its groups, projects and
//   project_settings, in the
//            order in which writers do: whoever is writing there has finished when all nodes have, and nobody begins.
//   take in  Every node gives its shards the triggers that they lack, makes its groups and projects equal to what its
//            shards have, and fetches what is set on the projects of shards that have come from the node where it is.
//            It sees what is committed there, and so also what that node removes in this very transaction.
//
// Which shards a node has taken in is said by the arguments of a trigger of our own tables, taken_in_shards. So a shard
// that has come is not followed before what is set on its projects has come, too; and where one has gone, its projects
// are not answered for (see Feeding::has_left).
#pragma once

#include "tracking/tracked.hpp"

namespace intd {

/// Whether enable_citus() was called in this database: the table is there, our owner's, and on every node.
bool is_cluster();

/// Makes that table, if it is not there, and gives every node a copy. As our owner. Throws 55000 if one is there that
/// is not our owner's, or not as we make it.
void create_cluster_table();

/// Throws 55000 unless this is the coordinator.
void require_coordinator(const char *what);

/// Before commands on distributed tables that belong together with take_in_everywhere(), and so keep others from it
/// until the end of the transaction. It makes Citus run what is for this node in this very session from then on; else
/// it would run in another one, which does not see what this one has done.
void begin_everywhere();

/// On the coordinator: locks all nodes, and has them take in what they have. `anew`: where projects were not tracked
/// before, and so could be set on any node.
void take_in_everywhere(bool anew = false);

/// Until leave(), which an error needs not: commands on tables that Citus has distributed run on one connection to each
/// node, and may be about triggers there. Server code.
struct CitusCommands {
    int level;

    void enter();
    void leave() const;
};

/// Called once, when the module is loaded.
void watch_cluster();

} // namespace intd
