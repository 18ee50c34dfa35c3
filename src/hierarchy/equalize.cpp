#include "hierarchy/equalize.hpp"

#include "hierarchy/filter.hpp"
#include "hierarchy/rows.hpp"

namespace intd {

// --- server code -----------------------------------------------------------------------------------------------------

namespace {

/// The type whose cast to external_id a column's type takes, as SQL; any other goes by way of text.
const char *id_type(Oid type) {
    switch (getBaseType(type)) {
    case INT2OID:
        return "pg_catalog.int2";
    case INT4OID:
        return "pg_catalog.int4";
    case INT8OID:
        return "pg_catalog.int8";
    case NUMERICOID:
        return "pg_catalog.numeric";
    case UUIDOID:
        return "pg_catalog.uuid";
    case BPCHAROID:
        return "pg_catalog.bpchar";
    default:
        return "pg_catalog.text";
    }
}

/// A column as an id of ours, checked by external_id.
const char *id_of(Relation relation, AttrNumber column) {
    Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation), column - 1);
    return psprintf("integration_defaults.external_id(x.%s::%s)::pg_catalog.text COLLATE pg_catalog.\"C\"",
                    quote_identifier(NameStr(attribute->attname)), id_type(attribute->atttypid));
}

struct Reading {
    const char *from, *id, *parent, *filter; // filter: null if there is none
};

/// How a tracked table is read, as pieces of SQL; no from if it is none.
Reading reading_of(Oid oid, Kind kind) {
    Reading reading = {};
    Relation relation = table_open(oid, AccessShareLock);
    Source source;
    if (read_source(relation, kind, &source))
        reading = {psprintf("%s x", quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
                                                               RelationGetRelationName(relation))),
                   id_of(relation, source.id), id_of(relation, source.parent),
                   source.filter == nullptr ? nullptr : filter_text(relation, source.filter, "x")};
    table_close(relation, AccessShareLock);
    return reading;
}

/// One statement that does it all: `wanted` is what ours is to be. Nothing is compared by an operator that the
/// app could bring.
const char *statement_text(Kind kind, const Reading &own, const Reading *groups) {
    bool is_groups = kind == Kind::groups;
    const char *table = is_groups ? "integration_defaults.groups" : "integration_defaults.projects";
    const char *parent = is_groups ? "parent_id" : "group_id";
    const char *filter = own.filter == nullptr ? "true" : own.filter;
    const char *left_out = groups == nullptr || groups->filter == nullptr
                               ? "SELECT NULL::pg_catalog.text COLLATE pg_catalog.\"C\" AS id WHERE false"
                               : psprintf("SELECT DISTINCT %s AS id FROM %s WHERE (%s) IS NOT TRUE", groups->id,
                                          groups->from, groups->filter);
    StringInfoData text;
    initStringInfo(&text);
    appendStringInfo(&text,
                     "WITH left_out AS MATERIALIZED (%s), "
                     "wanted AS MATERIALIZED (SELECT own.id, CASE WHEN l.id IS NULL THEN own.parent END AS parent "
                     "FROM (SELECT %s AS id, %s AS parent FROM %s WHERE %s) own "
                     "LEFT JOIN left_out l ON l.id OPERATOR(pg_catalog.=) own.parent), ",
                     left_out, own.id, own.parent, own.from, filter);
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
    MemoryContext caller = CurrentMemoryContext;
    int level = fix_search_path();
    set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    // A filter makes the planner expect few rows; with many, a nested loop over a CTE takes for ever.
    set_config_option("enable_nestloop", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    SPI_connect();
    SPIPlanPtr plan = SPI_prepare(text, 0, nullptr);
    if (plan == nullptr)
        elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
    Snapshot newest = RegisterSnapshot(GetLatestSnapshot());
    int code = SPI_execute_snapshot(plan, nullptr, nullptr, newest, InvalidSnapshot, false, true, 0);
    UnregisterSnapshot(newest);
    if (code != SPI_OK_SELECT || SPI_processed != 1)
        elog(ERROR, "SPI_execute_snapshot failed: %s", SPI_result_code_string(code));
    Outcome outcome = {};
    bool is_null;
    for (int i = 0; i < 5; i++)
        outcome.counts[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, i + 1, &is_null));
    Datum twice = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 6, &is_null);
    if (!is_null) {
        MemoryContextSwitchTo(caller);
        outcome.twice = PointerGetDatum(PG_DETOAST_DATUM_COPY(twice));
    }
    SPI_finish();
    AtEOXact_GUC(true, level);
    MemoryContextSwitchTo(caller);
    return outcome;
}

} // namespace

// --- C++ -------------------------------------------------------------------------------------------------------------

Equalized equalize(Kind kind) {
    Oid source = tracked_relation(kind), groups = tracked_relation(Kind::groups);
    Outcome outcome = guard([&] {
        int level = fix_search_path(); // so that every name in the filters is written out
        Reading own = reading_of(source, kind);
        Reading of_groups = OidIsValid(groups) ? reading_of(groups, Kind::groups) : Reading{};
        AtEOXact_GUC(true, level);
        return run(statement_text(kind, own, OidIsValid(groups) ? &of_groups : nullptr));
    });
    if (outcome.counts[4] > 0)
        throw Refusal(ERRCODE_NULL_VALUE_NOT_ALLOWED, cat("table ", relation_name(source), " has rows without an id"));
    if (outcome.twice != 0)
        throw Refusal(ERRCODE_UNIQUE_VIOLATION,
                      cat("table ", relation_name(source), " has the id \"", view(outcome.twice), "\" twice"))
            .constraint(kind == Kind::groups ? "groups_pkey" : "projects_pkey");
    return {outcome.counts[0], outcome.counts[1], outcome.counts[2], outcome.counts[3]};
}

} // namespace intd
