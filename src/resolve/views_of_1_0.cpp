// What the views of version 1.0 are made of, for a database that has not been updated yet: functions of (integration,
// group, own custom, own active, own settings).
#include "hierarchy/tree_rules.hpp"
#include "postgres/progress.hpp"
#include "resolve/settings_at.hpp"
#include "store/replicated.hpp"

namespace intd {
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
    return is_set_below(*type) ? BoolGetDatum(false) : null_result(fcinfo);
}

INTD_FUNCTION(effective_active) {
    LongWork::add_row(LongWork::computes_rows);
    const Folded *folded = folded_project(readable(), fcinfo);
    return folded == nullptr ? null_result(fcinfo) : BoolGetDatum(folded->active());
}

INTD_FUNCTION(effective_settings_of) {
    const Folded *folded = folded_project(readable(), fcinfo);
    return folded == nullptr ? null_result(fcinfo) : jsonb_datum(folded->settings());
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
