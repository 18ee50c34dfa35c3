#include "jsonschema/keyword_names.hpp"

namespace intd {
namespace {

constexpr Draft draft4 = Draft::draft4, draft6 = Draft::draft6, draft7 = Draft::draft7, draft2019 = Draft::draft2019,
                draft2020 = Draft::draft2020;

// Annotations that came with a later draft are taken in all of them: they say nothing of a value.
constexpr KnownKeyword known_keywords[] = {
    {"$anchor", Keyword::anchor, false, draft2019},
    {"$comment", Keyword::comment, false},
    {"$defs", Keyword::definitions, false},
    {"$dynamicAnchor", Keyword::unsupported, true, draft2020},
    {"$dynamicRef", Keyword::unsupported, true, draft2020},
    {"$id", Keyword::id, true, draft6},
    {"$recursiveAnchor", Keyword::unsupported, true, draft2019, draft2019},
    {"$recursiveRef", Keyword::unsupported, true, draft2019, draft2019},
    {"$ref", Keyword::reference, false},
    {"$schema", Keyword::dialect, false},
    {"$vocabulary", Keyword::unsupported, true, draft2019},
    {"additionalItems", Keyword::additional_items, true, draft4, draft2019},
    {"additionalProperties", Keyword::additional_properties, true},
    {"allOf", Keyword::all_of, true},
    {"anyOf", Keyword::any_of, true},
    {"const", Keyword::constant, true, draft6},
    {"contains", Keyword::contains, true, draft6},
    {"contentEncoding", Keyword::comment, false},
    {"contentMediaType", Keyword::comment, false},
    {"contentSchema", Keyword::annotation, false, draft2019},
    {"default", Keyword::fallback, false},
    {"definitions", Keyword::definitions, false},
    {"dependencies", Keyword::dependencies, true},
    {"dependentRequired", Keyword::dependent_required, true, draft2019},
    {"dependentSchemas", Keyword::dependent_schemas, true, draft2019},
    {"deprecated", Keyword::flag, false, draft2019},
    {"description", Keyword::comment, false},
    {"else", Keyword::otherwise, true, draft7},
    {"enum", Keyword::choices, true},
    {"examples", Keyword::examples, false},
    {"exclusiveMaximum", Keyword::exclusive_maximum, true},
    {"exclusiveMinimum", Keyword::exclusive_minimum, true},
    {"format", Keyword::format, true},
    {"id", Keyword::id, true, draft4, draft4},
    {"if", Keyword::condition, true, draft7},
    {"items", Keyword::items, true},
    {"maxContains", Keyword::max_contains, true, draft2019},
    {"maxItems", Keyword::max_items, true},
    {"maxLength", Keyword::max_length, true},
    {"maxProperties", Keyword::max_properties, true},
    {"maximum", Keyword::maximum, true},
    {"minContains", Keyword::min_contains, true, draft2019},
    {"minItems", Keyword::min_items, true},
    {"minLength", Keyword::min_length, true},
    {"minProperties", Keyword::min_properties, true},
    {"minimum", Keyword::minimum, true},
    {"multipleOf", Keyword::multiple_of, true},
    {"not", Keyword::negated, true},
    {"oneOf", Keyword::one_of, true},
    {"pattern", Keyword::pattern, true},
    {"patternProperties", Keyword::pattern_properties, true},
    {"prefixItems", Keyword::prefix_items, true, draft2020},
    {"properties", Keyword::properties, true},
    {"propertyNames", Keyword::property_names, true, draft6},
    {"readOnly", Keyword::flag, false},
    {"required", Keyword::required, true},
    {"then", Keyword::consequence, true, draft7},
    {"title", Keyword::comment, false},
    {"type", Keyword::type, true},
    {"unevaluatedItems", Keyword::unsupported, true, draft2019},
    {"unevaluatedProperties", Keyword::unsupported, true, draft2019},
    {"uniqueItems", Keyword::unique_items, true},
    {"writeOnly", Keyword::write_only, false},
};

constexpr struct {
    const char *name;
    std::string_view schema; // without the scheme and the fragment
} drafts[] = {{"4", "json-schema.org/draft-04/schema"},
              {"6", "json-schema.org/draft-06/schema"},
              {"7", "json-schema.org/draft-07/schema"},
              {"2019-09", "json-schema.org/draft/2019-09/schema"},
              {"2020-12", "json-schema.org/draft/2020-12/schema"}};

} // namespace

const char *draft_name(Draft draft) {
    return drafts[static_cast<int>(draft)].name;
}

bool find_draft(std::string_view schema, Draft *draft) {
    for (std::string_view scheme : {"http://", "https://"})
        if (schema.substr(0, scheme.size()) == scheme) {
            schema.remove_prefix(scheme.size());
            break;
        }
    if (!schema.empty() && schema.back() == '#')
        schema.remove_suffix(1);
    for (Draft each : {draft4, draft6, draft7, draft2019, draft2020})
        if (schema == drafts[static_cast<int>(each)].schema) {
            *draft = each;
            return true;
        }
    return false;
}

const KnownKeyword *find_keyword(std::string_view name, Draft draft) {
    for (const KnownKeyword &known : known_keywords)
        if (known.name == name)
            return known.first <= draft && draft <= known.last ? &known : nullptr;
    return nullptr;
}

bool find_draft_with(std::string_view name, Draft *draft) {
    for (const KnownKeyword &known : known_keywords)
        if (known.name == name) {
            *draft = known.last;
            return true;
        }
    return false;
}

} // namespace intd
