// Row triggers: the rows that they get, and giving back a changed one.
#pragma once

#include "postgres/datum.hpp"

extern "C" {
#include "catalog/pg_trigger.h"
}

namespace intd {

/// The trigger's data. Throws unless it is fired on one of `tables`.
TriggerData *own_trigger(FunctionCallInfo fcinfo, std::initializer_list<Oid> tables);

/// The trigger's data. Throws unless it is fired for each row of one of `tables` at `when` (a TRIGGER_EVENT_ mask of
/// timing): others can't use our trigger functions on tables of their own.
TriggerData *row_trigger(FunctionCallInfo fcinfo, std::initializer_list<Oid> tables, TriggerEvent when);

/// The statements that fire a trigger, as bits of TRIGGER_TYPE_EVENT_MASK.
constexpr int on_insert = TRIGGER_TYPE_INSERT, on_update = TRIGGER_TYPE_UPDATE, on_delete = TRIGGER_TYPE_DELETE,
              on_truncate = TRIGGER_TYPE_TRUNCATE;

/// The refusal of a trigger of ours that somebody has hung up otherwise than we do.
Refusal not_as_declared(const TriggerData *data);

/// Throws it unless the trigger is fired by one of these `events`, at that `timing` and level: TRIGGER_EVENT_BEFORE or
/// TRIGGER_EVENT_AFTER, with TRIGGER_EVENT_ROW. Roles that may create triggers on our tables get no more by that.
void require_event(const TriggerData *data, TriggerEvent timing, int events);

/// The oid of a trigger function of ours, or InvalidOid while the extension is not there. `name` is a literal: the
/// answer is remembered until some function or schema changes. Server code: raises reports.
Oid own_trigger_function(const char *name);

/// A relation's trigger that calls a trigger function of ours, or null. Server code: raises reports.
const Trigger *find_trigger(Relation relation, const char *function);

/// A column of a row, counted from 1, detoasted; none if it is NULL.
std::optional<Datum> column_value(HeapTuple tuple, TupleDesc shape, int column);

/// The row that an INSERT or UPDATE stored, or that a DELETE removed.
HeapTuple trigger_row(TriggerData *data);

/// A text column of such a row, counted from 1, not copied; none if it is NULL.
std::optional<Datum> text_column(HeapTuple row, Relation relation, int column);

/// Whether the row that an INSERT or UPDATE stored is still there as it was stored: a deferred trigger comes late, and
/// one that is not, after other triggers. If it is not there, its later version has an event of its own.
bool is_current(TriggerData *data);

/// Whether it has to be checked that what a column refers to is there. So after every INSERT, and after an UPDATE that
/// changes the column. Also after an UPDATE of a row that this transaction wrote: that row may have been out of date
/// when its own event came, and not been checked.
bool refers_anew(TriggerData *data, int column);

/// Whether the columns from `first` on, counted from 1, are of these types. A view's owner can replace the view by one
/// with other columns, so its triggers ask this before they read a row.
bool has_columns(TupleDesc shape, int first, std::initializer_list<Oid> types);

/// How deep in triggers we are: 1 in one that a plain statement fired.
int trigger_depth();

/// Lives in our triggers of views: what they write for a row is a part of the statement on the view.
class ViewRowWrite {
  public:
    ViewRowWrite();
    ~ViewRowWrite();
    ViewRowWrite(const ViewRowWrite &) = delete;
    ViewRowWrite &operator=(const ViewRowWrite &) = delete;

  private:
    int depth_;
    const ViewRowWrite *outer_;
    friend int statement_depth();
};

/// trigger_depth() without those triggers of views: 1 in a trigger that is fired by what a client writes.
int statement_depth();

/// While it lives, a statement of ours may do to a relation what no other statement may. Only the relation's triggers
/// that this statement itself fires are told so. What other triggers do meanwhile runs deeper, and is not.
class OwnStatement {
  public:
    explicit OwnStatement(Oid relation);
    ~OwnStatement();
    OwnStatement(const OwnStatement &) = delete;
    OwnStatement &operator=(const OwnStatement &) = delete;

    /// Whether this statement has fired the trigger that is running.
    bool has_fired(const TriggerData *data) const;
    /// Whether such a statement has.
    static bool fired(const TriggerData *data);

  private:
    Oid relation_;
    int depth_;
    const OwnStatement *outer_;
};

/// Whether the command that the client has sent is a TRUNCATE … CASCADE. Of one inside a function it can't be told.
bool truncate_cascades();

/// Called once, when the module is loaded.
void watch_trigger_functions();

} // namespace intd
