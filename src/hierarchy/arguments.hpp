// The ids that a function is given, as scopes.
#pragma once

#include "hierarchy/external_id.hpp"
#include "hierarchy/scope.hpp"

namespace intd {

/// The scope that a function's ids name. Throws 22023 if both are given. Where neither is, the instance, unless one of
/// them is left out as it is written (22023).
struct ScopeArgument {
    core::Level level;
    Datum id;                // text; 0 for the instance
    bool is_null;            // an id is given as an explicit NULL: an error in a write, no answer in a read
    bool or_instance = true; // the function is about the instance where no id is given

    std::string_view text() const { return id == 0 ? std::string_view() : view(id); }
};

ScopeArgument scope_argument(const IdArgument &project, const IdArgument &group);

/// The same of a function that takes a group only.
ScopeArgument group_argument(const IdArgument &group);

/// Where a NULL id mostly comes from.
constexpr char no_row_hint[] = "A subquery that finds no row gives NULL.";

/// Throws 22004 if an id is an explicit NULL.
void require_ids(const ScopeArgument &scope);

/// Arguments that must not be NULL; throw 22023 that names them.
void require_argument(FunctionCallInfo fcinfo, int n, const char *name);
std::string_view required_text(FunctionCallInfo fcinfo, int n, const char *name);
const Jsonb *required_jsonb(FunctionCallInfo fcinfo, int n, const char *name);

inline std::optional<bool> boolean_argument(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? std::nullopt : std::optional<bool>(PG_GETARG_BOOL(n));
}

} // namespace intd
