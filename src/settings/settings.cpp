// The functions that set, reset and go back to the default. They say what row is wanted; the triggers of check.cpp,
// which see every write however it is made, hold the rules.
#include "hierarchy/arguments.hpp"
#include "postgres/query.hpp"
#include "settings/inheritance.hpp"

namespace intd {
namespace {

#define SETTINGS "integration_defaults."
#define BY_KEY(key) " WHERE " key " OPERATOR(pg_catalog.=) $4 AND integration OPERATOR(pg_catalog.=) $1"

// $1 integration, $2 active (null: what the row has, or what the rule gives), $3 settings, $4 the scope
Statement replace[] = {
    {"UPDATE " SETTINGS "instance_settings SET custom = true, active = $2, settings = $3 "
     "WHERE integration OPERATOR(pg_catalog.=) $1", 3, {TEXTOID, BOOLOID, JSONBOID}, nullptr},
    {"UPDATE " SETTINGS "group_settings SET custom = true, active = $2, settings = $3" BY_KEY("group_id"), 4,
     {TEXTOID, BOOLOID, JSONBOID, TEXTOID}, nullptr},
    {"UPDATE " SETTINGS "project_settings SET custom = true, active = $2, settings = $3" BY_KEY("project_id"), 4,
     {TEXTOID, BOOLOID, JSONBOID, TEXTOID}, nullptr},
};

// The conflict is with another session's insert that has just been committed.
#define ON_CONFLICT(key) " ON CONFLICT (" key ") DO UPDATE SET custom = true, active = $2, settings = $3"
Statement insert[] = {
    {"INSERT INTO " SETTINGS "instance_settings (integration, custom, active, settings) VALUES ($1, true, $2, $3)"
     ON_CONFLICT("integration"), 3, {TEXTOID, BOOLOID, JSONBOID}, nullptr},
    {"INSERT INTO " SETTINGS "group_settings (group_id, integration, custom, active, settings) "
     "VALUES ($4, $1, true, $2, $3)" ON_CONFLICT("group_id, integration"), 4,
     {TEXTOID, BOOLOID, JSONBOID, TEXTOID}, nullptr},
    {"INSERT INTO " SETTINGS "project_settings (project_id, integration, custom, active, settings) "
     "VALUES ($4, $1, true, $2, $3)" ON_CONFLICT("project_id, integration"), 4,
     {TEXTOID, BOOLOID, JSONBOID, TEXTOID}, nullptr},
};

// $1 integration, $2 the scope
Statement remove[] = {
    {"DELETE FROM " SETTINGS "instance_settings WHERE integration OPERATOR(pg_catalog.=) $1", 1, {TEXTOID}, nullptr},
    {"DELETE FROM " SETTINGS "group_settings WHERE group_id OPERATOR(pg_catalog.=) $2 "
     "AND integration OPERATOR(pg_catalog.=) $1", 2, {TEXTOID, TEXTOID}, nullptr},
    {"DELETE FROM " SETTINGS "project_settings WHERE project_id OPERATOR(pg_catalog.=) $2 "
     "AND integration OPERATOR(pg_catalog.=) $1", 2, {TEXTOID, TEXTOID}, nullptr},
};

/// The type and the scope of a write: both must be there (42704, 22004). The type's name as a Datum.
Datum writable(std::string_view integration, const ScopeArgument &scope) {
    require_ids(scope);
    get_integration(integration);
    if (scope.level == core::Level::group && read_row(Table::groups, scope.id) == nullptr)
        throw unknown_scope(scope.level, scope.text());
    if (scope.level == core::Level::project && read_row(Table::projects, scope.id) == nullptr)
        throw unknown_scope(scope.level, scope.text());
    return text_datum(integration);
}

void set_whole(std::string_view integration, const ScopeArgument &scope, Value settings, Value active) {
    Datum type = writable(integration, scope);
    if (!settings)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "argument \"settings\" must not be null")
            .hint("Settings are a JSON object; '{}' is one without fields.");
    int at = static_cast<int>(scope.level);
    auto write = [&](Statement &statement) {
        return scope.level == core::Level::instance ? execute(statement, {type, active, settings})
                                                    : execute(statement, {type, active, settings, scope.id});
    };
    if (write(replace[at]) == 0)
        write(insert[at]);
}

bool remove_whole(std::string_view integration, const ScopeArgument &scope) {
    Datum type = writable(integration, scope);
    Statement &statement = remove[static_cast<int>(scope.level)];
    return (scope.level == core::Level::instance ? execute(statement, {type}) : execute(statement, {type, scope.id})) >
           0;
}

Value jsonb_argument(FunctionCallInfo fcinfo, int n) {
    if (PG_ARGISNULL(n))
        return std::nullopt;
    return guard([&] { return JsonbPGetDatum(PG_GETARG_JSONB_P(n)); });
}

Value boolean_argument(FunctionCallInfo fcinfo, int n) {
    return PG_ARGISNULL(n) ? std::nullopt : Value(PG_GETARG_DATUM(n));
}

} // namespace

/// set_default(integration, settings, group_id, active)
INTD_FUNCTION(set_default) {
    set_whole(required_text(fcinfo, 0, "integration"), group_argument(id_argument(fcinfo, 2)),
              jsonb_argument(fcinfo, 1), boolean_argument(fcinfo, 3));
    PG_RETURN_VOID();
}

/// set_custom(integration, project_id, settings, active)
INTD_FUNCTION(set_custom) {
    IdArgument project = id_argument(fcinfo, 1);
    if (project.state == IdArgument::not_given)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "a project is needed");
    set_whole(required_text(fcinfo, 0, "integration"), scope_argument(project, {IdArgument::not_given, 0}),
              jsonb_argument(fcinfo, 2), boolean_argument(fcinfo, 3));
    PG_RETURN_VOID();
}

/// reset_default(integration, group_id) → whether there was one
INTD_FUNCTION(reset_default) {
    PG_RETURN_BOOL(
        remove_whole(required_text(fcinfo, 0, "integration"), group_argument(id_argument(fcinfo, 1))));
}

/// use_default(integration, project_id, group_id) → whether there were settings of its own
INTD_FUNCTION(use_default) {
    IdArgument project = id_argument(fcinfo, 1), group = id_argument(fcinfo, 2);
    if (project.state == IdArgument::not_given && group.state == IdArgument::not_given)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "a project or a group is needed")
            .hint("The instance has nothing to inherit from; reset_default() removes its default.");
    PG_RETURN_BOOL(remove_whole(required_text(fcinfo, 0, "integration"), scope_argument(project, group)));
}

} // namespace intd
