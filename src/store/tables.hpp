// Our six tables, and reading their rows by primary key (or by its first column) as the active snapshot sees them.
//
// A row is read by a direct index scan, all rows by a sequential one, where that is exact and allowed: the relation is
// a plain heap table of this server with its primary key in place, the current user may SELECT from it and no row
// security is in force for him. Otherwise (partitioned, distributed by Citus, row security, missing rights, …) the same
// rows are read by a prepared query, which gives the answer, or the error, that SQL gives. Neither path writes
// anything, or locks more than a SELECT does: the tables against being altered or truncated until the end of the
// transaction.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

enum class Table : uint8_t { integrations, groups, projects, instance_settings, group_settings, project_settings };
constexpr int table_count = 6;

/// Columns, counted from 0, in the order in which the tables declare them.
namespace column {
enum of_integrations { name, title, category, schema, allowed };
enum of_scopes { id, parent }; // groups and projects
/// Settings tables: the columns before these are the key: (integration), (group_id, integration) or
/// (project_id, integration). Projects have no `locked`.
enum of_settings { custom, active, settings, locked, updated_at, updated_by };
} // namespace column

constexpr int max_columns = 8;

/// One row: text and jsonb values are plain (not compressed, not out of line) and live in the memory context that
/// was current when the row was read.
struct Row {
    Datum values[max_columns];
    bool nulls[max_columns];
};

struct Rows {
    Row *begin_;
    int count;
    const Row *begin() const { return begin_; }
    const Row *end() const { return begin_ + count; }
};

/// The relation's oid. Throws undefined_table while the extension is not there, and 55000 where the table is not of the
/// shape that we declared: what reads its rows relies on that.
Oid table_oid(Table table);

/// The row whose primary key is (key) or (key1, key2), each a text Datum; null if there is none.
const Row *read_row(Table table, Datum key1, Datum key2 = 0);

/// All rows whose primary key starts with `key`; with key 0, all rows of the table, in no order.
Rows read_rows(Table table, Datum key = 0);

/// All rows, of each the first column only.
Rows read_keys(Table table);

/// Takes FOR KEY SHARE on the row of integrations, groups or projects whose primary key is `key`, as our owner: what
/// `SELECT … FOR KEY SHARE` locks, waits for and refuses. False if there is no such row.
bool hold_row(Table table, Datum key);

/// Whether reading the whole table costs less than `looks` more of its rows one by one would, and little memory.
bool is_worth_reading_whole(Table table, int looks);

/// Whether the current user reads every one of our tables directly, so that what was computed from them under the
/// same snapshot may be used again for him.
bool reads_all_directly();

/// Whether he was found to, and nothing that has been heard of since then has changed it.
bool reads_all_as_known();

/// Our owner: whom the table `integrations` belongs to. Throws 55000 unless all six tables do.
Oid our_owner();

/// Whether a dump is being restored: every dump turns check_function_bodies off, and while it is off, rows that come in
/// are neither checked nor derived from, so that a restore gives back exactly what was there, in any order. What
/// deletes or renames, as no restore does, keeps the rules all the same. Any role may turn it off; who restores is a
/// superuser or has our owner's rights, in the session itself and not by a SECURITY DEFINER function.
bool restoring();

/// Lives in each function of ours that writes to our tables, as long as it does so. No restore calls one: what it
/// writes and sets off is checked and derived, also where a dump has left check_function_bodies off in the session. The
/// rules are triggers: throws 55000 in a session that fires none (session_replication_role = replica).
class WritingFunction {
  public:
    WritingFunction();
    ~WritingFunction();
    WritingFunction(const WritingFunction &) = delete;
    WritingFunction &operator=(const WritingFunction &) = delete;
};

/// Until the end of the block our statements run as our owner, without row security, as those of the server's own
/// foreign keys do, and with a search_path that is fixed (see path.hpp). For the checks that hold a rule whatever the
/// caller may see. An error that leaves the block restores the user with the (sub)transaction.
class AsOwner {
  public:
    AsOwner();
    ~AsOwner() { SetUserIdAndSecContext(user_, context_); }
    AsOwner(const AsOwner &) = delete;
    AsOwner &operator=(const AsOwner &) = delete;

  private:
    Oid user_;
    int context_;
};

/// Called once, when the module is loaded.
void watch_tables();

} // namespace intd
