#include "tracking/equalize.hpp"

#include "tracking/filter.hpp"
#include "tracking/left_out.hpp"
#include "tracking/rows.hpp"
#include "postgres/path.hpp"
#include "postgres/query.hpp"
#include "postgres/result.hpp"
#include "postgres/trigger.hpp"
#include "store/owner.hpp"
#include "store/relation.hpp"

extern "C" {
#include "access/relation.h"
}

namespace intd {

// --- server code -----------------------------------------------------------------------------------------------------

namespace {

/// A column as the text of an id, which is still to be checked as external_id does. Calls no function of ours, on which
/// the role that reads may have no rights.
const char *id_text(Relation relation, AttrNumber column) {
    Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), column - 1);
    return psprintf("x.%s::pg_catalog.text", quote_identifier(NameStr(attribute->attname)));
}

/// How external_id makes an id of such a text: the columns of a source may differ in that.
const char *id_of(Relation relation, AttrNumber column, const char *text) {
    bool number = getBaseType(TupleDescAttr(RelationGetDescr(relation), column - 1)->atttypid) == NUMERICOID;
    return psprintf("integration_defaults.external_id(x.%s%s)::pg_catalog.text COLLATE pg_catalog.\"C\"", text,
                    number ? "::pg_catalog.numeric" : "");
}

struct Ids {
    const char *id, *parent;
};

Ids ids_of(Oid oid, Kind kind) {
    Relation relation = table_open(oid, AccessShareLock);
    Source source;
    Ids ids = {"NULL", "NULL"};
    if (read_source(relation, kind, &source))
        ids = {id_of(relation, source.id, "id"), id_of(relation, source.parent, "parent")};
    table_close(relation, AccessShareLock);
    return ids;
}

/// SELECT id, parent, whether the filter lets it in.
const char *reading_text(Relation relation, const Source &source) {
    return psprintf("SELECT %s, %s, (%s) IS TRUE FROM %s x", id_text(relation, source.id),
                    id_text(relation, source.parent),
                    source.filter == nullptr ? "true" : filter_text(relation, source.filter, "x"),
                    quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                               RelationGetRelationName(relation)));
}

Portal open_reading(Relation relation, const char *text) {
    SPIPlanPtr plan = prepare_over(relation, text, 0, nullptr);
    return SPI_cursor_open(nullptr, plan, nullptr, nullptr, true);
}

/// Reads a tracked table under the active snapshot. The filter and casts run as the owner of the table, who could have
/// put them there, whichever role asks for it: a call of track_*() or resync() lends the table's owner no rights. The
/// caller must be allowed to read it.
void read_tracked(Oid oid, Kind kind, Oid asking, Tuplestorestate *store, TupleDesc columns) {
    Source source;
    Relation relation = OidIsValid(oid) ? try_relation_open(oid, AccessShareLock) : nullptr;
    if (relation == nullptr || !read_source(relation, kind, &source))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("no table of %s is tracked", name_of(kind))));
    for (AttrNumber column : {source.id, source.parent})
        require_exact_text(RelationGetDescr(relation), column);
    if (AclResult may = pg_class_aclcheck(oid, asking, ACL_SELECT); may != ACLCHECK_OK)
        aclcheck_error(may, OBJECT_TABLE, RelationGetRelationName(relation));
    if (relation->rd_rel->relowner != asking && check_enable_rls(oid, asking, true) == RLS_ENABLED)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("row security hides rows of table \"%s\"", RelationGetRelationName(relation))));
    Oid user, owner = relation->rd_rel->relowner;
    int context;
    GetUserIdAndSecContext(&user, &context);
    if (asking == owner) // an error where forced row security hides rows from it
        SetUserIdAndSecContext(owner, context & ~SECURITY_NOFORCE_RLS);
    else
        SetUserIdAndSecContext(owner, context | SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
    int level = NewGUCNestLevel();
    fix_search_path(); // every name in the filter is written out, and what its functions see is fixed
    set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    Connection connection;
    Portal rows = open_reading(relation, reading_text(relation, source));
    for (;;) {
        SPI_cursor_fetch(rows, true, 10000);
        if (SPI_processed == 0)
            break;
        for (uint64 i = 0; i < SPI_processed; i++) {
            Datum values[3];
            bool nulls[3];
            heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
            tuplestore_putvalues(store, columns, values, nulls);
        }
        SPI_freetuptable(SPI_tuptable);
    }
    SPI_cursor_close(rows);
    connection.finish();
    AtEOXact_GUC(true, level);
    SetUserIdAndSecContext(user, context);
    relation_close(relation, AccessShareLock);
}

/// One statement that does it all: `wanted` is what our table is to be. It uses no operator that the app could define.
/// `groups`: their table, if it has a filter.
const char *statement_text(Kind kind, Oid source, Oid groups) {
    const char *table = psprintf("integration_defaults.%s", name_of(kind)), *parent = parent_column(kind);
    StringInfoData text;
    initStringInfo(&text);
    const bool filtered = OidIsValid(groups);
    Ids own = ids_of(source, kind);
    appendStringInfo(&text,
                     "WITH left_out AS MATERIALIZED (SELECT DISTINCT %s AS id "
                     "FROM integration_defaults.read_tracked('groups') x WHERE NOT x.passes AND %s), "
                     "wanted AS MATERIALIZED (SELECT own.id, CASE WHEN l.id IS NULL THEN own.parent END AS parent "
                     "FROM (SELECT %s AS id, %s AS parent FROM integration_defaults.read_tracked('%s') x "
                     "WHERE x.passes) own LEFT JOIN left_out l ON l.id OPERATOR(pg_catalog.=) own.parent), ",
                     filtered ? ids_of(groups, Kind::groups).id : own.id, filtered ? "true" : "false", own.id,
                     own.parent, name_of(kind));
    appendStringInfo(&text,
                     "removed AS (DELETE FROM %s t WHERE NOT EXISTS (SELECT FROM wanted w "
                     "WHERE w.id OPERATOR(pg_catalog.=) t.id) RETURNING 1), "
                     "changed AS (UPDATE %s t SET %s = w.parent FROM wanted w WHERE w.id OPERATOR(pg_catalog.=) t.id "
                     "AND NOT (w.parent OPERATOR(pg_catalog.=) t.%s IS TRUE OR w.parent IS NULL AND t.%s IS NULL) "
                     "RETURNING 1), "
                     "added AS (INSERT INTO %s (id, %s) SELECT w.id, w.parent FROM wanted w WHERE w.id IS NOT NULL "
                     "AND NOT EXISTS (SELECT FROM %s t WHERE t.id OPERATOR(pg_catalog.=) w.id) RETURNING 1) ",
                     table, table, parent, parent, parent, table, parent, table);
    appendStringInfoString(
        &text, "SELECT (SELECT pg_catalog.count(*) FROM wanted), (SELECT pg_catalog.count(*) FROM removed), "
               "(SELECT pg_catalog.count(*) FROM changed), (SELECT pg_catalog.count(*) FROM added), "
               "(SELECT pg_catalog.count(*) FROM wanted WHERE id IS NULL), "
               "(SELECT id FROM wanted GROUP BY id HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 "
               "LIMIT 1)");
    return text.data;
}

struct Outcome {
    int64 counts[5];
    Datum twice; // an id that two rows have, or 0
};

Outcome run(const char *text) {
    int level = NewGUCNestLevel();
    fix_search_path();
    // A filter makes the planner expect few rows; with many, a nested loop over a CTE takes for ever.
    set_config_option("enable_nestloop", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    Connection connection;
    SPIPlanPtr plan = prepare(text, 0, nullptr); // which waits for locks, before the snapshot
    connection.run(plan, nullptr, nullptr, GetLatestSnapshot());
    Outcome outcome = {};
    for (int i = 0; i < 5; i++)
        outcome.counts[i] = DatumGetInt64(*connection.result(0, i));
    outcome.twice = connection.result(0, 5).value_or(0);
    connection.finish();
    AtEOXact_GUC(true, level);
    return outcome;
}

} // namespace

// --- C++ -------------------------------------------------------------------------------------------------------------

namespace {

/// The user for whom we equalize, while the statement that does so runs as our owner.
Oid asker = InvalidOid;

/// Until the end of the block.
class Asker {
  public:
    explicit Asker(Oid user) : outer_(std::exchange(asker, user)) {}
    ~Asker() { asker = outer_; }
    Asker(const Asker &) = delete;
    Asker &operator=(const Asker &) = delete;

  private:
    Oid outer_;
};

} // namespace

Equalized equalize(Kind kind) {
    Oid source = tracked_relation(kind);
    Oid groups = groups_are_filtered() ? tracked_relation(Kind::groups) : InvalidOid;
    OwnStatement own(table_oid(table_of(kind)));
    Outcome outcome;
    {
        Asker user(GetUserId());
        AsOwner owner;
        outcome = guard([&] { return run(statement_text(kind, source, groups)); });
    }
    if (outcome.counts[4] > 0)
        throw Refusal(ERRCODE_NULL_VALUE_NOT_ALLOWED, cat("table ", relation_name(source), " has rows without an id"));
    if (outcome.twice != 0)
        throw Refusal(ERRCODE_UNIQUE_VIOLATION,
                      cat("table ", relation_name(source), " has the id \"", view(outcome.twice), "\" twice"))
            .constraint(kind == Kind::groups ? "groups_pkey" : "projects_pkey");
    return {outcome.counts[0], outcome.counts[1], outcome.counts[2], outcome.counts[3]};
}

/// read_tracked(kind): the rows of the table that is tracked for the kind.
INTD_FUNCTION(read_tracked) {
    std::optional<std::string_view> kind = text_argument(fcinfo, 0);
    if (!kind || (*kind != "groups" && *kind != "projects"))
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "kind must be groups or projects");
    ResultSet result(fcinfo);
    const Kind which = *kind == "groups" ? Kind::groups : Kind::projects;
    Oid source = tracked_relation(which);
    OwnStatement none(InvalidOid); // what the filter does is not part of the statement around us
    const Oid user = OidIsValid(asker) && GetUserId() == our_owner() ? asker : GetUserId();
    Asker nobody(InvalidOid); // nor is it asked for whom we equalize
    guard([&] { read_tracked(source, which, user, result.store(), result.columns()); });
    return null_result(fcinfo);
}

} // namespace intd
