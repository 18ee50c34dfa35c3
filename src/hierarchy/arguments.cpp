#include "hierarchy/arguments.hpp"

namespace intd {

ScopeArgument scope_argument(const IdArgument &project, const IdArgument &group) {
    if (project.is_given() && group.is_given())
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "both a project and a group are given")
            .detail(cat("project_id is \"", project.text(), "\", group_id is \"", group.text(), "\"."))
            .hint("Give one of them, or neither for the instance.");
    bool is_null = project.state == IdArgument::null || group.state == IdArgument::null;
    if (project.is_given())
        return {core::Level::project, project.id, is_null};
    if (group.is_given())
        return {core::Level::group, group.id, is_null};
    if (!is_null && (project.state == IdArgument::written || group.state == IdArgument::written))
        refuse_written_not_given();
    return {core::Level::instance, 0, is_null};
}

ScopeArgument group_argument(const IdArgument &group) {
    return scope_argument({IdArgument::not_given, 0}, group);
}

void require_ids(const ScopeArgument &scope) {
    if (scope.is_null)
        throw Refusal(ERRCODE_NULL_VALUE_NOT_ALLOWED, "the id of a group or project must not be null")
            .hint(scope.or_instance ? cat(no_row_hint, " To mean the instance, leave the argument out.") : no_row_hint);
}

void require_argument(FunctionCallInfo fcinfo, int n, const char *name) {
    if (PG_ARGISNULL(n))
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, cat("argument \"", name, "\" must not be null"));
}

std::string_view required_text(FunctionCallInfo fcinfo, int n, const char *name) {
    require_argument(fcinfo, n, name);
    return *text_argument(fcinfo, n);
}

const Jsonb *required_jsonb(FunctionCallInfo fcinfo, int n, const char *name) {
    require_argument(fcinfo, n, name);
    return guard([&] { return PG_GETARG_JSONB_P(n); });
}

} // namespace intd
