// What differs between majors 15 to 18 of the server. Included by server.hpp, inside its extern "C".
#pragma once

#if PG_VERSION_NUM >= 160000
#include "catalog/pg_proc.h"
#include "varatt.h"
#endif
#if PG_VERSION_NUM >= 180000
#include "rewrite/rewriteHandler.h"
#endif

/// What the server checks before it loads the module; since 18 pg_get_loaded_modules() tells the name and the version.
#if PG_VERSION_NUM >= 180000
#define MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "integration_defaults", .version = MODULE_VERSION)
#else
#define MODULE_MAGIC PG_MODULE_MAGIC
#endif

/// The primary key's index of an open relation, or InvalidOid.
static inline Oid primary_key_index(Relation relation) {
#if PG_VERSION_NUM >= 180000
    return RelationGetPrimaryKeyIndex(relation, false);
#else
    return RelationGetPrimaryKeyIndex(relation);
#endif
}

/// expression_tree_walker(), whose declaration before 16 is of C only.
static inline bool walk_expression(Node *node, bool (*walker)(Node *, void *), void *context) {
#if PG_VERSION_NUM >= 160000
    return expression_tree_walker(node, walker, context);
#else
    using AnyFunction = void (*)();
    return expression_tree_walker(node, reinterpret_cast<bool (*)()>(reinterpret_cast<AnyFunction>(walker)), context);
#endif
}

/// Whether a column is computed where it is read (18 and later): a trigger's row has NULL in its place.
static inline bool is_virtual(Form_pg_attribute attribute) {
#if PG_VERSION_NUM >= 180000
    return attribute->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL;
#else
    return false;
#endif
}

/// Whether no row of a relation has NULL in a column: since 18 a constraint may not have been checked for old rows.
static inline bool is_never_null(TupleDesc shape, int column) {
#if PG_VERSION_NUM >= 180000
    return TupleDescAttr(shape, column)->attnotnull &&
           TupleDescCompactAttr(shape, column)->attnullability != ATTNULLABLE_INVALID;
#else
    return TupleDescAttr(shape, column)->attnotnull;
#endif
}

/// An expression over the row of a trigger's WHEN clause's OLD, with what virtual columns stand for in their place.
static inline Node *expand_virtual_columns(Node *expression, Relation relation) {
#if PG_VERSION_NUM >= 180000
    return expand_generated_columns_in_expr(expression, relation, PRS2_OLD_VARNO);
#else
    return expression;
#endif
}

/// Begins a scan of an index for rows that the snapshot shows.
static inline IndexScanDesc begin_index_scan(Relation relation, Relation index, Snapshot snapshot, int keys) {
#if PG_VERSION_NUM >= 180000
    return index_beginscan(relation, index, snapshot, nullptr, keys, 0);
#else
    return index_beginscan(relation, index, snapshot, keys, 0);
#endif
}

/// What an index keeps from one row that is inserted to the next is freed: since 17 that is not done with the memory.
static inline void index_insert_end(Relation index, IndexInfo *info) {
#if PG_VERSION_NUM >= 170000
    index_insert_cleanup(index, info);
#endif
}

/// Raises 42501 unless the current user owns the relation.
static inline void require_ownership(Oid relation, char kind) {
#if PG_VERSION_NUM >= 160000
    bool owns = object_ownercheck(RelationRelationId, relation, GetUserId());
#else
    bool owns = pg_class_ownercheck(relation, GetUserId());
#endif
    if (!owns)
        aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(kind), get_rel_name(relation));
}

/// Raises 42501 unless the current user may call the function.
static inline void require_execute(Oid function) {
#if PG_VERSION_NUM >= 160000
    AclResult may = object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE);
#else
    AclResult may = pg_proc_aclcheck(function, GetUserId(), ACL_EXECUTE);
#endif
    if (may != ACLCHECK_OK)
        aclcheck_error(may, OBJECT_FUNCTION, get_func_name(function));
}

/// What enable_seqscan and the like have disabled in a path below: since 18 that is not in its costs.
static inline void take_over_disabled(Path *path, const Path *below) {
#if PG_VERSION_NUM >= 180000
    path->disabled_nodes = below->disabled_nodes;
#endif
}

/// Raises 72000 where the snapshot may be too old for the page: up to 16, old_snapshot_threshold lets rows go early.
static inline void check_snapshot_age(Snapshot snapshot, Relation relation, Page page) {
#if PG_VERSION_NUM < 170000
    TestForOldSnapshot(snapshot, relation, page);
#endif
}

/// Whether the search_path is as it was when a plan was made, so that the server uses the plan again.
#if PG_VERSION_NUM >= 170000
static inline bool is_current_search_path(SearchPathMatcher *path) {
    return SearchPathMatchesCurrentEnvironment(path);
}
#else
static inline bool is_current_search_path(OverrideSearchPath *path) {
    return OverrideSearchPathMatchesCurrent(path);
}
#endif
