#include "history/state.hpp"

#include "secrets/secret.hpp"
#include "store/access.hpp"

namespace intd {
namespace {

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

bool is_secret(const Integration *type, std::string_view key) {
    return type == nullptr || type->schema->is_secret(key);
}

constexpr std::string_view secret_key = "$secret";

/// {"$secret": null}, and with `of` what that is bound to and its mask.
JsonbValue without_value(const StoredSecret *of) {
    return guard([&] {
        JsonbParseState *state = nullptr;
        JsonbValue null;
        null.type = jbvNull;
        auto add = [&](std::string_view key, JsonbValue value) {
            JsonbValue name = string_value(key);
            pushJsonbValue(&state, WJB_KEY, &name);
            pushJsonbValue(&state, WJB_VALUE, &value);
        };
        pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
        add(secret_key, null);
        if (of != nullptr) {
            add("mask", string_value(of->mask));
            JsonbValue name = string_value("bound");
            pushJsonbValue(&state, WJB_KEY, &name);
            pushJsonbValue(&state, WJB_BEGIN_ARRAY, nullptr);
            for (JsonbValue item : of->bound)
                pushJsonbValue(&state, WJB_ELEM, &item);
            pushJsonbValue(&state, WJB_END_ARRAY, nullptr);
        }
        return object_value(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr)));
    });
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
    for (Datum text : text_elements(names)) {
        JsonbValue item = string_value(view(text));
        pushJsonbValue(state, WJB_ELEM, &item);
    }
    pushJsonbValue(state, WJB_END_ARRAY, nullptr);
}

} // namespace

JsonbValue withheld() {
    return without_value(nullptr);
}

bool is_withheld(const JsonbValue &value) {
    if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data) ||
        JsonContainerSize(value.val.binary.data) != 1)
        return false;
    const JsonFields fields = guard([&] { return read_fields(value.val.binary.data); });
    return fields.begin()->key == secret_key && fields.begin()->value.type == jbvNull;
}

std::optional<JsonbValue> kept(const Integration *type, std::string_view field, const JsonbValue &value) {
    if (const std::optional<StoredSecret> stored = read_secret(value); stored) {
        if (stored->sealed || stored->value.type == jbvNull)
            return std::nullopt;
        return without_value(&*stored);
    }
    if (value.type == jbvNull || !is_secret(type, field) || is_withheld(value))
        return std::nullopt;
    return withheld();
}

const Jsonb *kept_settings(const Jsonb *settings, const Integration *type) {
    if (!is_object(settings))
        return settings;
    const JsonFields fields = fields_of(settings);
    std::optional<ObjectBuilder> object; // if something differs
    for (const JsonField &field : fields) {
        const std::optional<JsonbValue> other = kept(type, field.key, field.value);
        if (other && !object) {
            object.emplace();
            for (const JsonField *same = fields.begin(); same != &field; ++same)
                object->add(same->key, same->value);
        }
        if (object)
            object->add(field.key, other ? *other : field.value);
    }
    return object ? object->finish() : settings;
}

bool is_as_kept(const JsonbValue &present, const JsonbValue &kept) {
    const std::optional<StoredSecret> one = read_secret(present), other = read_secret(kept);
    if (one || other)
        return one && other && one->mask == other->mask;
    return !is_withheld(kept) && same_json(&present, &kept);
}

bool same_state(const Jsonb *a, const Jsonb *b) {
    if (a == nullptr || b == nullptr)
        return a == b;
    const Jsonb *one = shown_state(a, nullptr), *other = shown_state(b, nullptr);
    return VARSIZE(one) == VARSIZE(other) && memcmp(one, other, VARSIZE(one)) == 0;
}

const Jsonb *settings_state(const SettingsRow &row, const Integration *type) {
    if (row.is_empty())
        return nullptr;
    const Jsonb *settings = kept_settings(row.settings, type);
    return guard([&] {
        JsonbParseState *state = nullptr;
        pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
        push(&state, "custom", boolean_value(row.custom));
        push(&state, "active", boolean_value(row.active));
        push_names(&state, "locked", row.locked);
        push(&state, "settings", object_value(settings));
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
    state.add("strict", boolean_value(DatumGetBool(row.at(column::strict))));
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
    const JsonbContainer *settings = container("settings", true), *locked = container("locked", false);
    if (custom == nullptr || custom->type != jbvBool || active == nullptr || settings == nullptr || locked == nullptr)
        return std::nullopt;
    SettingsState result = {custom->val.boolean, std::nullopt, {nullptr, 0}, {nullptr, 0}};
    if (active->type == jbvBool)
        result.active = active->val.boolean;
    guard([&] {
        result.settings = read_fields(settings);
        result.locked = read_items(locked);
    });
    return result;
}

const Jsonb *with_settings(const Jsonb *state, const Jsonb *settings) {
    ObjectBuilder other;
    for (const JsonField &field : fields_of(state))
        other.add(field.key, field.key == "settings" ? object_value(settings) : field.value);
    return other.finish();
}

const Jsonb *shown_state(const Jsonb *state, const Integration *type) {
    std::optional<SettingsState> read = read_state(state);
    if (!read)
        return state;
    ObjectBuilder settings;
    for (const JsonField &field : read->settings) {
        const std::optional<StoredSecret> stored = read_secret(field.value);
        if (stored)
            settings.add(field.key, std::string_view(mask_text(stored->mask)));
        else if (is_withheld(field.value) ||
                 (field.value.type != jbvNull && type != nullptr && type->schema->is_secret(field.key)))
            settings.add(field.key, unknown_mask());
        else
            settings.add(field.key, field.value);
    }
    return with_settings(state, settings.finish());
}

/// shown_change(integration, schema, strict, state)
INTD_FUNCTION(shown_change) {
    require_access(Access::read);
    if (PG_ARGISNULL(3))
        return null_result(fcinfo);
    auto json = [&](int n) {
        Datum given = PG_GETARG_DATUM(n);
        return guard([&] { return DatumGetJsonbP(given); });
    };
    const Jsonb *state = json(3);
    std::optional<std::string_view> name = text_argument(fcinfo, 0);
    const Integration *type = name && !PG_ARGISNULL(1) && !PG_ARGISNULL(2)
                                  ? compiled_integration(*name, json(1), PG_GETARG_BOOL(2))
                                  : nullptr;
    return PointerGetDatum(shown_state(state, type));
}

} // namespace intd
