#include "history/state.hpp"

#include "postgres/fingerprint.hpp"

namespace intd {
namespace {

JsonbValue string_value(std::string_view text) {
    JsonbValue value;
    value.type = jbvString;
    value.val.string.val = const_cast<char *>(text.data());
    value.val.string.len = static_cast<int>(text.size());
    return value;
}

JsonbValue boolean_value(std::optional<bool> truth) {
    JsonbValue value;
    value.type = truth ? jbvBool : jbvNull;
    if (truth)
        value.val.boolean = *truth;
    return value;
}

JsonbValue object_value(const Jsonb *object) {
    JsonbValue value;
    value.type = jbvBinary;
    value.val.binary.data = const_cast<JsonbContainer *>(&object->root);
    value.val.binary.len = static_cast<int>(VARSIZE(object) - VARHDRSZ);
    return value;
}

bool is_secret(const core::Shape &shape, std::string_view key, bool unnamed) {
    const int n = shape.find(key);
    return n >= 0 ? shape.properties()[n].secret : unnamed;
}

/// JSON null is no secret.
bool hides(const JsonbValue &value) {
    return value.type != jbvNull;
}

bool has_secrets(const Integration *type) {
    if (type == nullptr)
        return true;
    const auto &properties = type->schema->shape.properties();
    return std::any_of(properties.begin(), properties.end(), [](const core::Property &each) { return each.secret; });
}

/// Server code.
void push(JsonbParseState **state, const char *key, JsonbValue value) {
    JsonbValue name = string_value(key);
    pushJsonbValue(state, WJB_KEY, &name);
    pushJsonbValue(state, WJB_VALUE, &value);
}

/// Server code.
void push_names(JsonbParseState **state, const char *key, Datum names) {
    JsonbValue name = string_value(key);
    pushJsonbValue(state, WJB_KEY, &name);
    pushJsonbValue(state, WJB_BEGIN_ARRAY, nullptr);
    Datum *items = nullptr;
    bool *nulls = nullptr;
    int count = 0;
    if (names != 0)
        deconstruct_array(DatumGetArrayTypeP(names), TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &count);
    for (int i = 0; i < count; i++)
        if (!nulls[i]) {
            JsonbValue item = string_value(view(items[i]));
            pushJsonbValue(state, WJB_ELEM, &item);
        }
    pushJsonbValue(state, WJB_END_ARRAY, nullptr);
}

bool locks(Datum locked) {
    return locked != 0 &&
           ArrayGetNItems(ARR_NDIM(DatumGetArrayTypeP(locked)), ARR_DIMS(DatumGetArrayTypeP(locked))) > 0;
}

} // namespace

const char *secret_fingerprint(const JsonbValue &value) {
    const Jsonb *whole = to_jsonb(value);
    return fingerprint({reinterpret_cast<const char *>(whole), VARSIZE(whole)});
}

const char *mask_of(std::string_view fingerprint) {
    return cat("(", fingerprint, ")");
}

const Jsonb *settings_state(const SettingsRow &row, const Integration *type) {
    if (!row.sets_something() && !locks(row.locked))
        return nullptr;
    const Jsonb *settings = row.settings, *fingerprints = nullptr;
    if (has_secrets(type) && is_object(settings)) {
        ObjectBuilder open, hidden;
        bool any = false;
        for (const JsonField &field : fields_of(settings)) {
            if (hides(field.value) && (type == nullptr || is_secret(type->schema->shape, field.key, false))) {
                hidden.add(field.key, std::string_view(secret_fingerprint(field.value)));
                any = true;
            } else
                open.add(field.key, field.value);
        }
        if (any) {
            settings = open.finish();
            fingerprints = hidden.finish();
        }
    }
    return guard([&] {
        JsonbParseState *state = nullptr;
        pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
        push(&state, "custom", boolean_value(row.custom));
        push(&state, "active", boolean_value(row.active));
        push_names(&state, "locked", row.locked);
        push(&state, "settings", object_value(settings));
        if (fingerprints != nullptr)
            push(&state, "fingerprints", object_value(fingerprints));
        return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr));
    });
}

const Jsonb *place_state(Kind kind, std::optional<std::string_view> parent) {
    ObjectBuilder state;
    state.add(parent_column(kind), parent ? string_value(*parent) : boolean_value(std::nullopt));
    return state.finish();
}

const Jsonb *type_state(const Image &row) {
    auto text = [&](int column) {
        return row.nulls[column] ? boolean_value(std::nullopt) : string_value(row.text(column));
    };
    ObjectBuilder state;
    state.add("schema", object_value(jsonb_of(row.at(column::schema))));
    state.add("title", text(column::title));
    state.add("category", text(column::category));
    state.add("allowed", boolean_value(DatumGetBool(row.at(column::allowed))));
    return state.finish();
}

std::optional<SettingsState> read_state(const Jsonb *state) {
    if (!is_object(state))
        return std::nullopt;
    JsonFields fields = fields_of(state);
    auto container = [&](const char *key, bool object) -> const JsonbContainer * {
        const JsonbValue *value = fields.find(key);
        const bool fits =
            value != nullptr && value->type == jbvBinary &&
            (object ? JsonContainerIsObject(value->val.binary.data) : JsonContainerIsArray(value->val.binary.data));
        return fits ? value->val.binary.data : nullptr;
    };
    const JsonbValue *custom = fields.find("custom"), *active = fields.find("active");
    const JsonbContainer *settings = container("settings", true), *locked = container("locked", false),
                         *fingerprints = container("fingerprints", true);
    if (custom == nullptr || custom->type != jbvBool || active == nullptr || settings == nullptr || locked == nullptr)
        return std::nullopt;
    SettingsState result = {custom->val.boolean, std::nullopt, {nullptr, 0}, {nullptr, 0}, {nullptr, 0}};
    if (active->type == jbvBool)
        result.active = active->val.boolean;
    guard([&] {
        result.settings = read_fields(settings);
        result.locked = read_items(locked);
        if (fingerprints != nullptr)
            result.fingerprints = read_fields(fingerprints);
    });
    return result;
}

/// Adds fields, secrets as masks.
static void add_shown(ObjectBuilder &shown, const JsonFields &settings, const Integration *type) {
    for (const JsonField &field : settings) {
        const bool secret = type != nullptr && hides(field.value) &&
                            is_secret(type->schema->shape, field.key, type->schema->shape.size() > 0);
        if (secret)
            shown.add(field.key, std::string_view(mask_of(secret_fingerprint(field.value))));
        else
            shown.add(field.key, field.value);
    }
}

const Jsonb *shown_settings(const Jsonb *settings, const Integration *type) {
    if (!is_object(settings))
        return settings;
    ObjectBuilder shown;
    add_shown(shown, fields_of(settings), type);
    return shown.finish();
}

const Jsonb *shown_state(const Jsonb *state, const Integration *type) {
    std::optional<SettingsState> read = read_state(state);
    if (!read)
        return state;
    ObjectBuilder settings;
    add_shown(settings, read->settings, type);
    for (const JsonField &field : read->fingerprints)
        if (field.value.type == jbvString)
            settings.add(field.key, std::string_view(mask_of({field.value.val.string.val,
                                                              static_cast<size_t>(field.value.val.string.len)})));
    ObjectBuilder shown;
    for (const JsonField &field : fields_of(state))
        if (field.key != "fingerprints" && field.key != "settings")
            shown.add(field.key, field.value);
    shown.add("settings", object_value(settings.finish()));
    return shown.finish();
}

/// shown_change(integration, schema, state)
INTD_FUNCTION(shown_change) {
    if (PG_ARGISNULL(2))
        return null_result(fcinfo);
    auto json = [&](int n) {
        Datum given = PG_GETARG_DATUM(n);
        return guard([&] { return DatumGetJsonbP(given); });
    };
    const Jsonb *state = json(2);
    std::optional<std::string_view> name = text_argument(fcinfo, 0);
    const Integration *type = name && !PG_ARGISNULL(1) ? compiled_integration(*name, json(1)) : nullptr;
    return PointerGetDatum(shown_state(state, type));
}

} // namespace intd
