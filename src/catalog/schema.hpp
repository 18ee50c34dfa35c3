// The JSON Schema (drafts 4 to 2020-12) of a type's settings, compiled: what the fold needs to know of it, and what
// validation walks.
//
// Beside the standard's keywords: `default` of a property is its built-in fallback; `writeOnly: true` on a property, or
// on anything inside it, makes it a secret; at the root `x-atomic` lists groups of properties that move together,
// `x-levels` where settings may be set, and `x-exclusive` names a kind of types of which one at most may be active on a
// scope. Other keywords that start with `x-` are free annotations. What the schema's draft does not know is refused or,
// where the schema is not read strictly, ignored, as are defaults that do not fit; `airbyte_secret` is then the same as
// `writeOnly`. A $ref stays inside the schema.
#pragma once

#include "core/fold.hpp"
#include "postgres/jsonb.hpp"
#include "postgres/memory.hpp"

namespace intd {

struct SchemaNode;

struct Schema {
    Schema(std::pmr::memory_resource *memory, core::Pause pause) : shape(memory, pause) {}

    core::Shape shape;          // fallbacks are `const JsonbValue *`
    bool has_secrets;           // a property is one
    unsigned levels;            // 1 << core::Level for each level at which settings may be set
    std::string_view exclusive; // the kind, or empty
    const SchemaNode *root;
    const char *ignored;   // what was ignored, if anything: `order, format color`
    MemoryContext context; // holds all of it: delete this to free it

    bool allows(core::Level level) const { return (levels & (1u << static_cast<unsigned>(level))) != 0; }

    bool is_secret(std::string_view field) const {
        const int n = has_secrets ? shape.find(field) : -1;
        return n >= 0 && shape.properties()[n].secret;
    }
    /// What a secret is bound to: the other fields of its atomic group that are no secrets, sorted (bytes).
    std::pmr::vector<std::string_view> bound_to(std::string_view field, std::pmr::memory_resource *memory) const;
};

/// Why a schema can't be compiled.
struct SchemaProblems {
    const char *detail; // every problem that was found, each with its place: a line `#/properties/url/pattern …`
    const char *hint;   // or null
};

/// Compiles a schema into a memory context of its own below the current one; null and *problems if it is malformed.
/// `limited`: throws 54000 if it takes more than the limits allow (limits.hpp); what is stored is not held to them.
Schema *try_compile_schema(const Jsonb *source, bool strict, bool limited, SchemaProblems *problems);

/// For one that is to be stored: throws 22023 if it is malformed, 54000 if it is too large. `integration` is for the
/// message.
Schema *compile_schema(const Jsonb *source, bool strict, std::string_view integration);

} // namespace intd
