#include "hierarchy/references.hpp"

#include "postgres/memory.hpp"
#include "postgres/query.hpp"
#include "postgres/tables.hpp"

namespace intd {
namespace {

// --- who refers ------------------------------------------------------------------------------------------------------

Statement hold = {"SELECT 1 FROM integration_defaults.groups WHERE id OPERATOR(pg_catalog.=) $1 FOR KEY SHARE", 1,
                  {TEXTOID}, nullptr};

/// More than this is not remembered (bytes).
constexpr Size remember_at_most = 16 * 1024 * 1024;

/// Groups that are held, for the other rows that are checked together: many projects are in few groups. It is good until
/// this transaction runs a command that writes, which may delete them, or rolls back to a savepoint, which lets go of them.
/// What a command that is now running deletes, is looked for after it (refuse_what_is_left()), whatever is remembered here.
struct {
    MemoryContext context; // null: none
    std::pmr::unordered_set<std::string_view> *ids;
    CommandId command;
} held;

void forget_held() {
    if (held.context != nullptr)
        MemoryContextDelete(held.context);
    held.context = nullptr;
}

void remember_held(std::string_view id) {
    if (held.context == nullptr) {
        held.context = guard([] {
            return AllocSetContextCreate(TopTransactionContext, "integration_defaults held groups",
                                         ALLOCSET_DEFAULT_SIZES);
        });
        ContextResource *memory = ContextResource::in(held.context);
        using Ids = std::pmr::unordered_set<std::string_view>;
        held.ids = new (memory->allocate(sizeof(Ids))) Ids(memory);
    }
    InContext inside(held.context);
    held.ids->emplace(cat(id), id.size());
}

void at_transaction_end(XactEvent event, void *) {
    if (event != XACT_EVENT_PRE_COMMIT && event != XACT_EVENT_PRE_PREPARE && event != XACT_EVENT_PARALLEL_PRE_COMMIT)
        forget_held();
}

void at_subtransaction_end(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
    if (event == SUBXACT_EVENT_ABORT_SUB)
        forget_held();
}

// --- who deletes or renames ------------------------------------------------------------------------------------------

// Somebody may be about to delete what is still in a group: FOR KEY SHARE waits for him.
Statement hold_left[] = {
    {"SELECT 1 FROM integration_defaults.groups WHERE parent_id OPERATOR(pg_catalog.=) $1 FOR KEY SHARE", 1, {TEXTOID},
     nullptr},
    {"SELECT 1 FROM integration_defaults.projects WHERE group_id OPERATOR(pg_catalog.=) $1 FOR KEY SHARE", 1, {TEXTOID},
     nullptr},
};

Statement count_left = {
    "SELECT (SELECT pg_catalog.count(*) FROM integration_defaults.groups WHERE parent_id OPERATOR(pg_catalog.=) $1), "
    "(SELECT pg_catalog.count(*) FROM integration_defaults.projects WHERE group_id OPERATOR(pg_catalog.=) $1)",
    1, {TEXTOID}, nullptr};

/// Throws 23503 if groups or projects are left in a group that was deleted or has another id now, and is not there again.
void refuse_what_is_left(Datum id) {
    AsOwner owner(Table::groups);
    NewestState newest;
    if (read_row(Table::groups, id) != nullptr ||
        (execute_newest(hold_left[0], {id}, 1) == 0 && execute_newest(hold_left[1], {id}, 1) == 0))
        return;
    Value counts[2];
    fetch_row(count_left, {id}, counts, 2, true);
    throw Refusal(ERRCODE_FOREIGN_KEY_VIOLATION,
                  cat("group \"", view(id), "\" is still the parent of ",
                      count_scopes(DatumGetInt64(*counts[0]), DatumGetInt64(*counts[1]))))
        .hint("Move or remove them in the same transaction.")
        .constraint("scope_parent_exists");
}

} // namespace

bool hold_group(Datum id) {
    if (held.context != nullptr && (held.command != GetCurrentCommandId(false) ||
                                    MemoryContextMemAllocated(held.context, false) > remember_at_most))
        forget_held();
    if (held.context != nullptr && held.ids->count(view(id)) > 0)
        return true;
    AsOwner owner(Table::groups);
    if (execute(hold, {id}) == 0)
        return false;
    remember_held(view(id));
    held.command = GetCurrentCommandId(false); // a row lock, too, takes a command
    return true;
}

void refuse_missing_parent(TriggerData *data) {
    HeapTuple row = trigger_row(data);
    Value parent = text_column(row, data->tg_relation, column::parent + 1);
    if (!parent || !refers_anew(data, column::parent + 1) || !is_current(data) || hold_group(*parent))
        return;
    const char *kind = RelationGetRelid(data->tg_relation) == table_oid(Table::groups) ? "group" : "project";
    Value id = text_column(row, data->tg_relation, column::id + 1);
    throw Refusal(ERRCODE_FOREIGN_KEY_VIOLATION,
                  cat("group \"", view(*parent), "\", the parent of ", kind, " \"", view(*id), "\", is not there"))
        .hint("The parent has to be there when the transaction commits.")
        .constraint("scope_parent_exists");
}

const char *count_scopes(int64 groups, int64 projects) {
    return guard([&]() -> const char * {
        return psprintf(INT64_FORMAT " %s and " INT64_FORMAT " %s", groups, groups == 1 ? "group" : "groups", projects,
                        projects == 1 ? "project" : "projects");
    });
}

/// AFTER INSERT OR UPDATE OR DELETE on groups, AFTER INSERT OR UPDATE on projects, at commit, for each row.
INTD_FUNCTION(check_parent) {
    Oid groups = table_oid(Table::groups);
    TriggerData *data = row_trigger(fcinfo, {groups, table_oid(Table::projects)}, TRIGGER_EVENT_AFTER);
    bool inserts = TRIGGER_FIRED_BY_INSERT(data->tg_event), deletes = TRIGGER_FIRED_BY_DELETE(data->tg_event);
    if (!deletes && !restoring())
        refuse_missing_parent(data);
    if (!inserts && RelationGetRelid(data->tg_relation) == groups) {
        Datum id = *text_column(data->tg_trigtuple, data->tg_relation, column::id + 1);
        if (deletes || view(id) != view(*text_column(data->tg_newtuple, data->tg_relation, column::id + 1)))
            refuse_what_is_left(id);
    }
    return PointerGetDatum(nullptr);
}

void watch_references() {
    RegisterXactCallback(at_transaction_end, nullptr);
    RegisterSubXactCallback(at_subtransaction_end, nullptr);
}

} // namespace intd
