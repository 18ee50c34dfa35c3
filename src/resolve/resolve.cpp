// Effective settings of one scope.
#include "resolve/resolve.hpp"

#include "hierarchy/tree_rules.hpp"
#include "postgres/query.hpp"
#include "secrets/mask_key.hpp"
#include "store/owner.hpp"

namespace intd {
void add_resolved(ResultSet &result, const Located &at, const Folded &folded) {
    if (!folded.configured())
        return;
    const core::Scope *source = folded.fold->nearest();
    result.add({text_datum(folded.integration->name), BoolGetDatum(folded.active()), PointerGetDatum(folded.settings()),
                BoolGetDatum(at.inherits_from(source)), level_name(source->level), source_id(source)});
}

/// resolve(integration, project_id, group_id)
INTD_FUNCTION(resolve) {
    ResultSet result(fcinfo);
    if (std::optional<Question> asked = question(fcinfo, true); asked)
        add_resolved(result, asked->at, asked->folded());
    return null_result(fcinfo);
}

namespace {

/// Calls visit(at, folded) for each type that has a row anywhere on the chain of the scope that the arguments
/// (project_id, group_id) name, by name. Throws 42501 without the access, read or use.
template <class Visit>
void visit_all(FunctionCallInfo fcinfo, Access access, Visit &&visit) {
    require_access(Access::read);
    ScopeArgument scope = scope_argument(either_id_argument(fcinfo, 0), either_id_argument(fcinfo, 1));
    if (scope.is_null)
        return;
    Inheritance &inherited = inheritance();
    const Located at = locate_even_broken(inherited, scope);
    const TreeNode *nearest = nearest_node(inherited, at);
    if (nearest == nullptr)
        return;
    if (access == Access::use)
        require_use(inherited, at);

    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<NamedLayer> types(&memory);
    if (at.is_project() && inherited.may_have_rows(at.id))
        for (const Row &row : inherited.store().rows(Table::project_settings, at.id))
            types.push_back(layer_from(core::Level::project, row));
    std::sort(types.begin(), types.end(), NamedLayer::comes_before);
    for (const TreeNode *node = nearest; node != nullptr; node = node->parent) {
        const auto &layers = inherited.layers_of(node);
        const auto above = types.insert(types.end(), layers.begin(), layers.end());
        // a project's own row stays the first of its type
        std::inplace_merge(types.begin(), above, types.end(), NamedLayer::comes_before);
    }
    for (size_t i = 0; i < types.size(); i++) {
        if (i > 0 && types[i].integration == types[i - 1].integration)
            continue;
        const Layer *own = types[i].layer->level == core::Level::project ? types[i].layer : nullptr;
        if (const Integration *type = inherited.find_usable_type(types[i].integration); type != nullptr)
            visit(at, inherited.with(inherited.down_to(nearest, *type), own));
    }
}

} // namespace

/// resolve_all(project_id, group_id)
INTD_FUNCTION(resolve_all) {
    ResultSet result(fcinfo);
    visit_all(fcinfo, Access::read, [&](const Located &at, const Folded &folded) { add_resolved(result, at, folded); });
    return null_result(fcinfo);
}

/// all_active_settings(project_id, group_id)
INTD_FUNCTION(all_active_settings) {
    ResultSet result(fcinfo);
    visit_all(fcinfo, Access::use, [&](const Located &, const Folded &folded) {
        if (folded.active())
            result.add({text_datum(folded.integration->name), PointerGetDatum(folded.revealed())});
    });
    return null_result(fcinfo);
}

/// active_settings(integration, project_id, group_id)
INTD_FUNCTION(active_settings) {
    std::optional<Question> asked = question(fcinfo, true);
    if (!asked)
        return null_result(fcinfo);
    require_use(asked->inherited, asked->at);
    const Folded &folded = asked->folded();
    return folded.active() ? jsonb_datum(folded.revealed()) : null_result(fcinfo);
}

/// mask(integration, field, value)
INTD_STRICT_FUNCTION(mask) {
    require_access(Access::use);
    const Integration &type = get_integration(live, *text_argument(fcinfo, 0));
    const std::string_view field = *text_argument(fcinfo, 1);
    if (!type.schema->is_secret(field))
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE,
                      cat("integration \"", type.name, "\" has no secret \"", shown(field), "\""))
            .hint("Secrets are the properties of the schema that are writeOnly.");
    const JsonbValue value = guard([&] { return value_of(PG_GETARG_JSONB_P(2)); });
    std::optional<Sealer> sealer = reading_sealer();
    if (!sealer || value.type == jbvNull)
        return null_result(fcinfo);
    const Datum mask = text_datum(mask_text(mask_digits_of(*sealer, value)));
    wipe(sealer->mask_key, sizeof(sealer->mask_key));
    return mask;
}

} // namespace intd
