#include "tracking/filter.hpp"

extern "C" {
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "parser/parser.h"
#include "utils/ruleutils.h"
}

namespace intd {
namespace {

[[noreturn]] void refuse(const char *filter, const char *why) {
    ereport(ERROR,
            (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("filter \"%s\" is not a condition on a row", filter),
             errdetail("%s", why), errhint("For example: type = 'Group'.")));
    pg_unreachable();
}

/// Positions in an error are positions in the filter, not in the statement that called us.
void point_into_filter(void *filter) {
    if (int position = geterrposition(); position > 0) {
        errposition(0);
        internalerrposition(position);
        internalerrquery(static_cast<const char *>(filter));
    }
}

/// The one expression of the text, which could hide a whole query.
Node *only_expression(const char *filter) {
    List *statements = raw_parser(filter, RAW_PARSE_PLPGSQL_EXPR);
    auto *select = list_length(statements) == 1
                       ? reinterpret_cast<SelectStmt *>(static_cast<RawStmt *>(linitial(statements))->stmt)
                       : nullptr;
    if (select == nullptr || !IsA(select, SelectStmt) || list_length(select->targetList) != 1 ||
        select->fromClause != NIL || select->whereClause != nullptr || select->distinctClause != NIL ||
        select->groupClause != NIL || select->havingClause != nullptr || select->windowClause != NIL ||
        select->sortClause != NIL || select->limitCount != nullptr || select->limitOffset != nullptr ||
        select->lockingClause != NIL || select->withClause != nullptr || select->op != SETOP_NONE)
        refuse(filter, "It must be one expression.");
    auto *target = static_cast<ResTarget *>(linitial(select->targetList));
    if (target->name != nullptr || target->indirection != NIL)
        refuse(filter, "It must be one expression.");
    // A star is no expression, and the server's parser takes for granted that it never gets here as one.
    auto *column = reinterpret_cast<ColumnRef *>(target->val);
    if (IsA(target->val, ColumnRef) && IsA(static_cast<Node *>(llast(column->fields)), A_Star))
        refuse(filter, "It must be one expression.");
    return target->val;
}

} // namespace

Node *parse_filter(Relation relation, const char *filter) {
    ErrorContextCallback callback = {error_context_stack, point_into_filter, const_cast<char *>(filter)};
    error_context_stack = &callback;
    Node *raw = only_expression(filter);
    ParseState *state = make_parsestate(nullptr);
    state->p_sourcetext = filter;
    ParseNamespaceItem *item = addRangeTableEntryForRelation(state, relation, AccessShareLock, nullptr, false, true);
    addNSItemToQuery(state, item, false, true, true);
    // Of a trigger's condition the server allows what we do: no subqueries, aggregates, sets.
    Node *expression = transformExpr(state, raw, EXPR_KIND_TRIGGER_WHEN);
    expression = coerce_to_boolean(state, expression, "filter");
    assign_expr_collations(state, expression);
    free_parsestate(state);
    List *columns = pull_var_clause(expression, 0);
    for (int i = 0; i < list_length(columns); i++)
        if (static_cast<Var *>(list_nth(columns, i))->varattno <= 0)
            refuse(filter, "It must be about columns of the table, not about the whole row or system columns.");
    error_context_stack = callback.previous;
    return expression;
}

const char *filter_text(Relation relation, Node *filter, const char *prefix) {
    return deparse_expression(filter, deparse_context_for(prefix, RelationGetRelid(relation)), true, false);
}

} // namespace intd
