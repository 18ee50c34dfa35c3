#include "cascade/materialized.hpp"

#include "postgres/invalidation.hpp"
#include "postgres/trigger.hpp"
#include "store/owner.hpp"

extern "C" {
#include "access/relation.h"
#include "lib/stringinfo.h"
#include "replication/logicalworker.h"
#include "storage/lmgr.h"
}

namespace intd {
namespace {

/// What is known until the server says that the table, or while there is none any relation, has changed.
struct {
    MemoryContext context;
    Oid relation, owner;
    bool fits; // is a table with the columns that we rely on
    char **names;
    int count;
    bool valid;
} known;

void forget(Oid relation) {
    if (relation == InvalidOid || relation == known.relation || !OidIsValid(known.relation))
        known.valid = false;
}

/// Whether it is what materialize() makes, with columns added or not. Server code.
bool has_shape(Relation relation) {
    static const struct {
        const char *name;
        Oid type;
    } columns[] = {{"project_id", TEXTOID}, {"integration", TEXTOID},  {"active", BOOLOID},   {"settings", JSONBOID},
                   {"inherited", BOOLOID},  {"source_level", TEXTOID}, {"source_id", TEXTOID}};
    bool same = relation->rd_rel->relkind == RELKIND_RELATION;
    for (const auto &column : columns) {
        AttrNumber number = get_attnum(RelationGetRelid(relation), column.name);
        same = same && number != InvalidAttrNumber && get_atttype(RelationGetRelid(relation), number) == column.type;
    }
    return same;
}

/// The types that the table's trigger names. Server code.
void read_names(Relation relation) {
    const Trigger *trigger = find_trigger(relation, "refuse_plain_writes");
    if (trigger == nullptr)
        return;
    known.names = static_cast<char **>(palloc((trigger->tgnargs + 1) * sizeof(char *)));
    for (int n = 0; n < trigger->tgnargs; n++)
        known.names[n] = pstrdup(trigger->tgargs[n]);
    known.count = trigger->tgnargs;
}

/// Server code.
void load() {
    if (known.context == nullptr)
        known.context = AllocSetContextCreate(CacheMemoryContext, "materialized types", ALLOCSET_SMALL_SIZES);
    renew(known.valid, [] {
        MemoryContextReset(known.context);
        known.count = 0;
        known.fits = false;
        Oid schema = get_namespace_oid("integration_defaults", true);
        known.relation = OidIsValid(schema) ? get_relname_relid("effective_settings", schema) : InvalidOid;
        Relation relation = OidIsValid(known.relation) ? try_relation_open(known.relation, AccessShareLock) : nullptr;
        if (relation == nullptr) {
            known.valid = !OidIsValid(known.relation); // or it has just been dropped
            return;
        }
        MemoryContext caller = MemoryContextSwitchTo(known.context);
        read_names(relation);
        known.owner = relation->rd_rel->relowner;
        known.fits = has_shape(relation);
        MemoryContextSwitchTo(caller);
        relation_close(relation, AccessShareLock);
    });
}

} // namespace

bool any_materialized() {
    if (!known.valid)
        guard([] { load(); });
    return known.count > 0;
}

bool is_materialized(std::string_view integration) {
    if (any_materialized())
        for (int i = 0; i < known.count; i++)
            if (integration == known.names[i])
                return true;
    return false;
}

std::pmr::vector<std::string_view> materialized_types(std::pmr::memory_resource *memory) {
    std::pmr::vector<std::string_view> types(memory);
    if (any_materialized())
        for (int i = 0; i < known.count; i++) {
            size_t length = strlen(known.names[i]);
            types.emplace_back(cat(known.names[i]), length);
        }
    std::sort(types.begin(), types.end());
    return types;
}

std::pmr::vector<std::string_view> lock_materialized_types(std::pmr::memory_resource *memory) {
    Oid table = effective_settings();
    guard([&] { LockRelationOid(table, ShareRowExclusiveLock); }); // as CREATE TRIGGER will
    require_effective_settings();
    return materialized_types(memory);
}

Oid effective_settings() {
    any_materialized();
    return known.relation;
}

bool has_declared_shape() {
    any_materialized();
    return known.fits;
}

void require_effective_settings() {
    if (!has_declared_shape())
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      "relation integration_defaults.effective_settings is not what materialize() makes")
            .hint("Undo what was done to it; or drop it, and call materialize() again.");
    const Oid ours = our_owner(), owner = known.owner;
    if (owner == ours || guard([&] { return superuser_arg(owner) && superuser_arg(ours); }))
        return;
    const char *detail = guard([&] {
        return psprintf("It belongs to %s, the tables of integration_defaults to %s.", GetUserNameFromId(owner, true),
                        GetUserNameFromId(ours, true));
    });
    throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                  "table effective_settings has another owner than our tables")
        .detail(detail)
        .hint("Give it the same one with ALTER TABLE integration_defaults.effective_settings OWNER TO ...");
}

uint64 write_effective_settings(Statement &statement, std::initializer_list<Value> parameters) {
    const Oid table = effective_settings();
    guard([&] { LockRelationOid(table, RowExclusiveLock); }); // as the statement will: what is found stays so
    require_effective_settings();
    OwnStatement own(table);
    return execute_newest_alone(statement, parameters);
}

void record_materialized(const std::pmr::vector<std::string_view> &integrations) {
    guard([&] {
        StringInfoData command;
        initStringInfo(&command);
        appendStringInfoString(&command,
                               "CREATE OR REPLACE TRIGGER materialized BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE "
                               "ON integration_defaults.effective_settings FOR EACH STATEMENT "
                               "EXECUTE FUNCTION integration_defaults.refuse_plain_writes(");
        for (size_t i = 0; i < integrations.size(); i++)
            appendStringInfo(&command, "%s%s", i == 0 ? "" : ", ",
                             quote_literal_cstr(pnstrdup(integrations[i].data(), integrations[i].size())));
        appendStringInfoChar(&command, ')');
        run_command(command.data);
    });
}

/// BEFORE INSERT, UPDATE, DELETE or TRUNCATE on effective_settings. Its arguments are the materialized types.
INTD_FUNCTION(refuse_plain_writes) {
    if (!CALLED_AS_TRIGGER(fcinfo))
        throw Refusal(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED,
                      "this function is for the trigger of effective_settings");
    if (!OwnStatement::fired(reinterpret_cast<TriggerData *>(fcinfo->context)) && !restoring())
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      "effective_settings follows from what is set and can't be written to")
            .hint("Change what is set, for example with set_custom() or through the view project_integrations; "
                  "dematerialize() removes the rows of a type.");
    return PointerGetDatum(nullptr);
}

/// BEFORE INSERT, UPDATE or DELETE on effective_settings, for each row, in sessions that replicate: what a subscription
/// to all tables brings follows here from what is set, which it brings, too.
INTD_FUNCTION(skip_replicated) {
    TriggerData *data = row_trigger(fcinfo, {effective_settings()}, TRIGGER_EVENT_BEFORE);
    return PointerGetDatum(OwnStatement::fired(data) || !IsLogicalWorker() ? trigger_row(data) : nullptr);
}

void watch_materialized() {
    on_relation_change(forget);
}

} // namespace intd
