#include "catalog/schema.hpp"

#include "jsonschema/compile.hpp"
#include "store/limits.hpp"
#include "jsonschema/validate.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/hsearch.h"
}

namespace intd {
namespace {

/// The properties as the fold is told of them, and what stands at the root beside them. Server code fills it in.
struct Face {
    struct Property {
        std::string_view name;
        const JsonbValue *fallback;
        bool secret;
    };
    Growing<Property> properties;              // by name (bytes)
    Growing<Growing<std::string_view>> groups; // x-atomic
    unsigned levels;
    std::string_view exclusive; // or empty

    Property *find(std::string_view name) const {
        Property *found = std::lower_bound(properties.begin(), properties.end(), name,
                                           [](const Property &each, std::string_view key) { return each.name < key; });
        return found != properties.end() && found->name == name ? found : nullptr;
    }
};

/// A set of schemas, in the order in which they came to it.
class NodeSet {
  public:
    NodeSet() {
        HASHCTL options = {};
        options.keysize = options.entrysize = sizeof(const SchemaNode *);
        options.hcxt = CurrentMemoryContext;
        seen_ = hash_create("schemas", 64, &options, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    }
    void add(const SchemaNode *node) {
        CHECK_FOR_INTERRUPTS();
        bool found;
        hash_search(seen_, &node, HASH_ENTER, &found);
        if (!found)
            list_.add(node);
    }
    bool has(const SchemaNode *node) const { return hash_search(seen_, &node, HASH_FIND, nullptr) != nullptr; }
    int count() const { return list_.count; }
    const SchemaNode *operator[](int n) const { return list_[n]; }

  private:
    HTAB *seen_;
    Growing<const SchemaNode *> list_;
};

/// Calls visit(SchemaNode *) for the schemas that apply to the same value or to something inside it.
template <class Visit>
void each_below(const SchemaNode *node, Visit &&visit) {
    each_beside(node, visit);
    each_within(node, visit);
    for (const NamedNode &property : node->properties)
        visit(property.node);
}

/// What applies to all settings: the schema, and all that applies to the same value.
NodeSet beside(const SchemaNode *tree) {
    NodeSet nodes;
    nodes.add(tree);
    for (int i = 0; i < nodes.count(); i++)
        each_beside(nodes[i], [&](const SchemaNode *next) { nodes.add(next); });
    return nodes;
}

/// The schemas that have writeOnly, or lead to one that has.
NodeSet secrets(const SchemaNode *tree) {
    NodeSet all;
    all.add(tree);
    for (int i = 0; i < all.count(); i++)
        each_below(all[i], [&](const SchemaNode *next) { all.add(next); });
    // the way back: the schemas that lead to a schema
    struct Leads {
        const SchemaNode *to, *from;
    };
    Growing<Leads> ways;
    NodeSet secret;
    for (int i = 0; i < all.count(); i++) {
        const SchemaNode *from = all[i];
        each_below(from, [&](const SchemaNode *to) { ways.add({to, from}); });
        if (from->write_only)
            secret.add(from);
    }
    std::sort(ways.begin(), ways.end(), [](const Leads &a, const Leads &b) { return a.to < b.to; });
    for (int i = 0; i < secret.count(); i++) {
        auto before = [](const Leads &way, const SchemaNode *to) { return way.to < to; };
        for (const Leads *way = std::lower_bound(ways.begin(), ways.end(), secret[i], before);
             way != ways.end() && way->to == secret[i]; way++)
            secret.add(way->from);
    }
    return secret;
}

/// `has the default 5, which does not fit: must be of type string`
const char *misfit(const SchemaNode *node, const JsonbValue *fallback, int64 *steps) {
    Findings found = {"", steps, {}};
    check_value(node, fallback, &found);
    found.arrange();
    Jsonb *whole = to_jsonb(*fallback);
    StringInfoData text;
    initStringInfo(&text);
    appendStringInfo(&text, "has the default %s, which does not fit",
                     clipped(JsonbToCString(nullptr, &whole->root, VARSIZE(whole)), 100));
    for (int i = 0; i < found.list.count && i < 3; i++) {
        const Violation &violation = found.list[i]; // the text of the whole begins with ": "
        appendStringInfo(&text, "%s %s", i == 0 ? ":" : ";", violation.text.data() + (violation.path.empty() ? 2 : 0));
    }
    return text.data;
}

void read_properties(const SchemaNode *tree, bool strict, int64 steps, Face *face, CompileReport *report) {
    Problems *problems = &report->problems;
    const SchemaNode *root = target_of(tree);
    const NodeSet secret = secrets(tree);
    if (root->never || (root->types != 0 && (root->types & type_object) == 0))
        problems->add(root->place, "must describe an object, because settings are one");

    for (const NamedNode &property : root->properties) {
        JsonPlace properties = {root->place, "properties", -1};
        JsonPlace place = {&properties, property.name, -1};
        if (property.name == "active" || property.name == "*")
            problems->add(&place, "is a reserved name and can't be a property");
        const JsonbValue *fallback = property.node->fallback;
        if (fallback != nullptr && !fits(property.node, fallback, &steps)) {
            if (strict)
                problems->add(property.node->place, secret.has(property.node)
                                                        ? "has a default that does not fit it"
                                                        : misfit(property.node, fallback, &steps));
            else
                report->ignore(
                    psprintf("default of %.*s", static_cast<int>(property.name.size()), property.name.data()));
            fallback = nullptr;
        }
        face->properties.add({property.name, fallback, secret.has(property.node)});
    }

    // A secret that is not a property of the root would not be known as one, so there must be none.
    const char *hint = "Only the properties of the root can be secret.";
    const NodeSet about_all = beside(tree);
    for (int i = 0; i < about_all.count(); i++) {
        const SchemaNode *node = about_all[i];
        if (node->write_only)
            problems->add(node->place, "has writeOnly, but is about all settings", hint);
        for (const NamedNode &property : node->properties) {
            if (!secret.has(property.node))
                continue;
            if (Face::Property *known = face->find(property.name); known != nullptr)
                known->secret = true;
            else
                problems->add(property.node->place, "has writeOnly, but is not a property of the root", hint);
        }
        each_within(node, [&](SchemaNode *within) {
            if (secret.has(within))
                problems->add(within->place, "has writeOnly, but is not a property of the root", hint);
        });
    }
}

void read_names(const JsonbValue &value, const JsonPlace *place, Growing<std::string_view> *result,
                Problems *problems) {
    if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data) ||
        JsonContainerSize(value.val.binary.data) == 0)
        return problems->add(place, "must be an array of names, and not empty");
    JsonItems items = read_items(value.val.binary.data);
    NameTable met;
    for (int i = 0; i < items.count; i++) {
        JsonPlace here = {place, {}, i};
        const JsonbValue &item = items.begin()[i];
        if (item.type != jbvString) {
            problems->add(&here, "must be a name");
            continue;
        }
        std::string_view name = string_of(item);
        if (!met.add(name))
            problems->add(&here, "is there twice");
        result->add(name);
    }
}

void read_atomic(const JsonbValue &value, Face *face, Problems *problems) {
    JsonPlace place = {&document_root, "x-atomic", -1};
    if (value.type != jbvBinary || !JsonContainerIsArray(value.val.binary.data))
        return problems->add(&place, "must be an array of arrays of property names");
    JsonItems groups = read_items(value.val.binary.data);
    for (int i = 0; i < groups.count; i++) {
        JsonPlace here = {&place, {}, i};
        Growing<std::string_view> names;
        read_names(groups.begin()[i], &here, &names, problems);
        for (int j = 0; j < names.count; j++) {
            JsonPlace element = {&here, {}, j};
            if (face->find(names[j]) == nullptr)
                problems->add(&element,
                              psprintf("is \"%s\", which is not a property of this schema", clipped(names[j], 63)));
        }
        face->groups.add(names);
    }
}

void read_levels(const JsonbValue &value, Face *face, Problems *problems) {
    JsonPlace place = {&document_root, "x-levels", -1};
    Growing<std::string_view> names;
    read_names(value, &place, &names, problems);
    face->levels = 0;
    for (std::string_view name : names) {
        auto level = std::find(std::begin(core::level_names), std::end(core::level_names), name);
        if (level == std::end(core::level_names))
            problems->add(&place, psprintf("has the unknown level \"%s\"", clipped(name, 63)),
                          "The levels are instance, group and project.");
        else
            face->levels |= 1u << (level - core::level_names);
    }
}

void read_exclusive(const JsonbValue &value, Face *face, Problems *problems) {
    if (value.type == jbvString && value.val.string.len > 0)
        face->exclusive = string_of(value);
    else {
        JsonPlace place = {&document_root, "x-exclusive", -1};
        problems->add(&place, "must be the name of a kind of types, as \"issue tracker\"");
    }
}

/// x-atomic, x-levels and x-exclusive. Names of properties are checked only against properties that could be read.
void read_own_keywords(const JsonFields &fields, Face *face, Problems *problems) {
    const JsonbValue *atomic = fields.find("x-atomic");
    if (atomic != nullptr && problems->empty())
        read_atomic(*atomic, face, problems);
    if (const JsonbValue *levels = fields.find("x-levels"))
        read_levels(*levels, face, problems);
    if (const JsonbValue *exclusive = fields.find("x-exclusive"))
        read_exclusive(*exclusive, face, problems);
}

const char *describe(const Problems &problems) {
    StringInfoData text;
    initStringInfo(&text);
    for (const Problem &problem : problems.list)
        appendStringInfo(&text, "%s%s %s", text.len > 0 ? "\n" : "", problem.place, problem.text);
    if (problems.count > problems.list.count)
        appendStringInfo(&text, "\nand %d more", problems.count - problems.list.count);
    return text.data;
}

/// Some of the names, and how many more there are.
const char *list(const Growing<std::string_view> &names) {
    constexpr int most = 50, longest = 63;
    StringInfoData text;
    initStringInfo(&text);
    for (int i = 0; i < std::min(names.count, most); i++) {
        const int length = static_cast<int>(names[i].size());
        const int cut = pg_mbcliplen(names[i].data(), length, longest);
        appendStringInfo(&text, "%s%.*s%s", i > 0 ? ", " : "", cut, names[i].data(), cut < length ? "..." : "");
    }
    if (names.count > most)
        appendStringInfo(&text, " and %d more", names.count - most);
    return text.data;
}

} // namespace

Schema *try_compile_schema(const Jsonb *source, bool strict, bool limited, SchemaProblems *problems) {
    struct Compiled {
        MemoryContext context, meanwhile;
        const SchemaNode *root;
        const char *ignored;
        Face face;
        SchemaProblems problems;
    };
    Compiled compiled = guard([&] {
        Compiled result = {};
        result.context = AllocSetContextCreate(CurrentMemoryContext, "schema of an integration", ALLOCSET_SMALL_SIZES);
        result.face.levels = ~0u;
        result.meanwhile = AllocSetContextCreate(CurrentMemoryContext, "compiling of a schema", ALLOCSET_DEFAULT_SIZES);
        MemoryContext outside = MemoryContextSwitchTo(result.meanwhile);
        auto *copy = static_cast<Jsonb *>(MemoryContextAllocHuge(result.context, VARSIZE(source)));
        memcpy(copy, source, VARSIZE(source));
        CompileReport report;
        Problems &found = report.problems;
        if (JB_ROOT_IS_OBJECT(copy)) {
            result.root =
                compile_tree(&copy->root, result.context,
                             {limited, strict, {"x-atomic", "x-levels", "x-exclusive"}, "airbyte_secret"}, &report);
            // a tree with problems has loose ends
            if (found.empty())
                read_properties(result.root, strict, limited ? max_check_steps.most : PG_INT64_MAX, &result.face,
                                &report);
            read_own_keywords(read_fields(&copy->root), &result.face, &found);
        } else
            found.add(&document_root, "must be an object", "A schema that allows all settings is {}.");
        if (!report.ignored.empty())
            result.ignored = MemoryContextStrdup(result.context, list(report.ignored));
        MemoryContextSwitchTo(outside);
        if (!found.empty()) {
            result.problems = {describe(found), found.hint == nullptr ? nullptr : pstrdup(found.hint)};
            MemoryContextDelete(result.context);
            MemoryContextDelete(result.meanwhile);
        }
        return result;
    });
    if (compiled.problems.detail != nullptr) {
        *problems = compiled.problems;
        return nullptr;
    }

    ContextResource *memory = ContextResource::in(compiled.context);
    auto *schema = new (memory->allocate(sizeof(Schema))) Schema(memory, check_interrupts);
    schema->context = compiled.context;
    schema->root = compiled.root;
    schema->ignored = compiled.ignored;
    schema->levels = compiled.face.levels;
    schema->exclusive = compiled.face.exclusive;
    schema->has_secrets = false;
    for (const Face::Property &property : compiled.face.properties) {
        schema->shape.add(property.name, property.fallback, property.secret);
        schema->has_secrets = schema->has_secrets || property.secret;
    }
    schema->shape.seal();
    for (const Growing<std::string_view> &group : compiled.face.groups)
        schema->shape.join(std::pmr::vector<std::string_view>(group.begin(), group.end(), memory));
    guard([&] { MemoryContextDelete(compiled.meanwhile); });
    return schema;
}

std::pmr::vector<std::string_view> Schema::bound_to(std::string_view field, std::pmr::memory_resource *memory) const {
    std::pmr::vector<std::string_view> names(memory);
    const int n = shape.find(field);
    if (n < 0)
        return names;
    for (int member = shape.properties()[n].next; member != n; member = shape.properties()[member].next)
        if (!shape.properties()[member].secret)
            names.push_back(shape.properties()[member].name);
    std::sort(names.begin(), names.end());
    return names;
}

Schema *compile_schema(const Jsonb *source, bool strict, std::string_view integration) {
    check_size(max_schema_size, VARSIZE(source), cat("schema of integration \"", integration, "\""));
    SchemaProblems problems;
    Schema *schema = try_compile_schema(source, strict, true, &problems);
    if (schema == nullptr)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, cat("schema of integration \"", integration, "\" is malformed"))
            .detail(problems.detail)
            .hint(problems.hint);
    return schema;
}

} // namespace intd
