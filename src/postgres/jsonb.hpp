// Reading, comparing and building jsonb.
#pragma once

#include "postgres/datum.hpp"

namespace intd {

/// One key of an object and its value. Both point into the object that they were read from; a nested value is
/// jbvBinary.
struct JsonField {
    std::string_view key;
    JsonbValue value;
};

/// The fields of a jsonb object, in its own order (by length, then bytes). In the current memory context.
struct JsonFields {
    JsonField *begin_;
    int count;
    const JsonField *begin() const { return begin_; }
    const JsonField *end() const { return begin_ + count; }
    /// The value of a key, or null.
    const JsonbValue *find(std::string_view key) const;
};

bool is_object(const Jsonb *json);

/// `json` must be an object.
JsonFields fields_of(const Jsonb *json);

/// The same of an object inside a value, for server code: raises reports.
JsonFields read_fields(const JsonbContainer *object);

/// The elements of an array, nested values as jbvBinary. Server code: raises reports.
struct JsonItems {
    JsonbValue *begin_;
    int count;
    const JsonbValue *begin() const { return begin_; }
    const JsonbValue *end() const { return begin_ + count; }
};
JsonItems read_items(const JsonbContainer *array);

/// The bytes of a string. `value` must be one.
inline std::string_view string_of(const JsonbValue &value) {
    return {value.val.string.val, static_cast<size_t>(value.val.string.len)};
}

/// A string of these bytes, which it points to.
inline JsonbValue string_value(std::string_view text) {
    JsonbValue value;
    value.type = jbvString;
    value.val.string.val = const_cast<char *>(text.data());
    value.val.string.len = static_cast<int>(text.size());
    return value;
}

/// Whether two values are equal as jsonb's operator = sees them.
bool same_json(const JsonbValue *a, const JsonbValue *b);

/// Builds an object; keys may come in any order, of equal ones the last wins.
class ObjectBuilder {
  public:
    ObjectBuilder();
    void add(std::string_view key, const JsonbValue &value);
    void add(std::string_view key, std::string_view string);
    Jsonb *finish();

  private:
    JsonbParseState *state_ = nullptr;
};

/// A value as a jsonb of its own.
Jsonb *to_jsonb(const JsonbValue &value);

/// A whole jsonb as a value, in the form in which a field's value is read. It points into the jsonb. Server code.
JsonbValue value_of(const Jsonb *json);

inline const Jsonb *jsonb_of(Datum datum) {
    return reinterpret_cast<const Jsonb *>(DatumGetPointer(datum));
}

} // namespace intd
