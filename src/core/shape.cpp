#include "core/shape.hpp"

#include <algorithm>

namespace intd::core {

void Shape::add(std::string_view name, Value fallback, bool secret) {
    properties_.push_back({name, fallback, secret, 0, false});
}

void Shape::seal() {
    std::sort(properties_.begin(), properties_.end(),
              [](const Property &a, const Property &b) { return a.name < b.name; });
    for (int i = 0; i < size(); i++)
        properties_[i].unit = i;
}

bool Shape::join(const std::pmr::vector<std::string_view> &names) {
    int unit = -1;
    for (std::string_view name : names) {
        int n = find(name);
        if (n < 0)
            return false;
        if (unit < 0)
            unit = properties_[n].unit;
        int merged = properties_[n].unit;
        for (Property &property : properties_)
            if (property.unit == merged)
                property.unit = unit;
        // a group that names one property only changes nothing
        for (Property &property : properties_)
            if (property.unit == unit)
                property.grouped = property.grouped || merged != unit;
    }
    return true;
}

int Shape::find(std::string_view name) const {
    auto found = std::lower_bound(properties_.begin(), properties_.end(), name,
                                  [](const Property &property, std::string_view key) { return property.name < key; });
    return found != properties_.end() && found->name == name ? static_cast<int>(found - properties_.begin()) : -1;
}

} // namespace intd::core
