// Which tables of the app's feed the tree: read from pg_trigger, the only record of it.
//
// Every table that is tracked has, for each kind that it feeds, one UPDATE trigger whose WHEN clause reads
//     old.ID IS DISTINCT FROM new.ID OR old.PARENT IS DISTINCT FROM new.PARENT [OR FILTER(old) IS DISTINCT FROM
//     FILTER(new)]
// The server keeps that clause as a tree of column numbers, so it survives renames, is dumped with the table, and
// a column that it uses can't be dropped by mistake. It is the binding; the other triggers read it. What else is said
// of the table are arguments of the same trigger, in pairs: ('label', column) of the names of groups, which decides
// nothing, and ('orphans', 'instance') where a parent that is not there counts as the instance.
#pragma once

#include "hierarchy/scope.hpp"

extern "C" {
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
}

namespace intd {

/// The columns and the filter of a tracked table. A POD in the memory context that was current.
struct Source {
    Oid relation;
    AttrNumber id, parent;
    ::Node *filter; // over the row as Var number 1; null: every row
};

// Server code: raises reports.

/// The function that the triggers of this kind call, or InvalidOid while the extension is not there.
Oid follow_function(Kind kind);

/// The binding that a relation's triggers give for the kind; false if there is none.
bool read_source(Relation relation, Kind kind, Source *source);

/// The name of the column of labels that the relation's triggers give for the kind, or null.
const char *label_column(Relation relation, Kind kind);

/// Whether they say that a parent that is not there counts as the instance.
bool takes_orphans(Relation relation, Kind kind);

/// What a trigger of a tracked table does, as bits. `checks` fires before each statement. So every statement fires two
/// triggers, and either one notices that the other one is missing.
enum Part : uint8_t { follows_insert = 1, follows_delete = 2, follows_update = 4, follows_truncate = 8, checks = 16 };
constexpr uint8_t parts_of_table = 31;
/// Those that the server clones to each partition. A partition gets the others from track_*() and resync() only.
constexpr uint8_t parts_of_partition = follows_insert | follows_delete | follows_update;
/// Those that each shard needs of a table that Citus has distributed. Before a TRUNCATE the rows of a shard go one by
/// one, as those of a partition do.
constexpr uint8_t parts_of_shard = parts_of_partition | checks;

uint8_t parts_of(const Trigger &trigger);

/// Whether a trigger fires in sessions that do not replicate.
inline bool fires(char enabled) {
    return enabled != TRIGGER_DISABLED && enabled != TRIGGER_FIRES_ON_REPLICA;
}

/// The table whose binding a relation's rows are followed by: of a partition, the partitioned table; of a shard, the
/// table that Citus has distributed.
Oid root_of(Relation relation);

/// Where the rows of a tracked table are on this node, as a list of oids: of a distributed one, its shards that are
/// placed here; else the table itself.
List *relations_of(Oid root);

// C++.

/// The table that is tracked for the kind, or InvalidOid. It is the one that has a binding and whose owner may feed
/// ours; if there are several, the oldest. Remembered until some relation or some role's rights change.
Oid tracked_relation(Kind kind);

/// Whether Citus has distributed the table that is tracked for the kind. Remembered likewise.
bool is_spread(Kind kind);

/// Of such a table's shard on this node: whether what it has was taken in here (see cluster.cpp). One that has come
/// since then is not followed: what is set on its projects is still where it was.
bool was_taken_in(Kind kind, Oid shard);

/// Whether shards that were taken in here have left this node since then.
bool shards_have_left(Kind kind);

/// How many shards on this node have not been taken in.
int shards_arrived(Kind kind);

/// Throws unless `root`, on which (or on a partition of which) a trigger of the kind fires, is the tracked table and
/// all its triggers are there and enabled: 42501, 55000.
void require_followed(Oid root, Kind kind);

/// Throws 42501 unless the owner of a table may feed ours: that is our owner, or has INSERT, UPDATE and DELETE on our
/// table. A role that writes the app's table needs no rights on ours: as with a foreign key, the rights of the table's
/// owner count.
void require_feeding(Oid relation, Kind kind);

/// Throws 55000 if a table is tracked for the kind: then groups or projects can't be changed by hand.
void require_untracked(Kind kind);

/// Whether the kind is tracked with a filter. Remembered likewise.
bool is_filtered(Kind kind);

/// The same for groups, by what others have committed up to now.
bool groups_are_filtered();

/// Whether a parent that is not there counts as the instance in the kind's table; likewise by what is committed up to
/// now.
bool takes_orphans(Kind kind);

/// Of an id that was not found: as the type uuid writes it, if it is a uuid in any form that this type reads and the
/// tracked table's ids are uuids. A client may write one in capitals, as text.
std::optional<Datum> as_tracked_uuid(Kind kind, std::string_view id);

/// `app.groups`, quoted where needed and with its schema.
const char *relation_name(Oid relation);

/// Called once, when the module is loaded.
void watch_tracked();

} // namespace intd
