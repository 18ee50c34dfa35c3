#include "resolve/settings_path.hpp"

#include "resolve/settings_scan.hpp"
#include "store/relation.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_statistic.h"
#include "nodes/makefuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/cost.h"
#include "optimizer/joininfo.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "parser/analyze.h"
#include "parser/parsetree.h"
#include "utils/selfuncs.h"

PGDLLEXPORT Datum intd_settings_at(PG_FUNCTION_ARGS);
PGDLLEXPORT Datum intd_may_read(PG_FUNCTION_ARGS);
}

namespace intd {
namespace {

namespace at = settings_at_column;

set_rel_pathlist_hook_type next_for_relation;
set_join_pathlist_hook_type next_for_join;
get_relation_stats_hook_type next_for_statistics;

// Server code. The planner offers each relation of FROM to offer_scan(), once it has asked the function's support
// function how many rows there will be: so the module is loaded by then.

PGFunction address_of(Oid function) {
    FmgrInfo info;
    fmgr_info(function, &info);
    return info.fn_strict ? nullptr : info.fn_addr;
}

/// The call, if it is one of settings_at() as the extension has made it. Somebody may have altered that it is STRICT or
/// SECURITY DEFINER, or its settings: that is for the server's own node.
FuncExpr *call_of(const RangeTblEntry *entry) {
    if (entry->rtekind != RTE_FUNCTION || list_length(entry->functions) != 1 || entry->funcordinality)
        return nullptr;
    auto *function = linitial_node(RangeTblFunction, entry->functions);
    if (!IsA(function->funcexpr, FuncExpr) || function->funccolcount != at::count || function->funccolnames != NIL)
        return nullptr;
    auto *call = castNode(FuncExpr, function->funcexpr);
    if (list_length(call->args) != 3 || !OidIsValid(get_func_support(call->funcid)) ||
        address_of(call->funcid) != intd_settings_at)
        return nullptr;
    const Oid arguments[] = {TEXTOID, TEXTOID, BOOLOID};
    for (int n = 0; n < 3; n++)
        if (exprType(static_cast<Node *>(list_nth(call->args, n))) != arguments[n])
            return nullptr;
    TupleDesc columns;
    Oid type;
    if (get_expr_result_type(function->funcexpr, &type, &columns) != TYPEFUNC_COMPOSITE || columns->natts != at::count)
        return nullptr;
    for (int n = 0; n < at::count; n++)
        if (TupleDescAttr(columns, n)->atttypid != settings_at_types[n])
            return nullptr;
    return call;
}

/// The same of a relation that a path of ours has been made for. It is not asked again what the function is: another
/// session may have altered or dropped it meanwhile, and whoever executes the plan is told.
FuncExpr *known_call(const PlannerInfo *root, const RelOptInfo *relation) {
    List *functions = root->simple_rte_array[relation->relid]->functions;
    return castNode(FuncExpr, linitial_node(RangeTblFunction, functions)->funcexpr);
}

/// Without what only says that a value is known as another type or by another collation.
Node *unlabelled(Node *node) {
    while (IsA(node, RelabelType))
        node = reinterpret_cast<Node *>(castNode(RelabelType, node)->arg);
    return node;
}

bool is_integration_of(Node *node, Index relation) {
    node = unlabelled(node);
    return IsA(node, Var) && castNode(Var, node)->varno == static_cast<int>(relation) &&
           castNode(Var, node)->varattno == at::integration + 1;
}

/// The other side of a clause `integration = …`, where that is computed without the function's rows; else null.
Node *compared_with_integration(Node *clause, Index relation) {
    if (!is_opclause(clause) || list_length(castNode(OpExpr, clause)->args) != 2)
        return nullptr;
    auto *comparison = castNode(OpExpr, clause);
    if (comparison->opno != TextEqualOperator || !OidIsValid(comparison->inputcollid) ||
        !get_collation_isdeterministic(comparison->inputcollid))
        return nullptr; // without a collation, where two are in conflict, the operator says so
    for (int side = 0; side < 2; side++) {
        auto *other = static_cast<Node *>(list_nth(comparison->args, 1 - side));
        if (!is_integration_of(static_cast<Node *>(list_nth(comparison->args, side)), relation) ||
            contain_volatile_functions(other))
            continue;
        Bitmapset *own = nullptr;
        pull_varattnos(other, relation, &own);
        if (bms_is_empty(own))
            return other;
    }
    return nullptr;
}

/// About how many rows a table of ours has; negative where nobody has counted.
double rows_of(Table table) {
    Relation relation = table_open(look_up(table).relation, AccessShareLock);
    const double rows = relation->rd_rel->reltuples;
    table_close(relation, NoLock);
    return rows;
}

/// How many values a column of settings_at() has, over all calls; 0 where the server's guess will do, which goes by the
/// rows of one call.
double distinct_values(int column) {
    if (column == at::source_level)
        return 3;
    if (column == at::source_id)
        return std::max(rows_of(Table::group_settings), 0.0) + std::max(rows_of(Table::project_settings), 0.0);
    return 0;
}

/// Gives the planner that figure as if ANALYZE had found it.
bool offer_statistics(PlannerInfo *root, RangeTblEntry *entry, AttrNumber column, VariableStatData *data) {
    if (next_for_statistics != nullptr && next_for_statistics(root, entry, column, data))
        return true;
    const double distinct = column <= 0 || call_of(entry) == nullptr ? 0 : distinct_values(column - 1);
    if (distinct <= 0)
        return false;
    Datum values[Natts_pg_statistic] = {};
    bool nulls[Natts_pg_statistic] = {};
    std::fill(nulls + Anum_pg_statistic_stanumbers1 - 1, std::end(nulls), true);
    values[Anum_pg_statistic_stadistinct - 1] = Float4GetDatum(static_cast<float>(distinct));
    Relation catalog = table_open(StatisticRelationId, AccessShareLock);
    data->statsTuple = heap_form_tuple(RelationGetDescr(catalog), values, nulls);
    table_close(catalog, AccessShareLock);
    data->freefunc = heap_freetuple;
    data->acl_ok = true;
    return true;
}

Plan *plan_scan(PlannerInfo *, RelOptInfo *, CustomPath *, List *, List *, List *);
const CustomPathMethods scan_path = {"settings_at", plan_scan, nullptr};
Plan *plan_join(PlannerInfo *, RelOptInfo *, CustomPath *, List *, List *, List *);
const CustomPathMethods join_path = {"settings_at", plan_join, nullptr};

CustomPath *make_path(RelOptInfo *relation, const CustomPathMethods *methods) {
    auto *path = makeNode(CustomPath);
    path->path.pathtype = T_CustomScan;
    path->path.parent = relation;
    path->path.pathtarget = relation->reltarget;
    path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
    path->methods = methods;
    return path;
}

/// Whether no row of what the clause stands for can be in the result, unless one of the relation is, too: that no outer
/// join adds NULLs in the place of its rows, nor asks only whether there are any, but where it does so to all of these.
bool is_needed_for(const PlannerInfo *root, const RelOptInfo *relation, const RestrictInfo *clause) {
    for (int n = 0; n < list_length(root->join_info_list); n++) {
        auto *join = list_nth_node(SpecialJoinInfo, root->join_info_list, n);
        for (Relids side : {join->syn_lefthand, join->syn_righthand})
            if ((side == join->syn_righthand || join->jointype == JOIN_FULL) && bms_is_member(relation->relid, side) &&
                !bms_is_subset(clause->required_relids, side))
                return false;
    }
    return true;
}

/// The node asks what may_read() asks, before anything is read: so that is taken from the query, which spares a node
/// above all rows, and lets the server offer us the join. Where a plan may come to be without the node and read
/// something that the clause stands before (another view of ours, say, to which this one is joined by an outer join),
/// it stays; also of a relation in a UNION ALL, which has but a copy of it.
void take_over_may_read(PlannerInfo *root, const RelOptInfo *relation) {
    if (relation->reloptkind != RELOPT_BASEREL)
        return;
    List *clauses = list_copy(relation->joininfo);
    for (int n = 0; n < list_length(clauses); n++) {
        auto *info = list_nth_node(RestrictInfo, clauses, n);
        if (info->pseudoconstant && IsA(info->clause, FuncExpr) &&
            address_of(castNode(FuncExpr, info->clause)->funcid) == intd_may_read &&
            is_needed_for(root, relation, info))
            remove_join_clause_from_rels(root, info, info->required_relids);
    }
}

/// Settings that are read before the project's lock is there are those from before others' writes that it waited for.
/// The lock of a whole view would come with such settings, so it is refused, as it was while the views were joins.
void refuse_locks_of_projects(const PlannerInfo *root, const RelOptInfo *relation, FuncExpr *call) {
    auto *project = static_cast<Node *>(linitial(call->args));
    if (root->parse->rowMarks == NIL || (IsA(project, Const) && castNode(Const, project)->constisnull))
        return;
    for (int beside = -1; (beside = bms_next_member(relation->lateral_relids, beside)) >= 0;)
        if (const RowMarkClause *lock = get_parse_rowmark(root->parse, beside); lock != nullptr && lock->pushedDown)
            ereport(ERROR,
                    (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                     errmsg("%s can't lock the rows of a view of projects' settings", LCS_asString(lock->strength)),
                     errhint("Lock the project in its own table, then read its settings.")));
}

/// With the rows of `outer` at hand, of which each asks for that many types.
void offer_scan_beside(PlannerInfo *root, RelOptInfo *relation, Relids outer, double types) {
    CustomPath *made = make_path(relation, &scan_path);
    Path &path = made->path;
    path.param_info = get_baserel_parampathinfo(root, relation, outer);
    path.parallel_safe = relation->consider_parallel;
    path.rows = clamp_row_est(path.param_info == nullptr ? relation->rows : path.param_info->ppi_rows);
    const QualCost &conditions = relation->baserestrictcost, &targets = relation->reltarget->cost;
    QualCost beside = {};
    if (path.param_info != nullptr)
        cost_qual_eval(&beside, path.param_info->ppi_clauses, root);
    path.startup_cost = conditions.startup + beside.startup + targets.startup;
    path.total_cost = path.startup_cost + (cpu_tuple_cost + conditions.per_tuple + beside.per_tuple) * types +
                      targets.per_tuple * path.rows;
    add_path(relation, &path);
}

bool is_integration(PlannerInfo *, RelOptInfo *relation, EquivalenceClass *, EquivalenceMember *member, void *) {
    return is_integration_of(reinterpret_cast<Node *>(member->em_expr), relation->relid);
}

void offer_scan(PlannerInfo *root, RelOptInfo *relation, Index number, RangeTblEntry *entry) {
    if (next_for_relation != nullptr)
        next_for_relation(root, relation, number, entry);
    FuncExpr *call = IS_DUMMY_REL(relation) ? nullptr : call_of(entry);
    if (call == nullptr)
        return;
    refuse_locks_of_projects(root, relation, call);
    take_over_may_read(root, relation);
    // Of many calls, most may give no row that fulfils the conditions: then it is less than one for each.
    if (relation->lateral_relids != nullptr)
        relation->rows =
            relation->tuples * clauselist_selectivity(root, relation->baserestrictinfo, 0, JOIN_INNER, nullptr);
    relation->pathlist = NIL; // the server's, which is the only one
    offer_scan_beside(root, relation, relation->lateral_relids, relation->tuples);
    // Another table's column may say which type is wanted.
    List *equal =
        generate_implied_equalities_for_column(root, relation, is_integration, nullptr, relation->lateral_referencers);
    equal = list_concat_copy(equal, relation->joininfo);
    for (int n = 0; n < list_length(equal); n++) {
        auto *info = list_nth_node(RestrictInfo, equal, n);
        if (!join_clause_is_movable_to(info, relation) ||
            compared_with_integration(reinterpret_cast<Node *>(info->clause), relation->relid) == nullptr)
            continue;
        Relids outer = bms_union(info->clause_relids, relation->lateral_relids);
        offer_scan_beside(root, relation, bms_del_member(outer, static_cast<int>(relation->relid)), 1);
    }
}

/// The path of offer_scan() that wants no more than the call's arguments; null: another module has had its way.
Path *path_alone(const RelOptInfo *relation) {
    for (int n = 0; n < list_length(relation->pathlist); n++)
        if (auto *path = static_cast<Path *>(list_nth(relation->pathlist, n));
            IsA(path, CustomPath) && reinterpret_cast<CustomPath *>(path)->methods == &scan_path &&
            bms_equal(PATH_REQ_OUTER(path), relation->lateral_relids))
            return path;
    return nullptr;
}

/// An argument of the call that need not be computed: a constant or a column. Else null.
Node *plain_argument(FuncExpr *call, int n) {
    Node *argument = unlabelled(static_cast<Node *>(list_nth(call->args, n)));
    return IsA(argument, Var) || IsA(argument, Const) ? argument : nullptr;
}

/// Whether all columns in an expression are settings_at()'s or among those that the other side gives. An expression
/// that has to be computed below an outer join, above which it may be NULL (a PlaceHolderVar), is not: we would compute
/// it again, from columns that are NULL there. Nor is what tells the rows of a partitioned table apart that is written
/// to, which the server allows in no node like ours.
bool are_columns_given(Node *expression, const RelOptInfo *outer, const RelOptInfo *inner) {
    List *columns = pull_var_clause(expression, PVC_INCLUDE_PLACEHOLDERS);
    for (int n = 0; n < list_length(columns); n++)
        if (auto *column = static_cast<Node *>(list_nth(columns, n));
            !IsA(column, Var) || castNode(Var, column)->varno == ROWID_VAR ||
            (castNode(Var, column)->varno != static_cast<int>(inner->relid) &&
             !list_member(outer->reltarget->exprs, column)))
            return false;
    return true;
}

/// Whether the node can do with a condition of the joined rows.
bool is_for_join(const RestrictInfo *info, const RelOptInfo *outer, const RelOptInfo *inner) {
    auto *condition = reinterpret_cast<Node *>(info->clause);
    Node *name = compared_with_integration(condition, inner->relid);
    // another type for each row is for the nested loop
    return !info->pseudoconstant && (name == nullptr || !contain_var_clause(name)) &&
           are_columns_given(condition, outer, inner);
}

bool is_for_join(FuncExpr *call, const RelOptInfo *join, const RelOptInfo *outer, const RelOptInfo *inner) {
    for (int n = 0; n < 2; n++)
        if (Node *argument = plain_argument(call, n); argument == nullptr || !are_columns_given(argument, outer, inner))
            return false;
    return IsA(list_nth(call->args, 2), Const) &&
           are_columns_given(reinterpret_cast<Node *>(join->reltarget->exprs), outer, inner);
}

/// Puts conditions into the order in which they are evaluated, as the server does for its own nodes: those of a view
/// with a security barrier before what is asked of the view, unless that is cheap and gives nothing away; then cheap
/// ones first.
void put_in_order(PlannerInfo *root, List *conditions) {
    for (int n = 0; n < list_length(conditions); n++) {
        QualCost cost; // is kept in the clause
        cost_qual_eval_node(&cost, static_cast<Node *>(list_nth(conditions, n)), root);
    }
    auto level = [](const RestrictInfo *info) {
        return info->leakproof && info->eval_cost.per_tuple < 10 * cpu_operator_cost ? 0 : info->security_level;
    };
    auto comes_before = [&](const ListCell &left, const ListCell &right) {
        const auto *a = lfirst_node(RestrictInfo, &left), *b = lfirst_node(RestrictInfo, &right);
        return level(a) != level(b) ? level(a) < level(b) : a->eval_cost.per_tuple < b->eval_cost.per_tuple;
    };
    if (conditions != NIL)
        std::stable_sort(conditions->elements, conditions->elements + conditions->length, comes_before);
}

void offer_join(PlannerInfo *root, RelOptInfo *join, RelOptInfo *outer, RelOptInfo *inner, JoinType type,
                JoinPathExtraData *extra) {
    if (next_for_join != nullptr)
        next_for_join(root, join, outer, inner, type, extra);
    if (type != JOIN_INNER || inner->reloptkind != RELOPT_BASEREL || inner->rtekind != RTE_FUNCTION ||
        inner->lateral_relids == nullptr || !bms_is_subset(inner->lateral_relids, outer->relids) ||
        join->lateral_relids != nullptr)
        return;
    const Path *alone = path_alone(inner);
    if (alone == nullptr)
        return;
    if (!is_for_join(known_call(root, inner), join, outer, inner))
        return;
    List *conditions = list_concat_copy(inner->baserestrictinfo, extra->restrictlist);
    for (int n = 0; n < list_length(conditions); n++)
        if (!is_for_join(list_nth_node(RestrictInfo, conditions, n), outer, inner))
            return;
    put_in_order(root, conditions);
    QualCost together; // of those that the other path does not have
    cost_qual_eval(&together, list_difference(extra->restrictlist, alone->param_info->ppi_clauses), root);
    auto offer = [&](Path *child, bool partial) {
        CustomPath *made = make_path(join, &join_path);
        Path &path = made->path;
        path.parallel_safe = join->consider_parallel && child->parallel_safe;
        path.parallel_workers = child->parallel_workers;
        take_over_disabled(&path, child);
        path.rows = clamp_row_est(join->rows * child->rows / outer->rows);
        const Cost begin = alone->startup_cost + together.startup;
        const Cost each = alone->total_cost - alone->startup_cost + together.per_tuple * inner->tuples;
        path.startup_cost = child->startup_cost + begin;
        path.total_cost = child->total_cost + begin + each * child->rows + join->reltarget->cost.per_tuple * path.rows;
        path.pathkeys = build_join_pathkeys(root, join, type, child->pathkeys);
        made->custom_paths = list_make1(child);
        made->custom_private = list_make2(conditions, inner);
        if (partial)
            add_partial_path(join, &path);
        else
            add_path(join, &path);
    };
    for (int n = 0; n < list_length(outer->pathlist); n++)
        if (auto *child = static_cast<Path *>(list_nth(outer->pathlist, n)); child->param_info == nullptr)
            offer(child, false);
    if (join->consider_parallel)
        for (int n = 0; n < list_length(outer->partial_pathlist); n++)
            offer(static_cast<Path *>(list_nth(outer->partial_pathlist, n)), true);
}

// From path to plan.

/// Where the child has a column, from 1 on.
int find_in(const Plan *child, Node *column) {
    TargetEntry *found = tlist_member(reinterpret_cast<Expr *>(column), child->targetlist);
    if (found == nullptr)
        elog(ERROR, "settings_at: a column is not in the plan below");
    return found->resno;
}

/// A column as the other side gives it. Since 16 a column says which outer joins may have made it NULL, but not where
/// the server asks for it to tell rows apart (system columns and whole rows, for locks): so these are told by their
/// numbers.
Node *as_given(Node *column, const Plan *child) {
    auto *wanted = castNode(Var, column);
    if (child == nullptr || wanted->varattno > 0)
        return column;
    for (int n = 0; n < list_length(child->targetlist); n++) {
        Expr *given = list_nth_node(TargetEntry, child->targetlist, n)->expr;
        if (IsA(given, Var) && castNode(Var, given)->varno == wanted->varno &&
            castNode(Var, given)->varattno == wanted->varattno)
            return reinterpret_cast<Node *>(given);
    }
    return column;
}

/// What both kinds of plan have: `inner` is settings_at(), `child` null or what is joined to it.
CustomScan *make_plan(PlannerInfo *root, RelOptInfo *relation, const CustomPath *path, const RelOptInfo *inner,
                      List *targets, List *conditions, Plan *child) {
    auto *call = static_cast<FuncExpr *>(copyObjectImpl(known_call(root, inner)));
    const auto own = static_cast<int>(inner->relid);
    auto *scan = makeNode(CustomScan);
    scan->flags = path->flags;
    scan->methods = &settings_scan_methods;
    scan->scan.plan.targetlist = targets;
    scan->custom_private = list_make2_int(own, bms_next_member(relation->relids, -1));
    for (int n = 0; n < 2; n++) {
        int column = 0;
        if (Node *argument = child == nullptr ? nullptr : plain_argument(call, n);
            argument != nullptr && IsA(argument, Var)) {
            column = find_in(child, argument);
            lfirst(list_nth_cell(call->args, n)) = makeNullConst(TEXTOID, -1, InvalidOid);
        }
        scan->custom_private = lappend_int(scan->custom_private, column);
    }
    scan->custom_exprs = list_make1(call);
    for (int n = 0; n < list_length(conditions); n++) {
        auto *condition = static_cast<Node *>(list_nth(conditions, n));
        Node *name = compared_with_integration(condition, inner->relid);
        if (name != nullptr && list_length(scan->custom_exprs) == type_expression)
            scan->custom_exprs = lappend(scan->custom_exprs, copyObjectImpl(name));
        else
            scan->scan.plan.qual = lappend(scan->scan.plan.qual, condition);
    }
    // The columns that the node gives are those that are used, in the order in which they are wanted above it, so that
    // mostly nothing has to be done to bring them there. (The server may put other targets, made of the relation's, in
    // the place of these.)
    for (List *list : {relation->reltarget->exprs, targets, scan->scan.plan.qual}) {
        List *used = pull_var_clause(reinterpret_cast<Node *>(list),
                                     PVC_RECURSE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS | PVC_RECURSE_PLACEHOLDERS);
        for (int n = 0; n < list_length(used); n++)
            if (Node *column = as_given(static_cast<Node *>(list_nth(used, n)), child);
                child != nullptr || castNode(Var, column)->varno == own)
                scan->custom_scan_tlist = add_to_flat_tlist(scan->custom_scan_tlist, list_make1(column));
    }
    for (int n = 0; n < list_length(scan->custom_scan_tlist); n++) {
        auto *column = castNode(Var, list_nth_node(TargetEntry, scan->custom_scan_tlist, n)->expr);
        scan->custom_private = lappend_int(
            scan->custom_private, column->varno == own
                                      ? column->varattno - 1
                                      : settings_source::of_child(find_in(child, reinterpret_cast<Node *>(column))));
    }
    return scan;
}

Plan *plan_scan(PlannerInfo *root, RelOptInfo *relation, CustomPath *path, List *targets, List *clauses, List *) {
    List *conditions = extract_actual_clauses(clauses, false);
    return &make_plan(root, relation, path, relation, targets, conditions, nullptr)->scan.plan;
}

Plan *plan_join(PlannerInfo *root, RelOptInfo *relation, CustomPath *path, List *targets, List *, List *children) {
    List *conditions = extract_actual_clauses(static_cast<List *>(linitial(path->custom_private)), false);
    auto *inner = static_cast<RelOptInfo *>(lsecond(path->custom_private));
    CustomScan *scan =
        make_plan(root, relation, path, inner, targets, conditions, static_cast<Plan *>(linitial(children)));
    scan->custom_plans = children;
    return &scan->scan.plan;
}

} // namespace

void offer_settings_paths() {
    RegisterCustomScanMethods(&settings_scan_methods);
    next_for_relation = std::exchange(set_rel_pathlist_hook, offer_scan);
    next_for_join = std::exchange(set_join_pathlist_hook, offer_join);
    next_for_statistics = std::exchange(get_relation_stats_hook, offer_statistics);
}

/// For the planner: about how many rows a call gives. Asked before the paths above are looked for.
INTD_FUNCTION(settings_at_support) {
    auto *request = reinterpret_cast<SupportRequestRows *>(PG_GETARG_POINTER(0));
    if (!IsA(request, SupportRequestRows))
        return PointerGetDatum(nullptr);
    const double rows = guard([] { return rows_of(Table::integrations); });
    request->rows = rows > 0 ? rows : 20; // as the catalog has been loaded, if nobody has counted
    return PointerGetDatum(request);
}

} // namespace intd
