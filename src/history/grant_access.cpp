// grant_access() and revoke_access().
#include "hierarchy/access.hpp"
#include "hierarchy/parents.hpp"
#include "postgres/query.hpp"
#include "store/owner.hpp"
#include "store/store.hpp"
#include "tracking/tracked.hpp"

extern "C" {
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
}

namespace intd {
namespace {

#define OF_ROLE "role OPERATOR(integration_defaults.=) $1::pg_catalog.text::integration_defaults.role_name"
#define OF_ACCESS OF_ROLE " AND access OPERATOR(pg_catalog.=) $2"
#define ON_GROUP OF_ACCESS " AND group_id OPERATOR(pg_catalog.=) $3"
#define EVERYWHERE OF_ACCESS " AND group_id IS NULL"
#define INSERT_ROW(group, row)                                                                                         \
    "INSERT INTO integration_defaults.access (role, access, group_id) "                                                \
    "SELECT $1::pg_catalog.text::integration_defaults.role_name, $2, " group                                           \
    " WHERE NOT EXISTS (SELECT FROM integration_defaults.access WHERE " row ")"
#define DELETE_ROW(row) "DELETE FROM integration_defaults.access WHERE " row

// In one of them, the index would not be asked for the group.
Statement insert_row[] = {
    {INSERT_ROW("NULL::pg_catalog.text", EVERYWHERE), 2, {TEXTOID, TEXTOID}, nullptr},
    {INSERT_ROW("$3", ON_GROUP), 3, {TEXTOID, TEXTOID, TEXTOID}, nullptr},
};
Statement delete_row[] = {
    {DELETE_ROW(EVERYWHERE), 2, {TEXTOID, TEXTOID}, nullptr},
    {DELETE_ROW(ON_GROUP), 3, {TEXTOID, TEXTOID, TEXTOID}, nullptr},
};

// What was given to another role of that name, which is gone, or to nobody. Of a role that is there one row is looked
// at.
Statement delete_stale = {
    "WITH RECURSIVE given AS ((SELECT role FROM integration_defaults.access ORDER BY role LIMIT 1) UNION ALL "
    "SELECT (SELECT a.role FROM integration_defaults.access a WHERE a.role OPERATOR(integration_defaults.>) given.role "
    "ORDER BY a.role LIMIT 1) FROM given WHERE given.role IS NOT NULL) "
    "DELETE FROM integration_defaults.access a WHERE a.role OPERATOR(integration_defaults.=) ANY "
    "(SELECT given.role FROM given WHERE NOT integration_defaults.is_dumped(given.role)) "
    "AND a.role::pg_catalog.text OPERATOR(pg_catalog.=) $1",
    1,
    {TEXTOID},
    nullptr};

#define HAS(row) "EXISTS (SELECT FROM integration_defaults.access WHERE " row ")"
#define OF_ROLE_WITH(level) OF_ROLE " AND access OPERATOR(pg_catalog.=) '" level "'::pg_catalog.text"
// What a role still has: anything, and what writes.
Statement what_is_left = {
    "SELECT " HAS(OF_ROLE) ", " HAS(OF_ROLE_WITH("write")) " OR " HAS(OF_ROLE_WITH("admin")), 1, {TEXTOID}, nullptr};

// What access needs privileges on; the first can be written to.
constexpr const char *views[] = {"instance_integrations",    "group_integrations", "project_integrations",
                                 "all_project_integrations", "tracked_tables",     "own_settings",
                                 "materialized_types",       "server_locks",       "history"};
constexpr int writable_views = 3, all_views = static_cast<int>(lengthof(views));
constexpr AclMode writing = ACL_INSERT | ACL_UPDATE | ACL_DELETE;

/// What the functions are given.
struct Arguments {
    Datum role; // its name, as text
    Oid oid;
    Access access;
    Value group;

    Datum level() const { return text_datum(name_of(access)); }

    /// Runs that of two statements that is for everywhere, or for a group.
    uint64 run(Statement (&statements)[2]) const {
        return group ? execute(statements[1], {role, level(), group}) : execute(statements[0], {role, level()});
    }
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

/// Server code.
void run(const char *what, const char *on, const char *to, Datum role) {
    const std::string_view name = view(role);
    const char *quoted = quote_identifier(pnstrdup(name.data(), name.size()));
    run_command(psprintf("%s ON %s %s %s", what, on, to, quoted));
}

/// Server code.
void run_on_schema(const char *what, const char *to, Datum role) {
    run(what, "SCHEMA integration_defaults", to, role);
}

/// Server code.
void run_on_views(const char *what, int count, const char *to, Datum role) {
    StringInfoData on;
    initStringInfo(&on);
    for (int i = 0; i < count; i++)
        appendStringInfo(&on, "%sintegration_defaults.%s", i > 0 ? ", " : "", views[i]);
    run(what, on.data, to, role);
}

/// Whether the owner has given the role itself these privileges. Server code.
bool has_given(Datum privileges, Oid owner, Oid role, AclMode mode) {
    const Acl *given = DatumGetAclP(privileges);
    for (int i = 0; i < ACL_NUM(given); i++) {
        const AclItem &item = ACL_DAT(given)[i];
        if (item.ai_grantee == role && item.ai_grantor == owner && (ACLITEM_GET_PRIVS(item) & mode) == mode)
            return true;
    }
    return false;
}

/// Server code.
bool has_given_schema(Oid role) {
    HeapTuple schema =
        SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(get_namespace_oid("integration_defaults", false)));
    bool none = !HeapTupleIsValid(schema);
    const Datum privileges = none ? 0 : SysCacheGetAttr(NAMESPACEOID, schema, Anum_pg_namespace_nspacl, &none);
    const bool has = !none && has_given(privileges, reinterpret_cast<Form_pg_namespace>(GETSTRUCT(schema))->nspowner,
                                        role, ACL_USAGE);
    if (HeapTupleIsValid(schema))
        ReleaseSysCache(schema);
    return has;
}

/// On the first `count`. Server code.
bool has_given_views(Oid role, int count, AclMode mode) {
    const Oid schema = get_namespace_oid("integration_defaults", false);
    for (int i = 0; i < count; i++) {
        HeapTuple row = SearchSysCache2(RELNAMENSP, CStringGetDatum(views[i]), ObjectIdGetDatum(schema));
        bool none = !HeapTupleIsValid(row);
        const Datum privileges = none ? 0 : SysCacheGetAttr(RELNAMENSP, row, Anum_pg_class_relacl, &none);
        const bool has =
            !none && has_given(privileges, reinterpret_cast<Form_pg_class>(GETSTRUCT(row))->relowner, role, mode);
        if (HeapTupleIsValid(row))
            ReleaseSysCache(row);
        if (!has)
            return false;
    }
    return true;
}

/// A GRANT writes the views' rows in the catalogue and lets every session forget what it knows of them, even where it
/// changes nothing: who gives a role access to many groups does it once.
void give_privileges(const Arguments &given) {
    guard([&] {
        if (!has_given_schema(given.oid))
            run_on_schema("GRANT USAGE", "TO", given.role);
        if (!has_given_views(given.oid, all_views, ACL_SELECT))
            run_on_views("GRANT SELECT", all_views, "TO", given.role);
        const bool writes = given.access == Access::write || given.access == Access::admin;
        if (writes && !has_given_views(given.oid, writable_views, writing))
            run_on_views("GRANT INSERT, UPDATE, DELETE", writable_views, "TO", given.role);
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
    given.run(insert_row);
    if (needs_privileges(given))
        give_privileges(given);
    PG_RETURN_VOID();
}

/// revoke_access(role, access, group_id)
INTD_FUNCTION(revoke_access) {
    WritingFunction function;
    const Arguments given = arguments_of(fcinfo);
    wait_for_others();
    AsOwner owner;
    if (given.run(delete_row) == 0) {
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
        const bool writes = DatumGetBool(*left[1]), any = DatumGetBool(*left[0]);
        guard([&] {
            if (!writes)
                run_on_views("REVOKE INSERT, UPDATE, DELETE", writable_views, "FROM", given.role);
            if (!any) {
                run_on_views("REVOKE SELECT", all_views, "FROM", given.role);
                run_on_schema("REVOKE USAGE", "FROM", given.role);
            }
        });
    }
    PG_RETURN_VOID();
}

} // namespace intd
