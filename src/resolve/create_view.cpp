// create_view(): makes, or replaces, the typed view of an integration.
#include "hierarchy/arguments.hpp"
#include "tracking/tracked.hpp"
#include "postgres/query.hpp"
#include "postgres/trigger.hpp"
#include "resolve/typed_values.hpp"
#include "inheritance/inheritance.hpp"
#include "store/access.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "commands/comment.h"
#include "utils/varlena.h"
#include "nodes/makefuncs.h"
}

namespace intd {
namespace {

using NameList = std::pmr::vector<std::string_view>;

const char *identifier(std::string_view name) {
    return guard([&] { return quote_identifier(pnstrdup(name.data(), name.size())); });
}

const char *literal(std::string_view text) {
    return guard([&]() -> const char * { return quote_literal_cstr(pnstrdup(text.data(), text.size())); });
}

/// The same where it is a value: with its type, so that no function or operator that somebody has made fits it better.
const char *text_literal(std::string_view text) {
    return cat(literal(text), "::pg_catalog.text");
}

/// The app's key of a tracked table: its name, and how it is written as our id.
struct Key {
    const char *table, *column, *as_id;
};

Key tracked_key() {
    Oid relation = tracked_relation(Kind::projects);
    if (!OidIsValid(relation))
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "no table of projects is tracked")
            .hint("A typed view is keyed by the table that track_projects() follows.");
    struct Column {
        const char *name;
        Oid type;
        bool found;
    };
    Column column = guard([&] {
        Relation table = relation_open(relation, AccessShareLock);
        Source source;
        Column read = {nullptr, InvalidOid, read_source(table, Kind::projects, &source)};
        if (read.found) {
            Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(table), source.id - 1);
            read.name = pstrdup(NameStr(attribute->attname));
            read.type = getBaseType(attribute->atttypid);
        }
        relation_close(table, NoLock);
        return read;
    });
    if (!column.found)
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "no table of projects is tracked");
    const char *value = cat("t.", identifier(column.name));
    return {relation_name(relation), column.name,
            column.type == NUMERICOID ? cat("pg_catalog.trim_scale(", value, ")::pg_catalog.text")
                                      : cat(value, "::pg_catalog.text")};
}

/// The view that a caller names: with a dot the name is that of a schema and of the view, each quoted where it needs
/// to be. Server code: raises reports.
RangeVar *wanted_view(const char *name) {
    if (strchr(name, '.') == nullptr)
        return makeRangeVar(nullptr, pstrdup(name), -1);
    List *parts = NIL;
    if (!SplitIdentifierString(pstrdup(name), '.', &parts) || list_length(parts) > 2)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("\"%s\" can't be the name of a view", name),
                 errhint("Give a name, or a schema and a name: my_schema.my_view; in double quotes what is not in "
                         "lower case.")));
    return makeRangeVar(list_length(parts) == 1 ? nullptr : static_cast<char *>(linitial(parts)),
                        static_cast<char *>(llast(parts)), -1);
}

/// The fields that a typed view of ours has by now, in the order of its columns; refuses any other relation.
void existing_fields(Oid existing, std::string_view integration, NameList &names) {
    struct Arguments {
        char **values;
        int count;
        bool trusted;
    };
    Arguments arguments = guard([&] {
        Arguments found = {nullptr, -1, true};
        Relation relation = relation_open(existing, AccessShareLock);
        if (const Trigger *trigger = find_trigger(relation, "write_typed"); trigger != nullptr) {
            found.count = trigger->tgnargs;
            found.values = static_cast<char **>(palloc(sizeof(char *) * (trigger->tgnargs + 1)));
            for (int n = 0; n < trigger->tgnargs; n++)
                found.values[n] = pstrdup(trigger->tgargs[n]);
        }
        // The server lets a superuser replace anybody's view; its owner's triggers stay on it.
        found.trusted = relation->rd_rel->relowner == GetUserId() || !superuser();
        relation_close(relation, NoLock);
        return found;
    });
    if (!arguments.trusted)
        throw Refusal(ERRCODE_INSUFFICIENT_PRIVILEGE, cat("view ", relation_name(existing), " belongs to another role"))
            .detail("Its owner decides what happens when it is written to.")
            .hint("Give another name, or SET ROLE to its owner.");
    if (arguments.count < 1 || integration != arguments.values[0])
        throw Refusal(ERRCODE_DUPLICATE_TABLE, cat("relation ", relation_name(existing), " already exists"))
            .detail(cat("It is not a typed view of integration \"", integration, "\"."))
            .hint("Give another name.");
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

void run(const char *command) {
    try {
        guard([&] { run_command(command); });
    } catch (const ServerError &error) {
        shorten(error.report, command);
        throw;
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

/// Whether a view's comment is one that we made, also of a type that had another name; or there is none. What somebody
/// has written there stays.
bool is_own_comment(const char *comment) {
    if (comment == nullptr)
        return true;
    const std::string_view text = comment;
    return text.size() >= comment_begin.size() + comment_end.size() &&
           text.substr(0, comment_begin.size()) == comment_begin &&
           text.substr(text.size() - comment_end.size()) == comment_end;
}

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
    const char *name = given ? cat(*given) : cat(type.name, "_settings");
    const size_t longest = given && strchr(name, '.') != nullptr ? 4 * NAMEDATALEN : NAMEDATALEN;
    if (*name == '\0' || strlen(name) >= longest)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, cat("\"", name, "\" can't be the name of a view"))
            .hint("Give a name of 1 to 63 bytes.");
    Key key = tracked_key();

    struct Creation {
        const char *schema, *name;
        Oid existing;
    };
    Creation creation = guard([&] {
        RangeVar *wanted = given ? wanted_view(name) : makeRangeVar(nullptr, pstrdup(name), -1);
        Oid schema = RangeVarGetCreationNamespace(wanted);
        return Creation{get_namespace_name(schema), wanted->relname, get_relname_relid(wanted->relname, schema)};
    });
    name = creation.name;
    const char *qualified = cat(identifier(creation.schema), ".", identifier(name));

    // Columns stay in the order that they have; fields that came later stand at the end.
    ContextResource memory(CurrentMemoryContext);
    NameList names(&memory);
    if (OidIsValid(creation.existing))
        existing_fields(creation.existing, type.name, names);
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
    const Oid made = guard([&] { return get_relname_relid(name, get_namespace_oid(creation.schema, false)); });
    if (const char *comment = guard([&] { return GetComment(made, RelationRelationId, 0); }); is_own_comment(comment))
        run(cat("COMMENT ON VIEW ", qualified, " IS ", literal(cat(comment_begin, type.name, comment_end))));
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
