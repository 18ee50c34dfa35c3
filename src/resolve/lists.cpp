// Which projects have settings of their own, and which use the default.
#include "hierarchy/hooks.hpp"
#include "postgres/query.hpp"
#include "postgres/result.hpp"
#include "resolve/locate.hpp"
#include "store/owner.hpp"
#include "store/sets_something.hpp"
#include "store/subtree.hpp"

namespace intd {
namespace {

// The rows of the type that set something: as many as the answer has, however many projects there are.
Statement own_settings = {"SELECT s.project_id, p.group_id, s.custom, s.active, s.settings, s.updated_at, s.updated_by "
                          "FROM integration_defaults.project_settings s "
                          "JOIN integration_defaults.projects p ON p.id OPERATOR(pg_catalog.=) s.project_id "
                          "WHERE s.integration OPERATOR(pg_catalog.=) $1 "
                          "AND " SETS_SOMETHING,
                          1,
                          {TEXTOID},
                          nullptr,
                          false,
                          true};

#define WITHOUT_OWN                                                                                                    \
    "NOT EXISTS (SELECT FROM integration_defaults.project_settings s "                                                 \
    "WHERE s.project_id OPERATOR(pg_catalog.=) p.id AND s.integration OPERATOR(pg_catalog.=) $1 "                      \
    "AND " SETS_SOMETHING ")"

Statement without_own = {"SELECT p.id, p.group_id FROM integration_defaults.projects p WHERE " WITHOUT_OWN,
                         1,
                         {TEXTOID},
                         nullptr,
                         false,
                         true};

Statement without_own_in_group = {WITH_SUBTREE_OF_2
                                  " SELECT p.id, p.group_id FROM subtree JOIN integration_defaults.projects p "
                                  "ON p.group_id OPERATOR(pg_catalog.=) subtree.id WHERE " WITHOUT_OWN,
                                  2,
                                  {TEXTOID, TEXTOID},
                                  nullptr,
                                  false,
                                  true};

/// The keys of a row's settings as text[], sorted.
Datum key_array(const JsonFields &fields) {
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<std::string_view> names(&memory);
    for (const JsonField &field : fields)
        names.push_back(field.key);
    std::sort(names.begin(), names.end());
    return text_array(names);
}

} // namespace

/// projects_using_custom_settings(integration, group_id)
INTD_FUNCTION(projects_using_custom_settings) {
    ResultSet result(fcinfo);
    std::optional<Question> asked = question(fcinfo, false);
    if (!asked)
        return null_result(fcinfo);
    feeding.require_none_left();
    Inheritance &inherited = asked->inherited;
    const Integration &integration = asked->type;
    const Located &top = asked->at;
    RowMemory memory;
    AsOwner owner;
    Cursor rows(own_settings, {text_datum(integration.name)});
    while (rows.next()) {
        InContext inside(memory.empty());
        const TreeNode *group = inherited.tree().around(parent_in(rows.column(1)));
        if (!is_within(group, top.node))
            continue;
        Value project = rows.column(0);
        const Layer *own = make_layer(core::Level::project, view(*project),
                                      settings_row(*rows.column(2), rows.column(3), *rows.column(4), 0));
        const Folded &folded = inherited.with(inherited.down_to(group, integration), own);
        result.add({project, BoolGetDatum(own->custom), BoolGetDatum(folded.active()), key_array(own->fields),
                    rows.column(5), rows.column(6)});
    }
    rows.close();
    return null_result(fcinfo);
}

/// projects_using_default(integration, group_id)
INTD_FUNCTION(projects_using_default) {
    ResultSet result(fcinfo);
    std::optional<Question> asked = question(fcinfo, false);
    if (!asked)
        return null_result(fcinfo);
    feeding.require_none_left();
    Inheritance &inherited = asked->inherited;
    const Integration &integration = asked->type;
    const Located &top = asked->at;
    RowMemory memory;
    Datum type = text_datum(integration.name);
    AsOwner owner;
    Cursor rows = top.id == 0 ? Cursor(without_own, {type}) : Cursor(without_own_in_group, {type, top.id});
    while (rows.next()) {
        InContext inside(memory.empty());
        const TreeNode *group = inherited.tree().around(parent_in(rows.column(1)));
        if (group == nullptr)
            continue;
        const Folded &folded = inherited.down_to(group, integration);
        if (!folded.configured())
            continue;
        const core::Scope *source = folded.fold->nearest();
        result.add({rows.column(0), BoolGetDatum(folded.active()), level_name(source->level), source_id(source)});
    }
    rows.close();
    return null_result(fcinfo);
}

} // namespace intd
