// What the fold knows of a type of integration: its properties, their fallbacks, which of them move together.
// Pure C++: no server header is included here or in any other file of core/.
#pragma once

#include <memory_resource>
#include <string_view>
#include <vector>

namespace intd::core {

/// A field's value. The core never looks inside; null is "absent" (a JSON null is a value, and not null here).
using Value = const void *;

struct Property {
    std::string_view name;
    Value fallback; // the schema's `default`, or null
    bool secret;    // writeOnly
    int unit;       // properties of one atomic group share a unit
    bool grouped;   // whether another property is in its unit
};

/// The properties of a type, sorted by name (bytes), each in a unit: 0 .. units - 1.
class Shape {
  public:
    using allocator = std::pmr::memory_resource *;
    explicit Shape(allocator memory) : properties_(memory) {}

    /// Adds a property that stands alone. Call seal() after the last one.
    void add(std::string_view name, Value fallback, bool secret);
    void seal();
    /// After seal(): these properties move together; groups that share a member become one. False if a name is
    /// not a property.
    bool join(const std::pmr::vector<std::string_view> &names);

    const std::pmr::vector<Property> &properties() const { return properties_; }
    int size() const { return static_cast<int>(properties_.size()); }
    /// The property's number, or -1.
    int find(std::string_view name) const;

  private:
    std::pmr::vector<Property> properties_;
};

} // namespace intd::core
