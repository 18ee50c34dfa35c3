#include "catalog/unknown.hpp"

#include "postgres/suggest.hpp"
#include "store/access.hpp"

namespace intd {
namespace {

using NameList = std::pmr::vector<std::string_view>;

/// Names of types, and of their fields, are told to who may read them anyway.
bool may_be_told() {
    return guard([] { return has_access(GetUserId(), Access::read); });
}

} // namespace

Refusal unknown_integration(Store store, std::string_view name) {
    Refusal refusal(ERRCODE_UNDEFINED_OBJECT, cat("integration \"", shown(name), "\" is not registered"));
    ContextResource memory(CurrentMemoryContext);
    NameList types(&memory);
    if (may_be_told())
        for (const Row &row : store.keys(Table::integrations))
            types.push_back(view(row.values[column::name]));
    std::sort(types.begin(), types.end());
    return refusal.hint(types.empty()
                            ? "Register it with integration_defaults.register_integration, or a whole catalogue with "
                              "integration_defaults.load_catalog."
                            : suggestion(name, types, "Registered are"));
}

const char *fields_hint(const Integration &type, std::string_view name, const char *beside) {
    ContextResource memory(CurrentMemoryContext);
    NameList fields(&memory);
    if (may_be_told())
        for (const core::Property &property : type.schema->shape.properties())
            fields.push_back(property.name);
    if (beside != nullptr)
        fields.push_back(beside);
    std::sort(fields.begin(), fields.end());
    return suggestion(name, fields, cat("The fields of ", type.name, " are"));
}

} // namespace intd
