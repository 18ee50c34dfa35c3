#include "store/tables.hpp"

#include "postgres/invalidation.hpp"
#include "postgres/query.hpp"
#include "postgres/transaction.hpp"

extern "C" {
#include "access/parallel.h"
#include "access/relation.h"
}

namespace intd {
namespace {

struct DeclaredColumn {
    const char *name;
    Oid type;
    bool nullable = false;
};

struct Declared {
    const char *name;
    int columns;
    int keys;
    DeclaredColumn shape[max_columns];
    const char *select; // by both key columns, by the first, and all
    const char *select_prefix;
    const char *select_all;
};

#define SCOPE_SHAPE(parent)                                                                                            \
    {                                                                                                                  \
        {"id", TEXTOID}, {                                                                                             \
            parent, TEXTOID, true                                                                                      \
        }                                                                                                              \
    }
#define SETTINGS_SHAPE                                                                                                 \
    {"custom", BOOLOID}, {"active", BOOLOID, true}, {                                                                  \
        "settings", JSONBOID                                                                                           \
    }
#define STAMP_SHAPE                                                                                                    \
    {"updated_at", TIMESTAMPTZOID}, {                                                                                  \
        "updated_by", TEXTOID                                                                                          \
    }
#define SETTINGS_COLUMNS "custom, active, settings, locked, updated_at, updated_by"
#define SELECT_SCOPES(table, parent)                                                                                   \
    "SELECT id, " parent " FROM integration_defaults." table " WHERE id OPERATOR(pg_catalog.=) $1", nullptr,           \
        "SELECT id, " parent " FROM integration_defaults." table
#define SELECT_SETTINGS(table, key, columns)                                                                           \
    "SELECT " key ", integration, " columns " FROM integration_defaults." table " WHERE " key                          \
    " OPERATOR(pg_catalog.=) $1 AND integration OPERATOR(pg_catalog.=) $2",                                            \
        "SELECT " key ", integration, " columns " FROM integration_defaults." table " WHERE " key                      \
        " OPERATOR(pg_catalog.=) $1",                                                                                  \
        "SELECT " key ", integration, " columns " FROM integration_defaults." table

const Declared declared[table_count] = {
    {"integrations",
     5,
     1,
     {{"name", TEXTOID},
      {"title", TEXTOID, true},
      {"category", TEXTOID, true},
      {"schema", JSONBOID},
      {"allowed", BOOLOID}},
     "SELECT name, title, category, schema, allowed FROM integration_defaults.integrations "
     "WHERE name OPERATOR(pg_catalog.=) $1",
     nullptr,
     "SELECT name, title, category, schema, allowed FROM integration_defaults.integrations"},
    {"groups", 2, 1, SCOPE_SHAPE("parent_id"), SELECT_SCOPES("groups", "parent_id")},
    {"projects", 2, 1, SCOPE_SHAPE("group_id"), SELECT_SCOPES("projects", "group_id")},
    {"instance_settings",
     7,
     1,
     {{"integration", TEXTOID}, SETTINGS_SHAPE, {"locked", TEXTARRAYOID}, STAMP_SHAPE},
     "SELECT integration, " SETTINGS_COLUMNS " FROM integration_defaults.instance_settings "
     "WHERE integration OPERATOR(pg_catalog.=) $1",
     nullptr,
     "SELECT integration, " SETTINGS_COLUMNS " FROM integration_defaults.instance_settings"},
    {"group_settings",
     8,
     2,
     {{"group_id", TEXTOID}, {"integration", TEXTOID}, SETTINGS_SHAPE, {"locked", TEXTARRAYOID}, STAMP_SHAPE},
     SELECT_SETTINGS("group_settings", "group_id", SETTINGS_COLUMNS)},
    {"project_settings",
     7,
     2,
     {{"project_id", TEXTOID}, {"integration", TEXTOID}, SETTINGS_SHAPE, STAMP_SHAPE},
     SELECT_SETTINGS("project_settings", "project_id", "custom, active, settings, updated_at, updated_by")},
};

Statement selects[table_count][3];

#define HOLD(table, key)                                                                                               \
    {                                                                                                                  \
        "SELECT 1 FROM integration_defaults." table " WHERE " key " OPERATOR(pg_catalog.=) $1 FOR KEY SHARE", 1,       \
            {TEXTOID}, nullptr                                                                                         \
    }
Statement holds[] = {HOLD("integrations", "name"), HOLD("groups", "id"), HOLD("projects", "id")};

/// What is known of a relation until the server says that it, or any of ours, has changed.
struct Known {
    Oid relation;
    Oid owner;
    Oid key;      // its primary key's index
    bool plain;   // a plain heap table of this server with the primary key that we declared
    bool secured; // has row security
    Oid reader;   // a user who was found to have SELECT on it
    bool locked;  // this transaction has it and its key's index locked until its end
    bool valid;
};
Known known[table_count];

/// A user who was found to read them all directly and without row security; none once anything about them changes.
Oid reader_of_all = InvalidOid;

/// How many functions of ours are writing, one inside the other.
int writing_functions = 0;

/// The owner of all six, once they were found to have the same.
Oid owner_of_all = InvalidOid;

void forget_table(Oid relation) {
    for (Known &table : known)
        if (relation == InvalidOid || relation == table.relation || relation == table.key || !table.valid)
            table.valid = table.locked = false, table.reader = reader_of_all = owner_of_all = InvalidOid;
}

void forget_readers() {
    for (Known &table : known)
        table.reader = InvalidOid;
    reader_of_all = InvalidOid;
}

void forget_locks() {
    for (Known &table : known)
        table.locked = false;
}

/// Whether the relation's primary key is the first `keys` columns in order, and holds for every snapshot.
bool has_declared_key(Oid index, int keys) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
    if (!HeapTupleIsValid(tuple))
        return false;
    auto *form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
    bool same = form->indisvalid && !form->indcheckxmin && form->indnkeyatts == keys;
    for (int i = 0; same && i < keys; i++)
        same = form->indkey.values[i] == i + 1;
    ReleaseSysCache(tuple);
    return same;
}

/// Raises 55000 unless the relation is a table whose first columns are those that we declared.
void require_shape(Relation relation, const Declared &own) {
    auto refuse = [&](const char *detail) {
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("relation integration_defaults.%s is not as the extension made it", own.name),
                        errdetail("%s", detail), errhint("Undo what was done to it.")));
    };
    const char kind = relation->rd_rel->relkind;
    if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
        refuse("It is not a table.");
    TupleDesc shape = RelationGetDescr(relation);
    for (int i = 0; i < own.columns; i++) {
        const DeclaredColumn &column = own.shape[i];
        Form_pg_attribute attribute = i < shape->natts ? TupleDescAttr(shape, i) : nullptr;
        if (attribute == nullptr || attribute->attisdropped || attribute->atttypid != column.type ||
            strcmp(NameStr(attribute->attname), column.name) != 0 || (!column.nullable && !is_never_null(shape, i)))
            refuse(psprintf("Its column %d should be \"%s\" of type %s%s.", i + 1, column.name,
                            format_type_be(column.type), column.nullable ? "" : " NOT NULL"));
    }
}

/// Looks the relation up again if need be. Server code: raises reports.
const Known &lookup(Table table) {
    Known &entry = known[static_cast<int>(table)];
    const Declared &own = declared[static_cast<int>(table)];
    while (!entry.valid) {
        Oid schema = get_namespace_oid("integration_defaults", true);
        Oid oid = OidIsValid(schema) ? get_relname_relid(own.name, schema) : InvalidOid;
        if (!OidIsValid(oid))
            ereport(ERROR,
                    (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("table integration_defaults.%s does not exist", own.name),
                     errhint("Create the extension with CREATE EXTENSION integration_defaults.")));
        entry.relation = oid;
        remember(entry.valid, [&] {
            Relation relation = relation_open(oid, AccessShareLock);
            require_shape(relation, own);
            entry.owner = relation->rd_rel->relowner;
            // Citus keeps a distributed table's rows elsewhere, behind what looks like a plain table.
            const bool citus = OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE));
            entry.key = primary_key_index(relation);
            entry.secured = relation->rd_rel->relrowsecurity;
            entry.plain = !citus && relation->rd_rel->relkind == RELKIND_RELATION &&
                          relation->rd_tableam == GetHeapamTableAmRoutine() && !relation->rd_rel->relhassubclass &&
                          OidIsValid(entry.key) && has_declared_key(entry.key, own.keys);
            entry.reader = InvalidOid;
            relation_close(relation, AccessShareLock);
        });
    }
    return entry;
}

/// Server code: raises reports.
Oid look_up_owner() {
    bool settled = false;
    while (!settled) {
        CHECK_FOR_INTERRUPTS();
        const Oid owner = lookup(Table::integrations).owner;
        for (int i = 0; i < table_count; i++)
            if (const Known &table = lookup(static_cast<Table>(i)); table.owner != owner)
                ereport(ERROR,
                        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                         errmsg("the tables of integration_defaults have different owners"),
                         errdetail("Table integrations belongs to %s, table %s to %s.", GetUserNameFromId(owner, true),
                                   declared[i].name, GetUserNameFromId(table.owner, true)),
                         errhint("Give them one owner with ALTER TABLE ... OWNER TO.")));
        // or one has changed while the next was looked at
        settled = std::all_of(std::begin(known), std::end(known), [](const Known &table) { return table.valid; });
        if (settled)
            owner_of_all = owner;
    }
    return owner_of_all;
}

bool is_direct(Table table) {
    const Known &entry = lookup(table);
    if (!entry.plain)
        return false;
    Oid user = GetUserId();
    if (entry.reader != user) {
        reader_of_all = InvalidOid;
        Oid &reader = known[static_cast<int>(table)].reader;
        bool may = false;
        remember(reader, user, [&] { may = pg_class_aclcheck(entry.relation, user, ACL_SELECT) == ACLCHECK_OK; });
        if (!may) {
            reader = InvalidOid;
            return false;
        }
    }
    return !entry.secured || check_enable_rls(entry.relation, InvalidOid, true) != RLS_ENABLED;
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

Row *another(Rows *rows, int *room) {
    if (rows->count == *room) {
        *room = *room == 0 ? 4 : *room * 2;
        rows->begin_ =
            static_cast<Row *>(rows->begin_ == nullptr ? palloc_extended(*room * sizeof(Row), MCXT_ALLOC_HUGE)
                                                       : repalloc_huge(rows->begin_, *room * sizeof(Row)));
    }
    return &rows->begin_[rows->count++];
}

Rows scan(Relation relation, Table table, int nkeys, const Datum *keys, int columns) {
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
        Known &entry = known[static_cast<int>(table)];
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
    // The lock stays until the end of the transaction, as that of any query: what was read must not be truncated or
    // hidden by row security before the rest of it is read.
    table_close(relation, NoLock);
    return rows;
}

Rows select(Table table, int nkeys, const Datum *keys, int columns) {
    const Declared &own = declared[static_cast<int>(table)];
    int which = nkeys == 0 ? 2 : nkeys == own.keys ? 0 : 1;
    Statement &statement = selects[static_cast<int>(table)][which];
    if (statement.sql == nullptr)
        statement = {which == 0   ? own.select
                     : which == 1 ? own.select_prefix
                                  : own.select_all,
                     nkeys,
                     {TEXTOID, TEXTOID},
                     nullptr};
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
        columns = declared[static_cast<int>(table)].columns;
    return guard([&] {
        const Known &entry = known[static_cast<int>(table)];
        while (is_direct(table)) {
            const LOCKMODE lock = entry.locked ? NoLock : AccessShareLock;
            Relation relation = table_open(entry.relation, lock);
            if (entry.valid && entry.reader == GetUserId())
                return scan(relation, table, nkeys, keys, columns);
            table_close(relation, lock); // changed while we waited for the lock: look again
        }
        return select(table, nkeys, keys, columns);
    });
}

/// Locks a row as nodeLockRows.c does above an index scan, at half of what running the statement costs. None if only
/// the statement knows what to do.
std::optional<bool> hold_directly(Table table, Datum key) {
    const Known &entry = lookup(table);
    if (!entry.plain || entry.secured)
        return std::nullopt;
    Relation relation = table_open(entry.relation, RowShareLock); // until the end of the transaction
    constexpr AclMode rights = ACL_SELECT | ACL_UPDATE;
    if (!entry.valid || pg_class_aclmask(entry.relation, GetUserId(), rights, ACLMASK_ALL) != rights) {
        table_close(relation, NoLock);
        return std::nullopt;
    }
    PreventCommandIfReadOnly("SELECT FOR KEY SHARE");
    CommandCounterIncrement();
    PushActiveSnapshot(GetTransactionSnapshot());
    Snapshot snapshot = GetActiveSnapshot();
    CommandId command = GetCurrentCommandId(true);
    Relation index = index_open(entry.key, RowShareLock);
    IndexScanDesc scan = begin_index_scan(relation, index, snapshot, 1);
    ScanKeyData condition;
    ScanKeyInit(&condition, 1, BTEqualStrategyNumber, F_TEXTEQ, key);
    index_rescan(scan, &condition, 1, nullptr, 0);
    TupleTableSlot *slot = table_slot_create(relation, nullptr);
    const bool fixed = IsolationUsesXactSnapshot();
    const uint8 flags = TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS | (fixed ? 0 : TUPLE_LOCK_FLAG_FIND_LAST_VERSION);
    bool held = false;
    while (!held && index_getnext_slot(scan, ForwardScanDirection, slot)) {
        ItemPointerData place = slot->tts_tid;
        TM_FailureData failure;
        TM_Result result = table_tuple_lock(relation, &place, snapshot, slot, command, LockTupleKeyShare, LockWaitBlock,
                                            flags, &failure);
        bool is_null;
        if (fixed && (result == TM_Updated || result == TM_Deleted))
            ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                            errmsg("could not serialize access due to concurrent update")));
        else if (result == TM_Ok) // a later version of the row may have another key
            held = !failure.traversed ||
                   view(PointerGetDatum(PG_DETOAST_DATUM_PACKED(slot_getattr(slot, 1, &is_null)))) == view(key);
        else if (result != TM_Deleted && result != TM_SelfModified)
            elog(ERROR, "unexpected table_tuple_lock status: %u", result);
    }
    ExecDropSingleTupleTableSlot(slot);
    index_endscan(scan);
    index_close(index, NoLock);
    table_close(relation, NoLock);
    PopActiveSnapshot();
    CommandCounterIncrement();
    return held;
}

} // namespace

Oid table_oid(Table table) {
    return guard([&] { return lookup(table).relation; });
}

const Row *read_row(Table table, Datum key1, Datum key2) {
    const Datum keys[2] = {key1, key2};
    Rows rows = read(table, key2 == 0 ? 1 : 2, keys);
    return rows.count == 0 ? nullptr : rows.begin();
}

Rows read_rows(Table table, Datum key) {
    return read(table, key == 0 ? 0 : 1, &key);
}

Rows read_keys(Table table) {
    return read(table, 0, nullptr, 1);
}

bool hold_row(Table table, Datum key) {
    AsOwner owner;
    std::optional<bool> held = guard([&] { return hold_directly(table, key); });
    return held ? *held : execute(holds[static_cast<int>(table)], {key}) > 0;
}

bool reads_all_as_known() {
    const Oid user = GetUserId();
    if (reader_of_all == user)
        return true;
    for (const Known &entry : known)
        if (!entry.valid || !entry.plain || entry.secured || entry.reader != user)
            return false;
    reader_of_all = user;
    return true;
}

bool is_worth_reading_whole(Table table, int looks) {
    constexpr int every = 64;          // asking costs something, too
    constexpr BlockNumber most = 1024; // pages
    // so many cost as much as reading the page; a parallel worker is there because more will come
    const BlockNumber looks_a_page = IsParallelWorker() ? 1 : 8;
    if (looks == 0 || looks % every != 0)
        return false;
    return guard([&] {
        if (!is_direct(table))
            return false;
        Relation relation = table_open(known[static_cast<int>(table)].relation, AccessShareLock);
        BlockNumber pages = RelationGetNumberOfBlocks(relation);
        table_close(relation, NoLock);
        return pages <= most && pages * looks_a_page <= static_cast<BlockNumber>(looks);
    });
}

bool reads_all_directly() {
    return guard([] {
        // A transaction that holds all its locks already hears of nothing; rights taken away end with this call.
        AcceptInvalidationMessages();
        if (reads_all_as_known())
            return true;
        for (int i = 0; i < table_count; i++)
            if (!is_direct(static_cast<Table>(i)))
                return false;
        return true;
    });
}

Oid our_owner() {
    return OidIsValid(owner_of_all) ? owner_of_all : guard([] { return look_up_owner(); });
}

bool restoring() {
    if (check_function_bodies || writing_functions > 0)
        return false;
    const Oid owner = our_owner();
    // The session's role is a superuser's also where the server runs somebody's expression, as in autovacuum.
    return guard([&] {
        auto may = [&](Oid role) { return superuser_arg(role) || has_privs_of_role(role, owner); };
        return may(GetOuterUserId()) && may(GetUserId());
    });
}

WritingFunction::WritingFunction() {
    if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      "integration_defaults can't be changed while session_replication_role is replica")
            .detail("The session fires no triggers, which check what is written.")
            .hint("RESET session_replication_role; plain SQL on the tables writes what a replication brings.");
    writing_functions++;
}
WritingFunction::~WritingFunction() {
    writing_functions--;
}

AsOwner::AsOwner() {
    Oid owner = our_owner();
    GetUserIdAndSecContext(&user_, &context_);
    SetUserIdAndSecContext(owner, context_ | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
}

void watch_tables() {
    on_relation_change(forget_table);
    on_role_change(forget_readers);
    on_transaction_end(forget_locks);
    on_savepoint_end([](const Savepoint &savepoint) {
        if (savepoint.rolled_back)
            forget_locks();
    });
}

} // namespace intd
