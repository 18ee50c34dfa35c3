#include "jsonschema/format.hpp"

#include "jsonschema/code_points.hpp"
#include "jsonschema/compile.hpp"
#include "jsonschema/idn.hpp"
#include "jsonschema/pattern.hpp"

namespace intd {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_one_of(char c, std::string_view set) {
    return set.find(c) != std::string_view::npos;
}

/// What is left of a text while it is taken apart.
struct Rest {
    std::string_view text;

    bool empty() const { return text.empty(); }
    bool take(char c) {
        bool found = !text.empty() && text.front() == c;
        text.remove_prefix(found ? 1 : 0);
        return found;
    }
    bool take_any(std::string_view set) {
        bool found = !text.empty() && is_one_of(text.front(), set);
        text.remove_prefix(found ? 1 : 0);
        return found;
    }
    /// Exactly `count` digits as a number, or -1.
    int number(int count) {
        int value = 0;
        for (int i = 0; i < count; i++) {
            if (text.empty() || !is_digit(text.front()))
                return -1;
            value = value * 10 + (text.front() - '0');
            text.remove_prefix(1);
        }
        return value;
    }
    /// What stands before the first of the characters, or all.
    std::string_view until(std::string_view set) {
        std::string_view part = text.substr(0, text.find_first_of(set));
        text.remove_prefix(part.size());
        return part;
    }
};

// -- RFC 3339

bool take_date(Rest &rest) {
    int year = rest.number(4);
    if (year < 0 || !rest.take('-'))
        return false;
    int month = rest.number(2);
    if (month < 1 || month > 12 || !rest.take('-'))
        return false;
    int day = rest.number(2);
    constexpr int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day >= 1 && day <= lengths[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool take_time(Rest &rest) {
    int hour = rest.number(2);
    if (hour < 0 || hour > 23 || !rest.take(':'))
        return false;
    int minute = rest.number(2);
    if (minute < 0 || minute > 59 || !rest.take(':'))
        return false;
    int second = rest.number(2);
    if (second < 0 || second > 60)
        return false;
    if (rest.take('.')) {
        if (rest.number(1) < 0)
            return false;
        while (rest.number(1) >= 0)
            ;
    }
    int offset = 0; // minutes
    if (!rest.take_any("zZ")) {
        bool east = rest.take('+');
        if (!east && !rest.take('-'))
            return false;
        int hours = rest.number(2);
        if (hours < 0 || hours > 23 || !rest.take(':'))
            return false;
        int minutes = rest.number(2);
        if (minutes < 0 || minutes > 59)
            return false;
        offset = (hours * 60 + minutes) * (east ? 1 : -1);
    }
    // a leap second is the last of a day of UTC
    return second < 60 || (hour * 60 + minute - offset + 2880) % 1440 == 1439;
}

bool is_date(std::string_view text) {
    Rest rest = {text};
    return take_date(rest) && rest.empty();
}

bool is_time(std::string_view text) {
    Rest rest = {text};
    return take_time(rest) && rest.empty();
}

bool is_date_time(std::string_view text) {
    Rest rest = {text};
    return take_date(rest) && rest.take_any("tT") && take_time(rest) && rest.empty();
}

/// RFC 3339, appendix A: weeks, or other units from years down to seconds.
bool is_duration(std::string_view text) {
    Rest rest = {text};
    if (!rest.take('P'))
        return false;
    std::string_view units = "YMD";
    bool any = false;
    for (bool in_time = false;;) {
        if (!in_time && rest.take('T')) {
            in_time = true;
            any = false;
            units = "HMS";
        }
        if (rest.empty())
            return any;
        if (rest.number(1) < 0)
            return false;
        while (rest.number(1) >= 0)
            ;
        if (rest.empty())
            return false;
        if (!any && !in_time && rest.take('W'))
            return rest.empty();
        const size_t unit = units.find(rest.text.front());
        if (unit == std::string_view::npos)
            return false;
        rest.take(rest.text.front());
        units.remove_prefix(unit + 1);
        any = true;
    }
}

// -- addresses

/// RFC 1123, section 2.1.
bool is_hostname(std::string_view text) {
    if (text.empty() || text.size() > 253)
        return false;
    Rest rest = {text};
    do {
        std::string_view label = rest.until(".");
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
            return false;
        for (char c : label)
            if (!is_letter(c) && !is_digit(c) && c != '-')
                return false;
    } while (rest.take('.'));
    return true;
}

/// RFC 2673, section 3.2; a leading zero would be octal to some.
bool is_ipv4(std::string_view text) {
    Rest rest = {text};
    for (int i = 0; i < 4; i++) {
        std::string_view part = rest.until(".");
        if (part.empty() || part.size() > 3 || (part.size() > 1 && part.front() == '0') || (i < 3 && !rest.take('.')))
            return false;
        Rest digits = {part};
        int value = digits.number(static_cast<int>(part.size()));
        if (value < 0 || value > 255)
            return false;
    }
    return rest.empty();
}

/// RFC 4291, section 2.2.
bool is_ipv6(std::string_view text) {
    int groups = 0;
    bool gap = false;
    Rest rest = {text};
    if (rest.take(':')) { // only as a part of ::
        if (rest.empty() || rest.text.front() != ':')
            return false;
        rest.take(':');
        gap = true;
    }
    while (!rest.empty()) {
        std::string_view part = rest.until(":");
        if (rest.empty() && is_one_of('.', part)) { // the last 32 bits as an IPv4 address
            if (!is_ipv4(part))
                return false;
            groups += 2;
            break;
        }
        if (part.empty() || part.size() > 4 || !std::all_of(part.begin(), part.end(), is_hex))
            return false;
        groups++;
        if (!rest.take(':'))
            break;
        if (rest.take(':')) {
            if (gap)
                return false;
            gap = true;
        } else if (rest.empty())
            return false;
    }
    return gap ? groups < 8 : groups == 8;
}

/// RFC 5321, section 4.1.2: local-part@domain. `beyond_ascii`: with what RFC 6531 adds, in UTF-8.
bool is_email(std::string_view text, bool beyond_ascii) {
    size_t at = text.rfind('@');
    if (at == std::string_view::npos || at == 0 || at > 64 || text.size() > 254)
        return false;
    auto is_beyond = [=](char c) { return beyond_ascii && static_cast<unsigned char>(c) >= 0x80; };
    std::string_view local = text.substr(0, at), domain = text.substr(at + 1);
    if (local.front() == '"') {
        if (local.size() < 2 || local.back() != '"')
            return false;
        local = local.substr(1, local.size() - 2);
        for (size_t i = 0; i < local.size(); i++) {
            if (local[i] == '"' || (local[i] == '\\' && ++i == local.size()))
                return false;
            if (!is_beyond(local[i]) && (local[i] < ' ' || local[i] > '~'))
                return false;
        }
    } else {
        Rest rest = {local};
        do {
            std::string_view atom = rest.until(".");
            if (atom.empty())
                return false;
            for (char c : atom)
                if (!is_letter(c) && !is_digit(c) && !is_one_of(c, "!#$%&'*+-/=?^_`{|}~") && !is_beyond(c))
                    return false;
        } while (rest.take('.'));
    }
    if (domain.size() > 2 && domain.front() == '[' && domain.back() == ']') {
        std::string_view literal = domain.substr(1, domain.size() - 2);
        return is_ipv4(literal) || (literal.substr(0, 5) == "IPv6:" && is_ipv6(literal.substr(5)));
    }
    return beyond_ascii ? is_idn_hostname(domain) : is_hostname(domain);
}

bool is_email(std::string_view text) {
    return is_email(text, false);
}
bool is_idn_email(std::string_view text) {
    return is_email(to_utf8(text), true);
}

// -- RFC 3986

constexpr std::string_view sub_delimiters = "!$&'()*+,;=";

/// Whether all characters are unreserved, sub-delimiters, percent-encoded, or among `others`. In an IRI
/// (`beyond_ascii`) others than those of ASCII are, too: is_iri_or_reference() has looked at them.
bool is_uri_text(std::string_view text, std::string_view others, bool beyond_ascii) {
    for (size_t i = 0; i < text.size(); i++) {
        char c = text[i];
        if (c == '%') {
            if (text.size() - i < 3 || !is_hex(text[i + 1]) || !is_hex(text[i + 2]))
                return false;
            i += 2;
        } else if (!is_letter(c) && !is_digit(c) && !is_one_of(c, "-._~") && !is_one_of(c, sub_delimiters) &&
                   !is_one_of(c, others) && !(beyond_ascii && static_cast<unsigned char>(c) >= 0x80))
            return false;
    }
    return true;
}

bool is_authority(std::string_view text, bool beyond_ascii) {
    size_t at = text.find('@');
    if (at != std::string_view::npos) {
        if (!is_uri_text(text.substr(0, at), ":", beyond_ascii))
            return false;
        text.remove_prefix(at + 1);
    }
    std::string_view port;
    if (!text.empty() && text.front() == '[') {
        size_t close = text.find(']');
        if (close == std::string_view::npos)
            return false;
        std::string_view literal = text.substr(1, close - 1);
        bool future = literal.size() > 3 && is_one_of(literal[0], "vV") &&
                      literal.find('.') != std::string_view::npos && is_uri_text(literal, ":", false);
        if (!future && !is_ipv6(literal))
            return false;
        port = text.substr(close + 1);
        if (!port.empty() && port.front() != ':')
            return false;
    } else {
        size_t colon = text.find(':');
        if (!is_uri_text(text.substr(0, colon), "", beyond_ascii))
            return false;
        port = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
    }
    return port.empty() || std::all_of(port.begin() + 1, port.end(), is_digit);
}

/// A URI, or a reference to one, which may lack its scheme.
bool is_uri_or_reference(std::string_view text, bool must_have_scheme, bool beyond_ascii) {
    size_t end = 0;
    while (end < text.size() &&
           (is_letter(text[end]) || (end > 0 && (is_digit(text[end]) || is_one_of(text[end], "+-.")))))
        end++;
    bool has_scheme = end > 0 && end < text.size() && text[end] == ':';
    if (must_have_scheme && !has_scheme)
        return false;
    Rest rest = {has_scheme ? text.substr(end + 1) : text};
    if (rest.text.substr(0, 2) == "//") {
        rest.text.remove_prefix(2);
        if (!is_authority(rest.until("/?#"), beyond_ascii))
            return false;
    }
    std::string_view path = rest.until("?#");
    // without a scheme, what stands before a colon in the first segment would be taken for one
    if (!has_scheme && path.substr(0, path.find('/')).find(':') != std::string_view::npos)
        return false;
    if (!is_uri_text(path, ":@/", beyond_ascii))
        return false;
    if (rest.take('?') && !is_uri_text(rest.until("#"), ":@/?", beyond_ascii))
        return false;
    return !rest.take('#') || is_uri_text(rest.text, ":@/?", beyond_ascii);
}

bool is_uri(std::string_view text) {
    return is_uri_or_reference(text, true, false);
}
bool is_uri_reference(std::string_view text) {
    return is_uri_or_reference(text, false, false);
}

/// The characters that RFC 3987 adds: `ucschar`, and in a query `iprivate`.
bool may_be_in_iri(pg_wchar c, bool in_query) {
    if (c < 0x80)
        return true;
    if ((c >= 0xE000 && c <= 0xF8FF) || (c >= 0xF0000 && (c & 0xFFFF) <= 0xFFFD))
        return in_query;
    return c >= 0xA0 && (c & 0xFFFE) != 0xFFFE && !(c >= 0xFDD0 && c <= 0xFDEF) && !(c >= 0xFFF0 && c <= 0xFFFF) &&
           !(c >= 0xE0000 && c <= 0xE0FFF);
}

bool is_iri_or_reference(std::string_view text, bool must_have_scheme) {
    const CodePoints points = code_points(text);
    bool in_query = false, valid = true;
    for (int i = 0; valid && i < points.count; i++) {
        const pg_wchar c = points.begin[i];
        in_query = (in_query || c == '?') && c != '#';
        valid = may_be_in_iri(c, in_query);
    }
    pfree(points.begin);
    return valid && is_uri_or_reference(to_utf8(text), must_have_scheme, true);
}

bool is_iri(std::string_view text) {
    return is_iri_or_reference(text, true);
}
bool is_iri_reference(std::string_view text) {
    return is_iri_or_reference(text, false);
}

/// RFC 6570: what stands between the braces of a template.
bool is_template_expression(Rest rest) {
    rest.take_any("+#./;?&=,!@|");
    do {
        bool after_dot = true;
        for (; !rest.empty() && !is_one_of(rest.text.front(), ",:*"); rest.text.remove_prefix(1)) {
            const char c = rest.text.front();
            if (c == '.' && after_dot)
                return false;
            after_dot = c == '.';
            if (c == '%') {
                if (rest.text.size() < 3 || !is_hex(rest.text[1]) || !is_hex(rest.text[2]))
                    return false;
                rest.text.remove_prefix(2);
            } else if (!is_letter(c) && !is_digit(c) && c != '_' && c != '.')
                return false;
        }
        if (after_dot) // or no name at all
            return false;
        if (rest.take(':')) { // a length from 1 to 9999
            const std::string_view length = rest.until(",");
            if (length.empty() || length.size() > 4 || length.front() == '0' ||
                !std::all_of(length.begin(), length.end(), is_digit))
                return false;
        } else
            rest.take('*');
    } while (rest.take(','));
    return rest.empty();
}

bool is_uri_template(std::string_view text) {
    Rest rest = {to_utf8(text)};
    while (!rest.empty()) {
        const char c = rest.text.front();
        if (c == '{') {
            rest.take('{');
            const std::string_view expression = rest.until("}");
            if (!rest.take('}') || !is_template_expression({expression}))
                return false;
        } else if (c == '%') {
            if (rest.text.size() < 3 || !is_hex(rest.text[1]) || !is_hex(rest.text[2]))
                return false;
            rest.text.remove_prefix(3);
        } else if ((c >= 0 && c <= ' ') || is_one_of(c, "\"'<>\\^`|}\x7F"))
            return false;
        else
            rest.text.remove_prefix(1);
    }
    return true;
}

// -- others

/// RFC 4122, section 3.
bool is_uuid(std::string_view text) {
    if (text.size() != 36)
        return false;
    for (size_t i = 0; i < text.size(); i++)
        if (i == 8 || i == 13 || i == 18 || i == 23 ? text[i] != '-' : !is_hex(text[i]))
            return false;
    return true;
}

/// RFC 6901.
bool is_json_pointer(std::string_view text) {
    if (!text.empty() && text.front() != '/')
        return false;
    for (size_t i = 0; i < text.size(); i++)
        if (text[i] == '~' && (i + 1 == text.size() || !is_one_of(text[i + 1], "01")))
            return false;
    return true;
}

/// A number of steps upwards, then a pointer or #.
bool is_relative_json_pointer(std::string_view text) {
    size_t digits = 0;
    while (digits < text.size() && is_digit(text[digits]))
        digits++;
    if (digits == 0 || (digits > 1 && text.front() == '0'))
        return false;
    text.remove_prefix(digits);
    return text == "#" || is_json_pointer(text);
}

/// What can't be run here may still be a regular expression.
bool is_regex(std::string_view text) {
    PatternProblem problem = check_pattern(text);
    return problem.message == nullptr || problem.unsupported;
}

template <int64 least, int64 most>
bool is_integer_within(Numeric number) {
    return is_integer(number) && compare_numbers(number, int64_to_numeric(least)) >= 0 &&
           compare_numbers(number, int64_to_numeric(most)) <= 0;
}

constexpr Format formats[] = {
    {"date", is_date},
    {"date-time", is_date_time},
    {"duration", is_duration},
    {"email", is_email},
    {"hostname", is_hostname},
    {"idn-email", is_idn_email},
    {"idn-hostname", is_idn_hostname},
    {"int32", nullptr, is_integer_within<PG_INT32_MIN, PG_INT32_MAX>},
    {"int64", nullptr, is_integer_within<PG_INT64_MIN, PG_INT64_MAX>},
    {"ipv4", is_ipv4},
    {"ipv6", is_ipv6},
    {"iri", is_iri},
    {"iri-reference", is_iri_reference},
    {"json-pointer", is_json_pointer},
    {"regex", is_regex},
    {"relative-json-pointer", is_relative_json_pointer},
    {"time", is_time},
    {"uri", is_uri},
    {"uri-reference", is_uri_reference},
    {"uri-template", is_uri_template},
    {"uuid", is_uuid},
};

} // namespace

const char *const format_names = "date, date-time, duration, email, hostname, idn-email, idn-hostname, int32, int64, "
                                 "ipv4, ipv6, iri, iri-reference, json-pointer, regex, relative-json-pointer, time, "
                                 "uri, uri-reference, uri-template, uuid";

const Format *find_format(std::string_view name) {
    for (const Format &format : formats)
        if (format.name == name)
            return &format;
    return nullptr;
}

} // namespace intd
