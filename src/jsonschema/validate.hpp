// Checks settings against a compiled schema. What does not fit becomes a violation; none of them ever contains a value,
// which could be a secret: only names of keys and the schema's own limits.
#pragma once

#include "store/limits.hpp"
#include "catalog/schema.hpp"

namespace intd {

struct Violation {
    std::string_view path; // a JSON pointer into the settings: `/webhook`; empty for all of them
    std::string_view rule; // keyword and limit: `type string`, `pattern ^https?://`, `required webhook`
    bool root_required;    // a key that the schema requires of the settings is missing: of no matter while inactive
    std::string_view text; // to be read, no further than to a secret: `/webhook: must be of type string`

    /// The same violation of two states of the settings.
    friend bool operator==(const Violation &a, const Violation &b) { return a.path == b.path && a.rule == b.rule; }
    friend bool operator<(const Violation &a, const Violation &b) {
        return a.path != b.path ? a.path < b.path : a.rule < b.rule;
    }
};

/// What was found, and how many steps may still be taken to find more (max_check_steps): 54000 after that. Texts live
/// in the memory context that was current when they were added.
struct Violations : std::pmr::vector<Violation> {
    explicit Violations(std::pmr::memory_resource *memory) : vector(memory), steps(max_check_steps.most) {}
    int64 steps;
};

/// Adds what does not fit of a whole object of settings, by path, then rule, each once.
void validate(const Schema &schema, const Jsonb *settings, Violations &violations);

/// Adds what does not fit of one key, seen alone: against `properties`, `patternProperties` or `additionalProperties`,
/// whichever apply to it.
void validate_property(const Schema &schema, std::string_view key, const JsonbValue &value, Violations &violations);

/// Whether a value fits a schema; takes from *steps, and raises 54000 if it needs more. Server code: raises reports.
bool fits(const SchemaNode *node, const JsonbValue *value, int64 *steps);

} // namespace intd
