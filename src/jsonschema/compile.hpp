// What compiling a schema knows while it goes on. Shared by compile.cpp (keywords) and ref.cpp ($ref).
#pragma once

#include "jsonschema/keyword_names.hpp"
#include "jsonschema/node.hpp"
#include "postgres/names.hpp"

struct HTAB;

namespace intd {

/// How a schema is read.
struct CompileOptions {
    bool limited;                                      // 54000 for what is larger than the limits allow
    bool strict;                                       // false: what the draft does not know is ignored
    std::initializer_list<std::string_view> root_only; // annotations that mean something to whoever asks, at the root
    std::string_view also_write_only;                  // where not strict, the same as writeOnly
};

/// What was found beside the tree. Texts are in the current memory context, or the schema's.
struct CompileReport {
    Problems problems;
    NameTable met;
    Growing<std::string_view> ignored; // `order`, `format color`, `type beside $ref`: each once

    void ignore(std::string_view what) {
        if (met.add(what))
            ignored.add(what);
    }
};

/// Server code: raises reports, owns nothing. The tree goes to `context`, what is needed meanwhile to the current one.
class Compiler {
  public:
    Compiler(const JsonbContainer *root, MemoryContext context, const CompileOptions &options, CompileReport *report)
        : root_(root), context_(context), options_(options), report_(report), problems_(&report->problems) {}

    /// First of all: which draft $schema at the root says.
    void read_draft();
    SchemaNode *object(const JsonbContainer *source, const JsonPlace *place);
    /// After the tree is there: follows every $ref, making schemas that only a $ref leads to.
    void resolve_references();
    /// After that: schemas that apply to a value because they apply to it would never come to an end.
    void find_loops();
    /// After that: notes at each $ref where it leads to in the end.
    void shorten_references();

  private:
    /// Which schema has been made from which place of the document, so that one that refers to itself is made once.
    struct Made {
        const JsonbContainer *source;
        SchemaNode *node;
    };
    struct Reference {
        SchemaNode *node;
        std::string_view text;
        const JsonPlace *place;
    };

    // values of keywords; what does not fit is added to the problems
    SchemaNode *schema(const JsonbValue &value, const JsonPlace *place);
    void keyword(Keyword which, SchemaNode *node, const JsonbValue &value, const JsonPlace *place);
    void unknown(SchemaNode *node, const JsonField &field, const JsonPlace *schema, const JsonPlace *here);
    /// After all keywords of a schema: those that change what others of it mean.
    void combine(SchemaNode *node, const JsonFields &fields);
    bool string(const JsonbValue &value, const JsonPlace *place, std::string_view *text);
    void boolean(const JsonbValue &value, const JsonPlace *place, bool *result);
    void number(const JsonbValue &value, const JsonPlace *place, Numeric *result);
    void count(const JsonbValue &value, const JsonPlace *place, int32 *result);
    void choices(SchemaNode *node, const JsonbContainer *array);
    const Pattern *pattern(std::string_view text, const JsonPlace *place);
    void names(const JsonbValue &value, const JsonPlace *place, Growing<std::string_view> *result);
    void types(SchemaNode *node, const JsonbValue &value, const JsonPlace *place);
    void schemas(const JsonbValue &value, const JsonPlace *place, Growing<SchemaNode *> *result, int least);
    void named_schemas(const JsonbValue &value, const JsonPlace *place, Growing<NamedNode> *result);
    void pattern_schemas(SchemaNode *node, const JsonbValue &value, const JsonPlace *place);
    void dependencies(Keyword which, SchemaNode *node, const JsonbValue &value, const JsonPlace *place);
    void format(SchemaNode *node, std::string_view name, const JsonPlace *place);
    void dialect(const JsonbValue &value, const JsonPlace *place);
    void identifier(SchemaNode *node, const JsonbValue &value, const JsonPlace *place);
    void anchor(SchemaNode *node, std::string_view name, const JsonPlace *place);
    static const char *format_hint();

    SchemaNode *find_target(const Reference &reference);
    SchemaNode *follow_pointer(std::string_view pointer);
    bool finds_loop(SchemaNode *node);

    // what goes to the tree's memory
    SchemaNode *fresh(const JsonPlace *place);
    const JsonPlace *below(const JsonPlace *place, std::string_view key);
    const JsonPlace *below(const JsonPlace *place, int index);
    const JsonbValue *keep(const JsonbValue &value);
    const char *limit(const JsonbContainer *value);
    template <class T>
    void add(Growing<T> *list, const T &item) {
        MemoryContext outside = MemoryContextSwitchTo(context_);
        list->add(item);
        MemoryContextSwitchTo(outside);
    }

    const JsonbContainer *root_;
    MemoryContext context_;
    CompileOptions options_;
    Draft draft_ = Draft::draft7; // if $schema does not say
    CompileReport *report_;
    Problems *problems_;    // the report's
    std::string_view base_; // the root's $id without its fragment
    HTAB *made_ = nullptr;
    Growing<SchemaNode *> nodes_; // all that were made, in that order
    HTAB *states_ = nullptr;      // of find_loops()
    NameTable anchors_;
    Growing<SchemaNode *> anchored_; // by the numbers of anchors
    Growing<Reference> references_;
    SchemaNode *anything_ = nullptr; // the schema `true`
    SchemaNode *fresh_ = nullptr;    // nodes that nobody has yet
    int fresh_left_ = 0;
};

/// Makes the tree of a schema, which must be an object, in `context`, where the schema itself must be too. Problems are
/// gathered in the current memory context; the tree is to be used only if there are none. Server code: raises reports.
SchemaNode *compile_tree(const JsonbContainer *schema, MemoryContext context, const CompileOptions &options,
                         CompileReport *report);

int compare_numbers(Numeric a, Numeric b);
/// An order of values in which equal ones are equal.
int compare_values(const JsonbValue *a, const JsonbValue *b);
bool is_integer(Numeric number);

} // namespace intd
