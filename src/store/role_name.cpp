// The type role_name: a role's oid and its name. Its functions change nothing that depends on who asks.
#include "store/role_name.hpp"

#include "postgres/datum.hpp"

namespace intd {
namespace {

/// The argument, or null: an owner may have declared the function otherwise, but not with a shorter type.
const RoleName *role_argument(FunctionCallInfo fcinfo, int n) {
    return reinterpret_cast<const RoleName *>(DatumGetPointer(PG_GETARG_DATUM(n)));
}

Datum make_role(std::string_view name) {
    if (name.empty() || name.size() >= NAMEDATALEN)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "the name of a role must have 1 to 63 bytes");
    auto *role = static_cast<RoleName *>(allocate(sizeof(RoleName)));
    memset(role, 0, sizeof(RoleName));
    memcpy(NameStr(role->name), name.data(), name.size());
    role->oid = guard([&] { return get_role_oid(NameStr(role->name), true); });
    return PointerGetDatum(role);
}

int compare(FunctionCallInfo fcinfo) {
    const RoleName *a = role_argument(fcinfo, 0), *b = role_argument(fcinfo, 1);
    if (a->oid != b->oid)
        return a->oid < b->oid ? -1 : 1;
    return OidIsValid(a->oid) ? 0 : strncmp(NameStr(a->name), NameStr(b->name), NAMEDATALEN);
}

} // namespace

const char *present_name(const RoleName *role) {
    const char *name = nullptr;
    if (OidIsValid(role->oid))
        name = guard([&] { return GetUserNameFromId(role->oid, true); });
    return name != nullptr ? name : NameStr(role->name);
}

INTD_STRICT_FUNCTION(role_name_in) {
    const char *text = PG_GETARG_CSTRING(0);
    return text == nullptr ? null_result(fcinfo) : make_role(view(text));
}

INTD_STRICT_FUNCTION(role_name_out) {
    const char *name = present_name(role_argument(fcinfo, 0));
    return guard([&] { return CStringGetDatum(pstrdup(name)); });
}

INTD_STRICT_FUNCTION(role_name_recv) {
    const std::optional<std::string_view> text = received_text(fcinfo);
    return text ? make_role(*text) : null_result(fcinfo);
}

INTD_STRICT_FUNCTION(role_name_send) {
    return sent_text(present_name(role_argument(fcinfo, 0)));
}

INTD_STRICT_FUNCTION(role_name_lt) {
    return BoolGetDatum(compare(fcinfo) < 0);
}

INTD_STRICT_FUNCTION(role_name_le) {
    return BoolGetDatum(compare(fcinfo) <= 0);
}

INTD_STRICT_FUNCTION(role_name_eq) {
    return BoolGetDatum(compare(fcinfo) == 0);
}

INTD_STRICT_FUNCTION(role_name_ne) {
    return BoolGetDatum(compare(fcinfo) != 0);
}

INTD_STRICT_FUNCTION(role_name_ge) {
    return BoolGetDatum(compare(fcinfo) >= 0);
}

INTD_STRICT_FUNCTION(role_name_gt) {
    return BoolGetDatum(compare(fcinfo) > 0);
}

INTD_STRICT_FUNCTION(role_name_cmp) {
    return Int32GetDatum(compare(fcinfo));
}

/// is_dumped(role)
INTD_STRICT_FUNCTION(is_dumped) {
    const RoleName *role = role_argument(fcinfo, 0);
    return BoolGetDatum(guard([&] {
        return OidIsValid(role->oid) ? SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role->oid))
                                     : !OidIsValid(get_role_oid(NameStr(role->name), true));
    }));
}

} // namespace intd
