// The catalogues that come with the extension.
//
// A type that comes from a catalogue has the keyword `x-catalog` in its schema: a fingerprint of all else that is
// registered of it. Where the two do not fit each other, or there is none, somebody has made the type what it is.
#include "catalog/register.hpp"
#include "postgres/query.hpp"
#include "store/access.hpp"
#include "store/owner.hpp"
#include "store/store.hpp"

extern "C" {
#include "utils/fmgrprotos.h"
}

namespace intd {
namespace {

const char gitlab_catalog[] =
#include "catalog/gitlab_catalog.inc"
    ;

constexpr char mark[] = "x-catalog";

/// A key's string, if it is there.
std::optional<Datum> text_of(const JsonFields &fields, std::string_view key) {
    const JsonbValue *value = fields.find(key);
    if (value == nullptr || value->type != jbvString)
        return std::nullopt;
    return text_datum(string_of(*value));
}

/// What is registered of a type.
struct Registered {
    std::optional<Datum> title, category;
    const Jsonb *schema;

    /// Of all but the mark: the same on every server, as the text of jsonb is.
    const char *fingerprint() const {
        Datum key = text_datum(mark), hex = text_datum("hex");
        const char *rest = guard([&] {
            Jsonb *json = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(schema), key));
            return JsonbToCString(nullptr, &json->root, VARSIZE(json));
        });
        auto part = [](const std::optional<Datum> &text) { return text ? view(*text) : std::string_view(); };
        Datum all = text_datum(cat(part(title), "\n", part(category), "\n", rest)); // laid out as a bytea is
        return guard([&] {
            Datum digest = DirectFunctionCall1(sha256_bytea, all);
            return pnstrdup(TextDatumGetCString(DirectFunctionCall2(binary_encode, digest, hex)), 16);
        });
    }

    bool from_catalog() const {
        if (!is_object(schema))
            return false;
        const JsonFields keywords = fields_of(schema);
        std::optional<Datum> marked = text_of(keywords, mark);
        return marked && view(*marked) == fingerprint();
    }
};

std::optional<Registered> registered(Datum name) {
    NewestState newest;
    const Row *row = live.row(Table::integrations, name);
    if (row == nullptr)
        return std::nullopt;
    auto text = [&](int n) { return row->nulls[n] ? std::nullopt : std::optional<Datum>(row->values[n]); };
    return Registered{text(column::title), text(column::category), jsonb_of(row->values[column::schema])};
}

void tell(const char *message, const char *detail, const char *hint) {
    guard([&] { ereport(NOTICE, (errmsg("%s", message), detail ? errdetail("%s", detail) : 0, errhint("%s", hint))); });
}

/// Whether the type is as the catalogue has it now.
bool load_type(std::string_view name, const JsonFields &fields, bool replace) {
    Datum key = text_datum(name);
    Registered wanted = {text_of(fields, "title"), text_of(fields, "category"), to_jsonb(*fields.find("schema"))};
    const char *fingerprint = wanted.fingerprint();
    std::optional<Registered> current = registered(key);
    if (current && !replace && !current->from_catalog()) {
        tell(cat("integration \"", name, "\" was changed by hand and stays as it is"), nullptr,
             "load_catalog(replace => true) replaces it.");
        return false;
    }
    if (current && current->from_catalog() && std::string_view(current->fingerprint()) == fingerprint)
        return true;
    const Jsonb *schema = guard([&] {
        Datum marked = DirectFunctionCall1(jsonb_in, CStringGetDatum(psprintf("{\"%s\": \"%s\"}", mark, fingerprint)));
        return DatumGetJsonbP(DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(wanted.schema), marked));
    });
    if (const char *misfits = replace_type(key, schema, wanted.title, wanted.category, true))
        tell(cat("settings that are there do not fit the new schema of integration \"", name, "\""), misfits,
             "They are kept; invalid_settings() lists them.");
    return true;
}

} // namespace

/// The catalogue is an object: {name: {"title", "category", "schema"}, …}.
INTD_FUNCTION(load_catalog) {
    require_access(Access::admin);
    std::optional<std::string_view> name = text_argument(fcinfo, 0);
    if (!name)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "name of the catalogue must not be null");
    if (*name != "gitlab")
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, cat("there is no catalogue \"", *name, "\""))
            .hint("The catalogue that comes with the extension is \"gitlab\".");
    const bool replace = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
    WritingFunction function;
    AsOwner owner;
    lock_all_types();
    const Jsonb *catalog =
        guard([] { return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(gitlab_catalog))); });
    int loaded = 0;
    for (const JsonField &type : fields_of(catalog))
        loaded += load_type(type.key, fields_of(to_jsonb(type.value)), replace) ? 1 : 0;
    PG_RETURN_INT32(loaded);
}

} // namespace intd
