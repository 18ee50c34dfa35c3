#include "jsonschema/idn.hpp"

extern "C" {
#include "common/unicode_norm.h"
}

namespace intd {
namespace {

struct Range {
    pg_wchar first, last;
};

// Neither letters nor digits of any script: symbols, punctuation, what is not assigned for good.
constexpr Range symbols[] = {{0x80, 0xB6},     {0xB8, 0xBF},     {0xD7, 0xD7},       {0xF7, 0xF7},
                             {0x640, 0x640},   {0x7FA, 0x7FA},   {0x2000, 0x200B},   {0x200E, 0x2BFF},
                             {0x2E00, 0x2E2E}, {0x2E30, 0x3004}, {0x3008, 0x3029},   {0x302E, 0x303B},
                             {0x303D, 0x3040}, {0xD800, 0xF8FF}, {0xFE00, 0xFE1F},   {0xFE30, 0xFE72},
                             {0xFE74, 0xFE75}, {0xFEFD, 0xFFFF}, {0x1F000, 0x1FAFF}, {0xE0000, 0x10FFFF}};
// Combining characters of the scripts most used: marks, which may not begin a label.
constexpr Range marks[] = {{0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},   {0x610, 0x61A},   {0x64B, 0x65F},
                           {0x670, 0x670},   {0x6D6, 0x6DC},   {0x900, 0x903},   {0x93A, 0x93C},   {0x93E, 0x94F},
                           {0x981, 0x983},   {0x9BE, 0x9CD},   {0xA01, 0xA03},   {0xA3C, 0xA51},   {0xA81, 0xA83},
                           {0xABE, 0xACD},   {0xB01, 0xB03},   {0xB3E, 0xB57},   {0xB82, 0xB82},   {0xBBE, 0xBCD},
                           {0xC00, 0xC04},   {0xC3E, 0xC56},   {0xC81, 0xC83},   {0xCBE, 0xCD6},   {0xD00, 0xD03},
                           {0xD3E, 0xD4D},   {0xE31, 0xE31},   {0xE34, 0xE3A},   {0xE47, 0xE4E},   {0x302A, 0x302F},
                           {0x3099, 0x309A}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF}, {0xFE20, 0xFE2F}};
// After one of these (viramas) a joiner may stand.
constexpr pg_wchar viramas[] = {0x94D, 0x9CD, 0xA4D, 0xACD, 0xB4D, 0xBCD, 0xC4D, 0xCCD, 0xD4D, 0xDCA, 0x1039, 0x17D2};

template <size_t n>
bool is_in(pg_wchar c, const Range (&ranges)[n]) {
    return std::any_of(std::begin(ranges), std::end(ranges),
                       [c](const Range &range) { return range.first <= c && c <= range.last; });
}

bool is_joining(pg_wchar c) { // Arabic and its like, where a non-joiner parts letters
    return c >= 0x620 && c <= 0x8FF;
}

/// RFC 5892, appendix A.
bool fits_context(const pg_wchar *label, int count, int at) {
    const pg_wchar before = at > 0 ? label[at - 1] : 0, after = at + 1 < count ? label[at + 1] : 0;
    auto any = [&](pg_wchar first, pg_wchar last) {
        return std::any_of(label, label + count, [=](pg_wchar c) { return first <= c && c <= last; });
    };
    switch (label[at]) {
    case 0x200C: // zero width non-joiner, joiner
    case 0x200D:
        return std::find(std::begin(viramas), std::end(viramas), before) != std::end(viramas) ||
               (label[at] == 0x200C && is_joining(before) && is_joining(after));
    case 0xB7: // middle dot
        return before == 'l' && after == 'l';
    case 0x375: // Greek keraia
        return (after >= 0x370 && after <= 0x3FF) || (after >= 0x1F00 && after <= 0x1FFF);
    case 0x5F3: // Hebrew geresh, gershayim
    case 0x5F4:
        return before >= 0x590 && before <= 0x5FF;
    case 0x30FB: // katakana middle dot
        return any(0x3041, 0x309F) || any(0x30A1, 0x30FA) || any(0x30FC, 0x30FF) || any(0x3400, 0x9FFF) ||
               any(0x3005, 0x3007);
    default:
        if (label[at] >= 0x660 && label[at] <= 0x669) // two kinds of digits
            return !any(0x6F0, 0x6F9);
        return true;
    }
}

/// The length of a label as RFC 3492 encodes it, with its prefix, or more than 63.
int encoded_length(const pg_wchar *label, int count) {
    constexpr int base = 36, least = 1, most = 26;
    int length = 4, basic = 0;
    for (int i = 0; i < count; i++)
        basic += label[i] < 0x80 ? 1 : 0;
    length += basic > 0 ? basic + 1 : 0;
    uint64 n = 0x80, delta = 0, bias = 72;
    for (int handled = basic; handled < count; n++, delta++) {
        pg_wchar next = PG_UINT32_MAX;
        for (int i = 0; i < count; i++)
            next = label[i] >= n ? std::min(next, label[i]) : next;
        delta += (next - n) * static_cast<uint64>(handled + 1);
        n = next;
        for (int i = 0; i < count; i++) {
            delta += label[i] < n ? 1 : 0;
            if (label[i] != n)
                continue;
            uint64 rest = delta;
            for (uint64 k = base;; k += base) {
                const uint64 threshold = k <= bias ? least : std::min<uint64>(k - bias, most);
                length++;
                if (rest < threshold)
                    break;
                rest = (rest - threshold) / (base - threshold);
            }
            delta = handled == basic ? delta / 700 : delta / 2;
            handled++;
            delta += delta / static_cast<uint64>(handled);
            uint64 k = 0;
            for (; delta > (base - least) * most / 2; k += base)
                delta /= base - least;
            bias = k + (base - least + 1) * delta / (delta + 38);
            delta = 0;
        }
    }
    return length;
}

/// Whether it is as normalizing it would make it.
bool is_normal(const pg_wchar *label, int count) {
    auto *copy = static_cast<pg_wchar *>(palloc(sizeof(pg_wchar) * (static_cast<size_t>(count) + 1)));
    memcpy(copy, label, sizeof(pg_wchar) * static_cast<size_t>(count));
    copy[count] = 0;
    pg_wchar *normal = unicode_normalize(UNICODE_NFKC, copy);
    int length = 0;
    while (normal[length] != 0)
        length++;
    const bool same = length == count && memcmp(normal, label, sizeof(pg_wchar) * static_cast<size_t>(count)) == 0;
    pfree(normal);
    pfree(copy);
    return same;
}

/// The length in its encoded form, 0 if it can't be a label.
int label_length(const pg_wchar *label, int count) {
    if (count < 1 || count > 63 || label[0] == '-' || label[count - 1] == '-')
        return 0;
    const bool encoded = count > 4 && (label[0] | 0x20) == 'x' && (label[1] | 0x20) == 'n';
    bool is_ascii = true;
    for (int i = 0; i < count; i++) {
        const pg_wchar c = label[i], lower = c | 0x20;
        is_ascii = is_ascii && c < 0x80;
        if (c < 0x80 && c != '-' && !(c >= '0' && c <= '9') && !(lower >= 'a' && lower <= 'z'))
            return 0;
        if (c >= 0x80 && (is_in(c, symbols) || !fits_context(label, count, i)))
            return 0;
    }
    if (count >= 4 && label[2] == '-' && label[3] == '-' && !(encoded && is_ascii))
        return 0;
    if (is_ascii)
        return count;
    if (is_in(label[0], marks) || !is_normal(label, count))
        return 0;
    const int length = encoded_length(label, count);
    return length <= 63 ? length : 0;
}

} // namespace

bool is_idn_hostname(std::string_view text) {
    constexpr size_t longest = 253 * 4; // bytes; no more characters than an encoded name has
    if (text.empty() || text.size() > longest)
        return false;
    const CodePoints points = code_points(text);
    auto is_dot = [](pg_wchar c) { return c == '.' || c == 0x3002 || c == 0xFF0E || c == 0xFF61; };
    int length = -1;
    bool valid = true;
    for (int start = 0, i = 0; valid && i <= points.count; i++) {
        if (i < points.count && !is_dot(points.begin[i]))
            continue;
        const int label = label_length(points.begin + start, i - start);
        valid = label > 0;
        length += label + 1;
        start = i + 1;
    }
    pfree(points.begin);
    return valid && length <= 253;
}

} // namespace intd
