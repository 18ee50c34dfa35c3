#include "store/relation.hpp"

#include "postgres/invalidation.hpp"
#include "postgres/transaction.hpp"
#include "store/citus.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_opfamily_d.h"
}

namespace intd {
namespace {

KnownTable known[table_count];

/// Whether they were all found to be read directly; not once anything about them changes.
bool all_direct = false;

/// The owner of all six, once they were found to have the same.
Oid owner_of_all = InvalidOid;

void forget_table(Oid relation) {
    for (KnownTable &table : known)
        if (relation == InvalidOid || relation == table.relation || relation == table.key ||
            relation == table.parents || !table.valid)
            table.valid = table.locked = all_direct = false, owner_of_all = InvalidOid;
}

void forget_locks() {
    for (KnownTable &table : known)
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

/// Whether the index has all rows of the relation by a column, as text in the bytes' order. Server code.
bool is_by_column(Oid index, AttrNumber column) {
    HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
    if (!HeapTupleIsValid(tuple))
        return false;
    auto *form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
    const bool usable = form->indisvalid && !form->indcheckxmin && form->indkey.values[0] == column &&
                        heap_attisnull(tuple, Anum_pg_index_indpred, nullptr);
    ReleaseSysCache(tuple);
    if (!usable)
        return false;
    Relation opened = index_open(index, AccessShareLock);
    const bool in_order = opened->rd_rel->relam == BTREE_AM_OID && opened->rd_opfamily[0] == TEXT_BTREE_FAM_OID &&
                          opened->rd_indcollation[0] == C_COLLATION_OID;
    index_close(opened, AccessShareLock);
    return in_order;
}

/// Such an index of an open relation, or InvalidOid.
Oid index_by(Relation relation, AttrNumber column) {
    List *indexes = RelationGetIndexList(relation);
    Oid found = InvalidOid;
    for (int i = 0; i < list_length(indexes) && !OidIsValid(found); i++)
        if (const Oid index = list_nth_oid(indexes, i); is_by_column(index, column))
            found = index;
    list_free(indexes);
    return found;
}

/// Raises 55000 unless the relation is a table whose first columns are those that we declared.
void require_shape(Relation relation, const DeclaredTable &own) {
    auto refuse = [&](const char *detail) {
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("relation integration_defaults.%s is not as the extension made it", own.name),
                        errdetail("%s", detail), errhint("Undo what was done to it.")));
    };
    const char kind = relation->rd_rel->relkind;
    if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
        refuse("It is not a table.");
    TupleDesc shape = RelationGetDescr(relation);
    for (int i = 0; i < own.count; i++) {
        const DeclaredColumn &column = own.columns[i];
        Form_pg_attribute attribute = i < shape->natts ? TupleDescAttr(shape, i) : nullptr;
        if (attribute == nullptr || attribute->attisdropped || attribute->atttypid != column.type ||
            strcmp(NameStr(attribute->attname), column.name) != 0 || (!column.nullable && !is_never_null(shape, i)))
            refuse(psprintf("Its column %d should be \"%s\" of type %s%s.", i + 1, column.name,
                            format_type_be(column.type), column.nullable ? "" : " NOT NULL"));
    }
}

} // namespace

KnownTable &look_up(Table table) {
    KnownTable &entry = known[static_cast<int>(table)];
    const DeclaredTable &own = declared_as(table);
    renew(entry.valid, [&] {
        Oid schema = get_namespace_oid("integration_defaults", true);
        entry.relation = OidIsValid(schema) ? get_relname_relid(own.name, schema) : InvalidOid;
        if (!OidIsValid(entry.relation))
            ereport(ERROR,
                    (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("table integration_defaults.%s does not exist", own.name),
                     errhint("Create the extension with CREATE EXTENSION integration_defaults.")));
        Relation relation = relation_open(entry.relation, AccessShareLock);
        require_shape(relation, own);
        entry.owner = relation->rd_rel->relowner;
        entry.key = primary_key_index(relation);
        // Citus keeps a distributed table's rows elsewhere, behind what looks like a plain table.
        entry.plain = relation->rd_rel->relkind == RELKIND_RELATION &&
                      relation->rd_tableam == GetHeapamTableAmRoutine() && !relation->rd_rel->relhassubclass &&
                      OidIsValid(entry.key) && has_declared_key(entry.key, own.keys) && !is_distributed(entry.relation);
        entry.parents = entry.plain && (table == Table::groups || table == Table::projects)
                            ? index_by(relation, column::parent + 1)
                            : InvalidOid;
        relation_close(relation, AccessShareLock);
    });
    return entry;
}

bool is_simple_index(Relation index, const IndexInfo *info) {
    return info->ii_Expressions == NIL && info->ii_Predicate == NIL && info->ii_ExclusionOps == nullptr &&
           index->rd_index->indimmediate;
}

KnownTable *look_up_direct(Table table) {
    KnownTable &entry = look_up(table);
    return entry.plain ? &entry : nullptr;
}

Oid table_oid(Table table) {
    const KnownTable &entry = known[static_cast<int>(table)];
    return entry.valid ? entry.relation : guard([&] { return look_up(table).relation; });
}

Table table_with(Oid relation) {
    for (int i = 0; i < table_count; i++)
        if (table_oid(static_cast<Table>(i)) == relation)
            return static_cast<Table>(i);
    throw Refusal(ERRCODE_INTERNAL_ERROR, "not a table of integration_defaults");
}

bool reads_all_as_known() {
    if (!all_direct)
        all_direct = std::all_of(std::begin(known), std::end(known),
                                 [](const KnownTable &table) { return table.valid && table.plain; });
    return all_direct;
}

bool reads_all_directly() {
    return guard([] {
        // A transaction that holds all its locks already hears of nothing.
        AcceptInvalidationMessages();
        if (reads_all_as_known())
            return true;
        for (int i = 0; i < table_count; i++)
            if (look_up_direct(static_cast<Table>(i)) == nullptr)
                return false;
        return true;
    });
}

namespace {

/// Server code: raises reports.
Oid look_up_owner() {
    Oid owner = InvalidOid;
    int other = 0; // a table with another one
    for (int turn = 0; turn < 2 && !OidIsValid(owner_of_all); turn++) {
        owner = look_up(Table::integrations).owner;
        for (other = 0; other < table_count && look_up(static_cast<Table>(other)).owner == owner;)
            other++;
        // or one has changed while the next was looked at
        if (std::all_of(std::begin(known), std::end(known), [](const KnownTable &table) { return table.valid; })) {
            if (other == table_count)
                owner_of_all = owner;
            break;
        }
    }
    if (other < table_count)
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("the tables of integration_defaults have different owners"),
                 errdetail("Table integrations belongs to %s, table %s to %s.", GetUserNameFromId(owner, true),
                           declared_as(static_cast<Table>(other)).name, GetUserNameFromId(known[other].owner, true)),
                 errhint("Give them one owner with ALTER TABLE ... OWNER TO.")));
    return owner;
}

} // namespace

Oid our_owner() {
    return OidIsValid(owner_of_all) ? owner_of_all : guard([] { return look_up_owner(); });
}

void watch_tables() {
    on_relation_change(forget_table);
    on_transaction_end(forget_locks);
    on_savepoint_end([](const Savepoint &savepoint) {
        if (savepoint.rolled_back)
            forget_locks();
    });
}

} // namespace intd
