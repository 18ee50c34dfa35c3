// The walk of validation.
#include "jsonschema/validate.hpp"

#include "jsonschema/compile.hpp"
#include "store/limits.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
}

namespace intd {
namespace {

bool is_object(const JsonbValue *value) {
    return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}
bool is_array(const JsonbValue *value) {
    return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
}
bool is_scalar(const JsonbValue *value) {
    return value->type != jbvBinary;
}
unsigned types_of(const JsonbValue *value) {
    switch (value->type) {
    case jbvNull:
        return type_null;
    case jbvBool:
        return type_boolean;
    case jbvString:
        return type_string;
    case jbvNumeric:
        return type_number | (is_integer(value->val.numeric) ? static_cast<unsigned>(type_integer) : 0u);
    default:
        return is_object(value) ? type_object : type_array;
    }
}

const char *write_types(unsigned types) {
    StringInfoData text;
    initStringInfo(&text);
    for (int i = 0; i < type_count; i++)
        if ((types & (1u << i)) != 0)
            appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "", type_names[i]);
    return text.data;
}

const char *write_number(Numeric number) {
    return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(number)));
}

/// 54000 when the steps are used up: schemas that are applied again and again to one value would never come to an end.
void spend(int64 *steps, double spent) {
    CHECK_FOR_INTERRUPTS();
    if (spent > static_cast<double>(*steps))
        max_check_steps
            .refusal("checking the settings against their schema takes too long",
                     psprintf("It takes more steps than integration_defaults.max_check_steps, which is %d.",
                              max_check_steps.most))
            .raise();
    *steps -= static_cast<int64>(spent);
}

/// One validation. Without a place for the violations it stops at the first. It may take so many steps, and 54000 is
/// raised when they are used up: schemas that are applied again and again to one value would never come to an end.
///
/// Of what is passed over nobody knows whether it fits. So a question is asked as `may` (it fits if that can be) or as
/// `must` (it fits only if it does whatever is there); the two answers differ only if it depends on what can't be seen.
class Walk {
  public:
    enum Asked { may, must };

    Walk(Findings *findings, int64 *steps, const PassedOver *passed_over, Asked asked = may)
        : findings_(findings), steps_(steps), passed_over_(passed_over), asked_(asked) {}

    bool check(const SchemaNode *node, const JsonbValue *value, const JsonPlace *place);
    /// What the schema says of one key of an object.
    bool check_key(const SchemaNode *node, std::string_view key, const JsonbValue *value, const JsonPlace *place);

  private:
    bool stops() const { return findings_ == nullptr; }

    void spend(double steps) { intd::spend(steps_, steps); }
    /// For what looks at all of a value.
    void spend_on(const JsonbValue *value) {
        int bytes = value->type == jbvString ? value->val.string.len : is_scalar(value) ? 0 : value->val.binary.len;
        spend(bytes / 64);
    }

    /// Where a schema stands: what tells two rules apart that have no limit to show.
    const char *where(const SchemaNode *node) { return shown_place(node->place, "#"); }
    const char *at(const SchemaNode *node, const char *keyword) {
        return psprintf("%s %s", keyword, write_place(node->place, "#").data());
    }
    bool fits(const SchemaNode *node, const JsonbValue *value, Asked asked) {
        return Walk(nullptr, steps_, passed_over_, asked).check(node, value, &document_root);
    }
    bool fits(const SchemaNode *node, const JsonbValue *value) { return fits(node, value, asked_); }
    Asked opposite() const { return asked_ == may ? must : may; }
    bool too_few_or_many(int count, int least, int most, const char *least_name, const char *most_name,
                         const char *what, const JsonPlace *place);

    bool check_string(const SchemaNode *node, const JsonbValue *value, const JsonPlace *place);
    bool check_number(const SchemaNode *node, Numeric value, const JsonPlace *place);
    bool check_array(const SchemaNode *node, const JsonbContainer *array, const JsonPlace *place);
    bool check_items(const SchemaNode *node, const JsonItems &items, const JsonPlace *place);
    bool is_unique(const JsonItems &items);
    bool matches(const Pattern *pattern, std::string_view subject) {
        spend(1 + steps_of(pattern, subject));
        return intd::matches(pattern, subject);
    }
    bool check_object(const SchemaNode *node, const JsonbValue *value, const JsonPlace *place);
    bool check_keys(const SchemaNode *node, const JsonFields &fields, const JsonPlace *place);
    bool check_dependencies(const SchemaNode *node, const JsonbValue *value, const JsonPlace *place);
    bool check_combinations(const SchemaNode *node, const JsonbValue *value, const JsonPlace *place);
    bool fits_one(const SchemaNode *node, const JsonbValue *value);
    bool check_condition(const SchemaNode *node, const JsonbValue *value, const JsonPlace *place);

    Findings *findings_;
    int64 *steps_;
    const PassedOver *passed_over_;
    Asked asked_;
};

// Each step below goes on after a violation only if they are gathered.
#define INTD_STEP(step)                                                                                                \
    do {                                                                                                               \
        if (!(step)) {                                                                                                 \
            valid = false;                                                                                             \
            if (stops())                                                                                               \
                return false;                                                                                          \
        }                                                                                                              \
    } while (false)

// What is noted is made only if it is.
#define INTD_FAIL(...)                                                                                                 \
    do {                                                                                                               \
        if (stops())                                                                                                   \
            return false;                                                                                              \
        valid = false;                                                                                                 \
        findings_->add(__VA_ARGS__);                                                                                   \
    } while (false)

bool Walk::check(const SchemaNode *node, const JsonbValue *value, const JsonPlace *place) {
    check_stack_depth();
    spend(1);
    node = target_of(node);
    bool valid = true;
    if (node->never) { // whatever it is
        INTD_FAIL(place, at(node, "false"), "must not be there");
        return false;
    }
    if (passed_over_ != nullptr && passed_over_->has(*value))
        return asked_ == may;
    if (node->types != 0 && (types_of(value) & node->types) == 0) {
        const char *types = stops() ? "" : write_types(node->types);
        INTD_FAIL(place, psprintf("type %s", types), psprintf("must be of type %s", types));
    }
    if (node->choices != nullptr) {
        spend_on(value);
        auto before = [](const JsonbValue &one, const JsonbValue &other) { return compare_values(&one, &other) < 0; };
        if (!std::binary_search(node->sorted_choices.begin(), node->sorted_choices.end(), *value, before)) {
            const char *choices = node->choices_text;
            INTD_FAIL(place, psprintf("enum %s", choices), psprintf("must be one of %s", choices));
        }
    }
    if (node->constant != nullptr) {
        spend_on(value);
        if (compare_values(node->constant, value) != 0) {
            const char *constant = node->constant_text;
            INTD_FAIL(place, psprintf("const %s", constant), psprintf("must be %s", constant));
        }
    }
    if (value->type == jbvString)
        INTD_STEP(check_string(node, value, place));
    else if (value->type == jbvNumeric)
        INTD_STEP(check_number(node, value->val.numeric, place));
    else if (is_object(value))
        INTD_STEP(check_object(node, value, place));
    else if (is_array(value))
        INTD_STEP(check_array(node, value->val.binary.data, place));
    INTD_STEP(check_combinations(node, value, place));
    return valid;
}

bool Walk::too_few_or_many(int count, int least, int most, const char *least_name, const char *most_name,
                           const char *what, const JsonPlace *place) {
    bool valid = true;
    if (count < least)
        INTD_FAIL(place, psprintf("%s %d", least_name, least), psprintf("must have at least %d %s", least, what));
    if (count > most)
        INTD_FAIL(place, psprintf("%s %d", most_name, most), psprintf("must have at most %d %s", most, what));
    return valid;
}

bool Walk::check_string(const SchemaNode *node, const JsonbValue *value, const JsonPlace *place) {
    bool valid = true;
    std::string_view text = string_of(*value);
    spend_on(value);
    if (node->min_length > 0 || node->max_length < PG_INT32_MAX)
        INTD_STEP(too_few_or_many(pg_mbstrlen_with_len(text.data(), static_cast<int>(text.size())), node->min_length,
                                  node->max_length, "minLength", "maxLength", "characters", place));
    if (node->pattern != nullptr && !matches(node->pattern, text)) {
        std::string_view pattern = pattern_text(node->pattern);
        int length = static_cast<int>(pattern.size());
        INTD_FAIL(place, psprintf("pattern %.*s", length, pattern.data()),
                  psprintf("must match the pattern %.*s", length, pattern.data()));
    }
    if (node->format != nullptr && node->format->fits != nullptr && !node->format->fits(text))
        INTD_FAIL(place, psprintf("format %s", node->format->name),
                  psprintf("must have the format %s", node->format->name));
    return valid;
}

bool Walk::check_number(const SchemaNode *node, Numeric value, const JsonPlace *place) {
    struct Limit {
        Numeric number;
        const char *keyword;
        const char *text;
        bool (*allows)(int order);
    };
    const Limit limits[] = {
        {node->minimum, "minimum", "must be at least", [](int order) { return order >= 0; }},
        {node->maximum, "maximum", "must be at most", [](int order) { return order <= 0; }},
        {node->exclusive_minimum, "exclusiveMinimum", "must be greater than", [](int order) { return order > 0; }},
        {node->exclusive_maximum, "exclusiveMaximum", "must be less than", [](int order) { return order < 0; }},
    };
    bool valid = true;
    for (const Limit &limit : limits) {
        if (limit.number == nullptr || limit.allows(compare_numbers(value, limit.number)))
            continue;
        const char *number = stops() ? "" : write_number(limit.number);
        INTD_FAIL(place, psprintf("%s %s", limit.keyword, number), psprintf("%s %s", limit.text, number));
    }
    if (node->format != nullptr && node->format->fits_number != nullptr && !node->format->fits_number(value))
        INTD_FAIL(place, psprintf("format %s", node->format->name),
                  psprintf("must have the format %s", node->format->name));
    if (node->multiple_of != nullptr) {
        // which is all digits by all digits, and can't be interrupted
        spend(static_cast<double>(VARSIZE_ANY(value)) * static_cast<double>(VARSIZE_ANY(node->multiple_of)) / 1000);
        Datum rest = DirectFunctionCall2(numeric_mod, NumericGetDatum(value), NumericGetDatum(node->multiple_of));
        if (compare_numbers(DatumGetNumeric(rest), int64_to_numeric(0)) != 0) {
            const char *number = stops() ? "" : write_number(node->multiple_of);
            INTD_FAIL(place, psprintf("multipleOf %s", number), psprintf("must be a multiple of %s", number));
        }
    }
    return valid;
}

bool Walk::check_array(const SchemaNode *node, const JsonbContainer *array, const JsonPlace *place) {
    bool valid = true;
    INTD_STEP(too_few_or_many(static_cast<int>(JsonContainerSize(array)), node->min_items, node->max_items, "minItems",
                              "maxItems", "elements", place));
    if (node->items == nullptr && !node->is_tuple && node->contains == nullptr && !node->unique_items)
        return valid;
    JsonItems items = read_items(array);
    spend(items.count / 8);
    bool fit = check_items(node, items, place);
    pfree(items.begin_);
    INTD_STEP(fit);
    return valid;
}

bool Walk::check_items(const SchemaNode *node, const JsonItems &items, const JsonPlace *place) {
    bool valid = true;
    int contained = 0;
    for (int i = 0; i < items.count; i++) {
        const SchemaNode *element = !node->is_tuple         ? node->items
                                    : i < node->tuple.count ? node->tuple[i]
                                                            : node->additional_items;
        JsonPlace here = {place, {}, i};
        if (element != nullptr)
            INTD_STEP(check(element, &items.begin()[i], &here));
        if (node->contains != nullptr && (contained < node->min_contains || node->max_contains < PG_INT32_MAX))
            contained += fits(node->contains, &items.begin()[i]) ? 1 : 0;
    }
    if (node->contains != nullptr && contained < node->min_contains)
        INTD_FAIL(place, at(node->contains, "contains"),
                  node->min_contains == 1 ? psprintf("must have an element that fits %s", where(node->contains))
                                          : psprintf("must have at least %d elements that fit %s", node->min_contains,
                                                     where(node->contains)));
    if (node->contains != nullptr && contained > node->max_contains)
        INTD_FAIL(place, at(node->contains, "maxContains"),
                  psprintf("must have at most %d elements that fit %s", node->max_contains, where(node->contains)));
    if (node->unique_items && !is_unique(items))
        INTD_FAIL(place, "uniqueItems", "must not have an element twice");
    return valid;
}

bool Walk::is_unique(const JsonItems &items) {
    auto **sorted = static_cast<const JsonbValue **>(
        palloc_extended(sizeof(const JsonbValue *) * (items.count + 1), MCXT_ALLOC_HUGE));
    for (int i = 0; i < items.count; i++) {
        sorted[i] = &items.begin()[i];
        spend_on(sorted[i]);
    }
    std::sort(sorted, sorted + items.count,
              [](const JsonbValue *a, const JsonbValue *b) { return compare_values(a, b) < 0; });
    bool unique = true;
    for (int i = 1; i < items.count; i++)
        unique = unique && compare_values(sorted[i - 1], sorted[i]) != 0;
    pfree(sorted);
    return unique;
}

bool Walk::check_key(const SchemaNode *node, std::string_view key, const JsonbValue *value, const JsonPlace *place) {
    bool valid = true;
    spend(1);
    JsonPlace here = {place, key, -1};
    if (node->property_names != nullptr) {
        const JsonbValue name = string_value(key);
        if (!fits(node->property_names, &name))
            INTD_FAIL(&here, at(node->property_names, "propertyNames"),
                      psprintf("has a name that does not fit %s", where(node->property_names)));
    }
    const SchemaNode *property = node->property(key);
    bool additional = property == nullptr;
    if (property != nullptr)
        INTD_STEP(check(property, value, &here));
    for (const PatternNode &each : node->pattern_properties)
        if (matches(each.pattern, key)) {
            additional = false;
            INTD_STEP(check(each.node, value, &here));
        }
    if (additional && node->additional_properties != nullptr) {
        if (target_of(node->additional_properties)->never)
            INTD_FAIL(&here, at(node->additional_properties, "false"), "is not a property of the schema");
        else
            INTD_STEP(check(node->additional_properties, value, &here));
    }
    return valid;
}

bool Walk::check_object(const SchemaNode *node, const JsonbValue *value, const JsonPlace *place) {
    bool valid = true;
    JsonbContainer *object = value->val.binary.data;
    INTD_STEP(too_few_or_many(static_cast<int>(JsonContainerSize(object)), node->min_properties, node->max_properties,
                              "minProperties", "maxProperties", "properties", place));
    for (std::string_view name : node->required) {
        JsonbValue found;
        spend(1);
        if (getKeyJsonValueFromContainer(object, name.data(), static_cast<int>(name.size()), &found) != nullptr)
            continue;
        int length = static_cast<int>(name.size());
        INTD_FAIL(place, psprintf("required %.*s", length, name.data()),
                  psprintf("must have \"%.*s\"", length, name.data()), place->above == nullptr);
    }
    if (!node->properties.empty() || !node->pattern_properties.empty() || node->additional_properties != nullptr ||
        node->property_names != nullptr) {
        JsonFields fields = read_fields(object);
        spend(fields.count / 8);
        bool fit = check_keys(node, fields, place);
        pfree(fields.begin_);
        INTD_STEP(fit);
    }
    INTD_STEP(check_dependencies(node, value, place));
    return valid;
}

bool Walk::check_keys(const SchemaNode *node, const JsonFields &fields, const JsonPlace *place) {
    bool valid = true;
    for (const JsonField &field : fields)
        INTD_STEP(check_key(node, field.key, &field.value, place));
    return valid;
}

bool Walk::check_dependencies(const SchemaNode *node, const JsonbValue *value, const JsonPlace *place) {
    bool valid = true;
    JsonbContainer *object = value->val.binary.data;
    auto has = [&](std::string_view name) {
        JsonbValue found;
        spend(1);
        return getKeyJsonValueFromContainer(object, name.data(), static_cast<int>(name.size()), &found) != nullptr;
    };
    for (const Dependency &dependency : node->dependencies) {
        if (!has(dependency.name))
            continue;
        if (dependency.node != nullptr)
            INTD_STEP(check(dependency.node, value, place));
        for (std::string_view name : dependency.names) {
            if (has(name))
                continue;
            int length = static_cast<int>(name.size()), with = static_cast<int>(dependency.name.size());
            INTD_FAIL(
                place, psprintf("%s %.*s %.*s", dependency.keyword, with, dependency.name.data(), length, name.data()),
                psprintf("must have \"%.*s\" beside \"%.*s\"", length, name.data(), with, dependency.name.data()));
        }
    }
    return valid;
}

bool Walk::check_combinations(const SchemaNode *node, const JsonbValue *value, const JsonPlace *place) {
    bool valid = true;
    if (node->ref != nullptr)
        INTD_STEP(check(node->ref, value, place));
    for (const SchemaNode *each : node->all_of)
        INTD_STEP(check(each, value, place));
    if (!node->any_of.empty()) {
        bool found = false;
        for (const SchemaNode *each : node->any_of)
            found = found || fits(each, value);
        if (!found)
            INTD_FAIL(place, at(node, "anyOf"), psprintf("must fit one of %s/anyOf", where(node)));
    }
    if (!node->one_of.empty() && !fits_one(node, value))
        INTD_FAIL(place, at(node, "oneOf"), psprintf("must fit exactly one of %s/oneOf", where(node)));
    if (node->negated != nullptr && fits(node->negated, value, opposite()))
        INTD_FAIL(place, at(node, "not"), psprintf("must not fit %s", where(node->negated)));
    if (node->condition != nullptr)
        INTD_STEP(check_condition(node, value, place));
    return valid;
}

/// Exactly one of `oneOf`.
bool Walk::fits_one(const SchemaNode *node, const JsonbValue *value) {
    int surely = 0, perhaps = 0;
    for (const SchemaNode *each : node->one_of) {
        if (surely > 1)
            break;
        if (!fits(each, value, may))
            continue;
        perhaps++;
        if (passed_over_ == nullptr || fits(each, value, must))
            surely++;
    }
    return asked_ == may ? surely <= 1 && perhaps >= 1 : surely == 1 && perhaps == 1;
}

bool Walk::check_condition(const SchemaNode *node, const JsonbValue *value, const JsonPlace *place) {
    const bool perhaps = fits(node->condition, value, may);
    const bool surely = perhaps && (passed_over_ == nullptr || fits(node->condition, value, must));
    auto holds = [&](const SchemaNode *then) { return then == nullptr || fits(then, value); };
    if (perhaps && !surely && asked_ == may && holds(node->alternative))
        return true; // it may be as `else` wants it
    if (perhaps && !surely && asked_ == must && !holds(node->alternative))
        return false;
    const SchemaNode *then = perhaps ? node->consequence : node->alternative;
    return then == nullptr || check(then, value, place);
}

/// A key is checked by the root and by all that the root always adds to itself.
void check_alone(Walk &walk, const SchemaNode *node, std::string_view key, const JsonbValue *value) {
    check_stack_depth();
    node = target_of(node);
    walk.check_key(node, key, value, &document_root);
    if (node->ref != nullptr)
        check_alone(walk, node->ref, key, value);
    for (const SchemaNode *each : node->all_of)
        check_alone(walk, each, key, value);
}

/// Values that were built, not read, in the form of those that were read.
JsonbValue as_read(const JsonbValue &value) {
    if (value.type != jbvArray && value.type != jbvObject)
        return value;
    return value_of(JsonbValueToJsonb(const_cast<JsonbValue *>(&value)));
}

} // namespace

bool fits(const SchemaNode *node, const JsonbValue *value, int64 *steps) {
    Walk walk(nullptr, steps, nullptr);
    return walk.check(node, value, &document_root);
}

void Findings::add(const JsonPlace *place, const char *rule, const char *text, bool root_required) {
    std::string_view path = write_place(place, "");
    const char *subject = path.empty() ? whole : path.data();
    const char *line = psprintf("%s: %s", subject, text);
    spend(steps, 8.0 + static_cast<double>(path.size() + strlen(rule) + strlen(line)) / 16); // and memory
    list.add({path, rule, root_required, line});
}

void Findings::arrange() {
    std::sort(list.begin(), list.end());
    list.count = static_cast<int>(std::unique(list.begin(), list.end()) - list.begin());
}

void check_value(const SchemaNode *root, const JsonbValue *value, Findings *found) {
    Walk walk(found, found->steps, found->passed_over);
    walk.check(root, value, &document_root);
}

void check_key(const SchemaNode *root, std::string_view key, const JsonbValue &value, Findings *found) {
    JsonbValue read = as_read(value);
    Walk walk(found, found->steps, found->passed_over);
    check_alone(walk, root, key, &read);
}

} // namespace intd
