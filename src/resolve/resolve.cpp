// Effective settings of one scope.
#include "resolve/resolve.hpp"

#include "hierarchy/tree_rules.hpp"
#include "postgres/progress.hpp"
#include "postgres/query.hpp"
#include "secrets/mask_key.hpp"
#include "store/owner.hpp"
#include "store/replicated.hpp"

namespace intd {
namespace {

Datum copy_of(const Jsonb *json) {
    void *copy = allocate(VARSIZE(json));
    memcpy(copy, json, VARSIZE(json));
    return PointerGetDatum(copy);
}

} // namespace

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
    return folded.active() ? copy_of(folded.revealed()) : null_result(fcinfo);
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

// --- what the views are made of: (integration, group, own custom, own active, own settings) ------------------------

namespace {

/// The fold of the group, or of the instance if it is NULL; null if the type or the group is not there.
const Folded *folded_group(Inheritance &inherited, FunctionCallInfo fcinfo) {
    std::optional<std::string_view> integration = text_argument(fcinfo, 0), group = text_argument(fcinfo, 1);
    const Integration *type = integration ? inherited.find_usable_type(*integration) : nullptr;
    return type == nullptr ? nullptr : inherited.around(group, *type);
}

/// The same with a project's own row, if it has one, on top.
const Folded *folded_project(Inheritance &inherited, FunctionCallInfo fcinfo) {
    const Folded *base = folded_group(inherited, fcinfo);
    if (base == nullptr || PG_ARGISNULL(2) || PG_ARGISNULL(4))
        return base;
    const Jsonb *settings = guard([&] { return PG_GETARG_JSONB_P(4); });
    std::optional<bool> active;
    if (!PG_ARGISNULL(3))
        active = PG_GETARG_BOOL(3);
    return &inherited.with(*base, make_layer(core::Level::project, {}, {PG_GETARG_BOOL(2), active, settings, 0}));
}

Statement set_below = {
    "SELECT EXISTS (SELECT FROM integration_defaults.group_settings WHERE integration OPERATOR(pg_catalog.=) $1) "
    "OR EXISTS (SELECT FROM integration_defaults.project_settings WHERE integration OPERATOR(pg_catalog.=) $1)",
    1,
    {TEXTOID},
    nullptr};

} // namespace

/// What is seen without looking at each scope: whether all have what the instance sets; that they have not only says
/// that each has to be looked at, as where a project may have lost its group.
INTD_FUNCTION(set_by_instance) {
    std::optional<std::string_view> integration = text_argument(fcinfo, 0);
    Inheritance &inherited = readable();
    const Integration *type = integration ? inherited.find_usable_type(*integration) : nullptr;
    if (type == nullptr)
        return null_result(fcinfo);
    if (inherited.down_to(inherited.tree().instance(), *type).configured())
        return BoolGetDatum(!is_replicated(Table::groups) && !tree_checks_are_owed());
    Value below;
    AsOwner owner;
    fetch(set_below, {text_datum(type->name)}, &below, true);
    return DatumGetBool(*below) ? BoolGetDatum(false) : null_result(fcinfo);
}

INTD_FUNCTION(effective_active) {
    LongWork::add_row(LongWork::computes_rows);
    const Folded *folded = folded_project(readable(), fcinfo);
    return folded == nullptr ? null_result(fcinfo) : BoolGetDatum(folded->active());
}

INTD_FUNCTION(effective_settings_of) {
    const Folded *folded = folded_project(readable(), fcinfo);
    return folded == nullptr ? null_result(fcinfo) : copy_of(folded->settings());
}

INTD_FUNCTION(inherited_source_level) {
    const Folded *folded = folded_group(readable(), fcinfo);
    return folded == nullptr || !folded->configured() ? null_result(fcinfo) : level_name(folded->nearest->level);
}

INTD_FUNCTION(inherited_source_id) {
    const Folded *folded = folded_group(readable(), fcinfo);
    std::optional<Datum> id = folded == nullptr ? std::nullopt : source_id(folded->nearest);
    return id ? *id : null_result(fcinfo);
}

INTD_FUNCTION(inherited_locks) {
    const Folded *folded = folded_group(readable(), fcinfo);
    return folded == nullptr ? null_result(fcinfo) : locked_names(*folded);
}

} // namespace intd
