#include "jsonschema/keyword_names.hpp"

namespace intd {
namespace {

constexpr KnownKeyword known_keywords[] = {
    {"$comment", Keyword::comment, false},
    {"$id", Keyword::id, true},
    {"$ref", Keyword::reference, false},
    {"$schema", Keyword::dialect, false},
    {"additionalItems", Keyword::additional_items, true},
    {"additionalProperties", Keyword::additional_properties, true},
    {"allOf", Keyword::all_of, true},
    {"anyOf", Keyword::any_of, true},
    {"const", Keyword::constant, true},
    {"contains", Keyword::contains, true},
    {"contentEncoding", Keyword::comment, false},
    {"contentMediaType", Keyword::comment, false},
    {"default", Keyword::fallback, false},
    {"definitions", Keyword::definitions, false},
    {"dependencies", Keyword::dependencies, true},
    {"description", Keyword::comment, false},
    {"else", Keyword::otherwise, true},
    {"enum", Keyword::choices, true},
    {"examples", Keyword::examples, false},
    {"exclusiveMaximum", Keyword::exclusive_maximum, true},
    {"exclusiveMinimum", Keyword::exclusive_minimum, true},
    {"format", Keyword::format, true},
    {"if", Keyword::condition, true},
    {"items", Keyword::items, true},
    {"maxItems", Keyword::max_items, true},
    {"maxLength", Keyword::max_length, true},
    {"maxProperties", Keyword::max_properties, true},
    {"maximum", Keyword::maximum, true},
    {"minItems", Keyword::min_items, true},
    {"minLength", Keyword::min_length, true},
    {"minProperties", Keyword::min_properties, true},
    {"minimum", Keyword::minimum, true},
    {"multipleOf", Keyword::multiple_of, true},
    {"not", Keyword::negated, true},
    {"oneOf", Keyword::one_of, true},
    {"pattern", Keyword::pattern, true},
    {"patternProperties", Keyword::pattern_properties, true},
    {"properties", Keyword::properties, true},
    {"propertyNames", Keyword::property_names, true},
    {"readOnly", Keyword::flag, false},
    {"required", Keyword::required, true},
    {"then", Keyword::consequence, true},
    {"title", Keyword::comment, false},
    {"type", Keyword::type, true},
    {"uniqueItems", Keyword::unique_items, true},
    {"writeOnly", Keyword::write_only, false},
};

} // namespace

const KnownKeyword *find_keyword(std::string_view name) {
    for (const KnownKeyword &known : known_keywords)
        if (known.name == name)
            return &known;
    return nullptr;
}

} // namespace intd
