// The one resolution rule: what a scope ends up with, given the rows on its chain from the instance down to it.
//
// A Fold starts as the schema's defaults with nothing active and nothing locked; apply() takes one row after the
// other, the highest scope first. What it then holds says for every field which value it has, which scope supplied
// it, which scope locks it, and the same of `active`. Effective settings, explain, locks and cascade read this one
// answer. Copying a Fold is how a chain branches: fold a group once, then go on for each thing below it.
#pragma once

#include "core/shape.hpp"

#include <cstdint>
#include <map>
#include <optional>

namespace intd::core {

enum class Level : uint8_t { instance, group, project };
constexpr std::string_view level_names[] = {"instance", "group", "project"};

inline std::string_view name_of(Level level) {
    return level_names[static_cast<int>(level)];
}

/// A place where settings are set. Compared by address within one fold.
struct Scope {
    Level level;
    std::string_view id; // empty for the instance
};

struct Field {
    std::string_view name;
    FieldValue value;
};

/// Whether a row sets something: it may also do nothing, or nothing but lock.
constexpr bool sets_something(bool custom, bool has_active, bool has_fields) {
    return custom || has_active || has_fields;
}

/// What one scope has set for one type of integration.
struct ScopeSettings {
    const Scope *scope;
    bool custom;                // replaces all that it would inherit; false: an override, field by field
    std::optional<bool> active; // none: inherited (overrides only)
    const Field *fields;
    int field_count;
    const std::string_view *locks; // names of fields, "active", or "*" for all
    int lock_count;

    bool sets_something() const { return core::sets_something(custom, active.has_value(), field_count > 0); }
};

/// The state of one field, known to the schema or not.
struct Resolved {
    std::string_view name;
    int unit;            // fields of one unit move, and are locked, together
    bool grouped;        // whether its unit has other fields
    FieldValue value;    // null: not set
    const Scope *source; // the scope that supplied it; null: the schema's default, or not set
};

class Fold {
  public:
    Fold(const Shape &shape, std::pmr::memory_resource *memory);
    Fold(const Fold &other, std::pmr::memory_resource *memory);
    Fold(const Fold &) = delete;
    Fold &operator=(const Fold &) = delete;

    /// Goes one scope further down.
    void apply(const ScopeSettings &row);

    const Shape &shape() const { return *shape_; }
    /// The schema's properties by name first, then other keys in the order in which they were met.
    const std::pmr::vector<Resolved> &fields() const { return fields_; }
    /// The field's number in fields(), or -1.
    int find(std::string_view name) const;
    /// The highest scope that locks the field, or null. Also right for names that fields() does not have.
    const Scope *lock_of(std::string_view name) const;
    const Scope *lock_of(const Resolved &field) const { return locks_[field.unit]; }

    bool active() const { return active_; }
    const Scope *active_source() const { return active_source_; }
    const Scope *active_lock() const { return active_lock_; }

    /// The nearest scope whose row sets something, even if all of it is shadowed; null: not configured.
    const Scope *nearest() const { return nearest_; }
    bool configured() const { return nearest_ != nullptr; }

    /// If every field that has a value was supplied by one row, and by that row's every field, that row's scope:
    /// its settings are the result as they stand. Otherwise null.
    const Scope *sole_source() const;

  private:
    int obtain(std::string_view name);
    void reset(int field);
    void reset_unit_of(int field);
    void lock(std::string_view name, const Scope *scope);

    const Shape *shape_;
    std::pmr::vector<Resolved> fields_;
    std::pmr::map<std::string_view, int> unknown_; // fields that the schema does not have, once they are many
    std::pmr::vector<const Scope *> locks_;        // by unit
    std::pmr::vector<uint32_t> taken_;             // by unit: the last apply() that took it from its row
    const Scope *all_locked_ = nullptr;            // by "*": also fields met later
    const Scope *active_source_ = nullptr;
    const Scope *active_lock_ = nullptr;
    const Scope *nearest_ = nullptr;
    const Scope *last_full_ = nullptr; // the last row of which every field was taken
    int last_full_fields_ = 0;
    uint32_t step_ = 0;
    bool active_ = false;
};

} // namespace intd::core
