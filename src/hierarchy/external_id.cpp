#include "hierarchy/external_id.hpp"

extern "C" {
#include "utils/numeric.h"
#include "utils/uuid.h"
}

namespace intd {

void check_id(std::string_view text) {
    if (text.empty())
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "an id of a group or project must not be empty");
    if (text.front() == '\x01')
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "an id of a group or project must not begin with the byte 0x01");
    if (text.size() > max_id_length)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "an id of a group or project is too long")
            .detail(guard([&]() -> const char * {
                return psprintf("It has %zu bytes; at most %zu are possible.", text.size(), max_id_length);
            }));
}

bool is_id(std::string_view text) {
    return !text.empty() && text.front() != '\x01' && text.size() <= max_id_length;
}

IdArgument either_id_argument(FunctionCallInfo fcinfo, int n) {
    std::optional<std::string_view> text = text_argument(fcinfo, n);
    if (!text)
        return {IdArgument::null, 0};
    if (text->empty())
        return {IdArgument::not_given, 0};
    if (*text == written_not_given)
        return {IdArgument::written, 0};
    return {IdArgument::given, text_datum(*text)};
}

IdArgument id_argument(FunctionCallInfo fcinfo, int n) {
    const IdArgument id = either_id_argument(fcinfo, n);
    if (id.state == IdArgument::written)
        refuse_written_not_given();
    return id;
}

void refuse_written_not_given() {
    throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "the text of not_given() is not an id of a group or project")
        .detail("It stands for an id that is left out only beside one that is given, so that no text means the "
                "instance.")
        .hint("To mean the instance, leave the argument out.");
}

namespace {

Datum make_id(std::string_view text) {
    check_id(text);
    return text_datum(text);
}

/// As the type is written.
Datum read_id(std::string_view text) {
    return text == written_not_given ? text_datum(text) : make_id(text);
}

std::string_view written(FunctionCallInfo fcinfo) {
    std::string_view text = *text_argument(fcinfo, 0);
    return text.empty() ? written_not_given : text;
}

} // namespace

// To read NULL the server calls an input function, unless it is STRICT, with a null pointer that it does not mark as
// NULL.

INTD_STRICT_FUNCTION(external_id_in) {
    const char *text = PG_GETARG_CSTRING(0);
    return text == nullptr ? null_result(fcinfo) : read_id(view(text));
}

INTD_STRICT_FUNCTION(external_id_out) {
    std::string_view text = written(fcinfo);
    return guard([&] { return CStringGetDatum(pnstrdup(text.data(), text.size())); });
}

INTD_STRICT_FUNCTION(external_id_recv) {
    const std::optional<std::string_view> text = received_text(fcinfo);
    return text ? read_id(*text) : null_result(fcinfo);
}

INTD_STRICT_FUNCTION(external_id_send) {
    return sent_text(written(fcinfo));
}

INTD_FUNCTION(external_id_not_given) {
    return text_datum("");
}

INTD_STRICT_FUNCTION(external_id_from_text) {
    return make_id(*text_argument(fcinfo, 0));
}

/// Blanks at the end of a char(n) are padding.
INTD_STRICT_FUNCTION(external_id_from_bpchar) {
    std::string_view text = *text_argument(fcinfo, 0);
    while (!text.empty() && text.back() == ' ')
        text.remove_suffix(1);
    return make_id(text);
}

INTD_STRICT_FUNCTION(external_id_from_smallint) {
    return make_id(view(guard([&] { return psprintf("%d", PG_GETARG_INT16(0)); })));
}

INTD_STRICT_FUNCTION(external_id_from_integer) {
    char digits[24];
    return make_id({digits, static_cast<size_t>(pg_lltoa(PG_GETARG_INT32(0), digits))});
}

INTD_STRICT_FUNCTION(external_id_from_bigint) {
    char digits[24];
    return make_id({digits, static_cast<size_t>(pg_lltoa(PG_GETARG_INT64(0), digits))});
}

/// The number 42.00 is the id 42, as the integer is.
INTD_STRICT_FUNCTION(external_id_from_numeric) {
    return make_id(view(guard([&] {
        Datum number = DirectFunctionCall1(numeric_trim_scale, PG_GETARG_DATUM(0));
        if (numeric_is_nan(DatumGetNumeric(number)) || numeric_is_inf(DatumGetNumeric(number)))
            ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                            errmsg("an id of a group or project must be a finite number")));
        return DatumGetCString(DirectFunctionCall1(numeric_out, number));
    })));
}

INTD_STRICT_FUNCTION(external_id_from_uuid) {
    return make_id(view(guard([&] { return DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(0))); })));
}

} // namespace intd
