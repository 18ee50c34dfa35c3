// Prepared statements, kept for the life of the backend and planned again by the server when something they use
// changes. Names in them are schema-qualified, operators too.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

/// One statement of ours; a static object that is filled in with constants. If its first parameter is a single value,
/// the statement is about few rows: then one plan is kept, which is made as if all tables were large, however small
/// they are when it is made.
struct Statement {
    static constexpr int most_parameters = 10;
    const char *sql;
    int parameters;
    Oid types[most_parameters];
    SPIPlanPtr plan;
    bool generic = false;      // one plan whatever the parameters: for arrays, whose lengths would each be planned anew
    bool custom = false;       // planned anew each time: for statements over whole tables
    Statement *next = nullptr; // of those that have a plan
};

// Server code: raises reports; SPI must be connected.

/// The statement's kept plan.
SPIPlanPtr prepared(Statement &statement);

/// A plan that goes with the connection.
SPIPlanPtr prepare(const char *sql, int parameters, Oid *types, int options = 0);

/// SPI, connected for server code from here until finish(), which brings back what was before; an error does that with
/// the (sub)transaction, and then nothing here is needed: it owns nothing. Statements run with the search_path that
/// ours need (see path.hpp).
class Connection {
  public:
    Connection();
    void finish();

    /// Runs a plan: SPI_tuptable has the rows, and their number is returned. It sees what `snapshot` shows and what
    /// this transaction did; without one the newest state under READ COMMITTED, else the transaction's snapshot. 40001
    /// if it would change a row that `crosscheck` does not show. Unless `alone`, AFTER triggers of what it changes fire
    /// with those of the statement whose trigger we are in. Stops after `limit` rows.
    uint64 run(SPIPlanPtr plan, const Datum *values, const char *nulls = nullptr, Snapshot snapshot = InvalidSnapshot,
               Snapshot crosscheck = InvalidSnapshot, bool alone = true, int limit = 0);
    /// Runs a plan that only reads, under the active snapshot.
    uint64 read(SPIPlanPtr plan, const Datum *values, const char *nulls = nullptr);

    /// A value of the result, both counted from 0, detoasted and in the memory context of the caller; none for NULL.
    std::optional<Datum> result(uint64 row, int column) const;
    /// The memory context in which SPI was connected; meanwhile its own is the current one.
    MemoryContext caller() const { return caller_; }

  private:
    MemoryContext caller_;
    int path_;
};

/// A report's CONTEXT has the whole text of a statement that was run by SPI. Cuts it after the first relation of ours.
void shorten(ErrorData *report, std::string_view statement);

/// A parameter or a result; a missing value is SQL NULL.
using Value = std::optional<Datum>;

/// Until the end of the block statements are planned and run with other settings of the planner than the session has.
/// An error that leaves it brings them back with the (sub)transaction.
class PlannerSettings {
  public:
    enum Purpose {
        few_rows, ///< by index, whatever the statistics were when the plan was made
        many_rows ///< with the memory that maintenance commands get, and without compiling
    };
    explicit PlannerSettings(Purpose purpose);
    ~PlannerSettings() { AtEOXact_GUC(true, level_); }
    PlannerSettings(const PlannerSettings &) = delete;
    PlannerSettings &operator=(const PlannerSettings &) = delete;

  private:
    int level_;
};

/// Runs a statement with the current user's rights and gives the number of rows that it touched (for a SELECT: found).
uint64 execute(Statement &statement, std::initializer_list<Value> parameters);

/// Runs a statement that gives a row: `results` get the first `columns` columns of the first one, copied to the
/// current memory context (none for NULL, and if there is no row). Gives the number of rows. The active snapshot is
/// used as it is if `read_only`; otherwise a new one is taken, which sees what this transaction has just written.
uint64 fetch_row(Statement &statement, std::initializer_list<Value> parameters, Value *results, int columns,
                 bool read_only = false);

/// The same for one column.
inline uint64 fetch(Statement &statement, std::initializer_list<Value> parameters, Value *result,
                    bool read_only = false) {
    return fetch_row(statement, parameters, result, 1, read_only);
}

/// The first column of all rows, copied to the current memory context; it must not be NULL.
struct Column {
    Datum *begin_;
    uint64 count;
    const Datum *begin() const { return begin_; }
    const Datum *end() const { return begin_ + count; }
};
Column fetch_column(Statement &statement, std::initializer_list<Value> parameters);

/// Runs a statement in the newest state: on what this transaction did and all that has been committed. 40001 if it
/// would change a row that the transaction's own snapshot, under REPEATABLE READ or SERIALIZABLE, does not show. AFTER
/// triggers of what it changes fire with those of the statement whose trigger we are in. Stops after `limit` rows.
uint64 execute_newest(Statement &statement, std::initializer_list<Value> parameters, int limit = 0);

/// The same as a statement of its own, in or outside of a trigger: its AFTER triggers have fired when it returns.
uint64 execute_newest_alone(Statement &statement, std::initializer_list<Value> parameters);

/// Runs a utility command, whose names are written out. Server code: raises reports.
void run_command(const char *command);

/// Until the end of the block the active snapshot shows what this transaction did and all that has been committed.
class NewestState {
  public:
    NewestState() {
        guard([] {
            CommandCounterIncrement();
            PushActiveSnapshot(GetLatestSnapshot());
        });
    }
    ~NewestState() { PopActiveSnapshot(); }
    NewestState(const NewestState &) = delete;
    NewestState &operator=(const NewestState &) = delete;
};

/// Reads the rows of a SELECT in batches, under the active snapshot. Between next() and next() the caller may run
/// whatever it likes. An error that leaves it open is cleaned up with the transaction.
///
/// The caller takes a value for what the table was declared with. Its owner may have given the column another type: so
/// where nobody has looked at the table's shape, the statement casts what it gives, here as in fetch_row().
class Cursor {
  public:
    Cursor(Statement &statement, std::initializer_list<Value> parameters);
    /// The next row, or false after the last one. Values are good until the next call.
    bool next();
    void close();

    /// A column of the row, counted from 0; text and jsonb detoasted.
    Value column(int n) const;

  private:
    Portal portal_;
    SPITupleTable *batch_ = nullptr;
    uint64 size_ = 0, at_ = 0;
    MemoryContext caller_;
};

/// Called once, when the module is loaded.
void watch_planning();

} // namespace intd
