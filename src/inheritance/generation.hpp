// Which state of the small tables (integrations, groups, instance_settings, group_settings) a snapshot shows: what was
// computed from one state, in whatever transaction, is exact for every snapshot that shows the same one.
//
// Every transaction that writes there adds one to a row of `generations`: once, before its first change, by triggers
// that always fire. Later snapshots of a server show all transactions that earlier ones show, and more, in the order in
// which these commit (on a standby: are replayed). So if two snapshots show the same sums, the transactions that only
// the later one shows have not changed the small tables, and both show the same state of them.
//
// Three things are counted, and a transaction may count as several: changes of types and settings, moves of groups (any
// UPDATE, DELETE or TRUNCATE of groups), and additions of groups (an INSERT). If two snapshots show as many moves, the
// one with more additions is the later one, and shows all groups that the other one does, where they are there, and
// groups that are new. What was found out about a group under the earlier one still holds: its way up, which was whole.
// If there are as many changes, too, what is set there holds as well, and so what is inherited. Two things do not hold:
// that a group is not there, and what all groups are. So neither is remembered. What was found out under the later
// snapshot is not right for the earlier one, to which a group that is known may not be there yet.
//
// This rests on:
//
//   own changes     Only our own snapshots show them, and each only a part. So a transaction that has counted itself
//                   has no generation until it ends. If the subtransaction that counted rolls back, nothing changed.
//   prepared        Its count stays invisible until COMMIT PREPARED, as its changes do.
//   subtransactions The count is made in a subtransaction that every later change of the transaction depends on; if it
//                   rolls back, its changes do too, and the next change counts again.
//   what is not MVCC, or is not counted: TRUNCATE, a rewriting ALTER TABLE, DISABLE TRIGGER, DROP and CREATE EXTENSION.
//                   All of these keep writers out of their table until they commit, and send an invalidation message
//                   then. After a message the tables are looked at anew. If each of them has its triggers, an epoch
//                   begins, and what belongs to another epoch is forgotten. Everything is counted since the epoch
//                   began, so only snapshots that are not older have a generation: an older one may show something that
//                   was changed uncounted, or see a table emptied that a TRUNCATE emptied later. Reading locks the
//                   tables, as a SELECT does, until the end of the transaction.
//   same snapshot   Two snapshots that show the same transactions (see ShownTransactions) show the same, but for what
//                   our own have done, and no sum has to be read again.
//   pages           What a page of `generations` shows is noted, for later snapshots, where nothing in it is undecided.
//                   Whatever changes it is logged, and gives it another LSN, before it is committed.
//   standby         Counts are replayed with the changes that they count, at one commit. Promotion only ends what has
//                   not committed.
//   workers         A parallel worker lives for one query and does not know what its leader has counted: no generation.
//   SERIALIZABLE    The server has to note what was read, which it can't where we use what we remember: no generation.
//
// Writers do not wait for each other here: each takes a row that nobody has locked, or adds one. Readers read the few
// rows without being asked for rights on them: a number gives nothing away.
#pragma once

#include "postgres/boundary.hpp"

namespace intd {

struct Generation {
    uint64 epoch;
    int64 changes, moves, additions;

    /// Whether what is known of this one's tree is right in the other one, too; that one may have more groups. If both
    /// have as many changes as well, all that is known of this one is right in the other one.
    bool has_tree_in(const Generation &other) const {
        return epoch == other.epoch && moves == other.moves && additions <= other.additions;
    }
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
