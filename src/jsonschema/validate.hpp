// Checks a value against a compiled schema. What does not fit becomes a violation; none of them ever contains a value,
// which could be a secret: only names of keys and the schema's own limits. All of it is server code: raises reports,
// owns nothing.
#pragma once

#include "jsonschema/node.hpp"

namespace intd {

struct Violation {
    std::string_view path; // a JSON pointer into the value: `/webhook`; empty for all of it
    std::string_view rule; // keyword and limit: `type string`, `pattern ^https?://`, `required webhook`
    bool root_required;    // a key that the schema requires of the whole value is missing
    std::string_view text; // to be read: `/webhook: must be of type string`

    /// The same violation of two states of a value.
    friend bool operator==(const Violation &a, const Violation &b) { return a.path == b.path && a.rule == b.rule; }
    friend bool operator<(const Violation &a, const Violation &b) {
        return a.path != b.path ? a.path < b.path : a.rule < b.rule;
    }
};

/// Values that nobody can look into, so that what a schema says of them is no violation, and neither is what follows
/// from that only perhaps: each by the place of its string or container.
struct PassedOver {
    Growing<const void *> places;

    void add(const JsonbValue &value) { places.add(place_of(value)); }
    bool has(const JsonbValue &value) const {
        const void *place = place_of(value);
        return place != nullptr && std::find(places.begin(), places.end(), place) != places.end();
    }

  private:
    static const void *place_of(const JsonbValue &value) {
        return value.type == jbvString   ? static_cast<const void *>(value.val.string.val)
               : value.type == jbvBinary ? static_cast<const void *>(value.val.binary.data)
                                         : nullptr;
    }
};

/// What was found, in the current memory context.
struct Findings {
    const char *whole; // what texts call the whole value
    int64 *steps;      // how many may still be taken to find more (max_check_steps): 54000 after that
    Growing<Violation> list;
    const PassedOver *passed_over = nullptr;

    /// `rule` is what tells a violation from others at the same place.
    void add(const JsonPlace *place, const char *rule, const char *text, bool root_required = false);
    /// By path, then rule, each once.
    void arrange();
};

/// Adds what does not fit of a whole value.
void check_value(const SchemaNode *root, const JsonbValue *value, Findings *found);

/// Adds what does not fit of one key of an object, seen alone: against `properties`, `patternProperties` or
/// `additionalProperties`, whichever apply to it.
void check_key(const SchemaNode *root, std::string_view key, const JsonbValue &value, Findings *found);

/// Whether a value fits a schema; takes from *steps, and raises 54000 if it needs more.
bool fits(const SchemaNode *node, const JsonbValue *value, int64 *steps);

} // namespace intd
