// enable_citus() and resync_node(): the cluster as a whole. What the nodes do is in tracking/cluster.cpp.
//
// Nodes subscribe one after the other, each on a connection of its own and before anything is written here: a node's
// slot waits for all transactions of the coordinator that have written.
#include "postgres/query.hpp"
#include "postgres/walreceiver.hpp"
#include "shards/subscribe.hpp"
#include "store/access.hpp"
#include "store/citus.hpp"
#include "store/owner.hpp"
#include "tracking/cluster.hpp"

extern "C" {
#include "access/xlog.h"
#include "catalog/pg_publication.h"
#include "lib/stringinfo.h"
#include "tcop/pquery.h"
#include "commands/dbcommands.h"
}

namespace intd {
namespace {

constexpr char publication_name[] = "integration_defaults_citus";

Statement coordinator = {"SELECT n.nodename, n.nodeport::pg_catalog.text FROM pg_catalog.pg_dist_node n "
                         "WHERE n.groupid OPERATOR(pg_catalog.=) 0 AND n.isactive",
                         0,
                         {},
                         nullptr};

Statement call_workers = {
    "SELECT w.success, w.result, w.nodename OPERATOR(pg_catalog.||) ':'::pg_catalog.text OPERATOR(pg_catalog.||) "
    "w.nodeport::pg_catalog.text FROM pg_catalog.run_command_on_workers($1, false) w",
    1,
    {TEXTOID},
    nullptr};

// Whether a node has no copy of the table by which all of them are told what to do.
Statement lacks_copy = {
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_node n WHERE n.isactive AND n.noderole OPERATOR(pg_catalog.=) "
    "'primary'::pg_catalog.noderole AND NOT EXISTS (SELECT FROM pg_catalog.pg_dist_shard s JOIN "
    "pg_catalog.pg_dist_placement p ON p.shardid OPERATOR(pg_catalog.=) s.shardid WHERE s.logicalrelid "
    "OPERATOR(pg_catalog.=) 'integration_defaults.cluster'::pg_catalog.regclass AND p.groupid OPERATOR(pg_catalog.=) "
    "n.groupid))",
    0,
    {},
    nullptr};

Statement replicate = {
    "SELECT pg_catalog.replicate_reference_tables('block_writes'::citus.shard_transfer_mode)", 0, {}, nullptr};

void require_cluster_admin() {
    require_access(Access::admin);
    const Oid ours = our_owner();
    if (!guard([&] { return has_privs_of_role(GetUserId(), ours); }))
        throw Refusal(ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied for the nodes of a cluster")
            .detail("All nodes write to the tables of integration_defaults, as their owner.")
            .hint("The owner of these tables may do that, and superusers.");
}

void require_citus() {
    if (!guard(has_citus))
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "this is no database of Citus'")
            .hint("CREATE EXTENSION citus, and add the nodes; on one server there is nothing to enable.");
}

struct Coordinator {
    Value name, port;
};

Coordinator find_coordinator() {
    Value found[2];
    if (fetch_row(coordinator, {}, found, 2) == 0)
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the coordinator is not in pg_dist_node")
            .detail("Nodes have to find it, and its copy of reference tables is what groups follow there.")
            .hint("SELECT citus_set_coordinator_host(...).");
    return {found[0], found[1]};
}

/// On a worker.
void subscribe_to_coordinator() {
    if (has_subscribed())
        return;
    require_subscriber();
    const Coordinator from = find_coordinator();
    const char *connection = guard([&]() -> const char * {
        auto text = [](const Value &value) {
            const std::string_view of = value ? view(*value) : "";
            return pnstrdup(of.data(), of.size());
        };
        auto quoted = [](const char *value) {
            StringInfoData all;
            initStringInfo(&all);
            for (const char *c = value; *c != '\0'; c++)
                appendStringInfo(&all, *c == '\'' || *c == '\\' ? "\\%c" : "%c", *c);
            return all.data;
        };
        const char *more = GetConfigOption("citus.node_conninfo", true, false);
        return psprintf("host='%s' port=%s dbname='%s' user='%s' %s", quoted(text(from.name)), text(from.port),
                        quoted(get_database_name(MyDatabaseId)), quoted(GetUserNameFromId(GetUserId(), false)),
                        more == nullptr ? "" : more);
    });
    subscribe_node(connection, publication_name);
}

/// On the coordinator: every worker subscribes that has not.
void subscribe_workers() {
    Cursor rows(call_workers, {text_datum("CALL integration_defaults.resync_node()")});
    while (rows.next())
        if (!DatumGetBool(rows.column(0).value_or(BoolGetDatum(false))))
            throw Refusal(ERRCODE_CONNECTION_FAILURE, cat("node ", rows.column(2) ? view(*rows.column(2)) : "",
                                                          " can't be made part of the cluster"))
                .detail(rows.column(1) ? cat(view(*rows.column(1))) : nullptr)
                .hint("Mend that, and CALL integration_defaults.resync_node().");
    rows.close();
}

void commit_and_go_on() {
    guard([] {
        commit_now();
        EnsurePortalSnapshotExists();
    });
}

void resync_all() {
    commit_and_go_on(); // nothing is written while slots are made
    subscribe_workers();
    Value found;
    if (fetch(lacks_copy, {}, &found) > 0 && DatumGetBool(*found)) { // a node is new
        fetch(replicate, {}, &found);
        commit_and_go_on();
    }
    WritingFunction function;
    take_in_everywhere();
}

} // namespace

/// CALL enable_citus()
INTD_FUNCTION(enable_citus) {
    require_cluster_admin();
    require_procedure(fcinfo, "enable_citus()");
    guard([] { PreventCommandDuringRecovery("enable_citus()"); });
    require_citus();
    require_coordinator("enable_citus()");
    find_coordinator();
    if (wal_level < WAL_LEVEL_LOGICAL)
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "wal_level is not logical")
            .detail("Types and defaults come to the nodes by logical replication.")
            .hint("Set wal_level = logical, and restart the coordinator.");
    create_cluster_table();
    guard([] {
        if (!OidIsValid(get_publication_oid(publication_name, true)))
            run_command(psprintf("CREATE PUBLICATION %s FOR TABLE integration_defaults.integrations, "
                                 "integration_defaults.instance_settings, integration_defaults.group_settings",
                                 publication_name));
    });
    resync_all();
    PG_RETURN_VOID();
}

/// CALL resync_node()
INTD_FUNCTION(resync_node) {
    require_cluster_admin();
    require_procedure(fcinfo, "resync_node()");
    guard([] { PreventCommandDuringRecovery("resync_node()"); });
    require_citus();
    if (!is_cluster())
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "this cluster does not use integration_defaults")
            .hint("CALL integration_defaults.enable_citus() on the coordinator.");
    if (guard(local_group) == 0)
        resync_all();
    else
        subscribe_to_coordinator();
    PG_RETURN_VOID();
}

} // namespace intd
