#include "hierarchy/tracked.hpp"

#include "postgres/result.hpp"
#include "postgres/trigger.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_func.h"
#include "utils/ruleutils.h"
}

namespace intd {

// --- server code -----------------------------------------------------------------------------------------------------

namespace {

bool is_binding(int16 type) {
    return TRIGGER_FOR_ROW(type) && TRIGGER_FOR_UPDATE(type) && TRIGGER_FOR_AFTER(type);
}

/// Both sides of part n of a binding, or null where the clause is not one of ours.
DistinctExpr *part(BoolExpr *clause, int n) {
    if (n >= list_length(clause->args))
        return nullptr;
    auto *pair = static_cast<Node *>(list_nth(clause->args, n));
    return IsA(pair, DistinctExpr) ? reinterpret_cast<DistinctExpr *>(pair) : nullptr;
}

/// The column whose old and new value a part compares, or 0.
AttrNumber compared_column(DistinctExpr *pair) {
    List *columns = pair == nullptr ? NIL : pull_var_clause(static_cast<Node *>(linitial(pair->args)), 0);
    if (list_length(columns) != 1)
        return 0;
    auto *variable = static_cast<Var *>(linitial(columns));
    return variable->varno == PRS2_OLD_VARNO && variable->varattno > 0 ? variable->varattno : 0;
}

bool read_binding(const char *when, Source *source) {
    if (when == nullptr)
        return false;
    auto *node = static_cast<Node *>(stringToNode(when));
    auto *clause = reinterpret_cast<BoolExpr *>(node);
    if (!IsA(node, BoolExpr) || clause->boolop != OR_EXPR || list_length(clause->args) > 3)
        return false;
    source->id = compared_column(part(clause, 0));
    source->parent = compared_column(part(clause, 1));
    DistinctExpr *filter = part(clause, 2);
    source->filter = filter == nullptr ? nullptr : static_cast<Node *>(linitial(filter->args));
    return source->id != 0 && source->parent != 0 && (filter != nullptr) == (list_length(clause->args) == 3);
}

/// The last clause that was read for a kind and has no filter: reading one takes longer than following a row.
struct {
    char *when; // in CacheMemoryContext
    Source source;
} last_read[2];

bool read_binding_again(Kind kind, const char *when, Source *source) {
    auto &last = last_read[static_cast<int>(kind)];
    if (last.when != nullptr && when != nullptr && strcmp(last.when, when) == 0) {
        *source = last.source;
        return true;
    }
    if (!read_binding(when, source))
        return false;
    if (source->filter == nullptr) {
        char *copy = MemoryContextStrdup(CacheMemoryContext, when);
        if (last.when != nullptr)
            pfree(last.when);
        last = {copy, *source};
    }
    return true;
}

} // namespace

Oid follow_function(Kind kind) {
    return own_trigger_function(kind == Kind::groups ? "follow_groups" : "follow_projects");
}

bool read_source(Relation relation, Kind kind, Source *source) {
    TriggerDesc *triggers = relation->trigdesc;
    Oid function = follow_function(kind);
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++) {
        const Trigger &trigger = triggers->triggers[i];
        if (trigger.tgfoid != function || !is_binding(trigger.tgtype) ||
            !read_binding_again(kind, trigger.tgqual, source))
            continue;
        source->relation = RelationGetRelid(relation);
        return true;
    }
    return false;
}

List *tracked_relations(Kind kind) {
    Oid function = follow_function(kind);
    if (!OidIsValid(function))
        return NIL;
    ScanKeyData keys[2];
    ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
                ObjectIdGetDatum(ProcedureRelationId));
    ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(function));
    Relation depend = table_open(DependRelationId, AccessShareLock);
    Relation triggers = table_open(TriggerRelationId, AccessShareLock);
    SysScanDesc scan = systable_beginscan(depend, DependReferenceIndexId, true, nullptr, 2, keys);
    List *found = NIL;
    HeapTuple tuple;
    while (HeapTupleIsValid(tuple = systable_getnext(scan))) {
        auto *dependency = reinterpret_cast<Form_pg_depend>(GETSTRUCT(tuple));
        if (dependency->classid != TriggerRelationId)
            continue;
        ScanKeyData key;
        ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(dependency->objid));
        SysScanDesc one = systable_beginscan(triggers, TriggerOidIndexId, true, nullptr, 1, &key);
        HeapTuple row = systable_getnext(one);
        if (HeapTupleIsValid(row)) {
            auto *trigger = reinterpret_cast<Form_pg_trigger>(GETSTRUCT(row));
            bool without_when;
            Datum when = heap_getattr(row, Anum_pg_trigger_tgqual, RelationGetDescr(triggers), &without_when);
            Source source;
            if (!OidIsValid(trigger->tgparentid) && is_binding(trigger->tgtype) && !without_when &&
                read_binding(TextDatumGetCString(when), &source))
                found = list_append_unique_oid(found, trigger->tgrelid);
        }
        systable_endscan(one);
    }
    systable_endscan(scan);
    table_close(triggers, AccessShareLock);
    table_close(depend, AccessShareLock);
    list_sort(found, list_oid_cmp);
    return found;
}

// --- C++ -------------------------------------------------------------------------------------------------------------

namespace {

struct {
    Oid relation[2];
    bool filtered; // groups
    bool valid;
} known;

/// Creating or dropping a trigger says that its table has changed, whichever that is.
void forget_tracked(Datum, Oid) {
    known.valid = false;
}

bool is_filtered(Oid source, Kind kind) {
    Relation relation = OidIsValid(source) ? try_relation_open(source, AccessShareLock) : nullptr;
    if (relation == nullptr)
        return false;
    Source binding;
    bool filtered = read_source(relation, kind, &binding) && binding.filter != nullptr;
    relation_close(relation, AccessShareLock);
    return filtered;
}

void know_tracked() {
    // valid before reading: a message that arrives meanwhile makes it false again
    while (!known.valid) {
        known.valid = true;
        for (Kind each : all_kinds) {
            List *relations = tracked_relations(each);
            known.relation[static_cast<int>(each)] = relations == NIL ? InvalidOid : linitial_oid(relations);
        }
        known.filtered = is_filtered(known.relation[static_cast<int>(Kind::groups)], Kind::groups);
    }
}

} // namespace

Oid tracked_relation(Kind kind) {
    guard(know_tracked);
    return known.relation[static_cast<int>(kind)];
}

bool groups_are_filtered() {
    guard([] {
        AcceptInvalidationMessages(); // as locking the table would
        know_tracked();
    });
    return known.filtered;
}

const char *relation_name(Oid relation) {
    return guard([&]() -> const char * {
        char *name = get_rel_name(relation);
        char *schema = get_namespace_name(get_rel_namespace(relation));
        return name == nullptr || schema == nullptr ? "that was dropped" : quote_qualified_identifier(schema, name);
    });
}

/// tracked_tables() → (kind, source, id_column, parent_column, filter)
INTD_FUNCTION(tracked_tables) {
    ResultSet result(fcinfo);
    for (Kind kind : all_kinds) {
        List *relations = guard([&] { return tracked_relations(kind); });
        int count = list_length(relations);
        for (int i = 0; i < count; i++) {
            struct Described {
                bool there;
                Oid relation;
                Datum id, parent, filter;
            };
            Described source = guard([&] {
                Described described = {};
                Relation relation = try_relation_open(list_nth_oid(relations, i), AccessShareLock);
                if (relation == nullptr)
                    return described;
                Source binding;
                if (read_source(relation, kind, &binding)) {
                    auto column_name = [&](AttrNumber column) {
                        return DirectFunctionCall1(
                            namein,
                            CStringGetDatum(NameStr(TupleDescAttr(RelationGetDescr(relation), column - 1)->attname)));
                    };
                    described.there = true;
                    described.relation = binding.relation;
                    described.id = column_name(binding.id);
                    described.parent = column_name(binding.parent);
                    if (binding.filter != nullptr) {
                        List *context = deparse_context_for(RelationGetRelationName(relation), binding.relation);
                        described.filter =
                            CStringGetTextDatum(deparse_expression(binding.filter, context, false, false));
                    }
                }
                relation_close(relation, AccessShareLock);
                return described;
            });
            if (source.there)
                result.add({text_datum(name_of(kind)), ObjectIdGetDatum(source.relation), source.id, source.parent,
                            source.filter == 0 ? std::nullopt : std::optional<Datum>(source.filter)});
        }
    }
    return static_cast<Datum>(0);
}

void watch_tracked_relations() {
    CacheRegisterRelcacheCallback(forget_tracked, static_cast<Datum>(0));
}

} // namespace intd
