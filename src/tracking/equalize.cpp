#include "tracking/equalize.hpp"

#include "hierarchy/parents.hpp"
#include "tracking/filter.hpp"
#include "tracking/left_out.hpp"
#include "tracking/rows.hpp"
#include "tracking/table_owner.hpp"
#include "postgres/path.hpp"
#include "postgres/progress.hpp"
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

const char *raw_id(Relation relation, AttrNumber column) {
    bool number = getBaseType(TupleDescAttr(RelationGetDescr(relation), column - 1)->atttypid) == NUMERICOID;
    return number ? "pg_catalog.trim_scale(x.id::pg_catalog.numeric)::pg_catalog.text COLLATE pg_catalog.\"C\""
                  : "x.id COLLATE pg_catalog.\"C\"";
}

struct Ids {
    const char *id, *parent;
    const char *raw; // the id of a row that is left out, which may be none of ours
};

Ids ids_of(Oid oid, Kind kind) {
    Relation relation = table_open(oid, AccessShareLock);
    Source source;
    Ids ids = {"NULL", "NULL", "NULL"};
    if (read_source(relation, kind, &source))
        ids = {id_of(relation, source.id, "id"), id_of(relation, source.parent, "parent"), raw_id(relation, source.id)};
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

/// Reads a tracked table, or a shard of it, under the active snapshot. The filter and casts run as the owner of the
/// table, who could have put them there, whichever role asks for it: a call of track_*() or resync() lends the table's
/// owner no rights. The caller must be allowed to read it, unless nobody asks (InvalidOid): then what is read is for
/// us.
Relation open_to_read(Oid oid, Kind kind, Oid asking, Source *source) {
    Relation relation = OidIsValid(oid) ? try_relation_open(oid, AccessShareLock) : nullptr;
    if (relation == nullptr || !read_source(relation, kind, source))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("no table of %s is tracked", name_of(kind))));
    for (AttrNumber column : {source->id, source->parent})
        require_exact_text(RelationGetDescr(relation), column);
    if (!OidIsValid(asking))
        return relation;
    if (AclResult may = pg_class_aclcheck(oid, asking, ACL_SELECT); may != ACLCHECK_OK)
        aclcheck_error(may, OBJECT_TABLE, RelationGetRelationName(relation));
    if (relation->rd_rel->relowner != asking && check_enable_rls(oid, asking, true) == RLS_ENABLED)
        ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                        errmsg("row security hides rows of table \"%s\"", RelationGetRelationName(relation))));
    return relation;
}

void read_relation(Oid oid, Kind kind, Oid asking, Tuplestorestate *store, TupleDesc columns) {
    Source source;
    Relation relation = open_to_read(oid, kind, asking, &source);
    Progress progress(psprintf("reading table %s", RelationGetRelationName(relation)));
    int64 rows_read = 0;
    TableOwner owner;
    owner.enter(relation, asking);
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
        rows_read += static_cast<int64>(SPI_processed);
        SPI_freetuptable(SPI_tuptable);
        progress.reached(rows_read);
    }
    SPI_cursor_close(rows);
    connection.finish();
    owner.leave();
    relation_close(relation, AccessShareLock);
}

void read_tracked(Oid oid, Kind kind, Oid asking, Tuplestorestate *store, TupleDesc columns) {
    List *relations = OidIsValid(oid) ? relations_of(oid) : list_make1_oid(InvalidOid); // which is refused
    for (int i = 0; i < list_length(relations); i++)
        read_relation(list_nth_oid(relations, i), kind, asking, store, columns);
}

/// The WITH clauses of `wanted`, which is what our table is to be. They use no operator that the app could define.
/// `groups`: their table, if it has a filter. `orphans`: a parent that is not there counts as the instance.
void add_wanted(StringInfo text, Kind kind, Oid source, Oid groups, bool orphans) {
    const bool filtered = OidIsValid(groups);
    Ids own = ids_of(source, kind);
    const char *rows = psprintf("SELECT %s AS id, %s AS parent FROM integration_defaults.read_tracked('%s') x "
                                "WHERE x.passes",
                                own.id, own.parent, name_of(kind));
    appendStringInfo(text,
                     "WITH left_out AS MATERIALIZED (SELECT DISTINCT %s AS id "
                     "FROM integration_defaults.read_tracked('groups') x WHERE NOT x.passes AND %s), ",
                     filtered ? ids_of(groups, Kind::groups).id : own.id, filtered ? "true" : "false");
    if (orphans)
        appendStringInfo(text,
                         "own AS MATERIALIZED (%s), wanted AS MATERIALIZED (SELECT own.id, "
                         "CASE WHEN l.id IS NULL AND g.id IS NOT NULL THEN own.parent END AS parent "
                         "FROM own LEFT JOIN left_out l ON l.id OPERATOR(pg_catalog.=) own.parent "
                         "LEFT JOIN %s g ON g.id OPERATOR(pg_catalog.=) own.parent), ",
                         rows, kind == Kind::groups ? "own" : "integration_defaults.groups");
    else
        appendStringInfo(text,
                         "wanted AS MATERIALIZED (SELECT own.id, CASE WHEN l.id IS NULL THEN own.parent END AS parent "
                         "FROM (%s) own LEFT JOIN left_out l ON l.id OPERATOR(pg_catalog.=) own.parent), ",
                         rows);
}

/// In which rows of ours (t) and of `wanted` (w) they differ.
#define NOT_WANTED "NOT EXISTS (SELECT FROM wanted w WHERE w.id OPERATOR(pg_catalog.=) t.id)"
#define ELSEWHERE(parent)                                                                                              \
    "w.id OPERATOR(pg_catalog.=) t.id AND NOT (w.parent OPERATOR(pg_catalog.=) t." parent                              \
    " IS TRUE OR w.parent IS NULL AND t." parent " IS NULL)"
#define NOT_THERE(table)                                                                                               \
    "w.id IS NOT NULL AND NOT EXISTS (SELECT FROM " table " t WHERE t.id OPERATOR(pg_catalog.=) w.id)"
#define COUNTS                                                                                                         \
    "SELECT (SELECT pg_catalog.count(*) FROM wanted), (SELECT pg_catalog.count(*) FROM removed), "                     \
    "(SELECT pg_catalog.count(*) FROM changed), (SELECT pg_catalog.count(*) FROM added), "                             \
    "(SELECT pg_catalog.count(*) FROM wanted WHERE id IS NULL), "                                                      \
    "(SELECT id FROM wanted GROUP BY id HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1 LIMIT 1)"

/// One statement that does it all.
const char *equalizing_text(Kind kind, Oid source, Oid groups, bool orphans) {
    const char *table = psprintf("integration_defaults.%s", name_of(kind)), *parent = parent_column(kind);
    StringInfoData text;
    initStringInfo(&text);
    add_wanted(&text, kind, source, groups, orphans);
    appendStringInfo(&text,
                     "removed AS (DELETE FROM %s t WHERE " NOT_WANTED " RETURNING 1), "
                     "changed AS (UPDATE %s t SET %s = w.parent FROM wanted w WHERE " ELSEWHERE(
                         "%s") " RETURNING 1), "
                               "added AS (INSERT INTO %s (id, %s) SELECT w.id, w.parent FROM wanted w WHERE " NOT_THERE(
                                   "%s") " RETURNING 1) " COUNTS,
                     table, table, parent, parent, parent, table, parent, table);
    return text.data;
}

/// The same as a look: with the first ids of each kind, and how many rows of settings would go. Those of an id that the
/// table still has, in a row that its filter leaves out, would stay.
const char *looking_text(Kind kind, Oid source, Oid groups, bool filtered, bool orphans) {
    const char *table = psprintf("integration_defaults.%s", name_of(kind)), *parent = parent_column(kind);
    const DeclaredTable &settings = declared_as(settings_of(kind));
    StringInfoData text;
    initStringInfo(&text);
    add_wanted(&text, kind, source, groups, orphans);
    appendStringInfo(&text,
                     "removed AS (SELECT t.id FROM %s t WHERE " NOT_WANTED "), "
                     "changed AS (SELECT t.id FROM %s t, wanted w WHERE " ELSEWHERE(
                         "%s") "), "
                               "added AS (SELECT w.id FROM wanted w WHERE " NOT_THERE("%s") "), ",
                     table, table, parent, parent, table);
    if (filtered)
        appendStringInfo(&text,
                         "kept AS MATERIALIZED (SELECT %s AS id FROM integration_defaults.read_tracked('%s') x "
                         "WHERE NOT x.passes), without_row AS (SELECT s.%s AS id FROM integration_defaults.%s s "
                         "WHERE NOT EXISTS (SELECT FROM wanted w WHERE w.id OPERATOR(pg_catalog.=) s.%s) "
                         "AND NOT EXISTS (SELECT FROM kept k WHERE k.id OPERATOR(pg_catalog.=) s.%s)) ",
                         ids_of(source, kind).raw, name_of(kind), settings.columns[0].name, settings.name,
                         settings.columns[0].name, settings.columns[0].name);
    else
        appendStringInfo(&text,
                         "without_row AS (SELECT s.%s AS id FROM integration_defaults.%s s "
                         "JOIN removed r ON r.id OPERATOR(pg_catalog.=) s.%s) ",
                         settings.columns[0].name, settings.name, settings.columns[0].name);
    appendStringInfoString(&text, COUNTS);
    for (const char *list : {"removed", "changed", "added"})
        appendStringInfo(&text,
                         ", (SELECT pg_catalog.string_agg(f.id, ', ' ORDER BY f.id) "
                         "FROM (SELECT l.id FROM %s l ORDER BY l.id LIMIT 10) f)",
                         list);
    appendStringInfoString(&text, ", (SELECT pg_catalog.count(*) FROM without_row)");
    return text.data;
}

/// SELECT every id, as our tables have it.
const char *ids_text(Relation relation, const Source &source) {
    Form_pg_attribute id = TupleDescAttr(RelationGetDescr(relation), source.id - 1);
    const char *column = psprintf("x.%s", quote_identifier(NameStr(id->attname)));
    return psprintf("SELECT y.id FROM (SELECT (%s)::pg_catalog.text COLLATE pg_catalog.\"C\" AS id FROM %s x) y",
                    getBaseType(id->atttypid) == NUMERICOID
                        ? psprintf("pg_catalog.trim_scale(%s::pg_catalog.numeric)", column)
                        : column,
                    quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                               RelationGetRelationName(relation)));
}

/// How many rows it lets in, read as read_tracked() reads.
const char *counting_text(Relation relation, const Source &source) {
    return psprintf("SELECT pg_catalog.count(*) FROM (%s) y (id, parent, passes) WHERE y.passes",
                    reading_text(relation, source));
}

struct Outcome {
    int64 counts[5];
    Datum twice; // an id that two rows have, or 0
    // of a look
    Datum ids[3]; // or 0
    int64 settings;
};

Outcome run(const char *text, bool only_looks) {
    int level = NewGUCNestLevel();
    fix_search_path();
    // A filter makes the planner expect few rows; with many, a nested loop over a CTE takes for ever.
    set_config_option("enable_nestloop", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    Connection connection;
    SPIPlanPtr plan = prepare(text, 0, nullptr); // which waits for locks, before the snapshot
    if (only_looks)
        connection.read(plan, nullptr);
    else
        connection.run(plan, nullptr, nullptr, GetLatestSnapshot());
    Outcome outcome = {};
    for (int i = 0; i < 5; i++)
        outcome.counts[i] = DatumGetInt64(*connection.result(0, i));
    outcome.twice = connection.result(0, 5).value_or(0);
    for (int i = 0; only_looks && i < 3; i++)
        outcome.ids[i] = connection.result(0, 6 + i).value_or(0);
    if (only_looks)
        outcome.settings = DatumGetInt64(*connection.result(0, 9));
    connection.finish();
    AtEOXact_GUC(true, level);
    return outcome;
}

} // namespace

// --- C++ -------------------------------------------------------------------------------------------------------------

namespace {

/// For whom we equalize, while the statement that does so runs as our owner: a user; or nobody, where a node of Citus'
/// takes in what it has.
std::optional<Oid> asker;

/// Until the end of the block.
class Asker {
  public:
    explicit Asker(std::optional<Oid> user) : outer_(std::exchange(asker, user)) {}
    ~Asker() { asker = outer_; }
    Asker(const Asker &) = delete;
    Asker &operator=(const Asker &) = delete;

  private:
    std::optional<Oid> outer_;
};

void check_outcome(const Outcome &outcome, Kind kind, Oid source) {
    if (outcome.counts[4] > 0)
        throw Refusal(ERRCODE_NULL_VALUE_NOT_ALLOWED, cat("table ", relation_name(source), " has rows without an id"));
    if (outcome.twice != 0)
        throw Refusal(ERRCODE_UNIQUE_VIOLATION,
                      cat("table ", relation_name(source), " has the id \"", view(outcome.twice), "\" twice"))
            .constraint(kind == Kind::groups ? "groups_pkey" : "projects_pkey");
}

} // namespace

Equalized equalize(Kind kind, bool of_node) {
    Oid source = tracked_relation(kind);
    Oid groups = groups_are_filtered() ? tracked_relation(Kind::groups) : InvalidOid;
    const bool orphans = takes_orphans(kind);
    OwnStatement own(table_oid(table_of(kind)));
    LongWork work(LongWork::writes_rows, cat("taking in ", name_of(kind)));
    Asker user(of_node ? InvalidOid : GetUserId());
    AsOwner owner;
    Outcome outcome = guard([&] { return run(equalizing_text(kind, source, groups, orphans), false); });
    check_outcome(outcome, kind, source);
    list_orphans(kind);
    return {outcome.counts[0], outcome.counts[1], outcome.counts[2], outcome.counts[3]};
}

Difference difference(Kind kind) {
    Oid source = tracked_relation(kind);
    Oid groups = groups_are_filtered() ? tracked_relation(Kind::groups) : InvalidOid;
    const bool orphans = takes_orphans(kind);
    const bool filtered = is_filtered(kind);
    Asker user(GetUserId());
    AsOwner owner;
    Outcome outcome = guard([&] { return run(looking_text(kind, source, groups, filtered, orphans), true); });
    check_outcome(outcome, kind, source);
    auto ids = [&](int n) { return outcome.ids[n] == 0 ? nullptr : cat(view(outcome.ids[n])); };
    return {{outcome.counts[0], outcome.counts[1], outcome.counts[2], outcome.counts[3]},
            ids(0),
            ids(1),
            ids(2),
            outcome.settings};
}

int64 count_let_in(Kind kind) {
    const Oid oid = tracked_relation(kind);
    OwnStatement none(InvalidOid); // what the filter does is not part of the statement around us
    const Oid asking = GetUserId();
    return guard([&] {
        int64 count = 0;
        List *relations = OidIsValid(oid) ? relations_of(oid) : list_make1_oid(InvalidOid); // which is refused
        for (int i = 0; i < list_length(relations); i++) {
            Source source;
            Relation relation = open_to_read(list_nth_oid(relations, i), kind, asking, &source);
            TableOwner owner;
            owner.enter(relation, asking);
            Connection connection;
            connection.read(prepare_over(relation, counting_text(relation, source), 0, nullptr), nullptr);
            count += DatumGetInt64(*connection.result(0, 0));
            connection.finish();
            owner.leave();
            relation_close(relation, AccessShareLock);
        }
        return count;
    });
}

Growing<Datum> ids_of_shard(Oid shard, Kind kind) {
    Growing<Datum> ids;
    Source source;
    Relation relation = open_to_read(shard, kind, InvalidOid, &source);
    TableOwner owner;
    owner.enter(relation, InvalidOid);
    Connection connection;
    const uint64 count = connection.read(prepare_over(relation, ids_text(relation, source), 0, nullptr), nullptr);
    MemoryContext inside = MemoryContextSwitchTo(connection.caller());
    for (uint64 row = 0; row < count; row++) {
        bool is_null;
        const Datum id = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &is_null);
        if (!is_null)
            ids.add(datumCopy(id, false, -1));
    }
    MemoryContextSwitchTo(inside);
    connection.finish();
    owner.leave();
    relation_close(relation, AccessShareLock);
    return ids;
}

bool shard_has(Oid shard, Kind kind, Datum id) {
    Source source;
    Relation relation = open_to_read(shard, kind, InvalidOid, &source);
    TableOwner owner;
    owner.enter(relation, InvalidOid);
    Connection connection;
    Oid types[] = {TEXTOID};
    const bool found =
        connection.read(prepare_over(relation,
                                     psprintf("%s WHERE y.id OPERATOR(pg_catalog.=) $1", ids_text(relation, source)), 1,
                                     types),
                        &id) > 0;
    connection.finish();
    owner.leave();
    relation_close(relation, AccessShareLock);
    return found;
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
    const Oid user = asker && GetUserId() == our_owner() ? *asker : GetUserId();
    Asker nobody(std::nullopt); // nor is it asked for whom we equalize
    guard([&] { read_tracked(source, which, user, result.store(), result.columns()); });
    return null_result(fcinfo);
}

} // namespace intd
