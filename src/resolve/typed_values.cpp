#include "resolve/typed_values.hpp"

extern "C" {
#include "utils/numeric.h"
}

namespace intd {
namespace {

bool fits_bigint(Datum number) {
    return guard([&] {
        Datum least = DirectFunctionCall1(int8_numeric, Int64GetDatum(PG_INT64_MIN));
        Datum most = DirectFunctionCall1(int8_numeric, Int64GetDatum(PG_INT64_MAX));
        return DatumGetBool(DirectFunctionCall2(numeric_ge, number, least)) &&
               DatumGetBool(DirectFunctionCall2(numeric_le, number, most));
    });
}

/// The one type that a property has beside null, or nothing.
std::string_view only_type(const JsonbValue *type) {
    if (type == nullptr)
        return {};
    if (type->type == jbvString)
        return string_of(*type);
    if (type->type != jbvBinary)
        return {};
    std::string_view found;
    return guard([&]() -> std::string_view {
        JsonbIterator *iterator = JsonbIteratorInit(type->val.binary.data);
        JsonbValue element;
        JsonbIteratorToken token;
        while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE) {
            if (token != WJB_ELEM || element.type != jbvString)
                continue;
            std::string_view name(element.val.string.val, element.val.string.len);
            if (name == "null")
                continue;
            if (!found.empty())
                return {};
            found = name;
        }
        return found;
    });
}

/// Whether a limit of the schema is beyond bigint: who names one means to have such numbers.
bool allows_more_than_bigint(const JsonFields &keywords) {
    bool beyond = false;
    for (const char *keyword : {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}) {
        const JsonbValue *limit = keywords.find(keyword);
        if (limit != nullptr && limit->type == jbvNumeric)
            beyond = beyond || !fits_bigint(NumericGetDatum(limit->val.numeric));
    }
    return beyond;
}

} // namespace

Oid column_type(const JsonbValue *property) {
    if (property == nullptr || property->type != jbvBinary)
        return JSONBOID;
    const Jsonb *schema = to_jsonb(*property);
    if (!is_object(schema))
        return JSONBOID;
    const JsonFields keywords = fields_of(schema);
    std::string_view type = only_type(keywords.find("type"));
    return type == "string"    ? TEXTOID
           : type == "integer" ? (allows_more_than_bigint(keywords) ? NUMERICOID : INT8OID)
           : type == "number"  ? NUMERICOID
           : type == "boolean" ? BOOLOID
                               : JSONBOID;
}

bool is_column_type(Oid type) {
    return type == TEXTOID || type == INT8OID || type == NUMERICOID || type == BOOLOID || type == JSONBOID;
}

std::optional<Datum> column_from_json(Oid type, const JsonbValue *value) {
    if (value == nullptr || value->type == jbvNull)
        return std::nullopt;
    if (type == JSONBOID)
        return PointerGetDatum(to_jsonb(*value));
    if (type == TEXTOID && value->type == jbvString)
        return text_datum(string_of(*value));
    if (type == BOOLOID && value->type == jbvBool)
        return BoolGetDatum(value->val.boolean);
    if (value->type != jbvNumeric)
        return std::nullopt;
    Datum number = NumericGetDatum(value->val.numeric);
    if (type == NUMERICOID)
        return guard([&] { return datumCopy(number, false, -1); });
    if (type != INT8OID)
        return std::nullopt;
    if (!fits_bigint(number))
        return std::nullopt;
    return guard([&] { return DirectFunctionCall1(numeric_int8, number); });
}

JsonbValue json_from_column(Oid type, Datum value) {
    JsonbValue json;
    switch (type) {
    case TEXTOID:
        return string_value(view(value));
    case INT8OID:
    case NUMERICOID:
        json.type = jbvNumeric;
        json.val.numeric =
            guard([&] { return DatumGetNumeric(type == INT8OID ? DirectFunctionCall1(int8_numeric, value) : value); });
        return json;
    case BOOLOID:
        json.type = jbvBool;
        json.val.boolean = DatumGetBool(value);
        return json;
    default:
        return guard([&] { return value_of(jsonb_of(value)); });
    }
}

} // namespace intd
