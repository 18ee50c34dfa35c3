// The catalogues that come with the extension.
#include "catalog/register.hpp"

extern "C" {
#include "utils/fmgrprotos.h"
}

namespace intd {
namespace {

const char gitlab_catalog[] =
#include "catalog/gitlab_catalog.inc"
    ;

/// A key's string, if it is there.
std::optional<Datum> text_of(const JsonFields &fields, std::string_view key) {
    const JsonbValue *value = fields.find(key);
    if (value == nullptr || value->type != jbvString)
        return std::nullopt;
    return text_datum({value->val.string.val, static_cast<size_t>(value->val.string.len)});
}

} // namespace

/// The catalogue is an object: {name: {"title", "category", "schema"}, …}.
INTD_FUNCTION(load_catalog) {
    require_registering();
    std::optional<std::string_view> name = text_argument(fcinfo, 0);
    if (!name)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "name of the catalogue must not be null");
    if (*name != "gitlab")
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, cat("there is no catalogue \"", *name, "\""))
            .hint("The catalogue that comes with the extension is \"gitlab\".");
    const Jsonb *catalog =
        guard([] { return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(gitlab_catalog))); });
    JsonFields types = fields_of(catalog);
    for (const JsonField &type : types) {
        JsonFields fields = fields_of(to_jsonb(type.value));
        register_type(text_datum(type.key), to_jsonb(*fields.find("schema")), text_of(fields, "title"),
                      text_of(fields, "category"), false);
    }
    PG_RETURN_INT32(types.count);
}

} // namespace intd
