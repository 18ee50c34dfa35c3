#include "store/switch.hpp"

namespace intd {

bool any_row(const char *table, Oid type, bool (*is_so)(Datum value)) {
    Oid oid = get_relname_relid(table, get_namespace_oid("integration_defaults", false));
    if (!OidIsValid(oid))
        return false;
    Relation relation = table_open(oid, AccessShareLock);
    TupleDesc shape = RelationGetDescr(relation);
    bool found = false;
    if (relation->rd_rel->relkind == RELKIND_RELATION && shape->natts > 0 &&
        TupleDescAttr(shape, 0)->atttypid == type && RelationGetNumberOfBlocks(relation) > 0) {
        Snapshot newest = RegisterSnapshot(GetLatestSnapshot());
        TupleTableSlot *slot = table_slot_create(relation, nullptr);
        TableScanDesc scan = table_beginscan(relation, newest, 0, nullptr);
        bool null;
        while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
            Datum value = slot_getattr(slot, 1, &null);
            found = found || (!null && is_so(value));
        }
        table_endscan(scan);
        ExecDropSingleTupleTableSlot(slot);
        UnregisterSnapshot(newest);
    }
    table_close(relation, AccessShareLock);
    return found;
}

} // namespace intd
