#include "tracking/rows.hpp"

#include "hierarchy/external_id.hpp"
#include "postgres/path.hpp"
#include "postgres/query.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "utils/plancache.h"
#include "utils/typcache.h"
#include "utils/uuid.h"
}

namespace intd {
namespace {

bool is_not_built_in(Oid function, void *) {
    return function >= FirstNormalObjectId;
}

bool calls_others(Node *node, void *) {
    return node != nullptr &&
           (check_functions_in_node(node, is_not_built_in, nullptr) || walk_expression(node, calls_others, nullptr));
}

/// Whether equal values of a type have the same text in every session, and unequal ones another. Inside of a composite
/// type or an array that is not so for numbers and char: their text keeps the zeros at the end of a fraction, and the
/// blanks, which their equality ignores.
bool has_exact_text(Oid type, Oid collation, bool inside) {
    check_stack_depth();
    type = getBaseType(type);
    switch (type) {
    case INT2OID:
    case INT4OID:
    case INT8OID:
    case OIDOID:
    case UUIDOID:
    case CHAROID:
        return true;
    case NUMERICOID:
        return !inside;
    case NAMEOID:
    case TEXTOID:
    case VARCHAROID:
        return get_collation_isdeterministic(collation);
    case BPCHAROID:
        return !inside && get_collation_isdeterministic(collation);
    default:
        break;
    }
    if (type_is_enum(type))
        return true;
    if (Oid element = get_element_type(type); OidIsValid(element))
        return has_exact_text(element, collation, true);
    if (get_typtype(type) != TYPTYPE_COMPOSITE)
        return false;
    TupleDesc parts = lookup_rowtype_tupdesc_copy(type, -1);
    bool exact = true;
    for (int i = 0; i < parts->natts && exact; i++)
        if (Form_pg_attribute part = TupleDescAttr(parts, i); !part->attisdropped)
            exact = has_exact_text(part->atttypid, part->attcollation, true);
    return exact;
}

/// A column's value as text. A number has no zeros at the end of its fraction, as external_id(numeric).
Expr *column_as_text(TupleDesc shape, AttrNumber column) {
    Form_pg_attribute attribute = TupleDescAttr(shape, column - 1);
    auto *value = reinterpret_cast<Node *>(
        makeVar(PRS2_OLD_VARNO, column, attribute->atttypid, attribute->atttypmod, attribute->attcollation, 0));
    Oid type = attribute->atttypid;
    if (getBaseType(type) == NUMERICOID) {
        Node *number =
            coerce_to_target_type(nullptr, value, type, NUMERICOID, -1, COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
        value = reinterpret_cast<Node *>(
            makeFuncExpr(F_TRIM_SCALE, NUMERICOID, list_make1(number), InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL));
        type = NUMERICOID;
    }
    Node *as_text =
        coerce_to_target_type(nullptr, value, type, TEXTOID, -1, COERCION_EXPLICIT, COERCE_EXPLICIT_CAST, -1);
    if (as_text == nullptr)
        ereport(ERROR, (errcode(ERRCODE_CANNOT_COERCE),
                        errmsg("column \"%s\" of type %s can't be cast to text", NameStr(attribute->attname),
                               format_type_be(attribute->atttypid))));
    assign_expr_collations(nullptr, as_text);
    return reinterpret_cast<Expr *>(as_text);
}

/// An expression's value, or 0 for NULL, copied to the current memory context.
Datum evaluate(ExprState *expression, ExprContext *context) {
    bool is_null;
    Datum value = ExecEvalExprSwitchContext(expression, context, &is_null);
    return is_null ? static_cast<Datum>(0) : PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
}

/// A column's text, or 0 for NULL, in the current memory context.
Datum text_of_column(TupleTableSlot *slot, AttrNumber column, Quickly how, ExprState *expression,
                     ExprContext *context) {
    if (how == Quickly::no)
        return evaluate(expression, context);
    bool is_null;
    const Datum value = slot_getattr(slot, column, &is_null);
    char digits[most_digits];
    if (is_null)
        return 0;
    const std::string_view text = text_quickly(how, value, digits);
    return PointerGetDatum(cstring_to_text_with_len(text.data(), static_cast<int>(text.size())));
}

bool is_no_number(Datum id) {
    std::string_view text = view(id);
    return text == "NaN" || text == "Infinity" || text == "-Infinity";
}

} // namespace

void require_exact_text(TupleDesc shape, AttrNumber column) {
    Form_pg_attribute attribute = TupleDescAttr(shape, column - 1);
    auto refuse = [&](const char *detail) {
        ereport(
            ERROR,
            (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
             errmsg("column \"%s\" of type %s can't be tracked", NameStr(attribute->attname),
                    format_type_be(attribute->atttypid)),
             errdetail("%s", detail),
             errhint("Track a column of type text that is generated from it, or one of type smallint, integer, bigint, "
                     "numeric, uuid, text, varchar, char or of an enum.")));
    };
    if (!has_exact_text(attribute->atttypid, attribute->attcollation, false))
        refuse(
            "Ids are compared as text, and values of this type may be equal where their texts are not, or have other "
            "texts in other sessions.");
    // Only the owner of a type can make a cast of it.
    if (getBaseType(attribute->atttypid) >= FirstNormalObjectId &&
        calls_others(reinterpret_cast<Node *>(column_as_text(shape, column)), nullptr))
        refuse("Its cast to text is not the server's.");
}

Quickly quickly(Form_pg_attribute attribute) {
    if (is_virtual(attribute))
        return Quickly::no;
    switch (attribute->atttypid) {
    case INT2OID:
        return Quickly::int2;
    case INT4OID:
        return Quickly::int4;
    case INT8OID:
        return Quickly::int8;
    case UUIDOID:
        return Quickly::uuid;
    case TEXTOID:
    case VARCHAROID:
        return Quickly::text;
    default:
        return Quickly::no;
    }
}

std::string_view text_quickly(Quickly how, Datum value, char *digits) {
    auto of_length = [&](int length) { return std::string_view(digits, length); };
    switch (how) {
    case Quickly::int2:
        return of_length(pg_ltoa(DatumGetInt16(value), digits));
    case Quickly::int4:
        return of_length(pg_ltoa(DatumGetInt32(value), digits));
    case Quickly::int8:
        return of_length(pg_lltoa(DatumGetInt64(value), digits));
    case Quickly::uuid: {
        const unsigned char *bytes = DatumGetUUIDP(value)->data;
        char *to = digits;
        for (int i = 0; i < UUID_LEN; i++) {
            if (i == 4 || i == 6 || i == 8 || i == 10)
                *to++ = '-';
            *to++ = "0123456789abcdef"[bytes[i] >> 4];
            *to++ = "0123456789abcdef"[bytes[i] & 15];
        }
        return of_length(static_cast<int>(to - digits));
    }
    default:
        return view(PointerGetDatum(PG_DETOAST_DATUM_PACKED(value)));
    }
}

RowReader *make_row_reader(Relation relation, Kind kind, MemoryContext memory) {
    MemoryContext caller = MemoryContextSwitchTo(memory);
    Source source;
    RowReader *reader = nullptr;
    if (read_source(relation, kind, &source)) {
        reader = static_cast<RowReader *>(palloc0(sizeof(RowReader)));
        reader->source = source;
        reader->root = root_of(relation);
        reader->memory = memory;
    }
    MemoryContextSwitchTo(caller);
    return reader;
}

void free_row_reader(RowReader *reader) {
    if (reader->state != nullptr)
        FreeExecutorState(reader->state);
    pfree(reader);
}

SPIPlanPtr prepare_over(Relation relation, const char *text, int parameters, Oid *types) {
    SPIPlanPtr plan = prepare(text, parameters, types);
    List *sources = SPI_plan_get_plan_sources(plan);
    for (int i = 0; i < list_length(sources); i++) {
        List *relations = static_cast<CachedPlanSource *>(list_nth(sources, i))->relationOids;
        if (list_length(relations) != 1 || linitial_oid(relations) != RelationGetRelid(relation))
            ereport(
                ERROR,
                (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                 errmsg("could not serialize access to table \"%s\", because its name was given to another relation",
                        RelationGetRelationName(relation))));
    }
    return plan;
}

void refuse_null_id(const Source &source, TupleDesc shape) {
    ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                    errmsg("column \"%s\" of tracked table \"%s\" must not be null",
                           NameStr(TupleDescAttr(shape, source.id - 1)->attname), get_rel_name(source.relation))));
    pg_unreachable();
}

State read_state(RowReader *reader, TupleTableSlot *slot) {
    ExprContext *context = reader->context;
    if (context != nullptr) {
        ResetExprContext(context);
        context->ecxt_scantuple = slot;
    }
    State state = {true, 0, std::nullopt};
    if (reader->filter != nullptr) {
        bool is_null;
        Datum passes = ExecEvalExprSwitchContext(reader->filter, context, &is_null);
        state.in = !is_null && DatumGetBool(passes);
    }
    const Source &source = reader->source;
    TupleDesc shape = slot->tts_tupleDescriptor;
    state.id = text_of_column(slot, source.id, reader->id_quickly, reader->id, context);
    if (!state.in)
        return state;
    if (state.id == 0)
        refuse_null_id(source, shape);
    if (getBaseType(TupleDescAttr(shape, source.id - 1)->atttypid) == NUMERICOID && is_no_number(state.id))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("an id of a group or project must be a finite number")));
    if (Datum parent = text_of_column(slot, source.parent, reader->parent_quickly, reader->parent, context);
        parent != 0)
        state.parent = parent;
    return state;
}

Datum read_id(HeapTuple row, TupleDesc shape, AttrNumber column) {
    MemoryContext caller = CurrentMemoryContext;
    EState *state = CreateExecutorState();
    MemoryContextSwitchTo(state->es_query_cxt);
    Expr *expression = column_as_text(shape, column);
    int level = calls_others(reinterpret_cast<Node *>(expression), nullptr) ? fix_search_path() : 0;
    ExprContext *context = CreateExprContext(state);
    TupleTableSlot *slot = MakeSingleTupleTableSlot(shape, &TTSOpsHeapTuple);
    ExecStoreHeapTuple(row, slot, false);
    context->ecxt_scantuple = slot;
    ExprState *prepared = ExecPrepareExpr(expression, state);
    MemoryContextSwitchTo(caller);
    Datum id = evaluate(prepared, context);
    end_reading(level);
    ExecDropSingleTupleTableSlot(slot);
    FreeExecutorState(state);
    return id;
}

int begin_reading(RowReader *reader, TupleDesc shape) {
    if (reader->begun)
        return reader->fix_path ? fix_search_path() : 0;
    const Source &source = reader->source;
    for (AttrNumber column : {source.id, source.parent})
        require_exact_text(shape, column); // somebody may have made a cast since
    reader->id_quickly = quickly(TupleDescAttr(shape, source.id - 1));
    reader->parent_quickly = quickly(TupleDescAttr(shape, source.parent - 1));
    reader->begun = true;
    if (source.filter == nullptr && reader->id_quickly != Quickly::no && reader->parent_quickly != Quickly::no)
        return 0;
    MemoryContext caller = MemoryContextSwitchTo(reader->memory);
    EState *state = CreateExecutorState();
    MemoryContextSwitchTo(state->es_query_cxt);
    reader->context = CreateExprContext(state);
    Relation relation = RelationIdGetRelation(source.relation);
    auto expand = [&](void *expression) {
        return reinterpret_cast<Expr *>(expand_virtual_columns(static_cast<Node *>(expression), relation));
    };
    Expr *id = reader->id_quickly == Quickly::no ? expand(column_as_text(shape, source.id)) : nullptr;
    Expr *parent_id = reader->parent_quickly == Quickly::no ? expand(column_as_text(shape, source.parent)) : nullptr;
    Expr *filter = expand(source.filter);
    RelationClose(relation);
    reader->fix_path = calls_others(reinterpret_cast<Node *>(filter), nullptr);
    int level = reader->fix_path ? fix_search_path() : 0;
    auto prepared = [&](Expr *expression) {
        return expression == nullptr ? nullptr : ExecPrepareExpr(expression, state);
    };
    reader->id = prepared(id);
    reader->parent = prepared(parent_id);
    reader->filter = prepared(filter);
    reader->state = state;
    MemoryContextSwitchTo(caller);
    return level;
}

void end_reading(int level) {
    restore_search_path(level);
}

void check_state(const State &state) {
    if (!state.in)
        return;
    check_id(view(state.id));
    if (state.parent)
        check_id(view(*state.parent));
}

} // namespace intd
