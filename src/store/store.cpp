#include "store/store.hpp"

#include "postgres/memory.hpp"
#include "postgres/query.hpp"
#include "postgres/snapshot.hpp"
#include "store/owner.hpp"

extern "C" {
#include "access/parallel.h"
}

namespace intd {
namespace {

Statement selects[table_count][3] = {}; // by how many columns of the key are given

const char *select_text(Table table, int nkeys) {
    const DeclaredTable &own = declared_as(table);
    StringInfoData text;
    initStringInfo(&text);
    for (int i = 0; i < own.count; i++)
        appendStringInfo(&text, "%s%s", i == 0 ? "SELECT " : ", ", own.columns[i].name);
    return MemoryContextStrdup(TopMemoryContext, psprintf("%s%s", text.data, from_clause(table, nkeys)));
}

void copy_row(Row *row, const Datum *values, const bool *nulls, TupleDesc shape, int columns) {
    for (int i = 0; i < columns; i++) {
        row->nulls[i] = nulls[i];
        if (nulls[i])
            continue;
        Form_pg_attribute attribute = TupleDescAttr(shape, i);
        if (attribute->attlen == -1) {
            auto *stored = reinterpret_cast<struct varlena *>(DatumGetPointer(values[i]));
            // jsonb and arrays must be aligned; text may keep its short header
            struct varlena *flat =
                attribute->atttypid == TEXTOID ? pg_detoast_datum_packed(stored) : pg_detoast_datum(stored);
            row->values[i] = flat == stored ? datumCopy(PointerGetDatum(stored), false, -1) : PointerGetDatum(flat);
        } else
            row->values[i] = values[i];
    }
}

/// A table that is read directly, open under a lock that keeps it as it is known; else null.
struct Direct {
    Relation relation;
    KnownTable *entry;
};

/// Server code.
Direct open_direct(Table table) {
    KnownTable *entry = look_up_direct(table);
    if (entry == nullptr)
        return {nullptr, nullptr};
    const Oid known_as = entry->relation;
    Relation relation = table_open(known_as, entry->locked ? NoLock : AccessShareLock);
    if (!entry->valid && (look_up_direct(table) == nullptr || entry->relation != known_as)) {
        table_close(relation, NoLock); // changed while we waited for the lock
        return {nullptr, nullptr};
    }
    return {relation, entry};
}

Row *another(Rows *rows, int *room) {
    if (rows->count == *room) {
        *room = *room == 0 ? 4 : *room * 2;
        rows->begin_ =
            static_cast<Row *>(rows->begin_ == nullptr ? palloc_extended(*room * sizeof(Row), MCXT_ALLOC_HUGE)
                                                       : repalloc_huge(rows->begin_, *room * sizeof(Row)));
    }
    return &rows->begin_[rows->count++];
}

Rows scan(Relation relation, KnownTable &entry, Table table, int nkeys, const Datum *keys, int columns) {
    TupleTableSlot *slot = table_slot_create(relation, nullptr);
    Rows rows = {nullptr, 0};
    int room = 0;
    auto add = [&] {
        CHECK_FOR_INTERRUPTS();
        slot_getsomeattrs(slot, columns);
        copy_row(another(&rows, &room), slot->tts_values, slot->tts_isnull, slot->tts_tupleDescriptor, columns);
    };
    if (nkeys == 0) {
        TableScanDesc cursor = table_beginscan(relation, GetActiveSnapshot(), 0, nullptr);
        while (table_scan_getnextslot(cursor, ForwardScanDirection, slot))
            add();
        table_endscan(cursor);
    } else {
        ScanKeyData conditions[2];
        for (int i = 0; i < nkeys; i++)
            ScanKeyInit(&conditions[i], i + 1, BTEqualStrategyNumber, F_TEXTEQ, keys[i]);
        // What is read for each project: its index stays locked, too, as that of any query, which costs less than to
        // lock both again for each.
        const bool stays = table == Table::projects || table == Table::project_settings;
        Relation index = index_open(entry.key, entry.locked ? NoLock : AccessShareLock);
        entry.locked = stays && entry.valid;
        IndexScanDesc cursor = begin_index_scan(relation, index, GetActiveSnapshot(), nkeys);
        index_rescan(cursor, conditions, nkeys, nullptr, 0);
        while (index_getnext_slot(cursor, ForwardScanDirection, slot))
            add();
        index_endscan(cursor);
        index_close(index, stays ? NoLock : AccessShareLock);
    }
    ExecDropSingleTupleTableSlot(slot);
    // The lock stays until the end of the transaction, as that of any query: what was read must not be truncated before
    // the rest of it is read.
    table_close(relation, NoLock);
    return rows;
}

Rows select(Table table, int nkeys, const Datum *keys, int columns) {
    Statement &statement = selects[static_cast<int>(table)][nkeys];
    if (statement.sql == nullptr)
        statement = {select_text(table, nkeys), nkeys, {TEXTOID, TEXTOID}, nullptr};
    Connection connection;
    const uint64 count = connection.read(prepared(statement), keys);
    MemoryContextSwitchTo(connection.caller());
    Rows rows = {nullptr, 0};
    int room = 0;
    for (uint64 i = 0; i < count; i++) {
        Datum values[max_columns];
        bool nulls[max_columns];
        heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
        copy_row(another(&rows, &room), values, nulls, SPI_tuptable->tupdesc, columns);
    }
    connection.finish();
    return rows;
}

/// Of each row the first `columns`; 0: all.
Rows read(Table table, int nkeys, const Datum *keys, int columns = 0) {
    if (columns == 0)
        columns = declared_as(table).count;
    Rows rows = {nullptr, -1};
    guard([&] {
        if (const Direct direct = open_direct(table); direct.relation != nullptr)
            rows = scan(direct.relation, *direct.entry, table, nkeys, keys, columns);
    });
    if (rows.count >= 0)
        return rows;
    AsOwner owner;
    return guard([&] { return select(table, nkeys, keys, columns); });
}

} // namespace

const Row *Store::row(Table table, Datum key1, Datum key2) const {
    const Datum keys[2] = {key1, key2};
    const int nkeys = key2 == 0 ? 1 : 2;
    Rows rows = source_ != nullptr ? source_->rows(table, nkeys, keys) : read(table, nkeys, keys);
    return rows.count == 0 ? nullptr : rows.begin();
}

Rows Store::rows(Table table, Datum key) const {
    const int nkeys = key == 0 ? 0 : 1;
    return source_ != nullptr ? source_->rows(table, nkeys, &key) : read(table, nkeys, &key);
}

Rows Store::keys(Table table) const {
    return source_ != nullptr ? source_->rows(table, 0, nullptr) : read(table, 0, nullptr, 1);
}

NumberedGroups Store::numbered_groups() const {
    Growing<NumberedGroup> groups;
    if (source_ != nullptr)
        return {nullptr, 0};
    guard([&] {
        const Direct direct = open_direct(Table::groups);
        if (direct.relation == nullptr)
            return;
        TupleTableSlot *slot = table_slot_create(direct.relation, nullptr);
        TableScanDesc cursor = table_beginscan(direct.relation, GetActiveSnapshot(), 0, nullptr);
        auto number_in = [&](int column) {
            const Datum value = slot->tts_values[column];
            return is_plain(value) ? number_of(view(value)) : 0;
        };
        while (table_scan_getnextslot(cursor, ForwardScanDirection, slot)) {
            CHECK_FOR_INTERRUPTS();
            slot_getsomeattrs(slot, column::parent + 1);
            const uint32 id = number_in(column::id);
            const uint32 parent = slot->tts_isnull[column::parent] ? 0 : number_in(column::parent);
            if (id != 0)
                groups.add({id, parent == 0 && !slot->tts_isnull[column::parent] ? UINT32_MAX : parent});
        }
        table_endscan(cursor);
        ExecDropSingleTupleTableSlot(slot);
        table_close(direct.relation, NoLock); // locked until the end of the transaction, as by any query
    });
    return {groups.items, groups.count};
}

bool Store::is_worth_reading_whole(Table table, int looks, Size at_most) const {
    constexpr int every = 64; // asking costs something, too
    // so many cost as much as reading the page; a parallel worker is there because more will come
    const BlockNumber looks_a_page = IsParallelWorker() ? 1 : 8;
    if (source_ != nullptr || looks == 0 || looks % every != 0)
        return false;
    return guard([&] {
        const KnownTable *entry = look_up_direct(table);
        if (entry == nullptr)
            return false;
        Relation relation = table_open(entry->relation, AccessShareLock);
        BlockNumber pages = RelationGetNumberOfBlocks(relation);
        table_close(relation, NoLock);
        return pages <= at_most / BLCKSZ && uint64{pages} * looks_a_page <= static_cast<uint64>(looks);
    });
}

bool may_be_parents(Table table, const Datum *ids, int count) {
    NewestState newest;
    return guard([&] {
        const Direct direct = open_direct(table);
        if (direct.relation == nullptr)
            return true;
        if (!OidIsValid(direct.entry->parents)) {
            table_close(direct.relation, NoLock);
            return true;
        }
        Relation index = index_open(direct.entry->parents, AccessShareLock);
        IndexScanDesc cursor = begin_index_scan(direct.relation, index, GetActiveSnapshot(), 1);
        TupleTableSlot *slot = table_slot_create(direct.relation, nullptr);
        bool found = false;
        for (int i = 0; i < count && !found; i++) {
            CHECK_FOR_INTERRUPTS();
            ScanKeyData condition;
            ScanKeyInit(&condition, 1, BTEqualStrategyNumber, F_TEXTEQ, ids[i]);
            index_rescan(cursor, &condition, 1, nullptr, 0);
            found = index_getnext_slot(cursor, ForwardScanDirection, slot);
        }
        ExecDropSingleTupleTableSlot(slot);
        index_endscan(cursor);
        index_close(index, NoLock); // until the end of the transaction, as that of any query
        table_close(direct.relation, NoLock);
        return found;
    });
}

} // namespace intd
