#include "cascade/reached.hpp"

#include "store/subtree.hpp"

namespace intd {
namespace {

#define HAS_ROWS(table)                                                                                                \
    "EXISTS (SELECT FROM integration_defaults." table " s WHERE s.integration OPERATOR(pg_catalog.=) i.name)"
Statement configured_types = {"SELECT i.name FROM integration_defaults.integrations i WHERE " HAS_ROWS(
                                  "instance_settings") " OR " HAS_ROWS("group_settings") " OR " HAS_ROWS("project_"
                                                                                                         "settings"),
                              0,
                              {},
                              nullptr};
#define WITH_SUBTREES                                                                                                  \
    WITH_SUBTREE("SELECT g.id FROM integration_defaults.groups g WHERE g.id OPERATOR(pg_catalog.=) ANY ($1)")

} // namespace

Statement all_groups = {"SELECT id FROM integration_defaults.groups", 0, {}, nullptr};
Statement groups_below = {WITH_SUBTREES " SELECT id FROM subtree", 1, {TEXTARRAYOID}, nullptr, true};
Statement all_projects = {"SELECT id, group_id FROM integration_defaults.projects", 0, {}, nullptr};
Statement projects_below = {WITH_SUBTREES
                            " SELECT p.id, p.group_id FROM subtree s JOIN integration_defaults.projects p "
                            "ON p.group_id OPERATOR(pg_catalog.=) s.id",
                            1,
                            {TEXTARRAYOID},
                            nullptr,
                            true};
Statement projects_by_id = {
    "SELECT id, group_id FROM integration_defaults.projects WHERE id OPERATOR(pg_catalog.=) ANY ($1)",
    1,
    {TEXTARRAYOID},
    nullptr,
    true};

Strings find_configured_types(std::pmr::memory_resource *memory) {
    Strings names(memory);
    const MemoryContext caller = CurrentMemoryContext;
    PlannerSettings settings(
        PlannerSettings::few_rows); // who looks for a type that is set nowhere reads no whole table
    for_each_row(configured_types, {}, 1, [&](Datum name, Value) {
        InContext inside(caller);
        names.insert({cat(view(name)), view(name).size()});
    });
    return names;
}

void Reach::add(const Change &change) {
    if (change.reach == core::Level::instance)
        everything = true;
    else
        (change.reach == core::Level::group ? groups : projects).insert(change.id);
}

bool Reach::includes(Inheritance &inherited, const Value &group) const {
    if (everything)
        return true;
    const TreeNode *node = group && !groups.empty() ? inherited.tree().group(view(*group)) : nullptr;
    while (node != nullptr && groups.count(node->id) == 0)
        node = node->parent;
    return node != nullptr;
}

Datum array_of(const Strings &strings) {
    ContextResource memory(CurrentMemoryContext);
    return text_array(std::pmr::vector<std::string_view>(strings.begin(), strings.end(), &memory));
}

const Folded *folded_at(Inheritance &inherited, const Integration *type, core::Level level, Datum id, Value group,
                        bool *shared) {
    if (shared != nullptr)
        *shared = true;
    if (type == nullptr)
        return nullptr;
    const Folded *folded;
    if (level == core::Level::group) {
        const TreeNode *node = inherited.tree().group(view(id));
        folded = node == nullptr ? nullptr : &inherited.down_to(node, *type);
    } else {
        folded =
            group ? inherited.in_group(view(*group), *type) : &inherited.down_to(inherited.tree().instance(), *type);
        const Layer *own =
            folded != nullptr && inherited.may_have_rows(id) ? inherited.project_layer(id, *type) : nullptr;
        if (own != nullptr) {
            folded = &inherited.with(*folded, own);
            if (shared != nullptr)
                *shared = false;
        }
    }
    return folded == nullptr || !folded->configured() ? nullptr : folded;
}

bool same_settings(const Jsonb *one, const Jsonb *other) {
    return VARSIZE(one) == VARSIZE(other) && memcmp(one, other, VARSIZE(one)) == 0;
}

} // namespace intd
