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
    ResultRelInfo *target; // of its triggers it has scope_parent_exists only
};

/// The functions of the triggers that are there, as we declared them.
struct OwnTriggers {
    Oid keep_tracked, pass_over_restored, check_parent, check_id_is_final, watching;
};

OwnTriggers own_triggers() {
    return {own_trigger_function("keep_tracked"), own_trigger_function("pass_over_restored"),
            own_trigger_function("check_parent"), own_trigger_function("check_id_is_final"),
            watcher.function == nullptr ? InvalidOid : own_trigger_function(watcher.function)};
}

/// Whether a trigger of ours has nothing to do for rows that come here: it is we who write, nobody restores anything
/// (see mirror_insert_projects()), an id that was checked is no placeholder, and nobody watches.
bool has_nothing_to_do(const Trigger &trigger, const OwnTriggers &own, bool watched) {
    const int when = trigger.tgtype & (TRIGGER_TYPE_ROW | TRIGGER_TYPE_TIMING_MASK);
    return (trigger.tgfoid == own.keep_tracked && when == TRIGGER_TYPE_BEFORE) ||
           (trigger.tgfoid == own.pass_over_restored && when == (TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_ROW)) ||
           (trigger.tgfoid == own.check_id_is_final && when == (TRIGGER_TYPE_AFTER | TRIGGER_TYPE_ROW)) ||
           (trigger.tgfoid == own.watching && when == TRIGGER_TYPE_AFTER && !watched);
}

/// The table's triggers without all but scope_parent_exists; null if another one has something to do for new rows.
TriggerDesc *check_of_parents(const TriggerDesc *all, const OwnTriggers &own, bool watched) {
    Trigger *check = nullptr;
    for (int i = 0; i < all->numtriggers; i++) {
        Trigger &trigger = all->triggers[i];
        if (!TRIGGER_FOR_INSERT(trigger.tgtype) || !fires(trigger.tgenabled) ||
            has_nothing_to_do(trigger, own, watched))
            continue;
        if (check != nullptr || trigger.tgfoid != own.check_parent || trigger.tgqual != nullptr ||
            !TRIGGER_TYPE_MATCHES(trigger.tgtype, TRIGGER_TYPE_ROW, TRIGGER_TYPE_AFTER, TRIGGER_TYPE_INSERT))
            return nullptr;
        check = &trigger;
    }
    if (check == nullptr)
        return nullptr;
    TriggerDesc one = {};
    one.triggers = check;
    one.numtriggers = 1;
    one.trig_insert_after_row = true;
    return CopyTriggerDesc(&one);
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

/// Whether an index takes the row's own columns, and only the server's functions compare them. So nothing that minds
/// the search_path runs here, where it is still that of whoever writes.
bool is_plain_index(Relation index, const IndexInfo *info) {
    bool plain = is_simple_index(index, info);
    for (int i = 0; i < info->ii_NumIndexKeyAttrs; i++)
        plain = plain && index->rd_opfamily[i] < FirstNormalObjectId;
    return plain;
}

void close(Opened *opened) {
    ExecCloseIndices(opened->target);
    ExecCloseResultRelations(opened->state); // where a trigger has fired
    ExecResetTupleTable(opened->state->es_tupleTable, false);
    FreeExecutorState(opened->state);
    table_close(opened->relation, NoLock);
}

Opened open(Oid table, bool watched) {
    Opened opened = {};
    Relation relation = table_open(table, RowExclusiveLock);
    const bool plain = is_plain(relation) && is_constrained_as_declared(relation);
    const OwnTriggers own = own_triggers(); // a look-up may have the table's triggers read anew
    // In session_replication_role = replica our triggers do not fire, unless somebody has them fire.
    TriggerDesc *check = plain && SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA && relation->trigdesc
                             ? check_of_parents(relation->trigdesc, own, watched)
                             : nullptr;
    if (check == nullptr) {
        table_close(relation, NoLock);
        return opened;
    }
    EState *state = CreateExecutorState();
    MemoryContext caller = MemoryContextSwitchTo(state->es_query_cxt);
    // InitResultRelInfo() would copy all triggers, which takes longer than adding a row.
    ResultRelInfo *target = makeNode(ResultRelInfo);
    target->ri_RelationDesc = relation;
    target->ri_TrigDesc = check;
    ExecOpenIndices(target, false);
    opened = {relation, state, target};
    bool simple = true;
    for (int i = 0; i < target->ri_NumIndices; i++)
        simple = simple && is_plain_index(target->ri_IndexRelationDescs[i], target->ri_IndexRelationInfo[i]);
    MemoryContextSwitchTo(caller);
    if (!simple) {
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
    for (int from = 0; from < count; from += at_once) {
        CHECK_FOR_INTERRUPTS();
        int rows = std::min(at_once, count - from);
        MemoryContext caller = MemoryContextSwitchTo(GetPerTupleMemoryContext(opened.state));
        for (int i = 0; i < rows; i++) {
            fill(slots[i], projects[from + i]);
            slots[i]->tts_tableOid = RelationGetRelid(relation);
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

/// Queues the check of the parents of some of the rows.
void queue_checks(const Opened &opened, const NewProject *projects, const ItemPointerData *places, const int *which,
                  int count) {
    TupleTableSlot *slot = table_slot_create(opened.relation, nullptr);
    for (int i = 0; i < count; i++) {
        fill(slot, projects[which[i]]);
        slot->tts_tableOid = RelationGetRelid(opened.relation);
        slot->tts_tid = places[which[i]];
        ExecARInsertTriggers(opened.state, opened.target, slot, NIL, nullptr);
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
    };
    Inserted inserted = guard([&] {
        Inserted result = {open(table, watched), nullptr, nullptr, 0};
        Opened &opened = result.opened;
        if (opened.relation == nullptr)
            return result;
        CommandCounterIncrement(); // as before a statement
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
        AfterTriggerBeginQuery();
        queue_checks(opened, projects, inserted.places, which, rows);
        AfterTriggerEndQuery(opened.state); // fires them if they are not deferred
        close(&inserted.opened);
        CommandCounterIncrement();
    });
    return true;
}

} // namespace intd
