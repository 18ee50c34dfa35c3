// grant_access() and revoke_access().
#include "hierarchy/access.hpp"
#include "hierarchy/parents.hpp"
#include "postgres/query.hpp"
#include "store/owner.hpp"
#include "store/store.hpp"
#include "tracking/tracked.hpp"

extern "C" {
#include "storage/lmgr.h"
}

namespace intd {
namespace {

#define OF_ROLE "role OPERATOR(integration_defaults.=) $1::pg_catalog.text::integration_defaults.role_name"
#define THE_ROW                                                                                                        \
    OF_ROLE " AND access OPERATOR(pg_catalog.=) $2 AND "                                                               \
            "(group_id OPERATOR(pg_catalog.=) $3 OR group_id IS NULL AND $3 IS NULL)"

Statement insert_row = {"INSERT INTO integration_defaults.access (role, access, group_id) "
                        "SELECT $1::pg_catalog.text::integration_defaults.role_name, $2, $3 "
                        "WHERE NOT EXISTS (SELECT FROM integration_defaults.access WHERE " THE_ROW ")",
                        3,
                        {TEXTOID, TEXTOID, TEXTOID},
                        nullptr};

Statement delete_row = {
    "DELETE FROM integration_defaults.access WHERE " THE_ROW, 3, {TEXTOID, TEXTOID, TEXTOID}, nullptr};

// What was given to another role of that name, which is gone, or to nobody.
Statement delete_stale = {"DELETE FROM integration_defaults.access WHERE role::pg_catalog.text "
                          "OPERATOR(pg_catalog.=) $1 AND NOT integration_defaults.is_dumped(role)",
                          1,
                          {TEXTOID},
                          nullptr};

// What a role still has: anything, and what writes.
Statement what_is_left = {"SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0, "
                          "pg_catalog.count(*) FILTER (WHERE access OPERATOR(pg_catalog.=) 'write'::pg_catalog.text "
                          "OR access OPERATOR(pg_catalog.=) 'admin'::pg_catalog.text) OPERATOR(pg_catalog.>) 0 "
                          "FROM integration_defaults.access WHERE " OF_ROLE,
                          1,
                          {TEXTOID},
                          nullptr};

#define WRITABLE_VIEWS                                                                                                 \
    "integration_defaults.instance_integrations, integration_defaults.group_integrations, "                            \
    "integration_defaults.project_integrations"
#define ALL_VIEWS                                                                                                      \
    WRITABLE_VIEWS ", integration_defaults.all_project_integrations, integration_defaults.tracked_tables, "            \
                   "integration_defaults.own_settings, integration_defaults.materialized_types, "                      \
                   "integration_defaults.server_locks, integration_defaults.history"

/// What the functions are given.
struct Arguments {
    Datum role; // its name, as text
    Oid oid;
    Access access;
    Value group;

    Datum level() const { return text_datum(name_of(access)); }
};

Access access_argument(FunctionCallInfo fcinfo) {
    const std::string_view given = required_text(fcinfo, 1, "access");
    for (int i = 0; i < access_count; i++)
        if (given == name_of(static_cast<Access>(i)))
            return static_cast<Access>(i);
    throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, cat("there is no access \"", shown(given), "\""))
        .hint("It is read, use, write or admin.");
}

Arguments arguments_of(FunctionCallInfo fcinfo) {
    require_argument(fcinfo, 0, "role");
    const char *name = NameStr(*PG_GETARG_NAME(0));
    const Access access = access_argument(fcinfo);
    const ScopeArgument scope = group_argument(id_argument(fcinfo, 2));
    require_ids(scope);
    if (access == Access::read && scope.id != 0)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "read access is not limited to a group")
            .detail("An answer never depends on who asks.")
            .hint("Leave the group out; or give use or write access on it, which bring read access along.");
    require_access(Access::admin);
    const Oid oid = guard([&] { return get_role_oid(name, true); });
    if (!OidIsValid(oid))
        throw Refusal(ERRCODE_UNDEFINED_OBJECT, cat("role \"", name, "\" does not exist"))
            .hint("Access is given to roles, those that can't log in included; whoever inherits their rights has it.");
    Value group = scope.id == 0 ? std::nullopt : Value(scope.id);
    if (group && live.row(Table::groups, *group) == nullptr)
        if (std::optional<Datum> uuid = as_tracked_uuid(Kind::groups, view(*group)); uuid)
            group = uuid; // as it is stored
    return {text_datum(name), oid, access, group};
}

/// Others who give or take access wait: the server fails where two sessions change the privileges of one object.
void wait_for_others() {
    guard([] {
        LockRelationOid(get_relname_relid("access", get_namespace_oid("integration_defaults", false)),
                        ShareRowExclusiveLock);
        CommandCounterIncrement();
    });
}

/// Our owner has all privileges, and would lose them.
bool needs_privileges(const Arguments &given) {
    return given.oid != our_owner();
}

void run(const char *what, const char *on, const char *to, Datum role) {
    guard([&] {
        const std::string_view name = view(role);
        const char *quoted = quote_identifier(pnstrdup(name.data(), name.size()));
        run_command(psprintf("%s ON %s %s %s", what, on, to, quoted));
    });
}

} // namespace

/// grant_access(role, access, group_id)
INTD_FUNCTION(grant_access) {
    WritingFunction function;
    const Arguments given = arguments_of(fcinfo);
    wait_for_others();
    if (given.group && !hold_group(*given.group))
        throw unknown_scope(core::Level::group, view(*given.group));
    AsOwner owner;
    execute(delete_stale, {given.role});
    execute(insert_row, {given.role, given.level(), given.group});
    if (needs_privileges(given)) {
        run("GRANT USAGE", "SCHEMA integration_defaults", "TO", given.role);
        run("GRANT SELECT", ALL_VIEWS, "TO", given.role);
        if (given.access == Access::write || given.access == Access::admin)
            run("GRANT INSERT, UPDATE, DELETE", WRITABLE_VIEWS, "TO", given.role);
    }
    PG_RETURN_VOID();
}

/// revoke_access(role, access, group_id)
INTD_FUNCTION(revoke_access) {
    WritingFunction function;
    const Arguments given = arguments_of(fcinfo);
    wait_for_others();
    AsOwner owner;
    if (execute(delete_row, {given.role, given.level(), given.group}) == 0) {
        guard([&] {
            const std::string_view name = view(given.role);
            ereport(NOTICE,
                    (errmsg("role \"%.*s\" was not given this access", static_cast<int>(name.size()), name.data())));
        });
        PG_RETURN_VOID();
    }
    Value left[2];
    fetch_row(what_is_left, {given.role}, left, 2);
    if (needs_privileges(given)) {
        if (!DatumGetBool(*left[1]))
            run("REVOKE INSERT, UPDATE, DELETE", WRITABLE_VIEWS, "FROM", given.role);
        if (!DatumGetBool(*left[0])) {
            run("REVOKE SELECT", ALL_VIEWS, "FROM", given.role);
            run("REVOKE USAGE", "SCHEMA integration_defaults", "FROM", given.role);
        }
    }
    PG_RETURN_VOID();
}

} // namespace intd
