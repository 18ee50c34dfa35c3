#include "settings/check.hpp"
#include "settings/secrets.hpp"

#include "catalog/unknown.hpp"
#include "hierarchy/scope.hpp"
#include "postgres/query.hpp"

extern "C" {
#include "utils/array.h"
}

namespace intd {
namespace {

Statement types_of_kind = {"SELECT name FROM integration_defaults.integrations WHERE "
                           "(schema OPERATOR(pg_catalog.->>) 'x-exclusive'::pg_catalog.text) OPERATOR(pg_catalog.=) $1 "
                           "AND name OPERATOR(pg_catalog.<>) $2 ORDER BY name",
                           2,
                           {TEXTOID, TEXTOID},
                           nullptr};

const char *place_name(const Place &place) {
    return scope_name(place.level, place.id);
}

const Layer *layer_at(const Place &place, const SettingsRow *row) {
    return row == nullptr ? nullptr : make_layer(place.level, place.id, *row);
}

/// The scope that locks: `the instance` or `group 7`.
const char *holder_name(const core::Scope *holder) {
    return cat(holder->level == core::Level::instance ? "the " : "", shown_scope(holder->level, holder->id));
}

/// The lines of a DETAIL: the first ones, and how many more there are.
class Lines {
  public:
    bool empty() const { return count_ == 0; }
    void add(std::string_view line) {
        if (count_++ < most)
            text_ = text_ == nullptr ? shown(line, longest) : cat(text_, "\n", shown(line, longest));
    }
    const char *text() const {
        return count_ <= most ? text_ : cat(text_, "\nand ", std::to_string(count_ - most), " more");
    }

  private:
    static constexpr int most = 20, longest = 1000;
    const char *text_ = nullptr;
    int count_ = 0;
};

/// One write on its way through the rules.
class Check {
  public:
    Check(Inheritance &inherited, const Place &place, const SettingsRow *current, const SettingsRow &wanted,
          const Given &given)
        : inherited_(inherited), place_(place), type_(*place.above.integration), fold_(*place.above.fold),
          current_(current), wanted_(wanted), given_(given) {
        wanted_fields_ = fields_of(wanted.settings);
        if (current != nullptr)
            current_fields_ = fields_of(current->settings);
    }

    SettingsRow run() {
        check_sizes();
        keep_locks_above();
        fill_active();
        find_changes();
        check_lock_names();
        if (!given_.resets) {
            check_level();
            check_schema();
        }
        return wanted_;
    }

  private:
    const JsonbValue *current_value(std::string_view key) const { return current_fields_.find(key); }

    /// Whether a value is what the row has already, be it stored as a secret.
    bool stays(std::string_view key, const JsonbValue &value) const {
        return is_set_so(type_, current_fields_, key, value);
    }

    /// The same, if the caller did not give it.
    bool repeats(std::string_view key, const JsonbValue &value) const { return !given_.has(key) && stays(key, value); }

    bool is_secret(std::string_view key) const { return type_.schema->is_secret(key); }

    static int64 size_of(const SettingsRow &row) {
        int64 locks = row.locked == 0 ? 0 : static_cast<int64>(VARSIZE_ANY(DatumGetPointer(row.locked)));
        return static_cast<int64>(VARSIZE(row.settings)) + locks;
    }

    /// What is too large may stay, and become smaller.
    void check_sizes() {
        int64 size = size_of(wanted_);
        if (size > max_settings_size.bytes() && (current_ == nullptr || size > size_of(*current_)))
            check_size(max_settings_size, size,
                       cat("what is to be set for integration \"", type_.name, "\" on ", place_name(place_)));
    }

    /// Whole rows replace only what no ancestor locks. A locked field that is given with the value that it has
    /// anyway is dropped; what a lock shadows stays; anything else is refused.
    void keep_locks_above() {
        ObjectBuilder kept;
        bool differs = false;
        Lines violations;
        const core::Scope *holder = nullptr;
        for (const JsonField &field : wanted_fields_) {
            const core::Scope *lock = fold_.lock_of(field.key);
            if (lock == nullptr || repeats(field.key, field.value)) {
                kept.add(field.key, field.value);
                continue;
            }
            int n = fold_.find(field.key);
            const auto *effective = n < 0 ? nullptr : static_cast<const JsonbValue *>(fold_.fields()[n].value);
            if (is_secret(field.key) || effective == nullptr || !same_json(effective, &field.value)) {
                violations.add(cat("\"", shown(field.key), "\" is locked by ", holder_name(lock), "."));
                holder = lock;
            }
            differs = true; // dropped, and what was stored comes back below
        }
        if (wanted_.active && fold_.active_lock() != nullptr && !keeps_active()) {
            violations.add(cat("\"active\" is locked by ", holder_name(fold_.active_lock()), "."));
            holder = fold_.active_lock();
        }
        if (!violations.empty())
            throw Refusal(ERRCODE_CHECK_VIOLATION,
                          cat("settings of integration \"", type_.name, "\" are locked above ", place_name(place_)))
                .detail(violations.text())
                .hint(cat("Whoever may change the defaults of ", holder_name(holder), " can unlock them."))
                .constraint("setting_not_locked");
        for (const JsonField &field : current_fields_) {
            if (fold_.lock_of(field.key) == nullptr || given_.takes_back)
                continue;
            const JsonbValue *wanted = wanted_fields_.find(field.key);
            if (wanted != nullptr && repeats(field.key, *wanted))
                continue; // kept above
            kept.add(field.key, field.value);
            differs = true;
        }
        if (differs) {
            wanted_.settings = kept.finish();
            wanted_fields_ = fields_of(wanted_.settings);
        }
    }

    /// Under a lock: whether the `active` that is given changes nothing.
    bool keeps_active() const {
        return *wanted_.active == fold_.active() ||
               (current_ != nullptr && !given_.active && wanted_.active == current_->active);
    }

    /// Custom settings are active or not: what the row had; else, if it is locked above, the locked value; else
    /// true. Under a lock, what the row had stays.
    void fill_active() {
        std::optional<bool> had = current_ == nullptr ? std::nullopt : current_->active;
        bool is_locked = fold_.active_lock() != nullptr;
        if (is_locked && (wanted_.active || !given_.takes_back))
            wanted_.active = had;
        if (wanted_.custom && !wanted_.active)
            wanted_.active = had ? *had : is_locked ? fold_.active() : true;
    }

    void find_changes() {
        for (const JsonField &field : wanted_fields_)
            if (!stays(field.key, field.value))
                keys_changed_ = true;
        for (const JsonField &field : current_fields_)
            if (wanted_fields_.find(field.key) == nullptr)
                keys_removed_ = true;
        becomes_custom_ = wanted_.custom && (current_ == nullptr || !current_->custom);
        custom_changed_ = current_ != nullptr && current_->custom != wanted_.custom;
        activated_ = wanted_.active == true && (current_ == nullptr || current_->active != true);
    }

    const Layer *layer(const SettingsRow *row) const { return layer_at(place_, row); }

    void check_lock_names() {
        if (wanted_.locked == 0)
            return;
        bool names_only = guard([&] {
            ArrayType *names = DatumGetArrayTypeP(wanted_.locked);
            return ARR_NDIM(names) <= 1 && !array_contains_nulls(names);
        });
        if (!names_only)
            throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE,
                          "\"locked\" must be a one-dimensional array of names without nulls");
        const Layer *now = layer(&wanted_), *before = layer(current_);
        std::string_view *had = before == nullptr ? nullptr : before->locks;
        std::string_view *had_end = before == nullptr ? nullptr : had + before->lock_count;
        std::sort(had, had_end);
        for (int i = 0; i < now->lock_count; i++) {
            std::string_view name = now->locks[i];
            if (!std::binary_search(had, had_end, name) && name != "*" && name != "active" &&
                type_.schema->shape.find(name) < 0)
                throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE,
                              cat("integration \"", type_.name, "\" has no field \"", shown(name), "\" to lock"))
                    .hint(fields_hint(type_, name, "active"));
        }
    }

    /// What stands at a level that the type is not for may stay, lock and go, and be switched off; it is what a write
    /// sets beside that which is refused.
    void check_level() {
        const bool off = wanted_.active == false;
        bool sets = wanted_fields_.count > 0 || (!off && (wanted_.custom || wanted_.active.has_value()));
        bool adds = given_.fields.count > 0 || keys_changed_ || (wanted_.custom && keys_removed_) ||
                    (!off && (given_.any() || becomes_custom_ || activated_));
        if (!sets || !adds || type_.schema->allows(place_.level))
            return;
        static const char *const names[] = {"the instance", "groups", "projects"};
        const char *allowed = nullptr;
        for (int level = 0; level < 3; level++)
            if (type_.schema->allows(static_cast<core::Level>(level)))
                allowed = allowed == nullptr ? names[level] : cat(allowed, " and ", names[level]);
        throw Refusal(ERRCODE_CHECK_VIOLATION,
                      cat("integration \"", type_.name, "\" can't be set on ", place_name(place_)))
            .detail(allowed == nullptr ? "Its schema allows no level."
                                       : cat("Its schema allows it on ", allowed, " only."))
            .constraint("setting_level_allowed");
    }

    /// The row with what it repeats in the form in which it is stored: of what is sealed it can't be seen afterwards
    /// whether it fits, as it could not be before.
    SettingsRow as_stored() const {
        SettingsRow row = wanted_;
        if (std::none_of(current_fields_.begin(), current_fields_.end(),
                         [](const JsonField &field) { return may_be_secret(field.value); }))
            return row;
        ObjectBuilder settings;
        for (const JsonField &field : wanted_fields_)
            settings.add(field.key, repeats(field.key, field.value) ? *current_value(field.key) : field.value);
        row.settings = settings.finish();
        return row;
    }

    /// Every key that the write gives against its property; then what the scope ends up with against the whole
    /// schema, of which only violations that were not there before are refused. A write that only deactivates,
    /// locks, unlocks or takes overrides back is not checked.
    void check_schema() {
        if (!given_.any() && !keys_changed_ && !activated_ && !custom_changed_ && !becomes_custom_ &&
            !(wanted_.custom && keys_removed_))
            return;
        ContextResource memory(CurrentMemoryContext);
        Violations violations(&memory), before(&memory), after(&memory);
        for (const JsonField &field : wanted_fields_) {
            bool is_given = given_.has(field.key) && fold_.lock_of(field.key) == nullptr; // else: what a lock shadows
            if (is_given || !stays(field.key, field.value))
                validate_property(*type_.schema, field.key, field.value, violations);
        }
        if (current_ != nullptr || place_.above.configured())
            effective_violations(inherited_.with(place_.above, layer(current_)), before);
        const SettingsRow stored = as_stored();
        effective_violations(inherited_.with(place_.above, layer(&stored)), after);
        std::pmr::vector<Violation> known(violations, &memory);
        known.insert(known.end(), before.begin(), before.end());
        std::sort(known.begin(), known.end());
        for (const Violation &violation : after)
            if (!std::binary_search(known.begin(), known.end(), violation))
                violations.push_back(violation);
        if (violations.empty())
            return;
        Lines detail;
        bool only_incomplete = true;
        for (const Violation &violation : violations) {
            detail.add(violation.text);
            only_incomplete = only_incomplete && violation.root_required;
        }
        if (only_incomplete)
            throw Refusal(ERRCODE_CHECK_VIOLATION, cat("settings of integration \"", type_.name, "\" for ",
                                                       place_name(place_), " are not complete"))
                .detail(detail.text())
                .hint(is_complete_as_override() ? "To set single fields and leave the others as they are, call "
                                                  "override_fields()."
                                                : "Give the fields, or set them with active => false.")
                .constraint("setting_is_complete");
        throw Refusal(ERRCODE_CHECK_VIOLATION, cat("settings of integration \"", type_.name, "\" for ",
                                                   place_name(place_), " do not fit its schema"))
            .detail(detail.text())
            .hint(unknown_field_hint(violations))
            .constraint("setting_matches_schema");
    }

    /// Whether a whole row lacks only what the scope would have if the same fields were set by override_fields().
    bool is_complete_as_override() const {
        if (!given_.whole)
            return false;
        ObjectBuilder fields;
        for (const JsonField &field : current_fields_)
            fields.add(field.key, field.value);
        for (const JsonField &field : wanted_fields_)
            fields.add(field.key, field.value);
        SettingsRow row = wanted_;
        row.custom = current_ != nullptr && current_->custom;
        row.settings = fields.finish();
        ContextResource memory(CurrentMemoryContext);
        Violations violations(&memory);
        effective_violations(inherited_.with(place_.above, layer(&row)), violations);
        return std::none_of(violations.begin(), violations.end(),
                            [](const Violation &violation) { return violation.root_required; });
    }

    /// Of the first field that does not fit because the schema has none of that name; else null.
    const char *unknown_field_hint(const Violations &violations) const {
        for (const JsonField &field : wanted_fields_)
            if (type_.schema->shape.find(field.key) < 0)
                for (const Violation &violation : violations)
                    if (violation.path.size() == field.key.size() + 1 && violation.path.substr(1) == field.key)
                        return fields_hint(type_, field.key);
        return nullptr;
    }

    Inheritance &inherited_;
    const Place &place_;
    const Integration &type_;
    const core::Fold &fold_;
    const SettingsRow *current_;
    SettingsRow wanted_;
    const Given &given_;
    JsonFields wanted_fields_ = {nullptr, 0};
    JsonFields current_fields_ = {nullptr, 0};
    bool keys_changed_ = false, keys_removed_ = false, custom_changed_ = false, becomes_custom_ = false,
         activated_ = false;
};

} // namespace

std::optional<Place> place_of(Inheritance &inherited, core::Level level, std::string_view type_name, Datum scope) {
    const Integration *type = inherited.find_type(type_name);
    if (type == nullptr)
        return std::nullopt;
    Tree &tree = inherited.tree();
    switch (level) {
    case core::Level::instance:
        return Place{level, {}, inherited.above(tree.instance(), *type), tree.instance()};
    case core::Level::group: {
        const TreeNode *group = tree.group(view(scope));
        if (group == nullptr)
            return std::nullopt;
        return Place{level, view(scope), inherited.above(group, *type), group};
    }
    default:
        const Row *project = inherited.store().row(Table::projects, scope);
        if (project == nullptr)
            return std::nullopt;
        const TreeNode *parent = tree.parent_of(*project);
        return Place{level, view(scope), inherited.down_to(parent, *type), parent};
    }
}

void effective_violations(const Folded &folded, Violations &violations) {
    validate(*folded.integration->schema, folded.stored(), violations);
    if (!folded.active())
        violations.erase(std::remove_if(violations.begin(), violations.end(),
                                        [](const Violation &violation) { return violation.root_required; }),
                         violations.end());
}

SettingsRow checked(Inheritance &inherited, const Place &place, const SettingsRow *current, const SettingsRow &wanted,
                    const Given &given) {
    return Check(inherited, place, current, wanted, given).run();
}

std::pmr::vector<const Integration *> rivals_of(Inheritance &inherited, const Integration &type,
                                                std::pmr::memory_resource *memory) {
    std::pmr::vector<const Integration *> rivals(memory);
    if (type.schema->exclusive.empty())
        return rivals;
    Cursor names(types_of_kind, {text_datum(type.schema->exclusive), text_datum(type.name)});
    while (names.next())
        if (const Integration *rival = inherited.find_usable_type(view(*names.column(0))))
            rivals.push_back(rival);
    names.close();
    return rivals;
}

const Integration *active_rival(Inheritance &inherited, const std::pmr::vector<const Integration *> &rivals,
                                const Place &place, std::string_view leaving) {
    const bool project = place.level == core::Level::project;
    for (const Integration *rival : rivals) {
        const bool leaves = rival->name == leaving;
        const Folded &above =
            leaves && !project ? inherited.above(place.node, *rival) : inherited.down_to(place.node, *rival);
        const Layer *own = project && !leaves ? inherited.project_layer(text_datum(place.id), *rival) : nullptr;
        if (inherited.with(above, own).active())
            return rival;
    }
    return nullptr;
}

void check_exclusive(Inheritance &inherited, const Place &place, const SettingsRow *current, const SettingsRow &wanted,
                     std::string_view leaving) {
    const Integration &type = *place.above.integration;
    auto active = [&](const SettingsRow *row) { return inherited.with(place.above, layer_at(place, row)).active(); };
    if (active(current) || !active(&wanted))
        return;
    ContextResource memory(CurrentMemoryContext);
    const Integration *rival = active_rival(inherited, rivals_of(inherited, type, &memory), place, leaving);
    if (rival == nullptr)
        return;
    throw Refusal(ERRCODE_CHECK_VIOLATION, cat("integration \"", type.name, "\" can't be active for ",
                                               place_name(place), " beside \"", rival->name, "\""))
        .detail(cat("Of the kind \"", shown(type.schema->exclusive), "\" one type at most may be active on a scope."))
        .hint(cat("Switch \"", rival->name, "\" off there first, with integration_defaults.set_active."))
        .constraint("integration_is_exclusive");
}

} // namespace intd
