// The functions that set, reset and go back to the default, for whole settings. They say what row is wanted; the
// triggers of row_triggers.cpp, which see every write however it is made, hold the rules.
#include "settings/write.hpp"

namespace intd {
namespace {

void set_whole(FunctionCallInfo fcinfo, const ScopeArgument &scope, int settings, int active) {
    Target where = target(required_text(fcinfo, 0, "integration"), scope);
    set_whole_row(where, required_jsonb(fcinfo, settings, "settings"), boolean_argument(fcinfo, active));
}

} // namespace

/// set_default(integration, settings, group_id, active)
INTD_FUNCTION(set_default) {
    set_whole(fcinfo, group_argument(id_argument(fcinfo, 2)), 1, 3);
    PG_RETURN_VOID();
}

/// set_custom(integration, project_id, settings, active)
INTD_FUNCTION(set_custom) {
    IdArgument project = id_argument(fcinfo, 1);
    if (project.state == IdArgument::not_given)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "a project is needed")
            .hint("set_default() sets the default of a group or the instance.");
    ScopeArgument scope = scope_argument(project, {IdArgument::not_given, 0});
    scope.or_instance = false;
    set_whole(fcinfo, scope, 2, 3);
    PG_RETURN_VOID();
}

/// reset_default(integration, group_id) → whether there was one
INTD_FUNCTION(reset_default) {
    PG_RETURN_BOOL(remove_row(target(required_text(fcinfo, 0, "integration"), group_argument(id_argument(fcinfo, 1)))));
}

/// use_default(integration, project_id, group_id) → whether there was anything of its own
INTD_FUNCTION(use_default) {
    IdArgument project = either_id_argument(fcinfo, 1), group = either_id_argument(fcinfo, 2);
    if (project.state == IdArgument::not_given && group.state == IdArgument::not_given)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "a project or a group is needed")
            .hint("The instance has nothing to inherit from; reset_default() removes its default.");
    ScopeArgument scope = scope_argument(project, group);
    scope.or_instance = false;
    PG_RETURN_BOOL(remove_row(target(required_text(fcinfo, 0, "integration"), scope)));
}

} // namespace intd
