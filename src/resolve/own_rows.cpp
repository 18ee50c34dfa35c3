#include "resolve/own_rows.hpp"

namespace intd {
namespace {

const JsonbValue *value_of(const core::Fold &fold, std::string_view field) {
    int n = fold.find(field);
    return n < 0 ? nullptr : static_cast<const JsonbValue *>(fold.fields()[n].value);
}

/// Whether two values of a field are the same. Secrets are opened, as each is sealed for itself; one that can't be is
/// the same as none.
bool is_same_value(const Integration &type, std::string_view field, const JsonbValue *a, const Beside &beside_a,
                   const JsonbValue *b, const Beside &beside_b) {
    if (a == nullptr || b == nullptr)
        return a == b;
    JsonbValue one = *a, other = *b;
    auto opens = [&](JsonbValue &value, const Beside &around) {
        const std::optional<StoredSecret> stored = read_secret(value);
        return !stored || open_secret(*stored, {type.name, field}, around, &value) == Opening::opened;
    };
    return opens(one, beside_a) && opens(other, beside_b) && same_json(&one, &other);
}

/// Whether the two end up with the same, but for who says so.
bool is_same(const Integration &type, const core::Fold &a, const core::Fold &b) {
    const Beside beside_a = beside(a), beside_b = beside(b);
    auto has_all = [&](const core::Fold &fold) {
        return std::all_of(fold.fields().begin(), fold.fields().end(), [&](const core::Resolved &field) {
            return is_same_value(type, field.name, value_of(a, field.name), beside_a, value_of(b, field.name),
                                 beside_b);
        });
    };
    return a.active() == b.active() && has_all(a) && has_all(b);
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
    nullptr,
    false,
    true};

Redundant redundant_in(Inheritance &inherited, const Place &place, const Layer &own,
                       std::pmr::memory_resource *memory) {
    Redundant redundant{false, false, std::pmr::vector<std::string_view>(memory)};
    const core::Fold &without = *place.above.fold, &with = *inherited.with(place.above, &own).fold;
    const Integration &type = *place.above.integration;
    const Beside beside_own = beside(own.fields), beside_with = beside(with), beside_without = beside(without);
    auto is_held = [&](std::string_view field, const JsonbValue &value) {
        return is_same_value(type, field, &value, beside_own, value_of(without, field), beside_without);
    };
    if (own.custom) {
        // what a lock above shadows is not, unless it is the locked value
        redundant.whole = place.above.configured() && own.active == without.active() && is_same(type, with, without) &&
                          std::all_of(own.fields.begin(), own.fields.end(),
                                      [&](const JsonField &field) { return is_held(field.key, field.value); });
        return redundant;
    }
    // What a secret from an earlier schema is bound to, outside its atomic group, stays with it.
    const core::Shape &shape = with.shape();
    auto is_apart = [&](std::string_view a, std::string_view b) {
        const int n = shape.find(a), other = shape.find(b);
        return n < 0 || other < 0 || shape.properties()[n].unit != shape.properties()[other].unit;
    };
    auto is_bound = [&](std::string_view name) {
        return own.has_secrets && std::any_of(own.fields.begin(), own.fields.end(), [&](const JsonField &field) {
                   const std::optional<StoredSecret> secret = read_secret(field.value);
                   return secret && is_apart(field.key, name) &&
                          std::any_of(secret->bound.begin(), secret->bound.end(),
                                      [&](const JsonbValue &bound) { return string_of(bound) == name; });
               });
    };
    redundant.active = place.above.configured() && own.active && *own.active == without.active();
    auto same = [&](const core::Resolved &field) {
        return !is_bound(field.name) && is_same_value(type, field.name, value_of(with, field.name), beside_with,
                                                      value_of(without, field.name), beside_without);
    };
    for (const core::Resolved &field : with.fields()) {
        const JsonbValue *value = own.fields.find(field.name);
        if (value == nullptr || !is_held(field.name, *value))
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
