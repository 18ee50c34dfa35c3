// create_view(): makes, or replaces, the typed view of an integration.
#include "hierarchy/arguments.hpp"
#include "resolve/made_view.hpp"
#include "resolve/typed_values.hpp"
#include "inheritance/inheritance.hpp"
#include "store/access.hpp"

extern "C" {
#include "commands/comment.h"
}

namespace intd {
namespace {

using NameList = std::pmr::vector<std::string_view>;

/// The fields that a typed view of ours has by now, in the order of its columns; refuses any other relation.
void existing_fields(Oid existing, std::string_view integration, NameList &names) {
    const TriggerArguments arguments = replaced_trigger(existing, "write_typed");
    if (arguments.count < 1 || integration != arguments.values[0])
        throw name_is_taken(existing, cat("a typed view of integration \"", integration, "\""));
    for (int n = 1; n < arguments.count; n++)
        names.push_back(arguments.values[n]);
}

/// How a column of this type reads its field. BETWEEN, NULLIF and the like look for an operator along the search_path,
/// where somebody may have put one: none of them is used.
const char *column_expression(Oid type, std::string_view field) {
    const char *json = cat("(e.settings OPERATOR(pg_catalog.->) ", text_literal(field), ")");
    const char *text = cat("(e.settings OPERATOR(pg_catalog.->>) ", text_literal(field), ")");
    auto only = [&](const char *kind, const char *value) {
        return cat("CASE WHEN pg_catalog.jsonb_typeof", json, " OPERATOR(pg_catalog.=) '", kind,
                   "'::pg_catalog.text THEN ", value, " END");
    };
    switch (type) {
    case TEXTOID:
        return only("string", text);
    case BOOLOID:
        return only("boolean", cat(json, "::pg_catalog.bool"));
    case NUMERICOID:
        return only("number", cat(json, "::pg_catalog.numeric"));
    case INT8OID:
        return only("number",
                    cat("CASE WHEN ", json,
                        "::pg_catalog.numeric OPERATOR(pg_catalog.>=) '-9223372036854775808'::pg_catalog.numeric AND ",
                        json,
                        "::pg_catalog.numeric OPERATOR(pg_catalog.<=) '9223372036854775807'::pg_catalog.numeric THEN ",
                        json, "::pg_catalog.int8 END"));
    default:
        return cat("CASE WHEN ", json, " OPERATOR(pg_catalog.<>) 'null'::pg_catalog.jsonb THEN ", json, " END");
    }
}

/// What a property's schema says it is, or null.
const char *property_comment(const JsonbValue *property) {
    if (property == nullptr || property->type != jbvBinary || !is_object(to_jsonb(*property)))
        return nullptr;
    const JsonFields keywords = fields_of(to_jsonb(*property));
    auto text = [&](std::string_view keyword) -> std::string_view {
        const JsonbValue *value = keywords.find(keyword);
        if (value == nullptr || value->type != jbvString)
            return {};
        return string_of(*value);
    };
    const std::string_view title = text("title"), description = text("description");
    if (title.empty() && description.empty())
        return nullptr;
    return cat(title, title.empty() || description.empty() ? "" : ": ", description);
}

constexpr std::string_view comment_begin = "settings of integration ",
                           comment_end = " for every project, made by create_view()";

/// The names of the columns of fields, in their order: that of the field, unless another column has it.
NameList column_names(const Integration &type, const NameList &fields, std::string_view key, ContextResource *memory) {
    std::pmr::unordered_set<std::string_view> taken({"active", "inherited", "source_level", "source_id", "locked", key},
                                                    memory);
    NameList columns(memory);
    for (std::string_view field : fields) {
        std::string_view column = field;
        while (!taken.insert(column).second)
            column = cat(column, "_setting");
        if (column.empty() || column.size() >= NAMEDATALEN)
            throw Refusal(
                column.empty() ? ERRCODE_INVALID_PARAMETER_VALUE : ERRCODE_NAME_TOO_LONG,
                cat("field \"", shown(field), "\" of integration \"", type.name, "\" can't be the name of a column"))
                .detail("A column has a name of 1 to 63 bytes.")
                .hint("Rename the property in the schema, or use the view project_integrations, which has all settings "
                      "in one column.");
        columns.push_back(column);
    }
    return columns;
}

} // namespace

/// create_view(integration, name)
INTD_FUNCTION(create_view) {
    const std::string_view integration = required_text(fcinfo, 0, "integration");
    require_access(Access::read);
    const Integration &type = get_integration(live, integration);
    std::optional<std::string_view> given = text_argument(fcinfo, 1);
    const char *name = view_name(given, cat(type.name, "_settings"));
    const ViewKey key = tracked_key(Kind::projects, "A typed view");
    const ViewPlace view = view_place(name, given.has_value());
    const char *qualified = view.qualified;

    // Columns stay in the order that they have; fields that came later stand at the end.
    ContextResource memory(CurrentMemoryContext);
    NameList names(&memory);
    if (OidIsValid(view.existing))
        existing_fields(view.existing, type.name, names);
    for (std::string_view field : names)
        if (type.schema->shape.find(field) < 0)
            throw Refusal(ERRCODE_INVALID_TABLE_DEFINITION,
                          cat("view ", qualified, " has a column for field \"", field, "\", which integration \"",
                              type.name, "\" has no more"))
                .hint(cat("A view can't lose a column; drop it with DROP VIEW ", qualified, " first."));
    const std::pmr::unordered_set<std::string_view> existing(names.begin(), names.end(), 0, {}, {}, &memory);
    for (const core::Property &property : type.schema->shape.properties())
        if (existing.count(property.name) == 0)
            names.push_back(property.name);
    if (names.size() > MaxHeapAttributeNumber - (typed_column::first_field - 1))
        throw Refusal(ERRCODE_TOO_MANY_COLUMNS,
                      cat("integration \"", type.name, "\" has more fields than a view can have columns"))
            .hint("Use the view project_integrations, which has all settings in one column.");
    const NameList column_of = column_names(type, names, key.column, &memory);

    const Row *registered = live.row(Table::integrations, text_datum(type.name));
    const JsonbValue *declared = fields_of(jsonb_of(registered->values[column::schema])).find("properties");
    JsonFields properties = {nullptr, 0};
    if (declared != nullptr)
        properties = fields_of(to_jsonb(*declared));
    std::pmr::string columns(&memory), arguments(literal(type.name), &memory);
    for (size_t n = 0; n < names.size(); n++) {
        columns.append(",\n    ").append(column_expression(column_type(properties.find(names[n])), names[n]));
        columns.append(" AS ").append(identifier(column_of[n]));
        arguments.append(", ").append(literal(names[n]));
    }

    const char *type_name = text_literal(type.name);
    run(cat("CREATE OR REPLACE VIEW ", qualified, " WITH (security_invoker = true) AS SELECT t.",
            identifier(key.column),
            ",\n    p.active,\n    p.inherited,\n    p.source_level,\n    p.source_id,\n    p.locked", columns,
            "\nFROM ", key.table,
            " t"
            "\nJOIN integration_defaults.all_project_integrations p ON p.project_id OPERATOR(pg_catalog.=) (",
            key.as_id,
            " COLLATE pg_catalog.\"C\")"
            "\n    AND p.integration OPERATOR(pg_catalog.=) ",
            type_name, "\nCROSS JOIN LATERAL (SELECT p.settings OFFSET 0) e"));
    run(cat("CREATE OR REPLACE TRIGGER write_typed INSTEAD OF INSERT OR UPDATE OR DELETE ON ", qualified,
            " FOR EACH ROW EXECUTE FUNCTION integration_defaults.write_typed(", arguments, ")"));
    const Oid made = view.made();
    comment_view(view, comment_begin, type.name, comment_end);
    for (size_t n = 0; n < names.size(); n++) {
        const char *comment = property_comment(properties.find(names[n]));
        const int number = typed_column::first_field + static_cast<int>(n);
        // what somebody has written there stays
        if (comment != nullptr && guard([&] { return GetComment(made, RelationRelationId, number) == nullptr; }))
            run(cat("COMMENT ON COLUMN ", qualified, ".", identifier(column_of[n]), " IS ", literal(comment)));
    }
    return ObjectIdGetDatum(made);
}

} // namespace intd
