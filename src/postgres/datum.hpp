// Small conversions between Datums and C++ views.
#pragma once

#include "postgres/boundary.hpp"

namespace intd {

/// The bytes of a text value that is neither compressed nor out of line (tables.hpp and arguments give such).
inline std::string_view view(const text *value) {
    return {VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
}
inline std::string_view view(Datum value) {
    return view(reinterpret_cast<const text *>(DatumGetPointer(value)));
}

/// A text Datum in the current memory context.
inline Datum text_datum(std::string_view value) {
    return guard(
        [&] { return PointerGetDatum(cstring_to_text_with_len(value.data(), static_cast<int>(value.size()))); });
}

/// A name as a message shows it: of a very long one, the beginning.
const char *shown(std::string_view name);

/// A text[] Datum in the current memory context, in the order given.
Datum text_array(const std::pmr::vector<std::string_view> &values);

/// Argument n of a function as text, detoasted; none if it is NULL.
inline std::optional<std::string_view> text_argument(FunctionCallInfo fcinfo, int n) {
    if (PG_ARGISNULL(n))
        return std::nullopt;
    return view(guard([&] { return PG_GETARG_TEXT_PP(n); }));
}

/// A C string as a datum of type name's text: catalogue names and error texts.
inline std::string_view view(const char *value) {
    return std::string_view(value);
}

} // namespace intd
