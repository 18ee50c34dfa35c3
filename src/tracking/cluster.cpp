#include "tracking/cluster.hpp"

#include "hierarchy/hooks.hpp"
#include "postgres/memory.hpp"
#include "postgres/path.hpp"
#include "postgres/query.hpp"
#include "postgres/trigger.hpp"
#include "store/citus.hpp"
#include "store/owner.hpp"
#include "tracking/attach.hpp"
#include "tracking/equalize.hpp"
#include "tracking/rows.hpp"
#include "tracking/table_owner.hpp"

extern "C" {
#include "access/relation.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
}

namespace intd {
namespace {

// --- server code -----------------------------------------------------------------------------------------------------

/// Whatever is there under this name.
Oid named_cluster() {
    const Oid schema = get_namespace_oid("integration_defaults", true);
    return OidIsValid(schema) ? get_relname_relid("cluster", schema) : InvalidOid;
}

/// The table of the cluster, if it is as we make it and belongs to our owner: its triggers run as that role, and those
/// of a table that somebody else has made would, too.
Oid cluster_table(Oid ours) {
    const Oid table = named_cluster();
    HeapTuple tuple = OidIsValid(table) ? SearchSysCache1(RELOID, ObjectIdGetDatum(table)) : nullptr;
    if (!HeapTupleIsValid(tuple))
        return InvalidOid;
    auto *form = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple));
    const bool fits = form->relkind == RELKIND_RELATION && form->relowner == ours && form->relnatts == 1 &&
                      !form->relhasrules && get_atttype(table, 1) == TEXTOID;
    ReleaseSysCache(tuple);
    return fits ? table : InvalidOid;
}

Oid require_cluster_table(Oid ours) {
    const Oid table = cluster_table(ours);
    if (!OidIsValid(table))
        ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                        errmsg("relation integration_defaults.cluster is not what enable_citus() makes"),
                        errdetail("It has to be a table with one column, of text, that belongs to %s.",
                                  GetUserNameFromId(ours, true)),
                        errhint("If it is somebody else's, drop it, and CALL integration_defaults.enable_citus().")));
    return table;
}

/// Until the end of the transaction nobody else sets off anything, and the table stays our owner's.
void lock_cluster(Oid ours) {
    const Oid table = require_cluster_table(ours);
    LockRelationOid(table, ShareRowExclusiveLock);
    require_cluster_table(ours);
}

/// A command of our own, run as our owner; on a distributed table it runs on all nodes.
void run_everywhere(std::initializer_list<const char *> commands) {
    CitusCommands citus;
    citus.enter();
    for (const char *command : commands)
        run_command(command);
    citus.leave();
}

/// Gives a shard the triggers of its table that it lacks, as its owner, who must be the table's.
void attach_shard(const Shard &shard, Relation table, Kind kind) {
    Relation relation = table_open(shard.relation, ShareRowExclusiveLock);
    if (relation->rd_rel->relowner != table->rd_rel->relowner)
        ereport(ERROR,
                (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
                 errmsg("shard \"%s\" has another owner than its table", RelationGetRelationName(relation)),
                 errdetail("It belongs to %s, the table to %s.", GetUserNameFromId(relation->rd_rel->relowner, true),
                           GetUserNameFromId(table->rd_rel->relowner, true)),
                 errhint("Give the table's owner the shard, on this node.")));
    List *commands = missing_shard_triggers(relation, shard.id, table, kind);
    const Oid owner = relation->rd_rel->relowner;
    table_close(relation, NoLock);
    if (commands == NIL)
        return;
    TableOwner as_owner;
    as_owner.enter(owner);
    for (int i = 0; i < list_length(commands); i++)
        run_command(static_cast<const char *>(list_nth(commands, i)));
    as_owner.leave();
}

void attach_shards(Oid root, const Growing<Shard> &shards, Kind kind) {
    Relation table = table_open(root, AccessShareLock);
    for (const Shard &shard : shards) {
        CHECK_FOR_INTERRUPTS();
        attach_shard(shard, table, kind);
    }
    table_close(table, NoLock);
    CommandCounterIncrement();
}

/// Notes that a node has taken these in.
void record_shards(const Growing<Shard> &shards, Kind kind) {
    StringInfoData command;
    initStringInfo(&command);
    appendStringInfo(&command,
                     "CREATE OR REPLACE TRIGGER taken_in_shards BEFORE TRUNCATE ON integration_defaults.%s "
                     "FOR EACH STATEMENT EXECUTE FUNCTION integration_defaults.taken_in_shards(",
                     name_of(kind));
    bool first = true;
    for (const Shard &shard : shards) {
        appendStringInfo(&command, "%s'" INT64_FORMAT "'", first ? "" : ", ", shard.id);
        first = false;
    }
    appendStringInfoChar(&command, ')');
    run_command(command.data);
}

/// As text[], the literal.
const char *array_literal(const Growing<Datum> &ids, int from, int to) {
    const Datum array = PointerGetDatum(construct_array(ids.items + from, to - from, TEXTOID, -1, false, TYPALIGN_INT));
    Oid output;
    bool varlena;
    getTypeOutputInfo(TEXTARRAYOID, &output, &varlena);
    return quote_literal_cstr(OidOutputFunctionCall(output, array));
}

} // namespace

void CitusCommands::enter() {
    level = NewGUCNestLevel();
    for (auto [name, value] :
         {std::pair("citus.multi_shard_modify_mode", "sequential"), std::pair("citus.enable_unsafe_triggers", "on")})
        set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

void CitusCommands::leave() const {
    AtEOXact_GUC(true, level);
}

// --- C++ -------------------------------------------------------------------------------------------------------------

namespace {

Statement ask_nodes = {"SELECT n.success, n.result, d.nodename OPERATOR(pg_catalog.||) ':'::pg_catalog.text "
                       "OPERATOR(pg_catalog.||) d.nodeport::pg_catalog.text "
                       "FROM pg_catalog.run_command_on_all_nodes($1, false, false) n "
                       "LEFT JOIN pg_catalog.pg_dist_node d ON d.nodeid OPERATOR(pg_catalog.=) n.nodeid",
                       1,
                       {TEXTOID},
                       nullptr};

/// Fetches what is set on these projects from all nodes. Each is asked on a connection of its own, which sees what is
/// committed there; the answer is no command, and so it is in no log.
void fetch_settings(const Growing<Datum> &ids) {
    constexpr int at_once = 5000;
    RowMemory memory;
    for (int from = 0; from < ids.count; from += at_once) {
        InContext inside(memory.empty());
        const char *command = guard([&]() -> const char * {
            return psprintf("SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(s))::pg_catalog.text FROM "
                            "integration_defaults.project_settings s WHERE s.project_id OPERATOR(pg_catalog.=) ANY "
                            "(%s::pg_catalog.text[])",
                            array_literal(ids, from, std::min(from + at_once, ids.count)));
        });
        Growing<Datum> answers;
        Cursor rows(ask_nodes, {text_datum(command)});
        while (rows.next()) {
            if (!DatumGetBool(rows.column(0).value_or(BoolGetDatum(false))))
                throw Refusal(ERRCODE_CONNECTION_FAILURE, cat("node ", rows.column(2) ? view(*rows.column(2)) : "",
                                                              " does not tell what is set on projects that have come"))
                    .detail(rows.column(1) ? cat(view(*rows.column(1))) : nullptr)
                    .hint("Every node has to be there: what a project has set may be on any of them.");
            if (rows.column(1) && !view(*rows.column(1)).empty())
                guard([&] { answers.add(datumCopy(*rows.column(1), false, -1)); });
        }
        rows.close();
        for (Datum answer : answers)
            lifetime.arrived(answer);
    }
}

/// In the order in which who writes there locks them.
void lock_own() {
    guard(lock_placements); // nodes read them one after the other, and each shard is to be on one of them
    for (Kind kind : all_kinds)
        if (const Oid root = tracked_relation(kind); is_spread(kind))
            guard([&] {
                for (const Shard &shard : all_local_shards(root))
                    LockRelationOid(shard.relation, ShareRowExclusiveLock);
            });
    for (Table table : {Table::groups, Table::projects, Table::project_settings}) {
        const Oid oid = table_oid(table);
        guard([&] { LockRelationOid(oid, ShareRowExclusiveLock); });
    }
}

/// What this node has of the table that is tracked for the kind. `anew`: whatever was taken in before, what is set on
/// its projects may be elsewhere.
void take_in(Kind kind, bool anew) {
    const Oid root = tracked_relation(kind);
    if (!OidIsValid(root) || !is_spread(kind))
        return;
    require_feeding(root, kind);
    const Growing<Shard> shards = guard([&] { return all_local_shards(root); });
    Growing<Oid> arrived;
    for (const Shard &shard : shards)
        if (anew || !was_taken_in(kind, shard.relation))
            guard([&] { arrived.add(shard.relation); });
    guard([&] {
        attach_shards(root, shards, kind);
        record_shards(shards, kind);
        CommandCounterIncrement();
    });
    equalize(kind, true);
    if (is_filtered(kind))
        lifetime.emptied(kind); // what was set on rows that are left out, and have gone
    if (kind == Kind::projects)
        for (Oid shard : arrived)
            fetch_settings(guard([&] { return ids_of_shard(shard, kind); }));
}

bool some_have_left() {
    return !has_no_citus() && guard(has_citus) && is_spread(Kind::projects) && shards_have_left(Kind::projects);
}

void require_none_left() {
    if (some_have_left())
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "projects have left this node with their shards")
            .detail("Until it has been told so, its lists have them still.")
            .hint("CALL integration_defaults.resync_node() on the coordinator.");
}

/// Whether a project that our table has is in none of the shards that this node has taken in, because one has left.
bool has_left(Datum id) {
    if (!some_have_left())
        return false;
    const Oid root = tracked_relation(Kind::projects);
    const Growing<Shard> shards = guard([&] { return local_shards(root); });
    for (const Shard &shard : shards)
        if (was_taken_in(Kind::projects, shard.relation) &&
            guard([&] { return shard_has(shard.relation, Kind::projects, id); }))
            return false;
    return true;
}

} // namespace

bool is_cluster() {
    if (!guard(has_citus))
        return false;
    const Oid ours = our_owner();
    return guard([&] {
        const Oid table = cluster_table(ours);
        return OidIsValid(table) && is_reference_table(table);
    });
}

void create_cluster_table() {
    const Oid ours = our_owner();
    AsOwner owner;
    guard([&] {
        int path = fix_search_path();
        if (!OidIsValid(named_cluster()))
            for (const char *command :
                 {"CREATE TABLE integration_defaults.cluster (step pg_catalog.text NOT NULL)",
                  "COMMENT ON TABLE integration_defaults.cluster IS 'by this Citus carries to all nodes what they have "
                  "to do together: see enable_citus()'"})
                run_command(command);
        const Oid table = require_cluster_table(ours);
        if (!is_reference_table(table))
            run_everywhere({"SELECT pg_catalog.create_reference_table("
                            "'integration_defaults.cluster'::pg_catalog.regclass)",
                            "INSERT INTO integration_defaults.cluster SELECT 'take in'::pg_catalog.text "
                            "WHERE NOT EXISTS (SELECT FROM integration_defaults.cluster)"});
        Relation cluster = table_open(require_cluster_table(ours), AccessShareLock);
        const bool attached = find_trigger(cluster, "follow_cluster") != nullptr;
        table_close(cluster, NoLock);
        if (!attached)
            run_everywhere({"CREATE TRIGGER follow AFTER UPDATE ON integration_defaults.cluster FOR EACH ROW "
                            "EXECUTE FUNCTION integration_defaults.follow_cluster()"});
        restore_search_path(path);
    });
}

void require_coordinator(const char *what) {
    if (guard(local_group) != 0)
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, cat(what, " is for the coordinator"))
            .detail("This is a worker of the cluster.")
            .hint("Connect to the coordinator: the node of group 0 in pg_dist_node.");
}

void begin_everywhere() {
    const Oid ours = our_owner();
    AsOwner owner;
    guard([&] {
        lock_cluster(ours);
        run_everywhere({"UPDATE integration_defaults.cluster SET step = 'begin'::pg_catalog.text"});
    });
}

void take_in_everywhere(bool anew) {
    const Oid ours = our_owner();
    AsOwner owner;
    guard([&] {
        lock_cluster(ours);
        lock_placements(); // here first, where moves begin
        run_everywhere({"UPDATE integration_defaults.cluster SET step = 'lock'::pg_catalog.text",
                        anew ? "UPDATE integration_defaults.cluster SET step = 'take in anew'::pg_catalog.text"
                             : "UPDATE integration_defaults.cluster SET step = 'take in'::pg_catalog.text"});
    });
}

/// AFTER UPDATE on every node's copy of the table cluster.
INTD_FUNCTION(follow_cluster) {
    auto *data = reinterpret_cast<TriggerData *>(fcinfo->context);
    if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) || !TRIGGER_FIRED_AFTER(data->tg_event) ||
        !TRIGGER_FIRED_BY_UPDATE(data->tg_event))
        throw Refusal(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                      "this function is for the trigger that enable_citus() creates");
    const Oid ours = our_owner();
    if (guard([&] { return table_of_shard(RelationGetRelid(data->tg_relation)) != cluster_table(ours); }) ||
        data->tg_relation->rd_rel->relowner != ours)
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      "only copies of integration_defaults.cluster that belong to our owner have this trigger");
    if (!guard([&] { return has_privs_of_role(GetUserId(), ours); }))
        throw Refusal(ERRCODE_INSUFFICIENT_PRIVILEGE, "permission denied for table integration_defaults.cluster")
            .hint("resync_node() changes it.");
    const Value step = text_column(data->tg_newtuple, data->tg_relation, 1);
    AsOwner owner;
    if (step && view(*step) == "lock")
        lock_own();
    else if (step && (view(*step) == "take in" || view(*step) == "take in anew"))
        for (Kind kind : all_kinds)
            take_in(kind, view(*step) == "take in anew");
    return PointerGetDatum(nullptr);
}

/// BEFORE TRUNCATE on groups and projects: its arguments are the shards that this node has taken in.
INTD_FUNCTION(taken_in_shards) {
    own_trigger(fcinfo, {table_oid(Table::groups), table_oid(Table::projects)});
    return PointerGetDatum(nullptr);
}

void watch_cluster() {
    feeding.has_left = has_left;
    feeding.require_none_left = require_none_left;
}

} // namespace intd
