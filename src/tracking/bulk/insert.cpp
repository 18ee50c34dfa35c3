#include "tracking/bulk/insert.hpp"

#include "hierarchy/parents.hpp"
#include "tracking/bulk/sorted.hpp"
#include "tracking/tracked.hpp"
#include "postgres/invalidation.hpp"
#include "postgres/memory.hpp"
#include "postgres/path.hpp"
#include "store/relation.hpp"

extern "C" {
#include "catalog/index.h"
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
    Relation relation;    // null: a statement has to do it
    MemoryContext memory; // for what lives as long as some rows
    struct Index {
        Relation relation;
        IndexInfo *info;
    };
    Growing<Index> indexes;
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

/// scope_parent_exists of the table's triggers; null if another one has something to do for new rows.
const Trigger *check_of_parents(const TriggerDesc *all, const OwnTriggers &own, bool watched) {
    const Trigger *check = nullptr;
    for (int i = 0; i < all->numtriggers; i++) {
        const Trigger &trigger = all->triggers[i];
        if (!TRIGGER_FOR_INSERT(trigger.tgtype) || !fires(trigger.tgenabled) ||
            has_nothing_to_do(trigger, own, watched))
            continue;
        if (check != nullptr || trigger.tgfoid != own.check_parent || trigger.tgqual != nullptr ||
            !TRIGGER_TYPE_MATCHES(trigger.tgtype, TRIGGER_TYPE_ROW, TRIGGER_TYPE_AFTER, TRIGGER_TYPE_INSERT))
            return nullptr;
        check = &trigger;
    }
    return check;
}

/// Whether the table, but for its triggers, checks and indexes, is as we declared it.
bool is_plain(Relation relation) {
    TupleDesc shape = RelationGetDescr(relation);
    return look_up_direct(Table::projects) != nullptr && shape->natts == 2 && !relation->rd_rel->relispartition &&
           !relation->rd_rel->relhasrules && !relation->rd_rel->relrowsecurity &&
           (shape->constr == nullptr || !shape->constr->has_generated_stored);
}

/// Whether a check is the one that we declared: of the id's length.
bool is_of_length(Relation relation, const char *check) {
    List *names = deparse_context_for(RelationGetRelationName(relation), RelationGetRelid(relation));
    int level = fix_search_path(); // which decides how operators are written
    const char *text = deparse_expression(static_cast<Node *>(stringToNode(check)), names, false, false);
    restore_search_path(level);
    return strcmp(text, "((octet_length(id) >= 1) AND (octet_length(id) <= 255))") == 0;
}

/// Whether the table's constraints say no more than that an id is not null and of its length, as check_id() does.
bool is_constrained_as_declared(Relation relation) {
    TupleDesc shape = RelationGetDescr(relation);
    int checks = shape->constr == nullptr ? 0 : shape->constr->num_check;
    return !TupleDescAttr(shape, column::parent)->attnotnull &&
           (checks == 0 || (checks == 1 && is_of_length(relation, shape->constr->check[0].ccbin)));
}

/// Whether the table's indexes take the row's own columns, and only the server's functions compare them. So nothing
/// that minds the search_path runs here, where it is still that of whoever writes.
bool has_plain_indexes(Relation relation) {
    List *indexes = RelationGetIndexList(relation);
    bool plain = true;
    for (int i = 0; i < list_length(indexes) && plain; i++) {
        Relation index = index_open(list_nth_oid(indexes, i), AccessShareLock);
        IndexInfo *info = BuildIndexInfo(index);
        plain = is_simple_index(index, info);
        for (int k = 0; k < info->ii_NumIndexKeyAttrs; k++)
            plain = plain && index->rd_opfamily[k] < FirstNormalObjectId;
        pfree(info);
        index_close(index, AccessShareLock);
    }
    list_free(indexes);
    return plain;
}

/// Whether rows may be added here, by whether somebody watches. Known until the server says that the table has changed,
/// or functions have: to look costs as much as to add a row.
struct {
    Oid table;
    bool valid, fits[2];
} known;

void know(Relation relation) {
    renew(known.valid, [&] {
        known.table = RelationGetRelid(relation);
        const bool plain = is_plain(relation) && is_constrained_as_declared(relation) && has_plain_indexes(relation);
        const OwnTriggers own = own_triggers(); // a look-up may have the table's triggers read anew
        for (bool watched : {false, true})
            known.fits[watched] =
                plain && relation->trigdesc != nullptr && check_of_parents(relation->trigdesc, own, watched) != nullptr;
    });
}

void forget(Oid relation) {
    if (relation == InvalidOid || relation == known.table)
        known.valid = false;
}

/// The locks stay until the end of the transaction.
void close(Opened *opened) {
    for (const Opened::Index &index : opened->indexes) {
        index_insert_end(index.relation, index.info);
        index_close(index.relation, NoLock);
    }
    table_close(opened->relation, NoLock);
}

Opened open(Oid table, bool watched) {
    Opened opened = {};
    Relation relation = table_open(table, RowExclusiveLock);
    know(relation);
    // In session_replication_role = replica our triggers do not fire, unless somebody has them fire.
    if (!known.fits[watched] || SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA ||
        pg_class_aclcheck(table, GetUserId(), ACL_INSERT) != ACLCHECK_OK) {
        table_close(relation, NoLock);
        return opened;
    }
    opened.relation = relation;
    List *indexes = RelationGetIndexList(relation);
    for (int i = 0; i < list_length(indexes); i++) {
        Relation index = index_open(list_nth_oid(indexes, i), RowExclusiveLock);
        opened.indexes.add({index, BuildIndexInfo(index)});
    }
    list_free(indexes);
    opened.memory = AllocSetContextCreate(CurrentMemoryContext, "integration_defaults rows", ALLOCSET_DEFAULT_SIZES);
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
        MemoryContext caller = MemoryContextSwitchTo(opened.memory);
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
        MemoryContextReset(opened.memory);
    }
    for (int i = 0; i < most; i++)
        ExecDropSingleTupleTableSlot(slots[i]);
}

void insert_into_index(const Opened &opened, const Opened::Index &into, const NewProject *projects, int count,
                       ItemPointerData *places, const Sorted *order) {
    const auto [index, info] = into;
    IndexUniqueCheck unique = index->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO;
    MemoryContext caller = MemoryContextSwitchTo(opened.memory);
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
            MemoryContextReset(opened.memory);
        }
    }
    MemoryContextSwitchTo(caller);
    MemoryContextReset(opened.memory);
}

/// Adds rows to all indexes; `order` is room for their order, which in the end is that of the parents. Gives the number
/// of rows that have one.
int insert_into_indexes(const Opened &opened, const NewProject *projects, int count, ItemPointerData *places,
                        Sorted *order) {
    constexpr Datum NewProject::*columns[] = {&NewProject::id, &NewProject::parent};
    int have_one = 0;
    for (int column = 0; column < 2; column++) {
        have_one = sort_by(columns[column], projects, count, order);
        for (const Opened::Index &index : opened.indexes)
            if (index.info->ii_ReadyForInserts && index.info->ii_IndexAttrNumbers[0] == column + 1)
                insert_into_index(opened, index, projects, count, places, order);
    }
    return have_one;
}

/// Makes `order`, that of the parents, one of the first rows of each. Gives their number.
int first_of_each(const NewProject *projects, Sorted *order, int count) {
    int firsts = 0;
    for (int i = 0; i < count; i++)
        if (i == 0 || !same_text(&NewProject::parent, projects, order[firsts - 1], order[i]))
            order[firsts++] = order[i];
    return firsts;
}

/// Queues the check of the parents of some of the rows, as the executor would. They fire now if they are not deferred.
void check_later(Relation relation, bool watched, const NewProject *projects, const ItemPointerData *places,
                 const int *which, int count) {
    const OwnTriggers own = own_triggers(); // a look-up may have the table's triggers read anew
    const Trigger *check = check_of_parents(relation->trigdesc, own, watched);
    if (check == nullptr) // the table is locked, its triggers' functions are not
        elog(ERROR, "triggers of table \"%s\" have changed meanwhile", RelationGetRelationName(relation));
    EState *state = CreateExecutorState();
    MemoryContext caller = MemoryContextSwitchTo(state->es_query_cxt);
    TriggerDesc one = {};
    one.triggers = const_cast<Trigger *>(check);
    one.numtriggers = 1;
    one.trig_insert_after_row = true;
    ResultRelInfo *target = makeNode(ResultRelInfo);
    target->ri_RelationDesc = relation;
    target->ri_TrigDesc = CopyTriggerDesc(&one);
    MemoryContextSwitchTo(caller);
    TupleTableSlot *slot = table_slot_create(relation, nullptr);
    AfterTriggerBeginQuery();
    for (int i = 0; i < count; i++) {
        fill(slot, projects[which[i]]);
        slot->tts_tableOid = RelationGetRelid(relation);
        slot->tts_tid = places[which[i]];
        ExecARInsertTriggers(state, target, slot, NIL, nullptr);
    }
    AfterTriggerEndQuery(state);
    ExecDropSingleTupleTableSlot(slot);
    ExecCloseResultRelations(state); // where one has fired
    ExecResetTupleTable(state->es_tupleTable, false);
    FreeExecutorState(state);
    CommandCounterIncrement();
}

} // namespace

// --- C++ -------------------------------------------------------------------------------------------------------------

void watch_new_projects(const char *function, bool (*needed)()) {
    watcher = {function, needed};
    on_relation_change(forget);
    on_function_change([] { known.valid = false; });
}

bool insert_projects(const NewProject *projects, int count) {
    Oid table = table_oid(Table::projects);
    guard([&] { LockRelationOid(table, RowExclusiveLock); }); // a session that begins to need them waits for us
    const bool watched = watcher.function != nullptr && watcher.needed();
    struct Inserted {
        Opened opened;
        ItemPointerData *places;
        Sorted *by_parent;
        int parents;
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
        const int have_one = insert_into_indexes(opened, projects, count, result.places, result.by_parent);
        result.parents = first_of_each(projects, result.by_parent, have_one);
        CommandCounterIncrement();
        return result;
    });
    if (inserted.opened.relation == nullptr)
        return false;

    // One row of each parent, in the order of the rows, so that a refusal names the first.
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<int> which(&memory);
    const Sorted *firsts = inserted.by_parent;
    if (inserted.parents != 1 || !hold_group(projects[firsts->row].parent, true))
        for (const Sorted *at = firsts; at < firsts + inserted.parents; at++)
            if (expect_check_of(projects[at->row].parent))
                which.push_back(at->row);
    std::sort(which.begin(), which.end());
    const int *rows = which.data();
    const int checks = static_cast<int>(which.size());
    guard([&] {
        Opened &opened = inserted.opened;
        if (checks > 0)
            check_later(opened.relation, watched, projects, inserted.places, rows, checks);
        close(&opened);
    });
    return true;
}

} // namespace intd
