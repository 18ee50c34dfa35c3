#include "core/shape.hpp"

#include <algorithm>

namespace intd::core {

void Shape::add(std::string_view name, FieldValue fallback, bool secret) {
    properties_.push_back({name, fallback, secret, 0, 0, false});
}

void Shape::seal() {
    std::sort(properties_.begin(), properties_.end(),
              [](const Property &a, const Property &b) { return a.name < b.name; });
    for (int i = 0; i < size(); i++)
        properties_[i].unit = properties_[i].next = i;
}

/// Makes one unit of those of two properties: the members of the smaller one get the other's number.
void Shape::merge(int one, int other) {
    if (properties_[one].unit == properties_[other].unit)
        return;
    // whichever is round first is the smaller one
    for (int a = one, b = other;;) {
        a = properties_[a].next;
        b = properties_[b].next;
        if (b == other)
            break;
        if (a == one) {
            std::swap(one, other);
            break;
        }
    }
    properties_[one].grouped = true;
    int member = other;
    do {
        properties_[member].unit = properties_[one].unit;
        properties_[member].grouped = true;
        member = properties_[member].next;
    } while (member != other);
    std::swap(properties_[one].next, properties_[other].next);
}

bool Shape::join(const std::pmr::vector<std::string_view> &names) {
    int first = -1;
    for (size_t i = 0; i < names.size(); i++) {
        pause(static_cast<int>(i));
        int n = find(names[i]);
        if (n < 0)
            return false;
        if (first < 0)
            first = n;
        merge(first, n);
    }
    return true;
}

int Shape::find(std::string_view name) const {
    auto found = std::lower_bound(properties_.begin(), properties_.end(), name,
                                  [](const Property &property, std::string_view key) { return property.name < key; });
    return found != properties_.end() && found->name == name ? static_cast<int>(found - properties_.begin()) : -1;
}

} // namespace intd::core
