// The triggers of tracked tables: each event becomes the same change of our groups or projects, in the same
// transaction and in the order in which the server fires the events.
//
//   plain table        INSERT and DELETE for each statement, by transition tables, in batches; UPDATE for each row
//                      that changes its id, its parent or what the filter says (the trigger's WHEN)
//   partitioned table  INSERT, UPDATE and DELETE for each row, on the partitions
//   both               TRUNCATE of the whole table; before a TRUNCATE of one partition, the rows that are in it; before
//                      each statement, a check that all these triggers are there and enabled
#include "tracking/follow.hpp"

#include "hierarchy/external_id.hpp"
#include "tracking/feed.hpp"
#include "tracking/left_out.hpp"
#include "tracking/mirror.hpp"
#include "postgres/memory.hpp"
#include "postgres/trigger.hpp"
#include "store/citus.hpp"

extern "C" {
#include "access/heapam.h"
#include "catalog/pg_index.h"
#include "executor/executor.h"
}

namespace intd {
namespace {

// --- server code -----------------------------------------------------------------------------------------------------

/// Whether two rows of the table can never have the same id, not even inside a statement or transaction: there is a
/// unique index that is not deferrable.
bool has_unique_id(Relation relation, AttrNumber id) {
    bool unique = false;
    if (relation->rd_rel->relispartition)
        return false;
    List *indexes = RelationGetIndexList(relation);
    for (int i = 0; i < list_length(indexes) && !unique; i++) {
        HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(list_nth_oid(indexes, i)));
        if (!HeapTupleIsValid(tuple))
            continue;
        auto *index = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
        unique = index->indisunique && index->indimmediate && index->indisvalid && index->indnkeyatts == 1 &&
                 index->indkey.values[0] == id && heap_attisnull(tuple, Anum_pg_index_indpred, nullptr);
        ReleaseSysCache(tuple);
    }
    list_free(indexes);
    return unique;
}

/// A row trigger's rows.
struct RowEvent {
    bool tracked;
    State before, after;
    State latest; // of an UPDATE: what the row has become since; the same as after, if it was not changed again
    bool dead;    // it was, and is gone, or has another id
    bool leaves;  // a DELETE that is half of a move to another partition
    CommandId command;
    Oid root; // the partitioned table
};

/// The newest version of a row of which `header` is an older one; false if it was deleted or went to another
/// partition.
bool fetch_latest(Relation relation, HeapTupleHeader header, TupleTableSlot *slot) {
    for (;;) {
        ItemPointerData next = header->t_ctid;
        if (HeapTupleHeaderIndicatesMovedPartitions(header) ||
            !table_tuple_fetch_row_version(relation, &next, SnapshotAny, slot))
            return false;
        if (table_tuple_satisfies_snapshot(relation, slot, SnapshotSelf))
            return true;
        bool free_it;
        HeapTuple tuple = ExecFetchSlotHeapTuple(slot, false, &free_it);
        if (ItemPointerEquals(&tuple->t_data->t_ctid, &tuple->t_self))
            return false;
        header = tuple->t_data;
    }
}

RowEvent read_event(FunctionCallInfo fcinfo, TriggerData *data, Kind kind) {
    RowEvent event = {};
    // The reader is kept for all rows of the statement.
    auto *reader = static_cast<RowReader *>(fcinfo->flinfo->fn_extra);
    if (reader == nullptr) {
        reader = make_row_reader(data->tg_relation, kind, fcinfo->flinfo->fn_mcxt);
        fcinfo->flinfo->fn_extra = reader;
    }
    if (reader == nullptr)
        return event;
    event.tracked = true;
    int level = begin_reading(reader, data->tg_trigslot->tts_tupleDescriptor);
    State state = read_state(reader, data->tg_trigslot);
    bool update = TRIGGER_FIRED_BY_UPDATE(data->tg_event);
    if (update || TRIGGER_FIRED_BY_DELETE(data->tg_event))
        event.before = state;
    else
        event.after = state;
    if (update)
        event.after = read_state(reader, data->tg_newslot);
    Relation relation = data->tg_relation;
    bool heap = relation->rd_rel->relkind == RELKIND_RELATION && relation->rd_tableam == GetHeapamTableAmRoutine();
    event.latest = event.after;
    if (update && heap && !table_tuple_satisfies_snapshot(relation, data->tg_newslot, SnapshotSelf)) {
        TupleTableSlot *slot = table_slot_create(relation, nullptr);
        event.dead = !fetch_latest(relation, data->tg_newtuple->t_data, slot);
        if (!event.dead)
            event.latest = read_state(reader, slot);
        ExecDropSingleTupleTableSlot(slot);
    }
    end_reading(level);
    if (!heap)
        return event;
    if (!update && relation->rd_rel->relispartition) {
        HeapTupleHeader header = data->tg_trigtuple->t_data;
        event.root = reader->root;
        event.leaves = TRIGGER_FIRED_BY_DELETE(data->tg_event) && HeapTupleHeaderIndicatesMovedPartitions(header);
        event.command = TRIGGER_FIRED_BY_DELETE(data->tg_event)
                            ? (event.leaves ? HeapTupleHeaderGetCmax(header) : InvalidCommandId)
                            : HeapTupleHeaderGetCmin(header);
    }
    return event;
}

// --- C++ -------------------------------------------------------------------------------------------------------------

/// Parents that are left out become none.
void settle_parents(State *states, int count) {
    if (!groups_are_filtered())
        return;
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<Datum> parents(&memory);
    for (int i = 0; i < count; i++)
        parents.push_back(states[i].parent.value_or(static_cast<Datum>(0)));
    forget_left_out(parents.data(), count);
    for (int i = 0; i < count; i++)
        if (parents[i] == 0)
            states[i].parent.reset();
}

void settle_parents(const ProjectBatch &batch) {
    if (!groups_are_filtered())
        return;
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<Datum> parents(&memory);
    parents.reserve(batch.count);
    for (int i = 0; i < batch.count; i++)
        parents.push_back(batch.rows[i].parent);
    forget_left_out(parents.data(), batch.count);
    for (int i = 0; i < batch.count; i++)
        batch.rows[i].parent = parents[i];
}

void insert_batch(Kind kind, const Batch &batch, bool may_be_held) {
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<Datum> left_out(batch.left_out, batch.left_out + batch.left_out_count, &memory);
    settle_parents(batch.states, batch.count);
    int count = 0;
    for (int i = 0; i < batch.count; i++) {
        // A trigger of the app's may have changed it already.
        State state = batch.states[i];
        if (!take_ahead(kind, state.id, &state))
            check_state(state);
        if (state.in)
            batch.states[count++] = state;
        else if (state.id != 0)
            left_out.push_back(state.id);
    }
    if (count > 0)
        mirror_insert(kind, batch.states, count, may_be_held);
    // What waited for these groups as its parents counts as the instance.
    if (kind == Kind::groups && !left_out.empty())
        mirror_leave_out(left_out.data(), static_cast<int>(left_out.size()));
}

void delete_rows(Kind kind, State *states, int count, int depth) {
    if (some_are_aside())
        settle_parents(states, count);
    mirror_delete(kind, states, count, depth);
}

void delete_row(Kind kind, State *state, int depth) {
    if (state->in)
        delete_rows(kind, state, 1, depth);
    else
        mirror_remove_left_out(kind, &state->id, 1);
}

/// Rows that left their partition and did not arrive in another one are gone.
void remove_lapsed(Kind kind, int depth) {
    State gone;
    while (take_lapsed(kind, depth, &gone))
        delete_row(kind, &gone, 1);
}

/// Projects of an INSERT where no event of these rows has come before.
void insert_many(Feed *feed) {
    for (bool last = false; !last;) {
        ProjectBatch batch = guard([&] { return next_projects(feed); });
        InContext inside(feed->memory);
        settle_parents(batch);
        for (int i = 0; i < batch.count; i++) {
            check_id(view(batch.rows[i].id));
            if (batch.rows[i].parent != 0)
                check_id(view(batch.rows[i].parent));
        }
        if (batch.count > 0)
            mirror_insert_projects(batch.rows, batch.count);
        last = batch.last;
    }
    guard([&] { close_feed(feed); });
}

/// INSERT or DELETE of a plain table, or the rows of a partition that is about to be truncated.
void follow_batches(TriggerData *data, Kind kind, Tuplestorestate *store) {
    bool insert = TRIGGER_FIRED_BY_INSERT(data->tg_event);
    struct Opened {
        Feed feed;
        bool tracked, unique;
    };
    Opened opened = guard([&] {
        Opened result = {};
        result.tracked = open_feed(&result.feed, data->tg_relation, kind, store);
        result.unique = result.tracked && has_unique_id(data->tg_relation, result.feed.reader->source.id);
        return result;
    });
    if (!opened.tracked)
        return;
    int depth = trigger_depth();
    if (insert && kind == Kind::projects && depth == 1 && opened.unique && !some_are_ahead()) {
        insert_many(&opened.feed);
        return;
    }
    for (;;) {
        Batch batch = guard([&] { return next_batch(&opened.feed); });
        InContext inside(opened.feed.memory);
        if (insert)
            insert_batch(kind, batch, depth > 1 || !opened.unique);
        else {
            delete_rows(kind, batch.states, batch.count, depth);
            mirror_remove_left_out(kind, batch.left_out, batch.left_out_count);
        }
        if (batch.last)
            break;
    }
    guard([&] { close_feed(&opened.feed); });
}

void follow_row(FunctionCallInfo fcinfo, TriggerData *data, Kind kind) {
    if (fcinfo->flinfo->fn_extra == nullptr) // the first row of a statement
        require_followed(guard([&] { return root_of(data->tg_relation); }), kind);
    RowEvent event = guard([&] { return read_event(fcinfo, data, kind); });
    if (!event.tracked)
        return;
    int depth = trigger_depth();
    bool insert = TRIGGER_FIRED_BY_INSERT(data->tg_event), remove = TRIGGER_FIRED_BY_DELETE(data->tg_event);
    bool arrives = insert && OidIsValid(event.root) && take_leaving(kind, event.root, event.command, &event.before);
    remove_lapsed(kind, depth);
    if (event.leaves) {
        remember_leaving({kind, event.root, event.command, depth, event.before});
        return;
    }
    if (remove) {
        delete_row(kind, &event.before, depth);
        return;
    }
    // A trigger of the app's may have changed the row again before the event of this change came. If both changes left
    // the id alone, the outcome counts: an event of the later change, if there is one, came before this one or comes
    // after it, and does no harm.
    State &before = event.before, &after = event.after;
    if (!insert && before.in && after.in && view(before.id) == view(after.id)) {
        if (event.dead || !event.latest.in || view(event.latest.id) != view(after.id))
            return;
        after = event.latest;
    }
    check_state(after);
    if (after.in)
        settle_parents(&after, 1);
    if (before.in && some_are_aside())
        settle_parents(&before, 1);
    mirror_update(kind, insert && !arrives ? State{false, 0, std::nullopt} : before, after, depth);
}

/// Whether the trigger is one that a partition has of its own.
bool is_for_partition(const TriggerData *data) {
    return data->tg_trigger->tgnargs == 1 && strcmp(data->tg_trigger->tgargs[0], "partition") == 0;
}

/// Whether a trigger of a table that Citus has distributed, or of a shard of one, has nothing to do: the table itself
/// has no rows; a shard that was not taken in here is not followed; and on one whose table is tracked no longer the
/// trigger is a leftover, because Citus takes some kinds of triggers from the table alone.
bool is_idle(Relation relation, Kind kind) {
    if (has_no_citus() || relation->rd_rel->relispartition || !guard(has_citus))
        return false;
    const Oid oid = RelationGetRelid(relation), root = guard([&] { return root_of(relation); });
    const Oid tracked = tracked_relation(kind);
    if (root == oid)
        return is_spread(kind) && tracked == oid;
    if (tracked == root)
        return !was_taken_in(kind, oid);
    return !guard([&] {
        // As the relation cache has it: another session of the same TRUNCATE holds the table.
        Relation table = RelationIdGetRelation(root);
        Source source;
        const bool bound = table != nullptr && read_source(table, kind, &source);
        if (table != nullptr)
            RelationClose(table);
        return bound;
    });
}

Datum follow(FunctionCallInfo fcinfo, Kind kind) {
    auto *data = reinterpret_cast<TriggerData *>(fcinfo->context);
    auto refuse = [] {
        return Refusal(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                       "this function is for the triggers that track_groups() and track_projects() create");
    };
    if (!CALLED_AS_TRIGGER(fcinfo))
        throw refuse();
    const bool after = TRIGGER_FIRED_AFTER(data->tg_event), row = TRIGGER_FIRED_FOR_ROW(data->tg_event);
    const bool truncate = TRIGGER_FIRED_BY_TRUNCATE(data->tg_event);
    Tuplestorestate *rows = TRIGGER_FIRED_BY_INSERT(data->tg_event)   ? data->tg_newtable
                            : TRIGGER_FIRED_BY_DELETE(data->tg_event) ? data->tg_oldtable
                                                                      : nullptr;
    if (after && row) {
        if (fcinfo->flinfo->fn_extra == nullptr && is_idle(data->tg_relation, kind))
            return PointerGetDatum(nullptr);
        follow_row(fcinfo, data, kind);
        return PointerGetDatum(nullptr);
    }
    if (row || (after && !truncate && rows == nullptr))
        throw refuse();
    const Oid relation = RelationGetRelid(data->tg_relation);
    const Oid root = guard([&] { return root_of(data->tg_relation); });
    // On a partition that was detached the trigger is a leftover.
    if (is_for_partition(data) && (root == relation || root != tracked_relation(kind)))
        return PointerGetDatum(nullptr);
    if (is_idle(data->tg_relation, kind))
        return PointerGetDatum(nullptr);
    require_followed(root, kind);
    const bool shard = root != relation && !data->tg_relation->rd_rel->relispartition;
    if (after && truncate) {
        if (!shard)
            mirror_truncate(kind);
    } else if (after || (truncate && root != relation && data->tg_relation->rd_rel->relkind == RELKIND_RELATION))
        follow_batches(data, kind, rows);
    return PointerGetDatum(nullptr);
}

/// Before a commit: rows that are still leaving are gone.
void finish_leaving() {
    if (GetCurrentTransactionNestLevel() > 1) // only anticipated: they may arrive yet
        return;
    for (Kind kind : all_kinds)
        remove_lapsed(kind, 0);
}

} // namespace

/// The trigger of tables that are tracked for groups.
INTD_FUNCTION(follow_groups) {
    return follow(fcinfo, Kind::groups);
}

/// The trigger of tables that are tracked for projects.
INTD_FUNCTION(follow_projects) {
    return follow(fcinfo, Kind::projects);
}

void watch_following() {
    watch_transit(finish_leaving);
}

} // namespace intd
