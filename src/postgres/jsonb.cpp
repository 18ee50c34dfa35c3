#include "postgres/jsonb.hpp"

extern "C" {
#include "utils/numeric.h"
}

namespace intd {

const JsonbValue *JsonFields::find(std::string_view key) const {
    // objects are sorted by length, then bytes
    auto before = [](const JsonField &field, std::string_view wanted) {
        return field.key.size() != wanted.size() ? field.key.size() < wanted.size() : field.key < wanted;
    };
    const JsonField *found = std::lower_bound(begin(), end(), key, before);
    return found != end() && found->key == key ? &found->value : nullptr;
}

bool is_object(const Jsonb *json) {
    return JB_ROOT_IS_OBJECT(json);
}

JsonFields fields_of(const Jsonb *json) {
    return guard([&] { return read_fields(&json->root); });
}

JsonFields read_fields(const JsonbContainer *object) {
    JsonFields fields = {nullptr, 0};
    fields.begin_ =
        static_cast<JsonField *>(palloc_extended(sizeof(JsonField) * (JsonContainerSize(object) + 1), MCXT_ALLOC_HUGE));
    JsonbIterator *iterator = JsonbIteratorInit(const_cast<JsonbContainer *>(object));
    JsonbValue value;
    JsonbIteratorToken token;
    while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE) {
        if (token == WJB_KEY)
            fields.begin_[fields.count].key = string_of(value);
        else if (token == WJB_VALUE)
            fields.begin_[fields.count++].value = value;
    }
    return fields;
}

JsonItems read_items(const JsonbContainer *array) {
    JsonItems items = {nullptr, 0};
    items.begin_ = static_cast<JsonbValue *>(
        palloc_extended(sizeof(JsonbValue) * (JsonContainerSize(array) + 1), MCXT_ALLOC_HUGE));
    JsonbIterator *iterator = JsonbIteratorInit(const_cast<JsonbContainer *>(array));
    JsonbValue value;
    JsonbIteratorToken token;
    while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
        if (token == WJB_ELEM)
            items.begin_[items.count++] = value;
    return items;
}

bool same_json(const JsonbValue *a, const JsonbValue *b) {
    if (a == nullptr || b == nullptr)
        return a == b;
    auto is_built = [](const JsonbValue *value) { return value->type == jbvArray || value->type == jbvObject; };
    if (is_built(a) || is_built(b))
        return guard([&] {
            Jsonb *one = JsonbValueToJsonb(const_cast<JsonbValue *>(a));
            Jsonb *other = JsonbValueToJsonb(const_cast<JsonbValue *>(b));
            return compareJsonbContainers(&one->root, &other->root) == 0;
        });
    if (a->type != b->type)
        return false;
    switch (a->type) { // there may be many: nothing is allocated
    case jbvNull:
        return true;
    case jbvBool:
        return a->val.boolean == b->val.boolean;
    case jbvString:
        return a->val.string.len == b->val.string.len &&
               memcmp(a->val.string.val, b->val.string.val, a->val.string.len) == 0;
    case jbvNumeric:
        return guard([&] {
            return DatumGetBool(
                DirectFunctionCall2(numeric_eq, NumericGetDatum(a->val.numeric), NumericGetDatum(b->val.numeric)));
        });
    default:
        return guard([&] {
            CHECK_FOR_INTERRUPTS();
            return compareJsonbContainers(a->val.binary.data, b->val.binary.data) == 0;
        });
    }
}

ObjectBuilder::ObjectBuilder() {
    guard([this] { pushJsonbValue(&state_, WJB_BEGIN_OBJECT, nullptr); });
}

void ObjectBuilder::add(std::string_view key, const JsonbValue &value) {
    guard([&] {
        JsonbValue name = string_value(key);
        pushJsonbValue(&state_, WJB_KEY, &name);
        pushJsonbValue(&state_, WJB_VALUE, const_cast<JsonbValue *>(&value));
    });
}

void ObjectBuilder::add(std::string_view key, std::string_view string) {
    add(key, string_value(string));
}

Jsonb *ObjectBuilder::finish() {
    return guard([this] { return JsonbValueToJsonb(pushJsonbValue(&state_, WJB_END_OBJECT, nullptr)); });
}

Jsonb *to_jsonb(const JsonbValue &value) {
    return guard([&] { return JsonbValueToJsonb(const_cast<JsonbValue *>(&value)); });
}

JsonbValue value_of(const Jsonb *json) {
    auto *root = const_cast<JsonbContainer *>(&json->root);
    JsonbValue value;
    if (JB_ROOT_IS_SCALAR(json)) {
        JsonbExtractScalar(root, &value);
        return value;
    }
    value.type = jbvBinary;
    value.val.binary.data = root;
    value.val.binary.len = VARSIZE(json) - VARHDRSZ;
    return value;
}

} // namespace intd
