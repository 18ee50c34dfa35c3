// Which state of the small tables (integrations, groups, instance_settings, group_settings) a snapshot shows: what was
// computed from one state, in whatever transaction, is exact for every snapshot that shows the same one.
//
// Every transaction that writes there adds one to a row of `generations`, once, before its first change, by triggers
// that always fire. The snapshots of one server show more and more transactions, in the order in which these commit (on
// a standby: are replayed): of two snapshots, one shows all that the other does. So if the sum of `changes` is equal,
// no transaction that one of them does not show has changed the small tables, and both show the same. What that rests
// on:
//
//   own changes     They are visible to our snapshots only, and in part. A transaction that has counted itself has no
//                   generation until it ends; one whose counting subtransaction has rolled back has changed nothing.
//   prepared        Its count stays invisible until COMMIT PREPARED, as its changes do.
//   subtransactions The count is made in a subtransaction that every later change of the transaction depends on; if it
//                   rolls back, its changes do too, and the next change counts again.
//   what is not MVCC, or does not count: TRUNCATE, a rewriting ALTER TABLE, DISABLE TRIGGER, DROP and CREATE EXTENSION.
//                   All exclude writers of their table until they commit, and send an invalidation message then. Tables
//                   are looked at anew after one: an epoch begins, if each of them has its triggers, and what was of
//                   another epoch is forgotten. Only snapshots that are not older than its beginning have a generation,
//                   because since then all is counted: an older one may show what was changed in between, or see
//                   through a TRUNCATE. The tables are locked, as by a SELECT, until the end of the transaction.
//   same snapshot   Two snapshots that show the same transactions (see ShownTransactions) show the same, but for what
//                   our own have done, and no sum has to be read again.
//   standby         Counts are replayed with the changes that they count, at one commit. Promotion only ends what has
//                   not committed.
//   workers         A parallel worker lives for one query and does not know what its leader has counted: no generation.
//   SERIALIZABLE    What is remembered would not be noted as read: no generation.
//
// Nobody waits for anybody: a writer takes a row that is not locked, or else adds one. Readers read the few rows as
// they are, with no right needed: a number says nothing.
#pragma once

#include "postgres/boundary.hpp"

namespace intd {

struct Generation {
    uint64 epoch;
    int64 changes;
    bool operator==(const Generation &other) const { return epoch == other.epoch && changes == other.changes; }
};

/// The generation of the small tables that the active snapshot shows; none if what is read under it can't be told apart
/// from other states, and so must not be remembered for other snapshots.
std::optional<Generation> generation();

/// Whether a generation that was given under the same snapshot in this (sub)transaction is still right.
bool is_still(const Generation &generation);

/// The same of one that was given in an earlier transaction, under a snapshot that shows the same transactions; locks
/// the tables.
bool hold(const Generation &generation);

/// Called once, when the module is loaded.
void watch_generations();

} // namespace intd
