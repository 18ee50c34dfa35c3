// The keywords of JSON Schema draft 7.
#pragma once

#include <string_view>

namespace intd {

/// What is done with a keyword. `comment`: only checked to be a string; `flag`: only to be a boolean.
enum class Keyword {
    additional_items,
    additional_properties,
    all_of,
    any_of,
    comment,
    constant,
    contains,
    fallback,
    definitions,
    dependencies,
    otherwise,
    choices,
    examples,
    exclusive_maximum,
    exclusive_minimum,
    flag,
    format,
    id,
    condition,
    items,
    max_items,
    max_length,
    max_properties,
    maximum,
    min_items,
    min_length,
    min_properties,
    minimum,
    multiple_of,
    negated,
    one_of,
    pattern,
    pattern_properties,
    properties,
    property_names,
    reference,
    required,
    dialect,
    consequence,
    type,
    unique_items,
    write_only,
};

struct KnownKeyword {
    const char *name;
    Keyword keyword;
    bool asserts; // draft 7 ignores it beside $ref
};

/// Null if draft 7 has no such keyword.
const KnownKeyword *find_keyword(std::string_view name);

} // namespace intd
