#include "jsonschema/code_points.hpp"

namespace intd {

std::string_view to_utf8(std::string_view text) {
    if (GetDatabaseEncoding() == PG_UTF8 || text.empty())
        return text;
    auto *given = reinterpret_cast<unsigned char *>(const_cast<char *>(text.data()));
    auto *utf8 = reinterpret_cast<const char *>(
        pg_do_encoding_conversion(given, static_cast<int>(text.size()), GetDatabaseEncoding(), PG_UTF8));
    CHECK_FOR_INTERRUPTS();
    return utf8 == text.data() ? text : std::string_view(utf8);
}

CodePoints code_points(std::string_view text) {
    const std::string_view utf8 = to_utf8(text);
    const int length = static_cast<int>(utf8.size());
    CHECK_FOR_INTERRUPTS();
    CodePoints points;
    points.begin = static_cast<pg_wchar *>(palloc_extended((length + 1) * sizeof(pg_wchar), MCXT_ALLOC_HUGE));
    points.count = pg_encoding_mb2wchar_with_len(PG_UTF8, utf8.data(), points.begin, length);
    return points;
}

} // namespace intd
