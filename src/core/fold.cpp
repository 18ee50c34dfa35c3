#include "core/fold.hpp"

namespace intd::core {
namespace {

/// So many fields that the schema does not have are searched one by one.
constexpr int few = 16;

} // namespace

Fold::Fold(const Shape &shape, std::pmr::memory_resource *memory)
    : shape_(&shape), fields_(memory), unknown_(memory), locks_(memory), taken_(memory) {
    fields_.reserve(shape.size());
    for (const Property &property : shape.properties())
        fields_.push_back({property.name, property.unit, property.grouped, property.fallback, nullptr});
    locks_.assign(shape.size(), nullptr);
    taken_.assign(shape.size(), 0);
}

Fold::Fold(const Fold &other, std::pmr::memory_resource *memory)
    : shape_(other.shape_), fields_(other.fields_, memory), unknown_(other.unknown_, memory),
      locks_(other.locks_, memory), taken_(other.taken_, memory), all_locked_(other.all_locked_),
      active_source_(other.active_source_), active_lock_(other.active_lock_), nearest_(other.nearest_),
      last_full_(other.last_full_), last_full_fields_(other.last_full_fields_), step_(other.step_),
      active_(other.active_) {}

int Fold::find(std::string_view name) const {
    int known = shape_->find(name);
    if (known >= 0)
        return known;
    if (!unknown_.empty()) {
        auto found = unknown_.find(name);
        return found != unknown_.end() ? found->second : -1;
    }
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
    const int last = static_cast<int>(fields_.size()) - 1;
    if (last - shape_->size() == few)
        for (int i = shape_->size(); i < last; i++)
            unknown_.emplace(fields_[i].name, i);
    if (last - shape_->size() >= few)
        unknown_.emplace(name, last);
    return last;
}

/// Puts a field back to the schema's default.
void Fold::reset(int field) {
    fields_[field].value = field < shape_->size() ? shape_->properties()[field].fallback : nullptr;
    fields_[field].source = nullptr;
}

/// The same for all of an atomic group, of which the field is one.
void Fold::reset_unit_of(int field) {
    int member = field;
    do {
        reset(member);
        member = shape_->properties()[member].next;
    } while (member != field);
}

void Fold::lock(std::string_view name, const Scope *scope) {
    if (name == "*") {
        if (all_locked_ != nullptr)
            return; // and so is everything
        for (const Scope *&holder : locks_)
            if (holder == nullptr)
                holder = scope;
        if (active_lock_ == nullptr)
            active_lock_ = scope;
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

void Fold::apply(const ScopeSettings &row) {
    step_++;
    if (row.custom) {
        for (int i = 0; i < static_cast<int>(fields_.size()); i++) {
            shape_->pause(i);
            if (locks_[fields_[i].unit] == nullptr)
                reset(i);
        }
        if (active_lock_ == nullptr) {
            active_ = false;
            active_source_ = nullptr;
        }
    }
    bool all_taken = true;
    for (int i = 0; i < row.field_count; i++) {
        shape_->pause(i);
        int n = obtain(row.fields[i].name);
        int unit = fields_[n].unit;
        if (locks_[unit] != nullptr) {
            all_taken = false;
            continue;
        }
        // The first field of an atomic group that the row has decides the whole group.
        if (fields_[n].grouped && taken_[unit] != step_) {
            taken_[unit] = step_;
            reset_unit_of(n);
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
    for (int i = 0; i < row.lock_count; i++) {
        shape_->pause(i);
        lock(row.locks[i], row.scope);
    }
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
