// create_general_view(): makes, or replaces, a view like project_integrations or group_integrations whose id is the
// app's key, of its type. A text can't be compared with a number, nor joined to the app's tables without a cast.
#include "hierarchy/arguments.hpp"
#include "resolve/made_view.hpp"
#include "store/access.hpp"

namespace intd {
namespace {

Kind level_argument(FunctionCallInfo fcinfo) {
    const std::string_view given = required_text(fcinfo, 0, "level");
    for (Kind kind : all_kinds)
        if (given == core::name_of(level_of(kind)))
            return kind;
    throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, cat("there is no general view of level \"", shown(given), "\""))
        .hint("It is project or group; the instance has no key, and is in the view instance_integrations.");
}

constexpr std::string_view comment_begin = "the effective settings of every ",
                           comment_end = ", by the app's key, made by create_general_view()";

} // namespace

/// create_general_view(level, name)
INTD_FUNCTION(create_general_view) {
    require_access(Access::read);
    const Kind kind = level_argument(fcinfo);
    const std::string_view level = core::name_of(level_of(kind));
    std::optional<std::string_view> given = text_argument(fcinfo, 1);
    const char *general = cat(level, "_integrations");
    const char *name = view_name(given, general);
    const ViewKey key = tracked_key(kind, "Such a view");
    const ViewPlace view = view_place(name, given.has_value());
    if (OidIsValid(view.existing)) {
        const TriggerArguments arguments = replaced_trigger(view.existing, "write_integrations");
        if (arguments.count != 1 || level != arguments.values[0])
            throw name_is_taken(view.existing, cat("a view of ", name_of(kind), " by the app's key"));
    }

    run(cat("CREATE OR REPLACE VIEW ", view.qualified, " WITH (security_invoker = true) AS SELECT t.",
            identifier(key.column), " AS ", level,
            "_id,\n    p.integration,\n    p.active,\n    p.settings,\n    p.inherited,\n    p.source_level,\n"
            "    p.source_id\nFROM ",
            key.table, " t\nJOIN integration_defaults.", general, " p ON p.", level, "_id OPERATOR(pg_catalog.=) (",
            key.as_id, " COLLATE pg_catalog.\"C\")"));
    run(cat("CREATE OR REPLACE TRIGGER write_integrations INSTEAD OF INSERT OR UPDATE OR DELETE ON ", view.qualified,
            " FOR EACH ROW EXECUTE FUNCTION integration_defaults.write_integrations(", literal(level), ")"));
    comment_view(view, comment_begin, level, comment_end);
    return ObjectIdGetDatum(view.made());
}

} // namespace intd
