#include "jsonschema/place.hpp"

#include "postgres/memory.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
}

namespace intd {

std::string_view write_place(const JsonPlace *place, const char *prefix) {
    Growing<const JsonPlace *> steps;
    for (; place->above != nullptr; place = place->above)
        steps.add(place);
    StringInfoData text;
    initStringInfo(&text);
    appendStringInfoString(&text, prefix);
    for (int i = steps.count - 1; i >= 0; i--) {
        appendStringInfoChar(&text, '/');
        if (steps[i]->index >= 0) {
            appendStringInfo(&text, "%d", steps[i]->index);
            continue;
        }
        for (char c : steps[i]->key) {
            if (c == '~' || c == '/')
                appendStringInfoString(&text, c == '~' ? "~0" : "~1");
            else
                appendStringInfoChar(&text, c);
        }
    }
    // there may be many: without what a StringInfo keeps free
    std::string_view written = {pnstrdup(text.data, text.len), static_cast<size_t>(text.len)};
    pfree(text.data);
    if (steps.items != nullptr)
        pfree(steps.items);
    return written;
}

const char *shown_place(const JsonPlace *place, const char *prefix) {
    constexpr size_t most = 255; // bytes, as the ids of scopes
    std::string_view whole = write_place(place, prefix);
    return whole.size() <= most ? whole.data() : clipped(whole, most);
}

const char *clipped(std::string_view text, int most) {
    int length = static_cast<int>(text.size());
    if (length <= most)
        return pnstrdup(text.data(), length);
    return psprintf("%.*s...", pg_mbcliplen(text.data(), length, most), text.data());
}

} // namespace intd
