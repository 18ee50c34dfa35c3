// What the fold knows of a type of integration: its properties, their fallbacks, which of them move together.
// Pure C++: no server header is included here or in any other file of core/.
#pragma once

#include <memory_resource>
#include <string_view>
#include <vector>

namespace intd::core {

/// A field's value. The core never looks inside; null is "absent" (a JSON null is a value, and not null here).
using FieldValue = const void *;

struct Property {
    std::string_view name;
    FieldValue fallback; // the schema's `default`, or null
    bool secret;         // writeOnly
    int unit;            // properties of one atomic group share a unit
    int next;            // of the same unit; the last one's is the first
    bool grouped;        // whether another property is in its unit
};

/// Called now and then by what takes long; what it throws ends that.
using Pause = void (*)();
constexpr int pause_after = 4096; // steps

/// The properties of a type, sorted by name (bytes), each in a unit: 0 .. units - 1.
class Shape {
  public:
    using allocator = std::pmr::memory_resource *;
    explicit Shape(allocator memory, Pause at_times = nullptr) : properties_(memory), pause_(at_times) {}

    /// Adds a property that stands alone. Call seal() after the last one.
    void add(std::string_view name, FieldValue fallback, bool secret);
    void seal();
    /// After seal(): these properties move together; groups that share a member become one. False if a name is
    /// not a property.
    bool join(const std::pmr::vector<std::string_view> &names);

    const std::pmr::vector<Property> &properties() const { return properties_; }
    int size() const { return static_cast<int>(properties_.size()); }
    /// The property's number, or -1.
    int find(std::string_view name) const;

    /// To be called by loops, with the number of the turn.
    void pause(int turn) const {
        if (turn % pause_after == pause_after - 1 && pause_ != nullptr)
            pause_();
    }

  private:
    void merge(int one, int other);

    std::pmr::vector<Property> properties_;
    Pause pause_;
};

} // namespace intd::core
