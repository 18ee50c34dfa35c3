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

/// Whether a value of variable length stands there as it is: neither out of line nor compressed.
inline bool is_plain(Datum value) {
    const auto *stored = reinterpret_cast<const struct varlena *>(DatumGetPointer(value));
    return !VARATT_IS_1B_E(stored) && !VARATT_IS_4B_C(stored);
}

/// Memory in the current context. Throws std::bad_alloc.
inline void *allocate(size_t size) {
    void *place = MemoryContextAllocExtended(CurrentMemoryContext, size, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
    if (place == nullptr)
        throw std::bad_alloc();
    return place;
}

/// A text Datum in the current memory context.
inline Datum text_datum(std::string_view value) {
    auto *text = static_cast<struct varlena *>(allocate(VARHDRSZ + value.size()));
    SET_VARSIZE(text, VARHDRSZ + value.size());
    if (!value.empty())
        memcpy(VARDATA(text), value.data(), value.size());
    return PointerGetDatum(text);
}

/// A copy in the current memory context.
inline Datum jsonb_datum(const Jsonb *value) {
    return PointerGetDatum(memcpy(allocate(VARSIZE(value)), value, VARSIZE(value)));
}

/// A name as a message shows it: of a very long one, the beginning. `most` bytes: as the ids of scopes have.
const char *shown(std::string_view name, int most = 255);

/// A text[] Datum in the current memory context, in the order given.
Datum text_array(const std::pmr::vector<std::string_view> &values);
/// The same of text Datums, with a null where `nulls` says so.
Datum text_array(const Datum *texts, const bool *nulls, int count);

/// The elements of a text[], without its nulls.
struct TextElements {
    Datum *begin_;
    int count;
    bool has_nulls, is_nested; // of more than one dimension

    const Datum *begin() const { return begin_; }
    const Datum *end() const { return begin_ + count; }
};

/// Reads an array into the current memory context; 0: none. Server code.
TextElements text_elements(Datum array);
/// The number of its elements. Server code.
int count_elements(Datum array);

/// Argument n of a function as text, detoasted; none if it is NULL.
inline std::optional<std::string_view> text_argument(FunctionCallInfo fcinfo, int n) {
    if (PG_ARGISNULL(n))
        return std::nullopt;
    Datum given = PG_GETARG_DATUM(n);
    if (!is_plain(given))
        given = guard([&] { return PointerGetDatum(PG_DETOAST_DATUM_PACKED(given)); });
    return view(given);
}

/// What the receive function of a type whose form is a text was sent; none if somebody has called it with nothing.
std::optional<std::string_view> received_text(FunctionCallInfo fcinfo);
/// What the send function of such a type gives.
Datum sent_text(std::string_view text);

/// A C string as a datum of type name's text: catalogue names and error texts.
inline std::string_view view(const char *value) {
    return std::string_view(value);
}

} // namespace intd
