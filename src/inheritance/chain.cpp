#include "inheritance/chain.hpp"

#include "hierarchy/parents.hpp"
#include "hierarchy/scope.hpp"
#include "hierarchy/tree_rules.hpp"
#include "postgres/trigger.hpp"

namespace intd {
namespace {

/// The innermost that lives.
OverlookBroken *overlooking = nullptr;

} // namespace

OverlookBroken::OverlookBroken() : depth_(trigger_depth()), outer_(std::exchange(overlooking, this)) {}
OverlookBroken::~OverlookBroken() {
    overlooking = outer_;
}
bool OverlookBroken::lives_here() {
    return overlooking != nullptr && overlooking->depth_ == trigger_depth();
}
bool OverlookBroken::cycle_now() {
    if (!lives_here())
        return !tree_checks_are_owed();
    overlooking->met_ = true;
    return true;
}
bool OverlookBroken::missing_now(std::string_view group, bool in_a_group) {
    if (!lives_here())
        return !tree_checks_are_owed() || !has_own_in(group);
    overlooking->met_ = overlooking->met_ || in_a_group;
    return true;
}

void Nodes::place(uint64 key, uint32 mark, const TreeNode *node) {
    size_t i = first(key);
    while (entries_[i].key() != 0)
        i = next(i);
    entries_[i] = {static_cast<uint32>(key), static_cast<uint32>(key >> 32), mark};
    nodes_[i] = node;
}

void Nodes::make_anew(size_t size, bool (*wanted)(const TreeNode *)) {
    Pieces<Entry> entries(entries_.memory());
    Pieces<const TreeNode *> nodes(nodes_.memory());
    entries.swap(entries_);
    nodes.swap(nodes_);
    const size_t before = std::exchange(size_, size);
    entries_.grow(size);
    nodes_.grow(size);
    count_ = 0;
    for (size_t i = 0; i < before; i++)
        if (entries[i].key() != 0 && wanted(nodes[i])) {
            place(entries[i].key(), entries[i].mark, nodes[i]);
            count_++;
        }
}

/// A group's node, still without its parent, and its id.
TreeNode *Tree::make_node(std::string_view id) {
    constexpr size_t most = 8 * 1024; // allocated at once
    const size_t size = TYPEALIGN(alignof(TreeNode), sizeof(TreeNode) + id.size());
    if (left_ < size) {
        room_ = static_cast<char *>(memory_->allocate(most));
        left_ = most;
    }
    char *place = std::exchange(room_, room_ + size);
    left_ -= size;
    char *name = place + sizeof(TreeNode);
    memcpy(name, id.data(), id.size());
    return new (place) TreeNode{core::Level::group, 0, {name, id.size()}, nullptr};
}

/// Up to what is known already, then down again adding nodes. `mark` (Brent) meets a cycle.
const TreeNode *Tree::climb(std::string_view id) {
    ContextResource passing(CurrentMemoryContext);
    std::pmr::vector<TreeNode *> way(&passing);
    const TreeNode *top = instance();
    std::string_view next = id, mark = id;
    size_t until_mark = 2;
    for (;;) {
        looks_++;
        const Row *row = store_.row(Table::groups, text_datum(next));
        if (row == nullptr) {
            if (way.empty() || OverlookBroken::missing_now(next, true))
                return nullptr;
            throw Refusal(ERRCODE_FOREIGN_KEY_VIOLATION,
                          cat("group \"", way.back()->id, "\" has the parent \"", next, "\", which is not there"))
                .hint(missing_parent_hint())
                .constraint("scope_parent_exists");
        }
        way.push_back(make_node(next));
        if (row->nulls[column::parent])
            break;
        next = view(row->values[column::parent]);
        if (const TreeNode *known = known_group(next); known != nullptr) {
            top = known;
            break;
        }
        if (next == mark) {
            if (OverlookBroken::cycle_now())
                return nullptr;
            throw Refusal(ERRCODE_CHECK_VIOLATION, cat("group \"", next, "\" is its own ancestor"))
                .hint("Move the group elsewhere before the transaction commits.")
                .constraint("scope_has_no_cycle");
        }
        if (way.size() == until_mark) {
            mark = next;
            until_mark *= 2;
        }
    }
    for (auto node = way.rbegin(); node != way.rend(); ++node) {
        (*node)->parent = top;
        top = *node;
        groups_.add(*node);
    }
    return top;
}

/// Adds all groups that have a way up.
void Tree::read_whole() {
    in_passing_memory([&] {
        ContextResource memory(CurrentMemoryContext);
        add_all(store_.rows(Table::groups), &memory);
    });
}

void Tree::add_all(Rows rows, std::pmr::memory_resource *passing) {
    // What is about to be looked at is all over the memory.
    constexpr int soon = 16;
    // Of a new group, where its mark will be; any other mark: it has a way up.
    constexpr uint32 unknown = UINT32_MAX, asked = UINT32_MAX - 1;
    std::pmr::vector<TreeNode *> nodes(passing);
    std::pmr::vector<std::string_view> parents(passing);
    nodes.reserve(rows.count);
    parents.reserve(rows.count);
    groups_.make_room(rows.count);
    for (int i = 0; i < rows.count; i++) {
        if (i + soon < rows.count)
            groups_.prefetch(view(rows.begin_[i + soon].values[column::id]));
        const Row &row = rows.begin_[i];
        std::string_view id = view(row.values[column::id]);
        if (groups_.find(id) != nullptr)
            continue;
        nodes.push_back(make_node(id));
        parents.push_back(row.nulls[column::parent] ? std::string_view() : view(row.values[column::parent]));
        nodes.back()->mark = unknown;
        groups_.add(nodes.back());
    }
    for (size_t i = 0; i < nodes.size(); i++) {
        if (i + soon < nodes.size())
            groups_.prefetch(parents[i + soon]);
        nodes[i]->parent = parents[i].empty() ? instance() : groups_.node(parents[i]);
    }

    std::pmr::vector<const TreeNode *> below(passing);
    bool all_end = true;
    for (size_t i = 0; i < nodes.size(); i++) {
        if (i + soon < nodes.size())
            __builtin_prefetch(nodes[i + soon]->parent);
        const TreeNode *next = nodes[i];
        for (below.clear(); next != nullptr && next->mark == unknown; next = next->parent) {
            next->mark = asked;
            below.push_back(next);
        }
        // else its parent is not there, or it has come to be asked again: a cycle
        if (next != nullptr && next->mark != asked)
            for (const TreeNode *each : below)
                each->mark = 0;
        else
            all_end = false;
    }
    if (!all_end)
        groups_.keep([](const TreeNode *node) { return node->mark != asked; });
}

const TreeNode *Tree::group(std::string_view id) {
    if (const TreeNode *known = known_group(id); known != nullptr)
        return known;
    if (base_ == nullptr &&
        store_.is_worth_reading_whole(Table::groups, looks_, room_for(memory_->size(), groups_grow))) {
        read_whole();
        whole_ = true;
        looks_ = 0;
        if (const TreeNode *known = known_group(id); known != nullptr)
            return known;
    }
    return climb(id);
}

const TreeNode *Tree::around(std::optional<std::string_view> group) {
    const TreeNode *node = group ? this->group(*group) : instance();
    if (node == nullptr && !OverlookBroken::missing_now(*group, false))
        throw Refusal(ERRCODE_FOREIGN_KEY_VIOLATION, cat("group \"", *group, "\", in which something is, is not there"))
            .hint(missing_parent_hint())
            .constraint("scope_parent_exists");
    return node;
}

const TreeNode *Tree::parent_of(const Row &row) {
    if (row.nulls[column::parent])
        return instance();
    const TreeNode *parent = group(view(row.values[column::parent]));
    if (parent == nullptr)
        throw Refusal(ERRCODE_FOREIGN_KEY_VIOLATION,
                      cat("group \"", view(row.values[column::parent]), "\", the parent of \"",
                          view(row.values[column::id]), "\", is not there"))
            .hint(missing_parent_hint())
            .constraint("scope_parent_exists");
    return parent;
}

} // namespace intd
