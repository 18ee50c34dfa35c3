#include "postgres/datum.hpp"

extern "C" {
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
}

namespace intd {

const char *shown(std::string_view name, int most) {
    if (name.size() <= static_cast<size_t>(most))
        return cat(name);
    int length = guard([&] { return pg_mbcliplen(name.data(), static_cast<int>(name.size()), most); });
    return cat(name.substr(0, length), "...");
}

Datum text_array(const std::pmr::vector<std::string_view> &values) {
    return guard([&] {
        auto *datums = static_cast<Datum *>(palloc(sizeof(Datum) * (values.size() + 1)));
        int n = 0;
        for (std::string_view value : values)
            datums[n++] = PointerGetDatum(cstring_to_text_with_len(value.data(), static_cast<int>(value.size())));
        return PointerGetDatum(construct_array(datums, n, TEXTOID, -1, false, TYPALIGN_INT));
    });
}

Datum text_array(const Datum *texts, const bool *nulls, int count) {
    return guard([&] {
        int lower = 1;
        return PointerGetDatum(construct_md_array(const_cast<Datum *>(texts), const_cast<bool *>(nulls), 1, &count,
                                                  &lower, TEXTOID, -1, false, TYPALIGN_INT));
    });
}

TextElements text_elements(Datum array) {
    TextElements found = {nullptr, 0, false, false};
    if (array == 0)
        return found;
    ArrayType *read = DatumGetArrayTypeP(array);
    found.is_nested = ARR_NDIM(read) > 1;
    bool *nulls;
    int all;
    deconstruct_array(read, TEXTOID, -1, false, TYPALIGN_INT, &found.begin_, &nulls, &all);
    for (int i = 0; i < all; i++)
        if (!nulls[i])
            found.begin_[found.count++] = found.begin_[i];
    found.has_nulls = found.count < all;
    return found;
}

int count_elements(Datum array) {
    if (array == 0)
        return 0;
    ArrayType *read = DatumGetArrayTypeP(array);
    return ArrayGetNItems(ARR_NDIM(read), ARR_DIMS(read));
}

std::optional<std::string_view> received_text(FunctionCallInfo fcinfo) {
    auto *buffer = reinterpret_cast<StringInfo>(PG_GETARG_POINTER(0));
    if (buffer == nullptr)
        return std::nullopt;
    int length = 0;
    const char *text = guard([&] { return pq_getmsgtext(buffer, buffer->len - buffer->cursor, &length); });
    return std::string_view(text, static_cast<size_t>(length));
}

Datum sent_text(std::string_view text) {
    return guard([&] {
        StringInfoData buffer;
        pq_begintypsend(&buffer);
        pq_sendtext(&buffer, text.data(), static_cast<int>(text.size()));
        return PointerGetDatum(pq_endtypsend(&buffer));
    });
}

} // namespace intd
