#include "catalog/schema.hpp"

#include "catalog/compile.hpp"
#include "catalog/validate.hpp"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/hsearch.h"
}

namespace intd {
namespace {

constexpr int most_shown = 20; // problems in a message

/// The properties as the fold is told of them, and what stands at the root beside them. Server code fills it in.
struct Face {
    struct Property {
        std::string_view name;
        const JsonbValue *fallback;
        bool secret;
    };
    Growing<Property> properties;
    Growing<Growing<std::string_view>> groups; // x-atomic
    unsigned levels;
};

/// Every schema that a walk from `start` comes to: what applies to the same value and, if `deep`, to what is inside it.
Growing<const SchemaNode *> reached_from(const SchemaNode *start, bool deep) {
    HASHCTL options = {};
    options.keysize = options.entrysize = sizeof(const SchemaNode *);
    options.hcxt = CurrentMemoryContext;
    HTAB *seen = hash_create("reached schemas", 64, &options, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    Growing<const SchemaNode *> reached;
    auto visit = [&](const SchemaNode *node) {
        bool found;
        hash_search(seen, &node, HASH_ENTER, &found);
        if (!found)
            reached.add(node);
    };
    visit(start);
    for (int i = 0; i < reached.count; i++) {
        const SchemaNode *node = reached[i];
        each_beside(node, visit);
        if (!deep)
            continue;
        each_within(node, visit);
        for (const NamedNode &property : node->properties)
            visit(property.node);
    }
    hash_destroy(seen);
    return reached;
}

bool has_secret(const SchemaNode *node) {
    for (const SchemaNode *each : reached_from(node, true))
        if (each->write_only)
            return true;
    return false;
}

const JsonbValue *fallback_of(const SchemaNode *node) {
    for (; node != nullptr; node = node->ref)
        if (node->fallback != nullptr)
            return node->fallback;
    return nullptr;
}

void read_properties(const SchemaNode *tree, Face *face, Problems *problems) {
    const SchemaNode *root = target_of(tree);
    if (root->never || (root->types != 0 && (root->types & type_object) == 0))
        problems->add(root->place, "must describe an object, because settings are one");

    for (const NamedNode &property : root->properties) {
        if (property.name == "active" || property.name == "*")
            problems->add(property.node->place, "is a reserved name and can't be a property");
        const JsonbValue *fallback = fallback_of(property.node);
        if (fallback != nullptr && !fits(property.node, fallback))
            problems->add(property.node->place, "has a default that does not fit it");
        face->properties.add({property.name, fallback, has_secret(property.node)});
    }

    // A secret that is not a property of the root would not be known as one, so there must be none.
    const char *hint = "Only the properties of the root can be secret.";
    for (const SchemaNode *beside : reached_from(tree, false)) {
        if (beside->write_only)
            problems->add(beside->place, "has writeOnly, but is about all settings", hint);
        for (const NamedNode &property : beside->properties) {
            if (!has_secret(property.node))
                continue;
            Face::Property *known = nullptr;
            for (Face::Property &each : face->properties)
                if (each.name == property.name)
                    known = &each;
            if (known != nullptr)
                known->secret = true;
            else
                problems->add(property.node->place, "has writeOnly, but is not a property of the root", hint);
        }
        each_within(beside, [&](SchemaNode *within) {
            if (has_secret(within))
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
    for (int i = 0; i < items.count; i++) {
        JsonPlace here = {place, {}, i};
        const JsonbValue &item = items.begin()[i];
        if (item.type != jbvString) {
            problems->add(&here, "must be a name");
            continue;
        }
        std::string_view name = {item.val.string.val, static_cast<size_t>(item.val.string.len)};
        if (std::find(result->begin(), result->end(), name) != result->end())
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
            bool known = false;
            for (const Face::Property &property : face->properties)
                known = known || property.name == names[j];
            JsonPlace element = {&here, {}, j};
            if (!known)
                problems->add(&element, "is not a property of this schema");
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
        if (name == "instance")
            face->levels |= 1u << static_cast<unsigned>(core::Level::instance);
        else if (name == "group")
            face->levels |= 1u << static_cast<unsigned>(core::Level::group);
        else if (name == "project")
            face->levels |= 1u << static_cast<unsigned>(core::Level::project);
        else
            problems->add(&place, "has an unknown level", "The levels are instance, group and project.");
    }
}

/// x-atomic and x-levels. Names of properties are checked only against properties that could be read.
void read_own_keywords(const JsonFields &fields, Face *face, Problems *problems) {
    const JsonbValue *atomic = fields.find("x-atomic");
    if (atomic != nullptr && problems->list.empty())
        read_atomic(*atomic, face, problems);
    if (const JsonbValue *levels = fields.find("x-levels"))
        read_levels(*levels, face, problems);
}

const char *describe(const Problems &problems) {
    StringInfoData text;
    initStringInfo(&text);
    for (int i = 0; i < problems.list.count; i++) {
        if (i == most_shown) {
            appendStringInfo(&text, "\nand %d more", problems.list.count - i);
            break;
        }
        const Problem &problem = problems.list[i];
        appendStringInfo(&text, "%s%.*s %s", i > 0 ? "\n" : "", static_cast<int>(problem.place.size()),
                         problem.place.data(), problem.text);
    }
    return text.data;
}

} // namespace

Schema *try_compile_schema(const Jsonb *source, SchemaProblems *problems) {
    struct Compiled {
        MemoryContext context;
        const SchemaNode *root;
        Face face;
        SchemaProblems problems;
    };
    Compiled compiled = guard([&] {
        Compiled result = {};
        result.context = AllocSetContextCreate(CurrentMemoryContext, "schema of an integration", ALLOCSET_SMALL_SIZES);
        result.face.levels = ~0u;
        auto *copy = static_cast<Jsonb *>(MemoryContextAllocHuge(result.context, VARSIZE(source)));
        memcpy(copy, source, VARSIZE(source));
        Problems found;
        if (JB_ROOT_IS_OBJECT(copy)) {
            result.root = compile_tree(&copy->root, result.context, &found);
            // a tree with problems has loose ends
            if (found.list.empty())
                read_properties(result.root, &result.face, &found);
            read_own_keywords(read_fields(&copy->root), &result.face, &found);
        } else
            found.add(&document_root, "must be an object", "A schema that allows all settings is {}.");
        if (!found.list.empty()) {
            result.problems = {describe(found), found.hint};
            MemoryContextDelete(result.context);
        }
        return result;
    });
    if (compiled.problems.detail != nullptr) {
        *problems = compiled.problems;
        return nullptr;
    }

    ContextResource *memory = ContextResource::in(compiled.context);
    auto *schema = new (memory->allocate(sizeof(Schema))) Schema(memory);
    schema->context = compiled.context;
    schema->root = compiled.root;
    schema->levels = compiled.face.levels;
    for (const Face::Property &property : compiled.face.properties)
        schema->shape.add(property.name, property.fallback, property.secret);
    schema->shape.seal();
    for (const Growing<std::string_view> &group : compiled.face.groups)
        schema->shape.join(std::pmr::vector<std::string_view>(group.begin(), group.end(), memory));
    return schema;
}

Schema *compile_schema(const Jsonb *source, std::string_view integration) {
    SchemaProblems problems;
    Schema *schema = try_compile_schema(source, &problems);
    if (schema == nullptr)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, cat("schema of integration \"", integration, "\" is malformed"))
            .detail(problems.detail)
            .hint(problems.hint);
    return schema;
}

} // namespace intd
