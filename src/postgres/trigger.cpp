#include "postgres/trigger.hpp"

#include "postgres/invalidation.hpp"

extern "C" {
#include "catalog/pg_proc.h"
#include "nodes/plannodes.h"
#include "tcop/pquery.h"
#include "utils/portal.h"
}

namespace intd {
namespace {

struct {
    struct {
        const char *name;
        Oid oid;
    } functions[16];
    int count;
    bool valid;
} known;

void forget_functions() {
    known.count = 0;
    known.valid = false;
}

} // namespace

TriggerData *own_trigger(FunctionCallInfo fcinfo, std::initializer_list<Oid> tables) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        throw Refusal(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                      "this function is for the triggers of integration_defaults' own tables");
    auto *data = reinterpret_cast<TriggerData *>(fcinfo->context);
    Oid relation = RelationGetRelid(data->tg_relation);
    if (std::find(tables.begin(), tables.end(), relation) == tables.end())
        throw Refusal(
            ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
            cat("table \"", RelationGetRelationName(data->tg_relation), "\" is not one that this trigger is for"))
            .detail("It is for the tables of integration_defaults only.");
    return data;
}

TriggerData *row_trigger(FunctionCallInfo fcinfo, std::initializer_list<Oid> tables, TriggerEvent when) {
    TriggerData *data = own_trigger(fcinfo, tables);
    if (!TRIGGER_FIRED_FOR_ROW(data->tg_event) || (data->tg_event & TRIGGER_EVENT_TIMINGMASK) != when)
        throw Refusal(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                      "this function is for the triggers of integration_defaults' own tables");
    return data;
}

Refusal not_as_declared(const TriggerData *data) {
    return Refusal(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                   cat("trigger \"", data->tg_trigger->tgname, "\" on table \"",
                       RelationGetRelationName(data->tg_relation), "\" is not as integration_defaults makes it"))
        .hint("Drop it, if the extension has not created it.");
}

void require_event(const TriggerData *data, TriggerEvent timing, int events) {
    const TriggerEvent event = data->tg_event;
    const int fired = TRIGGER_FIRED_BY_INSERT(event)   ? on_insert
                      : TRIGGER_FIRED_BY_UPDATE(event) ? on_update
                      : TRIGGER_FIRED_BY_DELETE(event) ? on_delete
                                                       : on_truncate;
    if ((event & (TRIGGER_EVENT_TIMINGMASK | TRIGGER_EVENT_ROW)) != timing || (fired & events) == 0)
        throw not_as_declared(data);
}

Oid own_trigger_function(const char *name) {
    for (int i = 0; i < known.count; i++)
        if (strcmp(known.functions[i].name, name) == 0)
            return known.functions[i].oid;
    Oid oid = InvalidOid;
    remember(known.valid, [&] {
        Oid schema = get_namespace_oid("integration_defaults", true);
        oidvector *none = buildoidvector(nullptr, 0);
        oid = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name), PointerGetDatum(none),
                              ObjectIdGetDatum(schema));
    });
    if (known.valid && known.count < static_cast<int>(lengthof(known.functions)))
        known.functions[known.count++] = {name, oid};
    return oid;
}

void watch_trigger_functions() {
    on_function_change(forget_functions);
}

const Trigger *find_trigger(Relation relation, const char *function) {
    Oid oid = own_trigger_function(function);
    TriggerDesc *triggers = relation->trigdesc;
    for (int i = 0; OidIsValid(oid) && triggers != nullptr && i < triggers->numtriggers; i++)
        if (triggers->triggers[i].tgfoid == oid)
            return &triggers->triggers[i];
    return nullptr;
}

std::optional<Datum> column_value(HeapTuple tuple, TupleDesc shape, int column) {
    bool is_null;
    Datum value = guard([&] {
        Datum stored = heap_getattr(tuple, column, shape, &is_null);
        return !is_null && TupleDescAttr(shape, column - 1)->attlen == -1 ? PointerGetDatum(PG_DETOAST_DATUM(stored))
                                                                          : stored;
    });
    return is_null ? std::nullopt : std::optional<Datum>(value);
}

HeapTuple trigger_row(TriggerData *data) {
    return TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newtuple : data->tg_trigtuple;
}

std::optional<Datum> text_column(HeapTuple row, Relation relation, int column) {
    bool is_null;
    Datum value = guard([&] {
        Datum stored = heap_getattr(row, column, RelationGetDescr(relation), &is_null);
        return is_null ? stored : PointerGetDatum(PG_DETOAST_DATUM_PACKED(stored));
    });
    return is_null ? std::nullopt : std::optional<Datum>(value);
}

bool is_current(TriggerData *data) {
    TupleTableSlot *slot = TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? data->tg_newslot : data->tg_trigslot;
    return guard([&] { return table_tuple_satisfies_snapshot(data->tg_relation, slot, SnapshotSelf); });
}

bool refers_anew(TriggerData *data, int column) {
    if (!TRIGGER_FIRED_BY_UPDATE(data->tg_event) ||
        TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(data->tg_trigtuple->t_data)))
        return true;
    std::optional<Datum> before = text_column(data->tg_trigtuple, data->tg_relation, column);
    std::optional<Datum> after = text_column(data->tg_newtuple, data->tg_relation, column);
    return before && after ? view(*before) != view(*after) : before.has_value() != after.has_value();
}

bool has_columns(TupleDesc shape, int first, std::initializer_list<Oid> types) {
    int column = first - 1;
    for (Oid type : types)
        if (column >= shape->natts || TupleDescAttr(shape, column++)->atttypid != type)
            return false;
    return true;
}

int trigger_depth() {
    LOCAL_FCINFO(call, 0); // of a function that only gives a number
    InitFunctionCallInfoData(*call, nullptr, 0, InvalidOid, nullptr, nullptr);
    return DatumGetInt32(pg_trigger_depth(call));
}

namespace {
const ViewRowWrite *view_row_write = nullptr; // the innermost that lives
}

ViewRowWrite::ViewRowWrite() : depth_(trigger_depth()), outer_(std::exchange(view_row_write, this)) {}
ViewRowWrite::~ViewRowWrite() {
    view_row_write = outer_;
}

int statement_depth() {
    const int depth = trigger_depth();
    return view_row_write != nullptr && view_row_write->depth_ == depth - 1 ? depth - 1 : depth;
}

namespace {

/// The innermost that lives.
const OwnStatement *own_statement = nullptr;

} // namespace

OwnStatement::OwnStatement(Oid relation)
    : relation_(relation), depth_(trigger_depth()), outer_(std::exchange(own_statement, this)) {}
OwnStatement::~OwnStatement() {
    own_statement = outer_;
}
bool OwnStatement::has_fired(const TriggerData *data) const {
    return relation_ == RelationGetRelid(data->tg_relation) && depth_ + 1 == trigger_depth();
}
bool OwnStatement::fired(const TriggerData *data) {
    return own_statement != nullptr && own_statement->has_fired(data);
}

bool truncate_cascades() {
    if (ActivePortal == nullptr)
        return false;
    for (int i = 0; i < list_length(ActivePortal->stmts); i++) {
        auto *statement = static_cast<PlannedStmt *>(list_nth(ActivePortal->stmts, i));
        if (statement->utilityStmt != nullptr && IsA(statement->utilityStmt, TruncateStmt))
            return reinterpret_cast<TruncateStmt *>(statement->utilityStmt)->behavior == DROP_CASCADE;
    }
    return false;
}

} // namespace intd
