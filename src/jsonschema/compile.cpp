// From the jsonb of a schema to its tree. Everything here is server code: it raises reports and owns nothing.
#include "jsonschema/compile.hpp"

#include "store/limits.hpp"

#include <cmath>

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/hsearch.h"
}

namespace intd {
namespace {

bool is_string(const JsonbValue &value) {
    return value.type == jbvString;
}
bool is_object(const JsonbValue &value) {
    return value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data);
}
bool is_array(const JsonbValue &value) {
    return value.type == jbvBinary && JsonContainerIsArray(value.val.binary.data);
}

constexpr int longest_limit = 200; // bytes of a value of the schema in a message

/// A value of the schema, cut if it is long.
const char *write_limit(const JsonbContainer *limit) {
    char *text = JsonbToCString(nullptr, const_cast<JsonbContainer *>(limit), 0);
    int length = static_cast<int>(strlen(text));
    if (length <= longest_limit)
        return text;
    const char *cut = psprintf("%.*s...", pg_mbcliplen(text, length, longest_limit), text);
    pfree(text);
    return cut;
}

} // namespace

SchemaNode *Compiler::fresh(const JsonPlace *place) {
    constexpr int at_once = 8; // alone, each would take a power of two
    if (fresh_left_ == 0) {
        fresh_ = static_cast<SchemaNode *>(MemoryContextAllocZero(context_, at_once * sizeof(SchemaNode)));
        fresh_left_ = at_once;
    }
    SchemaNode *node = &fresh_[--fresh_left_];
    node->place = place;
    node->max_properties = node->max_items = node->max_length = node->max_contains = PG_INT32_MAX;
    node->min_contains = 1;
    return node;
}

const JsonPlace *Compiler::below(const JsonPlace *place, std::string_view key) {
    auto *step = static_cast<JsonPlace *>(MemoryContextAlloc(context_, sizeof(JsonPlace)));
    *step = {place, key, -1};
    return step;
}

const JsonPlace *Compiler::below(const JsonPlace *place, int index) {
    auto *step = static_cast<JsonPlace *>(MemoryContextAlloc(context_, sizeof(JsonPlace)));
    *step = {place, {}, index};
    return step;
}

const JsonbValue *Compiler::keep(const JsonbValue &value) {
    auto *kept = static_cast<JsonbValue *>(MemoryContextAlloc(context_, sizeof(JsonbValue)));
    *kept = value;
    return kept;
}

const char *Compiler::limit(const JsonbContainer *value) {
    return MemoryContextStrdup(context_, write_limit(value));
}

SchemaNode *Compiler::schema(const JsonbValue &value, const JsonPlace *place) {
    if (value.type == jbvBool) {
        if (value.val.boolean && anything_ != nullptr)
            return anything_;
        SchemaNode *node = fresh(place);
        node->never = !value.val.boolean;
        if (value.val.boolean)
            anything_ = node;
        return node;
    }
    if (!is_object(value)) {
        problems_->add(place, "must be a schema: an object, true or false");
        return fresh(place);
    }
    return object(value.val.binary.data, place);
}

SchemaNode *Compiler::object(const JsonbContainer *source, const JsonPlace *place) {
    check_stack_depth();
    CHECK_FOR_INTERRUPTS();
    if (made_ == nullptr) {
        HASHCTL options = {};
        options.keysize = sizeof(source);
        options.entrysize = sizeof(Made);
        options.hcxt = CurrentMemoryContext;
        made_ = hash_create("schemas", 64, &options, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    }
    bool found;
    auto *entry = static_cast<Made *>(hash_search(made_, &source, HASH_ENTER, &found));
    if (found)
        return entry->node;
    SchemaNode *node = fresh(place);
    entry->node = node;
    nodes_.add(node);

    JsonFields fields = read_fields(source);
    bool refers = fields.find("$ref") != nullptr;
    for (const JsonField &field : fields) {
        const JsonPlace *here = below(place, field.key);
        const KnownKeyword *known = find_keyword(field.key, draft_);
        if (known == nullptr) {
            unknown(node, field, place, here);
            continue;
        }
        if (refers && known->asserts && (known->keyword != Keyword::id || place->above != nullptr)) {
            node->beside_ref = draft_ >= Draft::draft2019;
            if (!node->beside_ref) {
                if (options_.strict)
                    problems_->add(here, "has no effect beside $ref",
                                   "Put the $ref into an allOf, and the rest beside that.");
                else
                    report_->ignore(psprintf("%s beside $ref", known->name));
                continue;
            }
        }
        keyword(known->keyword, node, field.value, here);
    }
    combine(node, fields);
    pfree(fields.begin_);
    return node;
}

void Compiler::unknown(SchemaNode *node, const JsonField &field, const JsonPlace *schema, const JsonPlace *here) {
    if (std::find(options_.root_only.begin(), options_.root_only.end(), field.key) != options_.root_only.end()) {
        if (schema->above != nullptr)
            problems_->add(here, "is possible at the root only");
    } else if (field.key.substr(0, 2) == "x-")
        return;
    else if (!options_.strict) {
        if (field.key == options_.also_write_only)
            boolean(field.value, here, &node->write_only);
        else
            report_->ignore(field.key);
    } else {
        Draft other;
        problems_->add(here, psprintf("is not a keyword of JSON Schema draft %s", draft_name(draft_)),
                       find_draft_with(field.key, &other)
                           ? psprintf("It is one of draft %s. \"$schema\" says which draft a schema is written in.",
                                      draft_name(other))
                           : "An annotation of one's own has a name that starts with \"x-\".");
    }
}

void Compiler::combine(SchemaNode *node, const JsonFields &fields) {
    if (draft_ == Draft::draft4) { // there, a limit is said to be exclusive
        auto is_set = [&](const char *name) {
            const JsonbValue *flag = fields.find(name);
            return flag != nullptr && flag->type == jbvBool && flag->val.boolean;
        };
        if (is_set("exclusiveMinimum"))
            std::swap(node->minimum, node->exclusive_minimum);
        if (is_set("exclusiveMaximum"))
            std::swap(node->maximum, node->exclusive_maximum);
    }
    if (draft_ == Draft::draft2020 && node->is_tuple)
        std::swap(node->items, node->additional_items);
}

void Compiler::keyword(Keyword which, SchemaNode *node, const JsonbValue &value, const JsonPlace *place) {
    switch (which) {
    case Keyword::annotation:
        break;
    case Keyword::unsupported:
        problems_->add(place, "is not supported");
        break;
    case Keyword::comment:
        if (options_.strict)
            string(value, place, nullptr);
        break;
    case Keyword::examples:
        if (options_.strict && !is_array(value))
            problems_->add(place, "must be an array");
        break;
    case Keyword::flag:
        if (bool ignored = false; options_.strict)
            boolean(value, place, &ignored);
        break;
    case Keyword::write_only:
        boolean(value, place, &node->write_only);
        break;
    case Keyword::fallback:
        node->fallback = keep(value);
        break;
    case Keyword::dialect:
        dialect(value, place);
        break;
    case Keyword::id:
        identifier(node, value, place);
        break;
    case Keyword::anchor:
        if (std::string_view text; string(value, place, &text))
            anchor(node, psprintf("#%.*s", static_cast<int>(text.size()), text.data()), place);
        break;
    case Keyword::reference:
        if (std::string_view text; string(value, place, &text))
            references_.add({node, text, place});
        break;
    case Keyword::definitions:
        named_schemas(value, place, nullptr);
        break;
    case Keyword::type:
        types(node, value, place);
        break;
    case Keyword::choices:
        if (!is_array(value) || JsonContainerSize(value.val.binary.data) == 0)
            problems_->add(place, "must be an array with at least one element");
        else
            choices(node, value.val.binary.data);
        break;
    case Keyword::constant:
        node->constant = keep(value);
        node->constant_text = limit(&JsonbValueToJsonb(const_cast<JsonbValue *>(&value))->root);
        break;
    case Keyword::properties:
        named_schemas(value, place, &node->properties);
        std::sort(node->properties.begin(), node->properties.end(),
                  [](const NamedNode &a, const NamedNode &b) { return a.name < b.name; });
        break;
    case Keyword::pattern_properties:
        pattern_schemas(node, value, place);
        break;
    case Keyword::additional_properties:
        node->additional_properties = schema(value, place);
        break;
    case Keyword::property_names:
        node->property_names = schema(value, place);
        break;
    case Keyword::required:
        names(value, place, &node->required);
        break;
    case Keyword::dependencies:
    case Keyword::dependent_required:
    case Keyword::dependent_schemas:
        dependencies(which, node, value, place);
        break;
    case Keyword::min_properties:
        count(value, place, &node->min_properties);
        break;
    case Keyword::max_properties:
        count(value, place, &node->max_properties);
        break;
    case Keyword::items:
        if (draft_ == Draft::draft2020 && is_array(value))
            problems_->add(place, "must be a schema: an object, true or false",
                           "Draft 2020-12 calls a list of schemas \"prefixItems\".");
        else if (is_array(value)) {
            node->is_tuple = true;
            schemas(value, place, &node->tuple, 0);
        } else
            node->items = schema(value, place);
        break;
    case Keyword::prefix_items:
        node->is_tuple = true;
        schemas(value, place, &node->tuple, 1);
        break;
    case Keyword::additional_items:
        node->additional_items = schema(value, place);
        break;
    case Keyword::contains:
        node->contains = schema(value, place);
        break;
    case Keyword::min_contains:
        count(value, place, &node->min_contains);
        break;
    case Keyword::max_contains:
        count(value, place, &node->max_contains);
        break;
    case Keyword::min_items:
        count(value, place, &node->min_items);
        break;
    case Keyword::max_items:
        count(value, place, &node->max_items);
        break;
    case Keyword::unique_items:
        boolean(value, place, &node->unique_items);
        break;
    case Keyword::min_length:
        count(value, place, &node->min_length);
        break;
    case Keyword::max_length:
        count(value, place, &node->max_length);
        break;
    case Keyword::pattern:
        if (std::string_view text; string(value, place, &text))
            node->pattern = pattern(text, place);
        break;
    case Keyword::format:
        if (std::string_view text; string(value, place, &text))
            format(node, text, place);
        break;
    case Keyword::minimum:
        number(value, place, &node->minimum);
        break;
    case Keyword::maximum:
        number(value, place, &node->maximum);
        break;
    case Keyword::exclusive_minimum:
        if (bool ignored = false; draft_ == Draft::draft4)
            boolean(value, place, &ignored);
        else
            number(value, place, &node->exclusive_minimum);
        break;
    case Keyword::exclusive_maximum:
        if (bool ignored = false; draft_ == Draft::draft4)
            boolean(value, place, &ignored);
        else
            number(value, place, &node->exclusive_maximum);
        break;
    case Keyword::multiple_of:
        number(value, place, &node->multiple_of);
        if (node->multiple_of != nullptr && compare_numbers(node->multiple_of, int64_to_numeric(0)) <= 0) {
            problems_->add(place, "must be greater than 0");
            node->multiple_of = nullptr;
        }
        break;
    case Keyword::all_of:
        schemas(value, place, &node->all_of, 1);
        break;
    case Keyword::any_of:
        schemas(value, place, &node->any_of, 1);
        break;
    case Keyword::one_of:
        schemas(value, place, &node->one_of, 1);
        break;
    case Keyword::negated:
        node->negated = schema(value, place);
        break;
    case Keyword::condition:
        node->condition = schema(value, place);
        break;
    case Keyword::consequence:
        node->consequence = schema(value, place);
        break;
    case Keyword::otherwise:
        node->alternative = schema(value, place);
        break;
    }
}

// -- values of keywords

bool Compiler::string(const JsonbValue &value, const JsonPlace *place, std::string_view *text) {
    if (!is_string(value)) {
        problems_->add(place, "must be a string");
        return false;
    }
    if (text != nullptr)
        *text = string_of(value);
    return true;
}

void Compiler::boolean(const JsonbValue &value, const JsonPlace *place, bool *result) {
    if (value.type == jbvBool)
        *result |= value.val.boolean;
    else
        problems_->add(place, "must be true or false");
}

void Compiler::number(const JsonbValue &value, const JsonPlace *place, Numeric *result) {
    if (value.type == jbvNumeric)
        *result = value.val.numeric;
    else
        problems_->add(place, "must be a number");
}

/// A count of something; nothing in a jsonb can be more than an int32, so that greater limits are cut to that.
void Compiler::count(const JsonbValue &value, const JsonPlace *place, int32 *result) {
    if (value.type != jbvNumeric || !is_integer(value.val.numeric) ||
        compare_numbers(value.val.numeric, int64_to_numeric(0)) < 0)
        problems_->add(place, "must be an integer of at least 0");
    else if (compare_numbers(value.val.numeric, int64_to_numeric(PG_INT32_MAX)) >= 0)
        *result = PG_INT32_MAX;
    else
        *result = DatumGetInt32(DirectFunctionCall1(numeric_int4, NumericGetDatum(value.val.numeric)));
}

void Compiler::choices(SchemaNode *node, const JsonbContainer *array) {
    node->choices = array;
    node->choices_text = limit(array);
    JsonItems items = read_items(array);
    for (const JsonbValue &item : items)
        add(&node->sorted_choices, item);
    pfree(items.begin_);
    std::sort(node->sorted_choices.begin(), node->sorted_choices.end(),
              [](const JsonbValue &a, const JsonbValue &b) { return compare_values(&a, &b) < 0; });
}

const Pattern *Compiler::pattern(std::string_view text, const JsonPlace *place) {
    PatternProblem problem;
    const Pattern *compiled = compile_pattern(text, context_, options_.limited ? max_pattern_size.most : HUGE_VAL,
                                              shown_place(place, "#"), &problem);
    if (compiled == nullptr)
        problems_->add(
            place, psprintf("%s: %s%s \"%s\"",
                            problem.unsupported ? "is a pattern that can't be run here" : "is not a regular expression",
                            problem.message, problem.at == 0 ? " in" : psprintf(", near character %d of", problem.at),
                            clipped(text, 100)));
    return compiled;
}

void Compiler::names(const JsonbValue &value, const JsonPlace *place, Growing<std::string_view> *result) {
    if (!is_array(value))
        return problems_->add(place, "must be an array of strings");
    JsonItems items = read_items(value.val.binary.data);
    NameTable met;
    for (int i = 0; i < items.count; i++) {
        JsonPlace here = {place, {}, i};
        if (!is_string(items.begin()[i])) {
            problems_->add(&here, "must be a string");
            continue;
        }
        std::string_view name = string_of(items.begin()[i]);
        if (met.add(name))
            add(result, name);
        else
            problems_->add(&here, "is there twice");
    }
}

void Compiler::types(SchemaNode *node, const JsonbValue &value, const JsonPlace *place) {
    Growing<std::string_view> list;
    if (is_string(value))
        list.add(string_of(value));
    else if (!is_array(value) || JsonContainerSize(value.val.binary.data) == 0)
        return problems_->add(place, "must be the name of a type, or an array of such names");
    else
        names(value, place, &list);
    for (std::string_view name : list) {
        unsigned type = 0;
        for (int i = 0; i < type_count; i++)
            if (name == type_names[i])
                type = 1u << i;
        if (type == 0)
            problems_->add(place, "has an unknown type",
                           "The types are null, boolean, object, array, number, integer and string.");
        node->types |= type;
    }
}

void Compiler::schemas(const JsonbValue &value, const JsonPlace *place, Growing<SchemaNode *> *result, int least) {
    if (!is_array(value) || JsonContainerSize(value.val.binary.data) < static_cast<uint32>(least))
        return problems_->add(place, "must be an array with at least one schema");
    JsonItems items = read_items(value.val.binary.data);
    for (int i = 0; i < items.count; i++)
        add(result, schema(items.begin()[i], below(place, i)));
}

void Compiler::named_schemas(const JsonbValue &value, const JsonPlace *place, Growing<NamedNode> *result) {
    if (!is_object(value))
        return problems_->add(place, "must be an object, each value a schema");
    for (const JsonField &field : read_fields(value.val.binary.data)) {
        SchemaNode *node = schema(field.value, below(place, field.key));
        if (result != nullptr)
            add(result, {field.key, node});
    }
}

void Compiler::pattern_schemas(SchemaNode *node, const JsonbValue &value, const JsonPlace *place) {
    if (!is_object(value))
        return problems_->add(place, "must be an object, each value a schema");
    for (const JsonField &field : read_fields(value.val.binary.data)) {
        const JsonPlace *here = below(place, field.key);
        const Pattern *compiled = pattern(field.key, here);
        add(&node->pattern_properties, {compiled, schema(field.value, here)});
    }
}

void Compiler::dependencies(Keyword which, SchemaNode *node, const JsonbValue &value, const JsonPlace *place) {
    const bool may_list = which != Keyword::dependent_schemas, must_list = which == Keyword::dependent_required;
    if (!is_object(value))
        return problems_->add(place, must_list  ? "must be an object, each value an array of names"
                                     : may_list ? "must be an object, each value a schema or an array of names"
                                                : "must be an object, each value a schema");
    for (const JsonField &field : read_fields(value.val.binary.data)) {
        const JsonPlace *here = below(place, field.key);
        Dependency dependency = {field.key, must_list ? "dependentRequired" : "dependencies", {}, nullptr};
        if (must_list || (may_list && is_array(field.value)))
            names(field.value, here, &dependency.names);
        else
            dependency.node = schema(field.value, here);
        add(&node->dependencies, dependency);
    }
}

void Compiler::format(SchemaNode *node, std::string_view name, const JsonPlace *place) {
    node->format = find_format(name);
    if (node->format != nullptr)
        return;
    if (options_.strict)
        problems_->add(place, "is not a format that can be checked", format_hint());
    else
        report_->ignore(psprintf("format %.*s", static_cast<int>(name.size()), name.data()));
}

void Compiler::read_draft() {
    const JsonFields fields = read_fields(root_);
    if (const JsonbValue *schema = fields.find("$schema"); schema != nullptr && is_string(*schema))
        find_draft(string_of(*schema), &draft_);
}

void Compiler::dialect(const JsonbValue &value, const JsonPlace *place) {
    std::string_view text;
    Draft draft;
    if (!string(value, place, &text))
        return;
    if (!find_draft(text, &draft))
        problems_->add(place, "is none of the drafts that are known: 4, 6, 7, 2019-09 and 2020-12",
                       "Write \"http://json-schema.org/draft-07/schema#\".");
    else if (draft != draft_)
        problems_->add(place, "is another draft than that of the whole schema");
}

/// $id: at the root the name of the whole; below it, up to draft 7, `#name`, a target for $ref.
void Compiler::identifier(SchemaNode *node, const JsonbValue &value, const JsonPlace *place) {
    std::string_view text;
    if (!string(value, place, &text))
        return;
    if (draft_ <= Draft::draft7 && !text.empty() && text.front() == '#')
        anchor(node, text, place);
    else if (place->above->above == nullptr)
        base_ = text.substr(0, text.find('#'));
    else
        problems_->add(place,
                       draft_ <= Draft::draft7 ? "must start with # below the root" : "is possible at the root only",
                       "A schema that is a document of its own inside another is not supported.");
}

/// `name` with its #.
void Compiler::anchor(SchemaNode *node, std::string_view name, const JsonPlace *place) {
    if (anchors_.add(name))
        anchored_.add(node);
    else
        problems_->add(place, "is there twice");
}

const char *Compiler::format_hint() {
    return psprintf("The formats are %s.", format_names);
}

int compare_numbers(Numeric a, Numeric b) {
    return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)));
}

bool is_integer(Numeric number) {
    return DatumGetInt32(DirectFunctionCall1(numeric_min_scale, NumericGetDatum(number))) == 0;
}

int compare_values(const JsonbValue *a, const JsonbValue *b) {
    CHECK_FOR_INTERRUPTS(); // sorting asks often
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    switch (a->type) {
    case jbvString:
        return string_of(*a).compare(string_of(*b));
    case jbvNumeric:
        return compare_numbers(a->val.numeric, b->val.numeric);
    case jbvBool:
        return static_cast<int>(a->val.boolean) - static_cast<int>(b->val.boolean);
    case jbvBinary:
        return compareJsonbContainers(a->val.binary.data, b->val.binary.data);
    default:
        return 0;
    }
}

SchemaNode *compile_tree(const JsonbContainer *schema, MemoryContext context, const CompileOptions &options,
                         CompileReport *report) {
    Compiler compiler(schema, context, options, report);
    compiler.read_draft();
    SchemaNode *root = compiler.object(schema, &document_root);
    compiler.resolve_references();
    if (report->problems.empty())
        compiler.find_loops();
    if (report->problems.empty())
        compiler.shorten_references();
    return root;
}

} // namespace intd
