#include "store/citus.hpp"

#include "postgres/invalidation.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "storage/lmgr.h"
}

namespace intd {

// --- server code -----------------------------------------------------------------------------------------------------

namespace {

/// Whether this is a database of Citus', until some relation changes.
struct {
    bool valid, citus;
} known;

/// A catalog of Citus', or InvalidOid.
Oid find_catalog(const char *name) {
    const Oid relation = get_relname_relid(name, PG_CATALOG_NAMESPACE);
    if (!OidIsValid(relation))
        return InvalidOid;
    const Oid extension = get_extension_oid("citus", true);
    return OidIsValid(extension) && getExtensionOfObject(RelationRelationId, relation) == extension ? relation
                                                                                                    : InvalidOid;
}

/// An index whose first column is that one, or InvalidOid.
Oid index_of(Relation relation, AttrNumber column) {
    List *indexes = RelationGetIndexList(relation);
    Oid found = InvalidOid;
    for (int i = 0; i < list_length(indexes) && !OidIsValid(found); i++) {
        HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(list_nth_oid(indexes, i)));
        if (!HeapTupleIsValid(tuple))
            continue;
        auto *index = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
        if (index->indisvalid && index->indimmediate && index->indkey.values[0] == column &&
            heap_attisnull(tuple, Anum_pg_index_indpred, nullptr))
            found = index->indexrelid;
        ReleaseSysCache(tuple);
    }
    list_free(indexes);
    return found;
}

/// The equality of the types that columns of ours have in these catalogs.
RegProcedure equality_of(Oid type) {
    return type == INT8OID ? F_INT8EQ : type == INT4OID ? F_INT4EQ : F_OIDEQ;
}

/// A value of a row that is there and not NULL, by the column's name and type.
template <class Read>
bool read_column(Relation catalog, HeapTuple row, const char *column, Oid type, Read &&read) {
    const AttrNumber number = get_attnum(RelationGetRelid(catalog), column);
    if (number <= 0 || TupleDescAttr(RelationGetDescr(catalog), number - 1)->atttypid != type)
        return false;
    bool is_null;
    const Datum value = heap_getattr(row, number, RelationGetDescr(catalog), &is_null);
    if (!is_null)
        read(value);
    return !is_null;
}

/// Calls `see(catalog, row)` for the rows of a catalog whose column has that value; all rows without a column. They are
/// read as the server reads its own. Whether the catalog and the column are there.
template <class See>
bool scan(const char *name, const char *column, Oid type, Datum value, See &&see) {
    const Oid oid = find_catalog(name);
    Relation catalog = OidIsValid(oid) ? try_relation_open(oid, AccessShareLock) : nullptr;
    if (catalog == nullptr)
        return false;
    const AttrNumber number = column == nullptr ? InvalidAttrNumber : get_attnum(oid, column);
    const bool there =
        column == nullptr || (number > 0 && TupleDescAttr(RelationGetDescr(catalog), number - 1)->atttypid == type);
    if (there) {
        ScanKeyData key = {};
        if (column != nullptr)
            ScanKeyInit(&key, number, BTEqualStrategyNumber, equality_of(type), value);
        const Oid index = column == nullptr ? InvalidOid : index_of(catalog, number);
        SysScanDesc rows =
            systable_beginscan(catalog, index, OidIsValid(index), nullptr, column == nullptr ? 0 : 1, &key);
        for (HeapTuple row; HeapTupleIsValid(row = systable_getnext(rows));)
            see(catalog, row);
        systable_endscan(rows);
    }
    relation_close(catalog, AccessShareLock);
    return there;
}

/// How Citus calls the shard of a table; a name that would be too long has a hash instead of its end.
const char *shard_name(const char *table, int64 id) {
    const char *suffix = psprintf("_" INT64_FORMAT, id);
    const int length = static_cast<int>(strlen(table)), most = NAMEDATALEN - static_cast<int>(strlen(suffix));
    if (length < most)
        return psprintf("%s%s", table, suffix);
    constexpr int of_hash = 10;
    return psprintf("%.*s_%08x%s", pg_mbcliplen(table, length, most - of_hash), table,
                    hash_bytes(reinterpret_cast<const unsigned char *>(table), length), suffix);
}

/// The number at the end of a shard's name, or -1.
int64 number_in(const char *name) {
    const char *end = strrchr(name, '_');
    constexpr size_t most_digits = 18;
    if (end == nullptr || end[1] == '\0' || strspn(end + 1, "0123456789") != strlen(end + 1) ||
        strlen(end + 1) > most_digits)
        return -1;
    return strtoll(end + 1, nullptr, 10);
}

} // namespace

bool has_citus() {
    renew(known.valid, [] { known.citus = OidIsValid(find_catalog("pg_dist_partition")); });
    return known.citus;
}

bool has_no_citus() {
    return known.valid && !known.citus;
}

void watch_citus() {
    on_relation_change([](Oid) { known.valid = false; });
}

bool is_distributed(Oid relation) {
    bool found = false;
    if (has_citus())
        scan("pg_dist_partition", "logicalrelid", REGCLASSOID, ObjectIdGetDatum(relation),
             [&](Relation, HeapTuple) { found = true; });
    return found;
}

bool is_reference_table(Oid relation) {
    bool none = false, two_phases = false;
    scan("pg_dist_partition", "logicalrelid", REGCLASSOID, ObjectIdGetDatum(relation),
         [&](Relation catalog, HeapTuple row) {
             read_column(catalog, row, "partmethod", CHAROID, [&](Datum value) { none = DatumGetChar(value) == 'n'; });
             read_column(catalog, row, "repmodel", CHAROID,
                         [&](Datum value) { two_phases = DatumGetChar(value) == 't'; });
         });
    return none && two_phases;
}

Oid table_of_shard(Oid relation) {
    const char *name = has_citus() ? get_rel_name(relation) : nullptr;
    const int64 id = name == nullptr ? -1 : number_in(name);
    Oid table = InvalidOid;
    if (id >= 0)
        scan("pg_dist_shard", "shardid", INT8OID, Int64GetDatum(id), [&](Relation catalog, HeapTuple row) {
            read_column(catalog, row, "logicalrelid", REGCLASSOID,
                        [&](Datum value) { table = DatumGetObjectId(value); });
        });
    const char *of = OidIsValid(table) ? get_rel_name(table) : nullptr;
    return of != nullptr && strcmp(shard_name(of, id), name) == 0 &&
                   get_rel_namespace(table) == get_rel_namespace(relation)
               ? table
               : InvalidOid;
}

int local_group() {
    int group = -1;
    scan("pg_dist_local_group", nullptr, InvalidOid, 0, [&](Relation catalog, HeapTuple row) {
        read_column(catalog, row, "groupid", INT4OID, [&](Datum value) { group = DatumGetInt32(value); });
    });
    return group;
}

namespace {

/// The shards of a table that are placed on this node. `miss` is told of each that can't be found, and of catalogs that
/// can't be read.
template <class Miss>
Growing<Shard> find_shards(Oid table, Miss &&miss) {
    Growing<Shard> found;
    const char *name = get_rel_name(table);
    if (name == nullptr || !is_distributed(table)) {
        miss("Citus has not distributed it.");
        return found;
    }
    const Oid schema = get_rel_namespace(table);
    const int here = local_group();
    if (here < 0)
        miss("Which node this is can't be read in pg_dist_local_group.");
    Growing<int64> ids;
    bool readable = scan(
        "pg_dist_shard", "logicalrelid", REGCLASSOID, ObjectIdGetDatum(table), [&](Relation catalog, HeapTuple row) {
            if (!read_column(catalog, row, "shardid", INT8OID, [&](Datum value) { ids.add(DatumGetInt64(value)); }))
                miss("A number of a shard can't be read in pg_dist_shard.");
        });
    if (!readable || ids.count == 0)
        miss("Its shards can't be read in pg_dist_shard.");
    std::sort(ids.begin(), ids.end());
    for (int64 id : ids) {
        bool placed = false, somewhere = false;
        readable =
            scan("pg_dist_placement", "shardid", INT8OID, Int64GetDatum(id), [&](Relation catalog, HeapTuple row) {
                somewhere = read_column(catalog, row, "groupid", INT4OID,
                                        [&](Datum value) { placed = placed || DatumGetInt32(value) == here; }) ||
                            somewhere;
            });
        if (!readable || !somewhere)
            miss(psprintf("Where shard " INT64_FORMAT " is can't be read in pg_dist_placement.", id));
        const Oid shard = placed ? get_relname_relid(shard_name(name, id), schema) : InvalidOid;
        if (OidIsValid(shard))
            found.add({shard, id});
        else if (placed)
            miss(psprintf("Its shard %s is to be here, and is not.", shard_name(name, id)));
    }
    return found;
}

} // namespace

Growing<Shard> local_shards(Oid table) {
    return find_shards(table, [](const char *) {});
}

Growing<Shard> all_local_shards(Oid table) {
    return find_shards(table, [&](const char *what) {
        const char *name = get_rel_name(table);
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("not all shards of table \"%s\" can be found on this node",
                        name == nullptr ? "that was dropped" : name),
                 errdetail("%s", what), errhint("Without them, what is set on their projects would be removed.")));
    });
}

void lock_placements() {
    for (const char *name : {"pg_dist_shard", "pg_dist_placement"}) {
        const Oid catalog = find_catalog(name);
        if (!OidIsValid(catalog))
            ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                            errmsg("catalog %s of Citus is not there", name)));
        LockRelationOid(catalog, ShareLock);
    }
}

} // namespace intd
