#include "catalog/validate.hpp"

namespace intd {
namespace {

void reserve_name(std::string_view key, Findings *found) {
    JsonPlace place = {&document_root, key, -1};
    if (key == "active" || key == "*")
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
void add_found(const Schema &schema, Violations &violations, Check &&check) {
    Findings found = guard([&] {
        Findings result = {"settings", &violations.steps, {}};
        check(&result);
        result.arrange();
        hide_inside(schema.shape, result.list);
        return result;
    });
    violations.insert(violations.end(), found.list.begin(), found.list.end());
}

} // namespace

void validate(const Schema &schema, const Jsonb *settings, Violations &violations) {
    add_found(schema, violations, [&](Findings *found) {
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
    add_found(schema, violations, [&](Findings *found) {
        reserve_name(key, found);
        check_key(schema.root, key, value, found);
    });
}

} // namespace intd
