// Arrays that statements take, whose items may be null.
#pragma once

#include "postgres/memory.hpp"
#include "postgres/query.hpp"

namespace intd {

/// Server code.
inline Datum array_of(const Growing<NullableDatum> &items, Oid type, bool by_value, int16 length, char align) {
    auto *values = static_cast<Datum *>(palloc(sizeof(Datum) * (items.count + 1)));
    auto *nulls = static_cast<bool *>(palloc(sizeof(bool) * (items.count + 1)));
    for (int i = 0; i < items.count; i++) {
        values[i] = items[i].value;
        nulls[i] = items[i].isnull;
    }
    int count = items.count, lower = 1;
    return PointerGetDatum(construct_md_array(values, nulls, 1, &count, &lower, type, length, by_value, align));
}

inline NullableDatum nullable(Value value) {
    return {value.value_or(static_cast<Datum>(0)), !value};
}
inline NullableDatum nullable(const Jsonb *json) {
    return {PointerGetDatum(json), json == nullptr};
}

} // namespace intd
