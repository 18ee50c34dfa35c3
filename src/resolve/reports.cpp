#include "resolve/reports.hpp"

#include "catalog/register.hpp"
#include "postgres/query.hpp"
#include "postgres/result.hpp"
#include "resolve/locate.hpp"
#include "resolve/own_rows.hpp"
#include "settings/check.hpp"

namespace intd {
namespace {

// A line for each row of invalid_settings() for the type; none while it is not registered.
Statement invalid_lines = {
    "SELECT ARRAY(SELECT pg_catalog.concat_ws(' ', found.scope_level, found.scope_id) OPERATOR(pg_catalog.||) ': ' "
    "OPERATOR(pg_catalog.||) found.violation AS line FROM integration_defaults.integrations type, "
    "LATERAL integration_defaults.invalid_settings(type.name) found WHERE type.name OPERATOR(pg_catalog.=) $1)",
    1,
    {TEXTOID},
    nullptr};

Value misfits(Datum integration) {
    Value lines;
    fetch(invalid_lines, {integration}, &lines);
    return lines;
}

} // namespace

/// invalid_settings(integration)
INTD_FUNCTION(invalid_settings) {
    ResultSet result(fcinfo);
    Inheritance &inherited = readable();
    std::optional<std::string_view> asked = text_argument(fcinfo, 0);
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<std::string_view> types(&memory);
    if (asked)
        types.push_back(*asked);
    else {
        for (const Row &row : inherited.store().keys(Table::integrations))
            types.push_back(view(row.values[column::name]));
        std::sort(types.begin(), types.end());
    }
    for (std::string_view name : types) {
        const Datum named = text_datum(name);
        if (const char *problems = schema_problems(inherited.store(), named); problems != nullptr) {
            result.add({named, std::nullopt, std::nullopt, text_datum(cat("the schema can't be used: ", problems))});
            continue;
        }
        const Integration &type = inherited.type(name);
        std::optional<std::pmr::vector<const Integration *>> rivals; // looked for where the type is active
        visit_own_rows(inherited, type, inherited.tree().instance(),
                       [&](const Place &place, const Value &id, const Layer &own) {
                           ContextResource row_memory(CurrentMemoryContext);
                           Violations violations(&row_memory);
                           const Folded &folded = inherited.with(place.above, &own);
                           effective_violations(folded, violations);
                           auto add = [&](std::string_view text) {
                               result.add({text_datum(type.name), level_name(place.level), id, text_datum(text)});
                           };
                           for (const Violation &violation : violations)
                               add(violation.text);
                           if (!folded.active())
                               return;
                           if (!rivals)
                               rivals.emplace(rivals_of(inherited, type, &memory));
                           if (const Integration *rival = active_rival(inherited, *rivals, place))
                               add(cat("active: only one of the kind \"", shown(type.schema->exclusive),
                                       "\" may be, and \"", rival->name, "\" is, too"));
                       });
    }
    return null_result(fcinfo);
}

/// redundant_overrides(integration, group_id)
INTD_FUNCTION(redundant_overrides) {
    ResultSet result(fcinfo);
    std::optional<Question> asked = question(fcinfo, false);
    if (!asked)
        return null_result(fcinfo);
    Inheritance &inherited = asked->inherited; // not a structured binding: a lambda can't capture one
    const Integration &type = asked->type;
    const Located &top = asked->at;
    visit_own_rows(inherited, type, top.node, [&](const Place &place, const Value &id, const Layer &own) {
        ContextResource row_memory(CurrentMemoryContext);
        const Redundant redundant = redundant_in(inherited, place, own, &row_memory);
        if (redundant.whole)
            result.add({level_name(place.level), id, std::nullopt});
        if (redundant.active)
            result.add({level_name(place.level), id, text_datum("active")});
        for (std::string_view field : redundant.fields)
            result.add({level_name(place.level), id, text_datum(field)});
    });
    return null_result(fcinfo);
}

void watch_reports() {
    settings_of_types.misfits = misfits;
}

} // namespace intd
