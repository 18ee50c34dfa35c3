#include "shards/state.hpp"

#include "cascade/status.hpp"
#include "secrets/key_file.hpp"
#include "store/citus.hpp"
#include "store/replicated.hpp"
#include "tracking/cluster.hpp"

namespace intd {
namespace {

// Of each subscription that fills tables of ours: its name, whether it is enabled, tables that are not yet in step,
// whether its worker runs, and how often it has failed.
Statement subscriptions = {
    "SELECT s.subname::pg_catalog.text, s.subenabled, t.copying, EXISTS (SELECT FROM pg_catalog.pg_stat_subscription w "
    "WHERE w.subid OPERATOR(pg_catalog.=) s.oid AND w.relid IS NULL AND w.pid IS NOT NULL), "
    "COALESCE((SELECT f.apply_error_count OPERATOR(pg_catalog.+) f.sync_error_count "
    "FROM pg_catalog.pg_stat_subscription_stats f WHERE f.subid OPERATOR(pg_catalog.=) s.oid), 0::pg_catalog.int8) "
    "FROM pg_catalog.pg_subscription s JOIN (SELECT r.srsubid, pg_catalog.count(*) FILTER (WHERE r.srsubstate "
    "OPERATOR(pg_catalog.<>) 'r'::pg_catalog.\"char\") AS copying FROM pg_catalog.pg_subscription_rel r "
    "WHERE r.srrelid OPERATOR(pg_catalog.=) ANY (ARRAY['integration_defaults.integrations'::pg_catalog.regclass, "
    "'integration_defaults.groups'::pg_catalog.regclass, "
    "'integration_defaults.instance_settings'::pg_catalog.regclass, "
    "'integration_defaults.group_settings'::pg_catalog.regclass]::pg_catalog.oid[]) GROUP BY r.srsubid) t "
    "ON t.srsubid OPERATOR(pg_catalog.=) s.oid ORDER BY s.subname",
    0,
    {},
    nullptr};

// Slots of subscribe_defaults() that nobody takes from.
Statement idle_slots = {
    "SELECT s.slot_name::pg_catalog.text, pg_catalog.pg_size_pretty(pg_catalog.pg_wal_lsn_diff("
    "pg_catalog.pg_current_wal_lsn(), s.restart_lsn)) FROM pg_catalog.pg_replication_slots s "
    "WHERE s.database OPERATOR(pg_catalog.=) pg_catalog.current_database() AND NOT s.active "
    "AND pg_catalog.starts_with(s.slot_name::pg_catalog.text, 'integration_defaults_'::pg_catalog.text) "
    "ORDER BY s.slot_name",
    0,
    {},
    nullptr};

// The ids of the keys with which the publisher has sealed what came: see secret.hpp.
Statement sealing_keys = {
    "SELECT DISTINCT pg_catalog.convert_from(pg_catalog.substr(e.b, 3, pg_catalog.get_byte(e.b, 1)), "
    "'UTF8'::pg_catalog.name) FROM (SELECT pg_catalog.decode(v.value OPERATOR(pg_catalog.#>>) '{}'::pg_catalog.text[], "
    "'base64'::pg_catalog.text) AS b FROM (SELECT settings FROM integration_defaults.instance_settings UNION ALL "
    "SELECT settings FROM integration_defaults.group_settings) s CROSS JOIN LATERAL pg_catalog.jsonb_path_query("
    "s.settings, '$.*.\"$sealed\"'::pg_catalog.jsonpath) v(value)) e",
    0,
    {},
    nullptr};

constexpr char subject[] = "subscription";

void look_at_subscriptions(Status &status) {
    Cursor rows(subscriptions, {});
    while (rows.next()) {
        const std::string_view name = view(*rows.column(0));
        const int64 copying = DatumGetInt64(*rows.column(2)), errors = DatumGetInt64(*rows.column(4));
        const char *text = cat("\"", name, "\" brings types, groups and their settings");
        if (errors > 0)
            text = cat(text, "; it has met ", counted(errors, "error", "errors"), ", which the server's log has");
        if (!DatumGetBool(*rows.column(1)))
            status.broken(subject, cat(text, ", and is disabled\nALTER SUBSCRIPTION ... ENABLE lets it go on."));
        else if (!DatumGetBool(*rows.column(3)) && !RecoveryInProgress())
            status.broken(subject, cat(text, ", and no worker runs for it\nThe server's log says why."));
        else if (copying > 0)
            status.note(subject, cat(text, "; ", counted(copying, "table is", "tables are"), " still being copied"));
        else
            status.ok(subject, text);
    }
    rows.close();
}

void look_at_keys(Status &status) {
    if (!is_replicated(Table::instance_settings) && !is_replicated(Table::group_settings))
        return;
    AsOwner owner;
    Cursor rows(sealing_keys, {});
    while (rows.next()) {
        const std::string_view id = view(*rows.column(0));
        if (!has_key_file() || find_key(id) == nullptr)
            status.broken("secrets",
                          cat("the publisher has sealed secrets with the key \"", id,
                              "\", which this server does not have: they can't be read here\nThe setting "
                              "integration_defaults.key_file names the file; it needs the publisher's keys."));
    }
    rows.close();
}

void look_at_slots(Status &status) {
    if (RecoveryInProgress())
        return;
    Cursor rows(idle_slots, {});
    while (rows.next())
        status.note("publication", cat("nobody takes from replication slot \"", view(*rows.column(0)),
                                       "\", which keeps ", rows.column(1) ? view(*rows.column(1)) : "",
                                       " of WAL\nIf its shard is gone: SELECT pg_catalog.pg_drop_replication_slot('",
                                       view(*rows.column(0)), "')."));
    rows.close();
}

/// What this node has of tables that Citus has distributed.
void look_at_cluster(Status &status) {
    if (!is_cluster())
        return;
    const char *what = guard(local_group) == 0 ? "this is the coordinator of a cluster" : "this is a node of a cluster";
    if (guard(local_group) != 0 && !is_replicated(Table::integrations))
        return status.broken("cluster", cat(what, ", and gets no types and defaults from the coordinator\nCALL "
                                                  "integration_defaults.resync_node() on the coordinator."));
    int arrived = 0;
    bool left = false;
    for (Kind kind : all_kinds)
        if (is_spread(kind)) {
            arrived += shards_arrived(kind);
            left = left || shards_have_left(kind);
        }
    const char *way_out = "\nCALL integration_defaults.resync_node() on the coordinator.";
    if (arrived > 0)
        status.broken("cluster", cat(what, "; ", counted(arrived, "shard has", "shards have"),
                                     " come that it does not follow yet: their projects are not known here", way_out));
    if (left)
        status.broken("cluster",
                      cat(what, "; shards have left it whose projects are in its lists and views still", way_out));
    if (arrived == 0 && !left)
        status.ok("cluster", what);
}

void look_at_shards(Status &status) {
    status.on("cluster", [&] { look_at_cluster(status); });
    status.on(subject, [&] { look_at_subscriptions(status); });
    status.on("secrets", [&] { look_at_keys(status); });
    status.on("publication", [&] { look_at_slots(status); });
}

} // namespace

void watch_shards() {
    on_status(look_at_shards);
}

} // namespace intd
