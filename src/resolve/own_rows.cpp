#include "resolve/own_rows.hpp"

namespace intd {
namespace {

const JsonbValue *value_of(const core::Fold &fold, std::string_view field) {
    int n = fold.find(field);
    return n < 0 ? nullptr : static_cast<const JsonbValue *>(fold.fields()[n].value);
}

/// Whether the two end up with the same, but for who says so.
bool is_same(const core::Fold &a, const core::Fold &b) {
    auto has_all = [](const core::Fold &fold, const core::Fold &other) {
        return std::all_of(fold.fields().begin(), fold.fields().end(), [&](const core::Resolved &field) {
            return same_json(static_cast<const JsonbValue *>(field.value), value_of(other, field.name));
        });
    };
    return a.active() == b.active() && has_all(a, b) && has_all(b, a);
}

} // namespace

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

Redundant redundant_in(Inheritance &inherited, const Place &place, const Layer &own,
                       std::pmr::memory_resource *memory) {
    Redundant redundant{false, false, std::pmr::vector<std::string_view>(memory)};
    const core::Fold &without = *place.above.fold, &with = *inherited.with(place.above, &own).fold;
    if (own.custom) {
        // what a lock above shadows is not, unless it is the locked value
        auto is_held = [&](const JsonField &field) { return same_json(&field.value, value_of(without, field.key)); };
        redundant.whole = place.above.configured() && own.active == without.active() && is_same(with, without) &&
                          std::all_of(own.fields.begin(), own.fields.end(), is_held);
        return redundant;
    }
    redundant.active = place.above.configured() && own.active && *own.active == without.active();
    auto same = [&](const core::Resolved &field) {
        return same_json(static_cast<const JsonbValue *>(field.value), value_of(without, field.name));
    };
    for (const core::Resolved &field : with.fields()) {
        const JsonbValue *value = own.fields.find(field.name);
        if (value == nullptr || !same_json(value, value_of(without, field.name)))
            continue; // also what a lock shadows, unless it is the locked value
        // fields of an atomic group are redundant together only
        bool all = same(field);
        const int n = with.find(field.name);
        if (field.grouped)
            for (int next = with.shape().properties()[n].next; all && next != n;
                 next = with.shape().properties()[next].next)
                all = same(with.fields()[next]);
        if (all)
            redundant.fields.push_back(field.name);
    }
    // something has to stay where nothing else makes the type configured
    if (!place.above.configured() && !own.active && static_cast<int>(redundant.fields.size()) == own.fields.count)
        redundant.fields.clear();
    return redundant;
}

} // namespace intd
