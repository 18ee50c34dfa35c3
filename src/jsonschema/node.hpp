// The tree that a compiled schema is: what validation walks. Made by compile.cpp, in
// one memory context, and constant from then on.
#pragma once

#include "jsonschema/format.hpp"
#include "jsonschema/pattern.hpp"
#include "jsonschema/place.hpp"
#include "postgres/jsonb.hpp"
#include "postgres/memory.hpp"

extern "C" {
#include "utils/numeric.h"
}

namespace intd {

struct SchemaNode;

/// The types of JSON Schema, as a set.
enum TypeSet : unsigned {
    type_null = 1,
    type_boolean = 2,
    type_object = 4,
    type_array = 8,
    type_number = 16, // integers too
    type_string = 32,
    type_integer = 64,
};
constexpr const char *type_names[] = {"null", "boolean", "object", "array", "number", "string", "integer"};
constexpr int type_count = 7;

struct NamedNode {
    std::string_view name;
    SchemaNode *node;
};

struct PatternNode {
    const Pattern *pattern;
    SchemaNode *node;
};

/// Either the names that a property needs beside it, or a schema for the whole object.
struct Dependency {
    std::string_view name;
    const char *keyword; // for messages
    Growing<std::string_view> names;
    SchemaNode *node; // null: names
};

/// One schema. What is absent is null, empty, or the widest limit, and allows everything.
struct SchemaNode {
    const JsonPlace *place; // in the schema, for messages
    SchemaNode *ref;        // $ref
    bool beside_ref;        // more than annotations stand beside it: a value has to fit both
    bool followed;          // by shorten_references()
    SchemaNode *target; // where all of the $ref from here on lead to that have nothing beside them, if there are any
    bool never;         // the schema `false`

    unsigned types;                // TypeSet; 0: any
    const JsonbContainer *choices; // enum, an array
    Growing<JsonbValue> sorted_choices;
    const JsonbValue *constant;
    const char *choices_text, *constant_text; // to be shown

    Growing<NamedNode> properties; // by name (bytes)
    Growing<PatternNode> pattern_properties;
    Growing<std::string_view> required;
    Growing<Dependency> dependencies;
    SchemaNode *additional_properties;
    SchemaNode *property_names;
    int32 min_properties, max_properties;

    SchemaNode *items; // of all elements, if there is no tuple
    bool is_tuple;
    Growing<SchemaNode *> tuple; // of the first elements
    SchemaNode *additional_items;
    SchemaNode *contains;
    int32 min_contains, max_contains; // how many elements have to fit `contains`
    int32 min_items, max_items;
    bool unique_items;

    int32 min_length, max_length; // characters
    const Pattern *pattern;
    const Format *format;

    Numeric minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of;

    Growing<SchemaNode *> all_of, any_of, one_of;
    SchemaNode *negated, *condition, *consequence, *alternative; // not, if, then, else

    const JsonbValue *fallback; // default, its own or else that of what $ref leads to
    bool write_only;

    const SchemaNode *property(std::string_view name) const {
        const NamedNode *found =
            std::lower_bound(properties.begin(), properties.end(), name,
                             [](const NamedNode &each, std::string_view wanted) { return each.name < wanted; });
        return found != properties.end() && found->name == name ? found->node : nullptr;
    }
};

/// Follows $ref where it stands alone.
inline const SchemaNode *target_of(const SchemaNode *node) {
    return node->target != nullptr ? node->target : node;
}

/// Calls visit(SchemaNode *) for the schemas that apply to the same value as `node`.
template <class Visit>
void each_beside(const SchemaNode *node, Visit &&visit) {
    for (SchemaNode *one : {node->ref, node->negated, node->condition, node->consequence, node->alternative})
        if (one != nullptr)
            visit(one);
    for (const Growing<SchemaNode *> *list : {&node->all_of, &node->any_of, &node->one_of})
        for (SchemaNode *one : *list)
            visit(one);
    for (const Dependency &dependency : node->dependencies)
        if (dependency.node != nullptr)
            visit(dependency.node);
}

/// Calls visit(SchemaNode *) for the schemas that apply to something inside the value, named properties left out.
template <class Visit>
void each_within(const SchemaNode *node, Visit &&visit) {
    for (SchemaNode *one : {node->additional_properties, node->items, node->additional_items, node->contains})
        if (one != nullptr)
            visit(one);
    for (const PatternNode &each : node->pattern_properties)
        visit(each.node);
    for (SchemaNode *one : node->tuple)
        visit(one);
}

/// What is wrong with a schema.
struct Problem {
    const char *place; // `#/properties/url/pattern`
    const char *text;  // `must be a string`
};

struct Problems {
    Growing<Problem> list; // the first ones
    int count = 0;
    const char *hint = nullptr; // the first one's
    static constexpr int most_kept = 20;

    bool empty() const { return count == 0; }
    void add(const JsonPlace *place, const char *text, const char *way_out = nullptr) {
        if (count++ < most_kept)
            list.add({shown_place(place, "#"), text});
        if (hint == nullptr)
            hint = way_out;
    }
};

} // namespace intd
