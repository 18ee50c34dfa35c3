#include "resolve/reports.hpp"

#include "catalog/register.hpp"
#include "postgres/query.hpp"
#include "postgres/result.hpp"
#include "resolve/locate.hpp"
#include "settings/check.hpp"

namespace intd {
namespace {

// Every scope that has a row of its own for the type, with the group that it hangs on or is.
Statement own_rows = {
    "SELECT 0, NULL, NULL FROM integration_defaults.instance_settings WHERE integration OPERATOR(pg_catalog.=) $1 "
    "UNION ALL SELECT 1, group_id, group_id FROM integration_defaults.group_settings "
    "WHERE integration OPERATOR(pg_catalog.=) $1 "
    "UNION ALL SELECT 2, p.id, p.group_id FROM integration_defaults.project_settings s "
    "JOIN integration_defaults.projects p ON p.id OPERATOR(pg_catalog.=) s.project_id "
    "WHERE s.integration OPERATOR(pg_catalog.=) $1",
    1,
    {TEXTOID},
    nullptr};

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

/// Calls visit(place, id, own) for each scope with a row of its own that sets something, below `top`.
template <class Visit>
void visit_own_rows(Inheritance &inherited, const Integration &type, const TreeNode *top, Visit &&visit) {
    RowMemory memory;
    Cursor rows(own_rows, {text_datum(type.name)});
    while (rows.next()) {
        InContext inside(memory.empty());
        auto level = static_cast<core::Level>(DatumGetInt32(*rows.column(0)));
        Value id = rows.column(1), group = rows.column(2);
        const TreeNode *node = group ? inherited.tree().group(view(*group)) : inherited.tree().instance();
        if (node == nullptr || !is_within(node, top))
            continue;
        bool project = level == core::Level::project;
        const Folded &above = project ? inherited.down_to(node, type) : inherited.above(node, type);
        const Layer *own = project ? inherited.project_layer(*id, type) : inherited.layer_of(node, type);
        if (own != nullptr && own->sets_something())
            visit(Place{level, id ? view(*id) : std::string_view(), above, node}, id, *own);
    }
    rows.close();
}

} // namespace

/// invalid_settings(integration)
INTD_FUNCTION(invalid_settings) {
    ResultSet result(fcinfo);
    Inheritance &inherited = inheritance();
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
        if (own.custom)
            return;
        const core::Fold &without = *place.above.fold, &with = *inherited.with(place.above, &own).fold;
        auto same = [&](const core::Resolved &field) {
            int n = without.find(field.name);
            return same_json(static_cast<const JsonbValue *>(field.value),
                             n < 0 ? nullptr : static_cast<const JsonbValue *>(without.fields()[n].value));
        };
        if (own.active && *own.active == without.active() && place.above.configured())
            result.add({level_name(place.level), id, text_datum("active")});
        for (const core::Resolved &field : with.fields()) {
            const JsonbValue *value = own.fields.find(field.name);
            int n = without.find(field.name);
            if (value == nullptr || n < 0 ||
                !same_json(value, static_cast<const JsonbValue *>(without.fields()[n].value)))
                continue; // also what a lock shadows, unless it is the locked value
            // fields of an atomic group are redundant together only
            bool redundant = same(field);
            for (int next = n; redundant && field.grouped;) {
                next = with.shape().properties()[next].next;
                if (next == n)
                    break;
                redundant = same(with.fields()[next]);
            }
            if (redundant)
                result.add({level_name(place.level), id, text_datum(field.name)});
        }
    });
    return null_result(fcinfo);
}

void watch_reports() {
    settings_of_types.misfits = misfits;
}

} // namespace intd
