#include "catalog/place.hpp"

#include "postgres/memory.hpp"

extern "C" {
#include "lib/stringinfo.h"
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
    return {text.data, static_cast<size_t>(text.len)};
}

} // namespace intd
