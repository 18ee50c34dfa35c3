#include "tracking/bulk/insert.hpp"

#include "hierarchy/parents.hpp"
#include "tracking/bulk/sorted.hpp"
#include "tracking/tracked.hpp"
#include "postgres/memory.hpp"
#include "postgres/path.hpp"
#include "store/relation.hpp"

extern "C" {
#include "catalog/pg_trigger.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "storage/lmgr.h"
#include "utils/ruleutils.h"
}

namespace intd {
namespace {

// --- server code -----------------------------------------------------------------------------------------------------

/// Rows that go to the table at once, as many as COPY takes.
constexpr int at_once = 1000;

struct {
    const char *function;
    bool (*needed)();
} watcher;

/// Our table while rows are added to it.
struct Opened {
    Relation relation; // null: a statement has to do it
    EState *state;
    ResultRelInfo *target; // with all triggers, for those of the statement
    ResultRelInfo *each;   // with the row triggers that fire for each row; null if there are none
    ResultRelInfo *once;   // with scope_parent_exists only
};

bool is_row_insert(const Trigger &trigger) {
    return TRIGGER_TYPE_MATCHES(trigger.tgtype, TRIGGER_TYPE_ROW, TRIGGER_TYPE_AFTER, TRIGGER_TYPE_INSERT);
}

/// Whether a trigger needs a transition table of the rows. That of watch_new_projects() does only while it is needed.
bool needs_new_rows(const TriggerDesc *triggers, bool watched) {
    if (!triggers->trig_insert_new_table)
        return false;
    Oid watching = watched || watcher.function == nullptr ? InvalidOid : own_trigger_function(watcher.function);
    for (int i = 0; i < triggers->numtriggers; i++)
        if (const Trigger &trigger = triggers->triggers[i];
            TRIGGER_FOR_INSERT(trigger.tgtype) && trigger.tgnewtable != nullptr && trigger.tgfoid != watching)
            return true;
    return false;
}

/// Whether a trigger BEFORE each row may change or skip it. Ours does only while a dump is restored, when nobody comes
/// here (see mirror_insert_projects()).
bool changes_rows(const TriggerDesc *triggers) {
    if (!triggers->trig_insert_before_row)
        return false;
    Oid pass_over = own_trigger_function("pass_over_restored");
    for (int i = 0; i < triggers->numtriggers; i++)
        if (const Trigger &trigger = triggers->triggers[i];
            TRIGGER_TYPE_MATCHES(trigger.tgtype, TRIGGER_TYPE_ROW, TRIGGER_TYPE_BEFORE, TRIGGER_TYPE_INSERT) &&
            trigger.tgfoid != pass_over)
            return true;
    return false;
}

/// A relation of which only some triggers are to fire.
template <class Wanted>
ResultRelInfo *with_triggers(const ResultRelInfo *target, Wanted wanted) {
    const TriggerDesc *all = target->ri_TrigDesc;
    auto *some = static_cast<TriggerDesc *>(palloc(sizeof(TriggerDesc)));
    *some = *all;
    some->triggers = static_cast<Trigger *>(palloc(sizeof(Trigger) * all->numtriggers));
    some->numtriggers = 0;
    for (int i = 0; i < all->numtriggers; i++)
        if (is_row_insert(all->triggers[i]) && wanted(all->triggers[i]))
            some->triggers[some->numtriggers++] = all->triggers[i];
    if (some->numtriggers == 0)
        return nullptr;
    ResultRelInfo *copy = makeNode(ResultRelInfo);
    *copy = *target;
    copy->ri_TrigDesc = some;
    copy->ri_TrigFunctions = static_cast<FmgrInfo *>(palloc0(sizeof(FmgrInfo) * some->numtriggers));
    copy->ri_TrigWhenExprs = static_cast<ExprState **>(palloc0(sizeof(ExprState *) * some->numtriggers));
    return copy;
}

/// Whether the table, but for its triggers and indexes, is as we declared it.
bool is_plain(Relation relation) {
    TupleDesc shape = RelationGetDescr(relation);
    if (relation->rd_rel->relkind != RELKIND_RELATION || relation->rd_tableam != GetHeapamTableAmRoutine() ||
        relation->rd_rel->relhassubclass || relation->rd_rel->relispartition || relation->rd_rel->relhasrules ||
        relation->rd_rel->relrowsecurity || shape->natts != 2 ||
        (shape->constr != nullptr && shape->constr->has_generated_stored))
        return false;
    for (int i = 0; i < shape->natts; i++)
        if (TupleDescAttr(shape, i)->attisdropped || TupleDescAttr(shape, i)->atttypid != TEXTOID)
            return false;
    return pg_class_aclcheck(RelationGetRelid(relation), GetUserId(), ACL_INSERT) == ACLCHECK_OK &&
           !OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE)); // Citus keeps rows elsewhere
}

/// The last check of the table's rows that was read: reading one takes longer than adding a row.
struct {
    char *check; // in CacheMemoryContext
    bool of_length;
} last_read;

/// Whether a check is the one that we declared: of the id's length.
bool is_of_length(Relation relation, const char *check) {
    if (last_read.check == nullptr || strcmp(last_read.check, check) != 0) {
        char *copy = MemoryContextStrdup(CacheMemoryContext, check);
        List *names = deparse_context_for(RelationGetRelationName(relation), RelationGetRelid(relation));
        int level = fix_search_path(); // which decides how operators are written
        const char *text = deparse_expression(static_cast<Node *>(stringToNode(check)), names, false, false);
        restore_search_path(level);
        if (last_read.check != nullptr)
            pfree(last_read.check);
        last_read = {copy, strcmp(text, "((octet_length(id) >= 1) AND (octet_length(id) <= 255))") == 0};
    }
    return last_read.of_length;
}

/// Whether the table's constraints say no more than that an id is not null and of its length, as check_id() does.
bool is_constrained_as_declared(Relation relation) {
    TupleDesc shape = RelationGetDescr(relation);
    int checks = shape->constr == nullptr ? 0 : shape->constr->num_check;
    return !TupleDescAttr(shape, column::parent)->attnotnull &&
           (checks == 0 || (checks == 1 && is_of_length(relation, shape->constr->check[0].ccbin)));
}

void close(Opened *opened) {
    ExecResetTupleTable(opened->state->es_tupleTable, false); // slots of triggers
    ExecCloseResultRelations(opened->state);
    FreeExecutorState(opened->state);
    table_close(opened->relation, NoLock);
}

Opened open(Oid table, bool watched) {
    Opened opened = {};
    Relation relation = table_open(table, RowExclusiveLock);
    const bool plain = is_plain(relation);
    // What is looked up before the triggers are read is known then: a look-up may have them read anew.
    own_trigger_function("pass_over_restored");
    if (watcher.function != nullptr)
        own_trigger_function(watcher.function);
    const TriggerDesc *triggers = relation->trigdesc;
    // In session_replication_role = replica our triggers do not fire, unless somebody has them fire.
    if (!plain || SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA || triggers == nullptr ||
        changes_rows(triggers) || triggers->trig_insert_instead_row || needs_new_rows(triggers, watched)) {
        table_close(relation, NoLock);
        return opened;
    }
    EState *state = CreateExecutorState();
    MemoryContext caller = MemoryContextSwitchTo(state->es_query_cxt);
    ResultRelInfo *target = makeNode(ResultRelInfo);
    InitResultRelInfo(target, relation, 0, nullptr, 0);
    ExecOpenIndices(target, false);
    state->es_opened_result_relations = list_make1(target); // where its triggers look for it
    opened = {relation, state, target, nullptr, nullptr};
    bool simple = true;
    for (int i = 0; i < target->ri_NumIndices; i++)
        simple = simple && is_simple_index(target->ri_IndexRelationDescs[i], target->ri_IndexRelationInfo[i]);
    Oid check_parent = own_trigger_function("check_parent"),
        check_id_is_final = own_trigger_function("check_id_is_final");
    auto is_check_of_parents = [&](const Trigger &trigger) {
        return trigger.tgfoid == check_parent && trigger.tgqual == nullptr && fires(trigger.tgenabled);
    };
    opened.once = with_triggers(target, is_check_of_parents);
    // An id that was checked is no placeholder.
    opened.each = with_triggers(target, [&](const Trigger &trigger) {
        return fires(trigger.tgenabled) && !is_check_of_parents(trigger) && trigger.tgfoid != check_id_is_final;
    });
    MemoryContextSwitchTo(caller);
    if (!simple || opened.once == nullptr || opened.once->ri_TrigDesc->numtriggers != 1) {
        close(&opened);
        opened.relation = nullptr;
    }
    return opened;
}

/// A row's columns as the table declares them.
struct Columns {
    Datum values[2];
    bool nulls[2];
};
inline Columns columns_of(const NewProject &project) {
    return {{project.id, project.parent}, {false, project.parent == 0}};
}

void fill(TupleTableSlot *slot, const NewProject &project) {
    Columns columns = columns_of(project);
    ExecClearTuple(slot);
    for (int i = 0; i < 2; i++) {
        slot->tts_values[i] = columns.values[i];
        slot->tts_isnull[i] = columns.nulls[i];
    }
    ExecStoreVirtualTuple(slot);
}

/// Puts the rows into the table. `places` get where they are.
void insert_rows(const Opened &opened, const NewProject *projects, int count, ItemPointerData *places) {
    Relation relation = opened.relation;
    CommandId command = GetCurrentCommandId(true);
    TupleTableSlot *slots[at_once];
    int most = std::min(count, at_once);
    for (int i = 0; i < most; i++)
        slots[i] = table_slot_create(relation, nullptr);
    const bool constrained = !is_constrained_as_declared(relation);
    for (int from = 0; from < count; from += at_once) {
        CHECK_FOR_INTERRUPTS();
        int rows = std::min(at_once, count - from);
        MemoryContext caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(opened.state));
        for (int i = 0; i < rows; i++) {
            fill(slots[i], projects[from + i]);
            slots[i]->tts_tableOid = RelationGetRelid(relation);
            if (constrained)
                ExecConstraints(opened.target, slots[i], opened.state);
        }
        if (rows == 1)
            table_tuple_insert(relation, slots[0], command, 0, nullptr);
        else
            table_multi_insert(relation, slots, rows, command, 0, nullptr);
        for (int i = 0; i < rows; i++) {
            places[from + i] = slots[i]->tts_tid;
            ExecClearTuple(slots[i]);
        }
        MemoryContextSwitchTo(caller);
        ResetPerTupleExprContext(opened.state);
    }
    for (int i = 0; i < most; i++)
        ExecDropSingleTupleTableSlot(slots[i]);
}

void insert_into_index(const Opened &opened, int n, const NewProject *projects, int count, ItemPointerData *places,
                       const Sorted *order) {
    Relation index = opened.target->ri_IndexRelationDescs[n];
    IndexInfo *info = opened.target->ri_IndexRelationInfo[n];
    IndexUniqueCheck unique = index->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO;
    MemoryContext caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(opened.state));
    const bool by_id = info->ii_IndexAttrNumbers[0] == 1;
    for (int i = 0; i < count; i++) {
        // In the index's order the rows are all over the memory.
        constexpr int far = 24, near = 12;
        if (i + far < count) {
            __builtin_prefetch(&projects[order[i + far].row]);
            __builtin_prefetch(&places[order[i + far].row]);
            const NewProject &soon = projects[order[i + near].row];
            __builtin_prefetch(DatumGetPointer(by_id ? soon.id : soon.parent));
        }
        int row = order[i].row;
        Columns columns = columns_of(projects[row]);
        Datum values[INDEX_MAX_KEYS];
        bool nulls[INDEX_MAX_KEYS];
        for (int k = 0; k < info->ii_NumIndexAttrs; k++) {
            values[k] = columns.values[info->ii_IndexAttrNumbers[k] - 1];
            nulls[k] = columns.nulls[info->ii_IndexAttrNumbers[k] - 1];
        }
        index_insert(index, values, nulls, &places[row], opened.relation, unique, false, info);
        if (i % at_once == 0) {
            CHECK_FOR_INTERRUPTS();
            ResetPerTupleExprContext(opened.state);
        }
    }
    MemoryContextSwitchTo(caller);
    ResetPerTupleExprContext(opened.state);
}

/// Adds rows to all indexes; `order` is room for their order, which in the end is that of the parents. Gives the number
/// of rows that have one.
int insert_into_indexes(const Opened &opened, const NewProject *projects, int count, ItemPointerData *places,
                        Sorted *order) {
    constexpr Datum NewProject::*columns[] = {&NewProject::id, &NewProject::parent};
    int have_one = 0;
    for (int column = 0; column < 2; column++) {
        have_one = sort_by(columns[column], projects, count, order);
        for (int n = 0; n < opened.target->ri_NumIndices; n++)
            if (const IndexInfo *info = opened.target->ri_IndexRelationInfo[n];
                info->ii_ReadyForInserts && info->ii_IndexAttrNumbers[0] == column + 1)
                insert_into_index(opened, n, projects, count, places, order);
    }
    return have_one;
}

/// Queues the row triggers of one relation for some of the rows (all, if `which` is null).
void queue_triggers(const Opened &opened, ResultRelInfo *target, const NewProject *projects,
                    const ItemPointerData *places, const int *which, int count) {
    TupleTableSlot *slot = table_slot_create(opened.relation, nullptr);
    for (int i = 0; i < count; i++) {
        int row = which == nullptr ? i : which[i];
        fill(slot, projects[row]);
        slot->tts_tableOid = RelationGetRelid(opened.relation);
        slot->tts_tid = places[row];
        ExecARInsertTriggers(opened.state, target, slot, NIL, nullptr);
        ResetPerTupleExprContext(opened.state);
    }
    ExecDropSingleTupleTableSlot(slot);
}

} // namespace

// --- C++ -------------------------------------------------------------------------------------------------------------

void watch_new_projects(const char *function, bool (*needed)()) {
    watcher = {function, needed};
}

bool insert_projects(const NewProject *projects, int count) {
    Oid table = table_oid(Table::projects);
    guard([&] { LockRelationOid(table, RowExclusiveLock); }); // a session that begins to need them waits for us
    const bool watched = watcher.function != nullptr && watcher.needed();
    struct Inserted {
        Opened opened;
        ItemPointerData *places;
        Sorted *by_parent;
        int have_one;
        int level; // of the settings
    };
    Inserted inserted = guard([&] {
        Inserted result = {open(table, watched), nullptr, nullptr, 0, 0};
        Opened &opened = result.opened;
        if (opened.relation == nullptr)
            return result;
        // Triggers see what a statement of ours would show them.
        CommandCounterIncrement();
        result.level = fix_search_path_as_owner();
        PushActiveSnapshot(GetTransactionSnapshot());
        AfterTriggerBeginQuery();
        ExecBSInsertTriggers(opened.state, opened.target);
        result.places =
            static_cast<ItemPointerData *>(palloc_extended(count * sizeof(ItemPointerData), MCXT_ALLOC_HUGE));
        insert_rows(opened, projects, count, result.places);
        result.by_parent = static_cast<Sorted *>(palloc_extended(count * sizeof(Sorted), MCXT_ALLOC_HUGE));
        result.have_one = insert_into_indexes(opened, projects, count, result.places, result.by_parent);
        return result;
    });
    if (inserted.opened.relation == nullptr)
        return false;

    // The first row of each parent, in the order of the rows, so that a refusal names the first.
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<int> firsts(&memory);
    for (int i = 0; i < inserted.have_one; i++) {
        const Sorted *at = &inserted.by_parent[i];
        if ((i == 0 || !same_text(&NewProject::parent, projects, at[-1], *at)) &&
            expect_check_of(projects[at->row].parent))
            firsts.push_back(at->row);
    }
    std::sort(firsts.begin(), firsts.end());
    const int *which = firsts.data();
    int rows = static_cast<int>(firsts.size());

    guard([&] {
        const Opened &opened = inserted.opened;
        queue_triggers(opened, opened.once, projects, inserted.places, which, rows);
        if (opened.each != nullptr)
            queue_triggers(opened, opened.each, projects, inserted.places, nullptr, count);
        ExecASInsertTriggers(opened.state, opened.target, nullptr);
        AfterTriggerEndQuery(opened.state);
        close(&inserted.opened);
        restore_search_path(inserted.level);
        PopActiveSnapshot();
        CommandCounterIncrement();
    });
    return true;
}

} // namespace intd
