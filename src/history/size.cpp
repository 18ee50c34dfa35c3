#include "history/size.hpp"

namespace intd {
namespace {

/// Past this, changes are estimated as ANALYZE or VACUUM have counted them.
constexpr double most_counted = 1000000;

Statement measure = {
    "SELECT pg_catalog.pg_size_pretty(pg_catalog.pg_total_relation_size(c.oid) OPERATOR(pg_catalog.+) "
    "pg_catalog.pg_total_relation_size('integration_defaults.history_transactions'::pg_catalog.regclass)), "
    "c.reltuples::pg_catalog.float8, pg_catalog.isfinite(s.since), "
    "COALESCE(s.since, (SELECT pg_catalog.min(t.at) FROM integration_defaults.history_transactions t))"
    "::pg_catalog.text "
    "FROM pg_catalog.pg_class c "
    "CROSS JOIN (SELECT pg_catalog.max(h.since) AS since FROM integration_defaults.history_since h) s "
    "WHERE c.oid OPERATOR(pg_catalog.=) 'integration_defaults.history_changes'::pg_catalog.regclass",
    0,
    {},
    nullptr};
Statement count = {"SELECT pg_catalog.count(*) FROM integration_defaults.history_changes", 0, {}, nullptr};

void look(Status &status) {
    Value found[4];
    fetch_own(measure, {}, found, 4);
    const double estimated = DatumGetFloat8(*found[1]);
    const bool estimates = estimated > most_counted;
    int64 changes = static_cast<int64>(estimated);
    if (!estimates) {
        Value counted_rows;
        fetch_own(count, {}, &counted_rows, 1);
        changes = DatumGetInt64(*counted_rows);
    }
    const char *size = cat(estimates ? "about " : "", counted(changes, "change", "changes"), ", ", view(*found[0]));
    if (found[2] && !DatumGetBool(*found[2]))
        status.note("history", cat(size, "; none is kept\nkeep_history(true) keeps it from then on."));
    else
        status.ok("history", found[3] ? cat(size, ", since ", view(*found[3])) : size);
}

} // namespace

void look_at_history(Status &status) {
    status.on("history", [&] { look(status); });
}

} // namespace intd
