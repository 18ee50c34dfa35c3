#include "catalog/validate.hpp"

#include "secrets/secret.hpp"

namespace intd {
namespace {

void reserve_name(std::string_view key, Findings *found) {
    JsonPlace place = {&document_root, key, -1};
    if (key == "active")
        found->add(&place, "reserved", "is a reserved name: active is set beside the settings, not in them");
    else if (key == "*")
        found->add(&place, "reserved", "is a reserved name");
}

/// The keys inside a secret, and inside what may once have been one, are of its value: texts go no further than to it.
void hide_inside(const core::Shape &shape, Growing<Violation> &found) {
    for (Violation &violation : found) {
        const size_t end = violation.path.find('/', 1);
        if (end == std::string_view::npos)
            continue;
        auto *name = static_cast<char *>(palloc(end)); // as write_place() has written it
        size_t length = 0;
        for (size_t i = 1; i < end; i++)
            name[length++] = violation.path[i] != '~' ? violation.path[i] : violation.path[++i] == '1' ? '/' : '~';
        const int n = shape.find({name, length});
        if (n >= 0 ? shape.properties()[n].secret : shape.size() > 0)
            violation.text = psprintf("%.*s/...%s", static_cast<int>(end), violation.path.data(),
                                      violation.text.data() + violation.path.size());
    }
}

/// Adds what check(Findings *), server code, finds.
template <class Check>
void add_found(const Schema &schema, Violations &violations, const PassedOver &passed_over, Check &&check) {
    Findings found = guard([&] {
        Findings result = {"settings", &violations.steps, {}, passed_over.places.empty() ? nullptr : &passed_over};
        check(&result);
        result.arrange();
        hide_inside(schema.shape, result.list);
        return result;
    });
    violations.insert(violations.end(), found.list.begin(), found.list.end());
}

/// Settings in the form in which they are checked: what is only marked as it is, what is sealed passed over, and masks,
/// which stand for what is set, too.
struct Checkable {
    const Jsonb *settings;
    PassedOver sealed;
};

Checkable to_check(const Schema &schema, const Jsonb *settings) {
    Checkable result = {settings, {}};
    if (!is_object(settings))
        return result;
    const JsonFields fields = fields_of(settings);
    auto is_marked = [](const JsonbValue &value) {
        const std::optional<StoredSecret> secret = read_secret(value);
        return secret && !secret->sealed;
    };
    if (std::any_of(fields.begin(), fields.end(), [&](const JsonField &field) { return is_marked(field.value); })) {
        ObjectBuilder object;
        for (const JsonField &field : fields)
            object.add(field.key, is_marked(field.value) ? read_secret(field.value)->value : field.value);
        result.settings = object.finish();
    }
    for (const JsonField &field : fields_of(result.settings))
        if (const std::optional<StoredSecret> secret = read_secret(field.value);
            secret ? secret->sealed : is_mask(field.value) && schema.is_secret(field.key))
            guard([&] { result.sealed.add(field.value); });
    return result;
}

} // namespace

void validate(const Schema &schema, const Jsonb *settings, Violations &violations) {
    const Checkable checkable = to_check(schema, settings);
    settings = checkable.settings;
    add_found(schema, violations, checkable.sealed, [&](Findings *found) {
        if (!JB_ROOT_IS_OBJECT(settings))
            return found->list.add({"", "type object", false, "settings: must be of type object"});
        JsonbValue value;
        value.type = jbvBinary;
        value.val.binary.data = const_cast<JsonbContainer *>(&settings->root);
        value.val.binary.len = VARSIZE(settings) - VARHDRSZ;
        for (const JsonField &field : read_fields(&settings->root))
            reserve_name(field.key, found);
        check_value(schema.root, &value, found);
    });
}

void validate_property(const Schema &schema, std::string_view key, const JsonbValue &value, Violations &violations) {
    const std::optional<StoredSecret> secret = read_secret(value);
    const bool marked = secret && !secret->sealed;
    PassedOver sealed;
    if (secret && secret->sealed)
        guard([&] { sealed.add(value); });
    add_found(schema, violations, sealed, [&](Findings *found) {
        reserve_name(key, found);
        check_key(schema.root, key, marked ? secret->value : value, found);
    });
}

} // namespace intd
