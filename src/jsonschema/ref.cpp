// $ref inside a schema: `#`, `#/definitions/x`, `#name`, the same behind the root's own $id; loops.
#include "jsonschema/compile.hpp"

extern "C" {
#include "utils/hsearch.h"
}

namespace intd {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Undoes the percent encoding of a URI's fragment; false if it is broken, or encodes what is no text.
bool decode_percent(std::string_view text, MemoryContext context, std::string_view *result) {
    auto *decoded = static_cast<char *>(MemoryContextAlloc(context, text.size() + 1));
    int length = 0;
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] != '%') {
            decoded[length++] = text[i];
            continue;
        }
        int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (low < 0)
            return false;
        decoded[length++] = static_cast<char>(high * 16 + low);
        i += 2;
    }
    *result = {decoded, static_cast<size_t>(length)};
    return true;
}

/// Undoes the escapes of one step of a JSON pointer.
bool decode_step(std::string_view text, MemoryContext context, std::string_view *result) {
    auto *decoded = static_cast<char *>(MemoryContextAlloc(context, text.size() + 1));
    int length = 0;
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == '~') {
            if (++i == text.size() || (text[i] != '0' && text[i] != '1'))
                return false;
            decoded[length++] = text[i] == '0' ? '~' : '/';
        } else
            decoded[length++] = text[i];
    }
    *result = {decoded, static_cast<size_t>(length)};
    return true;
}

/// The number that a step into an array is, or -1.
int array_index(std::string_view step) {
    if (step.empty() || step.size() > 9 || (step.size() > 1 && step.front() == '0'))
        return -1;
    int index = 0;
    for (char c : step) {
        if (c < '0' || c > '9')
            return -1;
        index = index * 10 + (c - '0');
    }
    return index;
}

enum class Visit { open, done };
struct Visited {
    const SchemaNode *node;
    Visit state;
};

} // namespace

void Compiler::resolve_references() {
    // making a schema that only a $ref leads to may add more of them
    for (int i = 0; i < references_.count; i++) {
        Reference reference = references_[i];
        reference.node->ref = find_target(reference);
    }
}

SchemaNode *Compiler::find_target(const Reference &reference) {
    std::string_view text = reference.text;
    if (!base_.empty() && text.substr(0, base_.size()) == base_ &&
        (text.size() == base_.size() || text[base_.size()] == '#'))
        text.remove_prefix(base_.size());
    else if (text.empty() || text.front() != '#') {
        problems_->add(reference.place, "does not stay inside this schema",
                       "Copy what it refers to under \"definitions\", and refer to it as \"#/definitions/NAME\".");
        return nullptr;
    }
    if (int anchor = anchors_.find(text); anchor >= 0)
        return anchored_[anchor];
    std::string_view pointer;
    SchemaNode *target = nullptr;
    if (text.empty() || decode_percent(text.substr(1), context_, &pointer))
        target = follow_pointer(pointer);
    if (target == nullptr)
        problems_->add(reference.place, "leads to nothing");
    return target;
}

SchemaNode *Compiler::follow_pointer(std::string_view pointer) {
    const JsonPlace *place = &document_root;
    JsonbValue value;
    value.type = jbvBinary;
    value.val.binary.data = const_cast<JsonbContainer *>(root_);
    while (!pointer.empty()) {
        if (pointer.front() != '/' || value.type != jbvBinary)
            return nullptr;
        pointer.remove_prefix(1);
        std::string_view step;
        std::string_view encoded = pointer.substr(0, pointer.find('/'));
        pointer.remove_prefix(encoded.size());
        if (!decode_step(encoded, context_, &step))
            return nullptr;
        const JsonbValue *next;
        JsonbContainer *inside = value.val.binary.data;
        if (JsonContainerIsObject(inside)) {
            next = getKeyJsonValueFromContainer(inside, step.data(), static_cast<int>(step.size()), nullptr);
            place = below(place, step);
        } else {
            int index = array_index(step);
            next = index < 0 ? nullptr : getIthJsonbValueFromContainer(inside, index);
            place = below(place, index);
        }
        if (next == nullptr)
            return nullptr;
        value = *next;
    }
    return schema(value, place);
}

void Compiler::find_loops() {
    HASHCTL options = {};
    options.keysize = sizeof(const SchemaNode *);
    options.entrysize = sizeof(Visited);
    options.hcxt = CurrentMemoryContext;
    states_ = hash_create("visited schemas", 64, &options, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

    for (SchemaNode *node : nodes_)
        if (finds_loop(node))
            return;
}

void Compiler::shorten_references() {
    Growing<SchemaNode *> way;
    for (SchemaNode *start : nodes_) {
        // up to what is known, or refers no further, then back
        for (SchemaNode *node = start; node->ref != nullptr && !node->followed; node = node->ref) {
            node->followed = true;
            way.add(node);
        }
        for (; way.count > 0; way.count--) {
            SchemaNode *passed = way[way.count - 1], *next = passed->ref;
            if (!passed->beside_ref)
                passed->target = next->target != nullptr ? next->target : next;
            if (passed->fallback == nullptr)
                passed->fallback = next->fallback;
        }
    }
}

bool Compiler::finds_loop(SchemaNode *node) {
    check_stack_depth();
    CHECK_FOR_INTERRUPTS();
    bool found;
    auto *visited = static_cast<Visited *>(hash_search(states_, &node, HASH_ENTER, &found));
    if (found) {
        if (visited->state == Visit::done)
            return false;
        problems_->add(node->place, "applies to a value because it applies to it, without an end");
        return true;
    }
    visited->state = Visit::open;
    bool loop = false;
    each_beside(node, [&](SchemaNode *next) { loop = loop || finds_loop(next); });
    visited = static_cast<Visited *>(hash_search(states_, &node, HASH_FIND, nullptr));
    visited->state = Visit::done;
    return loop;
}

} // namespace intd
