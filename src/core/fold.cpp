#include "core/fold.hpp"

namespace intd::core {

Fold::Fold(const Shape &shape, std::pmr::memory_resource *memory)
    : shape_(&shape), fields_(memory), locks_(memory), taken_(memory) {
    fields_.reserve(shape.size());
    for (const Property &property : shape.properties())
        fields_.push_back({property.name, property.unit, property.grouped, property.fallback, nullptr});
    locks_.assign(shape.size(), nullptr);
    taken_.assign(shape.size(), 0);
}

Fold::Fold(const Fold &other, std::pmr::memory_resource *memory)
    : shape_(other.shape_), fields_(other.fields_, memory), locks_(other.locks_, memory), taken_(other.taken_, memory),
      all_locked_(other.all_locked_), active_source_(other.active_source_), active_lock_(other.active_lock_),
      nearest_(other.nearest_), last_full_(other.last_full_), last_full_fields_(other.last_full_fields_),
      step_(other.step_), active_(other.active_) {}

int Fold::find(std::string_view name) const {
    int known = shape_->find(name);
    if (known >= 0)
        return known;
    for (int i = shape_->size(); i < static_cast<int>(fields_.size()); i++)
        if (fields_[i].name == name)
            return i;
    return -1;
}

const Scope *Fold::lock_of(std::string_view name) const {
    int n = find(name);
    return n >= 0 ? locks_[fields_[n].unit] : all_locked_;
}

/// The field's number; a name that the schema does not have becomes a field, and a unit, of its own.
int Fold::obtain(std::string_view name) {
    int n = find(name);
    if (n >= 0)
        return n;
    int unit = static_cast<int>(locks_.size());
    locks_.push_back(all_locked_);
    taken_.push_back(0);
    fields_.push_back({name, unit, false, nullptr, nullptr});
    return static_cast<int>(fields_.size()) - 1;
}

/// Puts a unit's fields back to the schema's defaults.
void Fold::reset_unit(int unit) {
    for (int i = 0; i < static_cast<int>(fields_.size()); i++) {
        if (fields_[i].unit != unit)
            continue;
        fields_[i].value = i < shape_->size() ? shape_->properties()[i].fallback : nullptr;
        fields_[i].source = nullptr;
    }
}

void Fold::lock(std::string_view name, const Scope *scope) {
    if (name == "*") {
        for (const Scope *&holder : locks_)
            if (holder == nullptr)
                holder = scope;
        if (active_lock_ == nullptr)
            active_lock_ = scope;
        if (all_locked_ == nullptr)
            all_locked_ = scope;
    } else if (name == "active") {
        if (active_lock_ == nullptr)
            active_lock_ = scope;
    } else {
        const Scope *&holder = locks_[fields_[obtain(name)].unit];
        if (holder == nullptr)
            holder = scope;
    }
}

void Fold::apply(const Row &row) {
    step_++;
    if (row.custom) {
        for (int i = 0; i < static_cast<int>(fields_.size()); i++) {
            if (locks_[fields_[i].unit] != nullptr)
                continue;
            fields_[i].value = i < shape_->size() ? shape_->properties()[i].fallback : nullptr;
            fields_[i].source = nullptr;
        }
        if (active_lock_ == nullptr) {
            active_ = false;
            active_source_ = nullptr;
        }
    }
    bool all_taken = true;
    for (int i = 0; i < row.field_count; i++) {
        int n = obtain(row.fields[i].name);
        int unit = fields_[n].unit;
        if (locks_[unit] != nullptr) {
            all_taken = false;
            continue;
        }
        // The first field of an atomic group that the row has decides the whole group.
        if (fields_[n].grouped && taken_[unit] != step_) {
            taken_[unit] = step_;
            reset_unit(unit);
        }
        fields_[n].value = row.fields[i].value;
        fields_[n].source = row.scope;
    }
    if (row.active.has_value() && active_lock_ == nullptr) {
        active_ = *row.active;
        active_source_ = row.scope;
    }
    if (row.sets_something()) {
        nearest_ = row.scope;
        if (row.custom || row.field_count > 0) {
            last_full_ = all_taken ? row.scope : nullptr;
            last_full_fields_ = row.field_count;
        }
    }
    for (int i = 0; i < row.lock_count; i++)
        lock(row.locks[i], row.scope);
}

const Scope *Fold::sole_source() const {
    if (last_full_ == nullptr)
        return nullptr;
    int count = 0;
    for (const Resolved &field : fields_) {
        if (field.value == nullptr)
            continue;
        if (field.source != last_full_)
            return nullptr;
        count++;
    }
    return count == last_full_fields_ ? last_full_ : nullptr;
}

} // namespace intd::core
