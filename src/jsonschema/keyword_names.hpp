// The keywords of JSON Schema, of its drafts 4 to 2020-12.
#pragma once

#include <cstdint>
#include <string_view>

namespace intd {

/// Which draft a schema is written in: $schema says so.
enum class Draft : uint8_t { draft4, draft6, draft7, draft2019, draft2020 };

/// "7", "2020-12": as in "JSON Schema draft 7".
const char *draft_name(Draft draft);

/// The draft of a $schema; false if it is none of these.
bool find_draft(std::string_view schema, Draft *draft);

/// What is done with a keyword. `comment`: only checked to be a string; `flag`: only to be a boolean; `annotation`: not
/// even looked at; `unsupported`: refused.
enum class Keyword {
    additional_items,
    anchor,
    annotation,
    additional_properties,
    all_of,
    any_of,
    comment,
    constant,
    contains,
    fallback,
    definitions,
    dependencies,
    dependent_required,
    dependent_schemas,
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
    max_contains,
    max_items,
    max_length,
    max_properties,
    maximum,
    min_contains,
    min_items,
    min_length,
    min_properties,
    minimum,
    multiple_of,
    negated,
    one_of,
    pattern,
    pattern_properties,
    prefix_items,
    properties,
    property_names,
    reference,
    required,
    dialect,
    consequence,
    type,
    unique_items,
    unsupported,
    write_only,
};

struct KnownKeyword {
    const char *name;
    Keyword keyword;
    bool asserts; // up to draft 7 it is ignored beside $ref
    Draft first = Draft::draft4, last = Draft::draft2020;
};

/// Null if the draft has no such keyword.
const KnownKeyword *find_keyword(std::string_view name, Draft draft);

/// The last draft that has such a keyword; false if none has.
bool find_draft_with(std::string_view name, Draft *draft);

} // namespace intd
