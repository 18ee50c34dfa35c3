// Checks settings against the schema of their type.
#pragma once

#include "catalog/schema.hpp"
#include "jsonschema/validate.hpp"
#include "store/limits.hpp"

namespace intd {

/// What does not fit: texts go no further than to a secret, and a missing key that the schema requires of the settings
/// (root_required) is of no matter while inactive. With how many steps may still be taken to find more. Texts live in
/// the memory context that was current when they were added.
struct Violations : std::pmr::vector<Violation> {
    explicit Violations(std::pmr::memory_resource *memory) : vector(memory), steps(max_check_steps.most) {}
    int64 steps;
};

/// Adds what does not fit of a whole object of settings, by path, then rule, each once.
void validate(const Schema &schema, const Jsonb *settings, Violations &violations);

/// Adds what does not fit of one key, seen alone (see check_key()).
void validate_property(const Schema &schema, std::string_view key, const JsonbValue &value, Violations &violations);

} // namespace intd
