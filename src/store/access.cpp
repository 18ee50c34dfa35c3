#include "store/access.hpp"

#include "postgres/invalidation.hpp"
#include "postgres/query.hpp"
#include "postgres/trigger.hpp"
#include "store/owner.hpp"
#include "store/role_name.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_trigger.h"
}

namespace intd {

Allowed allowed;

namespace {

constexpr const char *names[access_count] = {"read", "use", "write", "admin"};

Statement all_rows = {"SELECT role, access, group_id FROM integration_defaults.access", 0, {}, nullptr};

struct Held {
    Oid role;
    uint8_t access; // bits
    std::string_view group;
    bool everywhere;
};

/// In `context`; roles null: nothing is known.
struct {
    MemoryContext context;
    Oid relation, owner;
    std::pmr::vector<Held> *rows; // null: not read yet
    std::pmr::unordered_map<Oid, Rights *> *roles;
    TimestampTz statement; // for which alone it is known; 0: until it is told to be otherwise
    uint64 changes;        // that had been told before it was read
} known;

/// What may change the answer, as far as the server has told.
uint64 changes_told = 1;

void forget() {
    changes_told++;
    allowed = {};
}

void forget_relation(Oid relation) {
    // Of whatever else has changed, one of our tables may have got another owner.
    allowed = {};
    if (relation == InvalidOid || relation == known.relation || !OidIsValid(known.relation))
        changes_told++;
}

/// What comes with an access, as bits.
uint8_t with_all(Access access) {
    uint8_t bits = Rights::bit(Access::read) | Rights::bit(access);
    if (access == Access::admin)
        bits |= Rights::bit(Access::write);
    return bits;
}

constexpr uint8_t all_bits = (1 << access_count) - 1;

// Server code: raises reports.

[[noreturn]] void refuse_shape(const char *detail) {
    ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                    errmsg("relation integration_defaults.access is not as the extension made it"),
                    errdetail("%s", detail), errhint("Undo what was done to it.")));
    pg_unreachable();
}

/// Whether all changes of the rows are told.
bool are_changes_told(Relation relation) {
    const Trigger *trigger = find_trigger(relation, "note_access");
    return trigger != nullptr && trigger->tgenabled == TRIGGER_FIRES_ALWAYS && trigger->tgqual == nullptr &&
           trigger->tgnattr == 0 && TRIGGER_FOR_ROW(trigger->tgtype) && TRIGGER_FOR_AFTER(trigger->tgtype) &&
           TRIGGER_FOR_INSERT(trigger->tgtype) && TRIGGER_FOR_UPDATE(trigger->tgtype) &&
           TRIGGER_FOR_DELETE(trigger->tgtype);
}

struct Looked {
    Oid relation;
    bool told;
};

/// Looks at the table before it is read: whoever owns it decides who has access.
Looked look_at_table(Oid owner) {
    Relation relation = relation_open(access_table(), AccessShareLock);
    if (relation->rd_rel->relowner != owner)
        refuse_shape(psprintf("It belongs to %s, the other tables to %s.",
                              GetUserNameFromId(relation->rd_rel->relowner, true), GetUserNameFromId(owner, true)));
    require_access_columns(relation);
    Looked looked = {RelationGetRelid(relation), are_changes_told(relation)};
    relation_close(relation, NoLock);
    return looked;
}

struct Read {
    SPITupleTable *table;
    uint64 count;
};

/// The rows, in the newest state; while SPI is connected.
Read read_rows(Connection &connection) {
    PushActiveSnapshot(IsInParallelMode() ? GetActiveSnapshot() : GetLatestSnapshot());
    const uint64 count = connection.read(prepared(all_rows), nullptr);
    PopActiveSnapshot();
    return {SPI_tuptable, count};
}

// C++.

std::optional<Access> access_named(std::string_view name) {
    for (int i = 0; i < access_count; i++)
        if (name == names[i])
            return static_cast<Access>(i);
    return std::nullopt;
}

void begin(Oid owner) {
    known.rows = nullptr;
    known.roles = nullptr;
    known.changes = changes_told; // before it is read
    guard([] {
        if (known.context == nullptr)
            known.context =
                AllocSetContextCreate(CacheMemoryContext, "integration_defaults access", ALLOCSET_SMALL_SIZES);
        else
            MemoryContextReset(known.context);
    });
    ContextResource *memory = ContextResource::in(known.context);
    const Looked looked = guard([&] { return look_at_table(owner); });
    known.relation = looked.relation;
    known.owner = owner;
    known.statement =
        looked.told && !guard([] { return IsInParallelMode(); }) ? 0 : GetCurrentStatementStartTimestamp();
    using Roles = std::pmr::unordered_map<Oid, Rights *>;
    known.roles = new (memory->allocate(sizeof(Roles))) Roles(memory);
}

/// Who needs no row has them not read: who gives access to many groups in turn would have them read for each.
const std::pmr::vector<Held> &rows_known() {
    if (known.rows != nullptr)
        return *known.rows;
    ContextResource *memory = ContextResource::in(known.context);
    using Rows = std::pmr::vector<Held>;
    auto *rows = new (memory->allocate(sizeof(Rows))) Rows(memory);
    struct Row {
        Oid role;
        const char *access, *group;
    };
    struct Copied {
        Row *rows;
        uint64 count;
    };
    Copied copied;
    {
        AsOwner as_owner;
        copied = guard([] {
            Connection connection;
            const Read read = read_rows(connection);
            Copied found = {static_cast<Row *>(MemoryContextAllocHuge(known.context, sizeof(Row) * (read.count + 1))),
                            0};
            for (uint64 i = 0; i < read.count; i++) {
                Datum values[3];
                bool nulls[3];
                heap_deform_tuple(read.table->vals[i], read.table->tupdesc, values, nulls);
                if (nulls[0] || nulls[1])
                    continue;
                MemoryContext inside = MemoryContextSwitchTo(known.context);
                found.rows[found.count++] = {reinterpret_cast<RoleName *>(DatumGetPointer(values[0]))->oid,
                                             TextDatumGetCString(values[1]),
                                             nulls[2] ? nullptr : TextDatumGetCString(values[2])};
                MemoryContextSwitchTo(inside);
            }
            connection.finish();
            return found;
        });
    }
    for (uint64 i = 0; i < copied.count; i++) {
        const Row &row = copied.rows[i];
        std::optional<Access> access = access_named(row.access);
        if (access && OidIsValid(row.role))
            rows->push_back({row.role, with_all(*access),
                             row.group == nullptr ? std::string_view() : std::string_view(row.group),
                             row.group == nullptr});
    }
    known.rows = rows;
    return *rows;
}

bool is_known(Oid owner) {
    return known.roles != nullptr && known.changes == changes_told && known.owner == owner &&
           (known.statement == 0 || known.statement == GetCurrentStatementStartTimestamp());
}

/// Whether a role has all the rights of another one. Server code.
bool has_rights_of(Oid role, Oid other) {
    return has_privs_of_role(role, other);
}

Rights *make_rights(Oid role) {
    ContextResource *memory = ContextResource::in(known.context);
    auto *rights = new (memory->allocate(sizeof(Rights))) Rights(memory);
    if (guard([&] { return has_rights_of(role, known.owner); })) { // superusers, too
        rights->everywhere = rights->somewhere = all_bits;
        return rights;
    }
    for (const Held &given : rows_known()) {
        check_interrupts();
        if (!guard([&] { return has_rights_of(role, given.role); }))
            continue;
        rights->everywhere |= given.everywhere ? given.access : Rights::bit(Access::read);
        rights->somewhere |= given.access;
        if (!given.everywhere)
            rights->in_groups[given.group] |= given.access;
    }
    return rights;
}

} // namespace

Oid access_table() {
    const Oid schema = get_namespace_oid("integration_defaults", true);
    return OidIsValid(schema) ? get_relname_relid("access", schema) : InvalidOid;
}

void require_access_columns(Relation relation) {
    const Oid type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("role_name"),
                                     ObjectIdGetDatum(get_namespace_oid("integration_defaults", false)));
    if (get_typlen(type) != static_cast<int16>(sizeof(RoleName)) ||
        !has_columns(RelationGetDescr(relation), 1, {type, TEXTOID, TEXTOID}))
        refuse_shape("Its columns should be \"role\", \"access\" and \"group_id\".");
}

const char *name_of(Access access) {
    return names[static_cast<int>(access)];
}

const Rights &rights_of(Oid role) {
    constexpr size_t most = 1000; // roles that are remembered
    const Oid owner = our_owner();
    if (!is_known(owner) || known.roles->size() >= most)
        begin(owner);
    if (auto found = known.roles->find(role); found != known.roles->end())
        return *found->second;
    Rights *rights = make_rights(role);
    known.roles->emplace(role, rights);
    return *rights;
}

bool has_access(Oid role, Access access) {
    return DatumGetBool(entry([&] { return BoolGetDatum(rights_of(role).has(access)); }));
}

void refuse_access(Oid role, Access access, const char *where, std::string_view group, const char *detail) {
    const char *name = guard([&]() -> const char * {
        const char *found = GetUserNameFromId(role, true);
        return found == nullptr ? "that was dropped" : found;
    });
    const char *call = guard([&]() -> const char * {
        const char *given = psprintf("%s, %s", quote_literal_cstr(name), quote_literal_cstr(name_of(access)));
        return group.empty()
                   ? given
                   : psprintf("%s, group_id => %s", given, quote_literal_cstr(pnstrdup(group.data(), group.size())));
    });
    Refusal refusal(ERRCODE_INSUFFICIENT_PRIVILEGE, cat("role \"", name, "\" has no ", name_of(access), " access to ",
                                                        where == nullptr ? "integration_defaults" : where));
    if (detail != nullptr)
        refusal.detail(detail);
    throw refusal.hint(cat("An administrator can run integration_defaults.grant_access(", call, ")."));
}

void look_up_access(Access access) {
    guard([] { AcceptInvalidationMessages(); });
    const uint64 before = changes_told;
    const Oid user = GetUserId();
    if (!rights_of(user).has(access))
        refuse_access(user, access);
    if (changes_told != before)
        return;
    if (allowed.statement != GetCurrentStatementStartTimestamp())
        allowed = {{}, GetCurrentStatementStartTimestamp()};
    allowed.users[static_cast<int>(access)] = user;
}

/// AFTER INSERT, UPDATE or DELETE, for each row, and AFTER TRUNCATE, on access.
INTD_FUNCTION(note_access) {
    TriggerData *data = own_trigger(fcinfo, {guard([] { return access_table(); })});
    Relation relation = data->tg_relation;
    guard([&] { CacheInvalidateRelcache(relation); });
    return PointerGetDatum(nullptr);
}

/// may_read() → true
INTD_FUNCTION(may_read) {
    require_access(Access::read);
    PG_RETURN_BOOL(true);
}

void watch_access() {
    on_relation_change(forget_relation);
    on_role_change(forget);
}

} // namespace intd
