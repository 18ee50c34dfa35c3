// Nothing else may change them, except a restore, which brings the rows of both tables in any order.
#include "tracking/keep_tracked.hpp"

#include "postgres/progress.hpp"
#include "postgres/query.hpp"
#include "postgres/trigger.hpp"
#include "store/owner.hpp"
#include "store/store.hpp"
#include "tracking/tracked.hpp"

extern "C" {
#include "storage/lmgr.h"
}

namespace intd {
namespace {

Statement place[] = {
    {"UPDATE integration_defaults.groups SET parent_id = $2 WHERE id OPERATOR(pg_catalog.=) $1",
     2,
     {TEXTOID, TEXTOID},
     nullptr},
    {"UPDATE integration_defaults.projects SET group_id = $2 WHERE id OPERATOR(pg_catalog.=) $1",
     2,
     {TEXTOID, TEXTOID},
     nullptr},
};

Kind kind_of(const TriggerData *data) {
    return RelationGetRelid(data->tg_relation) == table_oid(Table::groups) ? Kind::groups : Kind::projects;
}

} // namespace

/// BEFORE INSERT, UPDATE, DELETE or TRUNCATE on groups and projects, for each statement.
INTD_FUNCTION(keep_tracked) {
    TriggerData *data = own_trigger(fcinfo, {table_oid(Table::groups), table_oid(Table::projects)});
    if (OwnStatement::fired(data))
        return PointerGetDatum(nullptr);
    const Kind kind = kind_of(data);
    if (!restoring())
        require_untracked(kind);
    else
        hold_restored(kind);
    return PointerGetDatum(nullptr);
}

/// BEFORE INSERT on groups and projects, for each row. In a restore a row comes twice: as a row of ours, and by
/// following the app's row. The second one is left out.
INTD_FUNCTION(pass_over_restored) {
    TriggerData *data =
        row_trigger(fcinfo, {table_oid(Table::groups), table_oid(Table::projects)}, TRIGGER_EVENT_BEFORE);
    HeapTuple row = trigger_row(data);
    if (OwnStatement::fired(data))
        LongWork::add_row(LongWork::writes_rows);
    if (!restoring() || !TRIGGER_FIRED_BY_INSERT(data->tg_event))
        return PointerGetDatum(row);
    const Kind kind = kind_of(data);
    Value id = text_column(row, data->tg_relation, column::id + 1);
    Value parent = text_column(row, data->tg_relation, column::parent + 1);
    if (!id || !OidIsValid(tracked_relation(kind)))
        return PointerGetDatum(row);
    AsOwner owner;
    const Row *there;
    {
        NewestState newest;
        there = live.row(table_of(kind), *id);
    }
    if (there == nullptr)
        return PointerGetDatum(row);
    const bool no_parent = there->nulls[column::parent];
    if (parent ? !no_parent && view(*parent) == view(there->values[column::parent]) : no_parent)
        return PointerGetDatum(nullptr);
    // The parents differ: the parent may have been left out by the filter, or not been there, when the dump was made.
    // Whether it was so can't be known while the parent's row is still to come in the app's table, so our own row says.
    if (!groups_are_filtered() && !takes_orphans(kind))
        return PointerGetDatum(row); // which is refused: 23505
    if (!OwnStatement::fired(data)) {
        OwnStatement own(RelationGetRelid(data->tg_relation));
        execute(place[static_cast<int>(kind)], {id, parent});
    }
    return PointerGetDatum(nullptr);
}

void hold_restored(Kind kind) {
    Oid table = table_oid(table_of(kind));
    if (OidIsValid(tracked_relation(kind)))
        guard([&] { LockDatabaseObject(RelationRelationId, table, 3, ExclusiveLock); });
}

} // namespace intd
