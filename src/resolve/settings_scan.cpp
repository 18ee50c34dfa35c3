#include "resolve/settings_scan.hpp"

extern "C" {
#include "commands/explain.h"
#include "executor/executor.h"
#include "utils/ruleutils.h"
}
#if PG_VERSION_NUM >= 180000
extern "C" {
#include "commands/explain_format.h"
}
#endif

namespace intd {
namespace {

namespace at = settings_at_column;
using namespace settings_source;

/// An argument of the call, or the type's name. Most need not be computed.
struct Argument {
    enum { none, constant, of_child, parameter, computed } kind;
    int number;          // of the child's column, from 1 on, or of the execution's parameter
    NullableDatum value; // if it is constant
    ExprState *expression;

    bool is_given() const { return kind != none; }
};

struct SettingsScan {
    CustomScanState node; // first, as the server takes it for this
    Argument project, group, configured, type;
    const int *sources; // of the columns that the node gives
    int source_count;
    uint32 used;             // columns of settings_at(), as bits
    int relation;            // its place among those of the query, from 0 on
    PlanState *child;        // null: nothing is joined here
    TupleTableSlot *outer;   // the child's row; null: the next one is to be fetched
    TypeNames types;         // that are looked at; null before the first scope
    SettingsAtRows found;    // of the scope
    bool is_found;           // for these arguments
    int next;                // which of them comes next
    int scopes;              // so far, up to many_scopes
    TupleDesc shape;         // of a whole row, if that is used
    TupleTableSlot *earlier; // see fetch_again()
    MemoryContext passing;   // for what one scope needs
};

/// Where only types that are configured are asked for, ever, those that nobody has set are left out from then on.
constexpr int many_scopes = 64;

// C++.

/// What stays from scope to scope.
void begin_scopes(SettingsScan &scan, Inheritance &inherited) {
    MemoryContext context = scan.node.ss.ps.state->es_query_cxt;
    InContext inside(context);
    if (scan.type.is_given())
        scan.types = {static_cast<std::string_view *>(allocate(sizeof(std::string_view))), 1};
    else
        scan.types = all_types(inherited.store());
    scan.found = SettingsAtRows::in(context, scan.types.count);
    if (scan.child != nullptr)
        inherited.expect(scan.child->plan->plan_rows);
}

void find(SettingsScan &scan, const SettingsOf &scope, const NullableDatum &type) {
    InContext inside(scan.passing);
    Inheritance &inherited = readable();
    if (scan.types.names == nullptr)
        begin_scopes(scan, inherited);
    if (scan.type.is_given()) {
        scan.types.count = type.isnull ? 0 : 1;
        if (!type.isnull)
            *scan.types.names = view(type.value);
    } else if (scan.configured.kind == Argument::constant && scope.configured && scan.scopes < many_scopes &&
               ++scan.scopes == many_scopes) {
        drop_unset(inherited, scan.types);
    }
    find_settings_at(inherited, scope, scan.types, scan.used, scan.found);
}

// Server code.

SettingsScan &scan_of(CustomScanState *node) {
    return *reinterpret_cast<SettingsScan *>(node);
}

CustomScan *plan_of(CustomScanState *node) {
    return castNode(CustomScan, node->ss.ps.plan);
}

/// Most of the time nothing has been allocated there.
void reset(MemoryContext context) {
    if (!context->isReset || context->firstchild != nullptr)
        MemoryContextReset(context);
}

/// The shape of a whole row, with the names that the query gives the columns.
TupleDesc shape_of_row(const SettingsScan &scan) {
    const List *names = exec_rt_fetch(scan.relation + 1, scan.node.ss.ps.state)->eref->colnames;
    TupleDesc shape = CreateTemplateTupleDesc(at::count);
    for (int n = 0; n < at::count; n++)
        TupleDescInitEntry(shape, n + 1, strVal(list_nth(names, n)), settings_at_types[n], -1, 0);
    return BlessTupleDesc(shape);
}

Argument begin_argument(void *expression, PlanState *node) {
    if (IsA(expression, Const)) {
        auto *constant = castNode(Const, expression);
        return {Argument::constant, 0, {constant->constvalue, constant->constisnull}, nullptr};
    }
    ExprState *compiled = ExecInitExpr(static_cast<Expr *>(expression), node);
    if (IsA(expression, Param) && castNode(Param, expression)->paramkind == PARAM_EXEC)
        return {Argument::parameter, castNode(Param, expression)->paramid, {}, compiled};
    return {Argument::computed, 0, {}, compiled};
}

void begin_scan(CustomScanState *node, EState *state, int flags) {
    SettingsScan &scan = scan_of(node);
    CustomScan *plan = plan_of(node);
    auto *call = castNode(FuncExpr, list_nth(plan->custom_exprs, call_expression));
    require_execute(call->funcid);
    if ((flags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
        entry([] {
            require_access(Access::read);
            return static_cast<Datum>(0);
        });
    auto number = [&](int n) { return list_nth_int(plan->custom_private, n); };
    auto argument = [&](int n, int column) {
        return column > 0 ? Argument{Argument::of_child, column, {}, nullptr}
                          : begin_argument(list_nth(call->args, n), &node->ss.ps);
    };
    scan.project = argument(0, number(project_column));
    scan.group = argument(1, number(group_column));
    scan.configured = argument(2, 0);
    if (list_length(plan->custom_exprs) > type_expression)
        scan.type = begin_argument(list_nth(plan->custom_exprs, type_expression), &node->ss.ps);
    scan.relation = number(relation_number) - number(first_number) + bms_next_member(plan->custom_relids, -1) - 1;
    scan.source_count = list_length(plan->custom_private) - settings_plan_numbers;
    auto *sources = static_cast<int *>(palloc(sizeof(int) * (scan.source_count + 1)));
    for (int n = 0; n < scan.source_count; n++) {
        sources[n] = number(settings_plan_numbers + n);
        if (sources[n] == whole_row) {
            scan.used = at::all;
            scan.shape = shape_of_row(scan);
        } else if (!is_of_child(sources[n])) {
            scan.used |= 1U << sources[n];
        }
    }
    scan.sources = sources;
    scan.passing =
        AllocSetContextCreate(state->es_query_cxt, "integration_defaults settings_at", ALLOCSET_DEFAULT_SIZES);
    if (plan->custom_plans != NIL) {
        scan.child = ExecInitNode(static_cast<Plan *>(linitial(plan->custom_plans)), state, flags);
        node->custom_ps = list_make1(scan.child);
    }
}

inline NullableDatum value_of(const Argument &argument, const SettingsScan &scan) {
    ExprContext *context = scan.node.ss.ps.ps_ExprContext;
    switch (argument.kind) {
    case Argument::none:
        return {0, true};
    case Argument::constant:
        return argument.value;
    case Argument::of_child:
        return {scan.outer->tts_values[argument.number - 1], scan.outer->tts_isnull[argument.number - 1]};
    case Argument::parameter:
        if (const ParamExecData &given = context->ecxt_param_exec_vals[argument.number]; given.execPlan == nullptr)
            return {given.value, given.isnull};
        [[fallthrough]];
    case Argument::computed:
        break;
    }
    NullableDatum result;
    result.value = ExecEvalExprSwitchContext(argument.expression, context, &result.isnull);
    return result;
}

/// A text, neither compressed nor out of line.
inline NullableDatum text_of(const Argument &argument, const SettingsScan &scan) {
    NullableDatum result = value_of(argument, scan);
    if (!result.isnull && !is_plain(result.value)) {
        MemoryContext outer = MemoryContextSwitchTo(scan.node.ss.ps.ps_ExprContext->ecxt_per_tuple_memory);
        result.value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(result.value));
        MemoryContextSwitchTo(outer);
    }
    return result;
}

void find_rows(SettingsScan &scan) {
    const NullableDatum project = text_of(scan.project, scan), group = text_of(scan.group, scan),
                        configured = value_of(scan.configured, scan), type = text_of(scan.type, scan);
    reset(scan.passing);
    entry([&] {
        find(scan, SettingsOf::from(project, group, configured), type);
        return static_cast<Datum>(0);
    });
    scan.next = 0;
    scan.is_found = true;
}

/// Gives a row of settings_at(), with what it is joined to and the columns that are used.
TupleTableSlot *give(const SettingsScan &scan, const Datum *values, const bool *nulls) {
    TupleTableSlot *slot = scan.node.ss.ss_ScanTupleSlot;
    for (int n = 0; n < scan.source_count; n++)
        if (const int source = scan.sources[n]; source >= 0) {
            slot->tts_values[n] = values[source];
            slot->tts_isnull[n] = nulls[source];
        } else if (is_of_child(source)) {
            slot->tts_values[n] = scan.outer->tts_values[child_column(source) - 1];
            slot->tts_isnull[n] = scan.outer->tts_isnull[child_column(source) - 1];
        } else {
            MemoryContext outer = MemoryContextSwitchTo(scan.node.ss.ps.ps_ExprContext->ecxt_per_tuple_memory);
            HeapTuple whole = heap_form_tuple(scan.shape, const_cast<Datum *>(values), const_cast<bool *>(nulls));
            slot->tts_values[n] = HeapTupleGetDatum(whole);
            slot->tts_isnull[n] = false;
            MemoryContextSwitchTo(outer);
        }
    return ExecStoreVirtualTuple(slot);
}

/// Whether a row is of the type that is asked for. Whoever asks may have changed which that is.
bool is_of_type(const SettingsScan &scan, TupleTableSlot *row) {
    if (!scan.type.is_given())
        return true;
    const NullableDatum type = text_of(scan.type, scan);
    return !type.isnull && !row->tts_isnull[at::integration] &&
           view(PG_DETOAST_DATUM_PACKED(row->tts_values[at::integration])) == view(type.value);
}

/// While a row is looked at again that was changed meanwhile, there is one row of settings_at(): that which had been
/// joined to it. The same row again, or none.
TupleTableSlot *fetch_again(SettingsScan &scan, EPQState *again) {
    TupleTableSlot *none = scan.node.ss.ss_ScanTupleSlot;
    if (std::exchange(again->relsubs_done[scan.relation], true))
        return none;
    if (scan.earlier == nullptr)
        scan.earlier = ExecInitExtraTupleSlot(scan.node.ss.ps.state, shape_of_row(scan), &TTSOpsVirtual);
    ExecClearTuple(scan.earlier);
    if (!EvalPlanQualFetchRowMark(again, scan.relation + 1, scan.earlier) || TupIsNull(scan.earlier) ||
        !is_of_type(scan, scan.earlier))
        return none;
    return give(scan, scan.earlier->tts_values, scan.earlier->tts_isnull);
}

/// The scope's next row, or an empty slot.
TupleTableSlot *fetch_of_scope(SettingsScan &scan) {
    if (EPQState *again = scan.node.ss.ps.state->es_epq_active;
        again != nullptr && again->relsubs_rowmark[scan.relation] != nullptr)
        return fetch_again(scan, again);
    if (!scan.is_found)
        find_rows(scan);
    if (scan.next == scan.found.count)
        return scan.node.ss.ss_ScanTupleSlot;
    const SettingsAtRow &row = scan.found.rows[scan.next++];
    return give(scan, row.values, row.nulls);
}

/// The next row, or an empty slot.
TupleTableSlot *fetch(SettingsScan &scan) {
    TupleTableSlot *none = ExecClearTuple(scan.node.ss.ss_ScanTupleSlot);
    if (scan.child == nullptr)
        return fetch_of_scope(scan);
    for (;;) {
        if (scan.outer == nullptr) { // many may have no row
            CHECK_FOR_INTERRUPTS();
            reset(scan.node.ss.ps.ps_ExprContext->ecxt_per_tuple_memory);
            TupleTableSlot *outer = ExecProcNode(scan.child);
            if (TupIsNull(outer))
                return none;
            slot_getallattrs(outer);
            scan.outer = outer;
            scan.is_found = false;
        }
        if (TupleTableSlot *row = fetch_of_scope(scan); !TupIsNull(row))
            return row;
        scan.outer = nullptr;
    }
}

TupleTableSlot *next_row(CustomScanState *node) {
    ExprContext *context = node->ss.ps.ps_ExprContext;
    ProjectionInfo *projection = node->ss.ps.ps_ProjInfo;
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        reset(context->ecxt_per_tuple_memory);
        TupleTableSlot *slot = fetch(scan_of(node));
        if (TupIsNull(slot))
            return projection == nullptr ? slot : ExecClearTuple(projection->pi_state.resultslot);
        context->ecxt_scantuple = slot;
        if (ExecQual(node->ss.ps.qual, context))
            return projection == nullptr ? slot : ExecProject(projection);
        InstrCountFiltered1(node, 1);
    }
}

void rescan(CustomScanState *node) {
    SettingsScan &scan = scan_of(node);
    const Bitmapset *changed = node->ss.ps.chgParam;
    if (scan.child != nullptr) {
        if (changed != nullptr)
            UpdateChangedParamSet(scan.child, node->ss.ps.chgParam);
        if (scan.child->chgParam == nullptr)
            ExecReScan(scan.child);
        scan.outer = nullptr;
    } else if (changed != nullptr) { // another scope
        scan.is_found = false;
    }
    scan.next = 0;
    ExecScanReScan(&node->ss);
}

void end_scan(CustomScanState *node) {
    if (PlanState *child = scan_of(node).child; child != nullptr)
        ExecEndNode(child);
}

void explain_scan(CustomScanState *node, List *ancestors, ExplainState *state) {
    CustomScan *plan = plan_of(node);
    List *context = set_deparse_context_plan(state->deparse_cxt, &plan->scan.plan, ancestors);
    auto show = [&](const char *label, int n) {
        ExplainPropertyText(
            label, deparse_expression(static_cast<Node *>(list_nth(plan->custom_exprs, n)), context, true, false),
            state);
    };
    if (list_length(plan->custom_exprs) > type_expression)
        show("Integration", type_expression);
    if (state->verbose && plan->custom_plans == NIL)
        show("Function Call", call_expression);
}

const CustomExecMethods exec_methods = {"settings_at", begin_scan, next_row, end_scan, rescan,  nullptr,     nullptr,
                                        nullptr,       nullptr,    nullptr,  nullptr,  nullptr, explain_scan};

Node *create_state(CustomScan *) {
    auto *scan = static_cast<SettingsScan *>(palloc0(sizeof(SettingsScan)));
    NodeSetTag(scan, T_CustomScanState);
    scan->node.methods = &exec_methods;
    return reinterpret_cast<Node *>(scan);
}

} // namespace

const CustomScanMethods settings_scan_methods = {"settings_at", create_state};

} // namespace intd
