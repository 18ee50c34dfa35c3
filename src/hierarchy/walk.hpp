// The tree as one snapshot sees it: groups and, by their parents, the way up to the instance.
//
// A Tree remembers the groups that it has met, so that walking up from many places below costs each group one look.
#pragma once

#include "core/fold.hpp"
#include "postgres/memory.hpp"
#include "postgres/tables.hpp"

namespace intd {

/// A group, or the instance (no parent, level instance).
struct TreeNode {
    core::Level level;
    std::string_view id; // empty for the instance
    const TreeNode *parent;
    mutable const TreeNode *setter = nullptr; // for Inheritance: see setter_of()
};

/// Nodes by id. Most of what reading many projects costs is finding their groups here, in memory that is not near: so
/// one look at a table without chains, and one at a node, beside which its id lies.
class Nodes {
  public:
    explicit Nodes(std::pmr::memory_resource *memory) : entries_(memory) {}

    const TreeNode *find(std::string_view id) const {
        if (entries_.empty())
            return nullptr;
        const size_t hash = std::hash<std::string_view>()(id);
        for (size_t i = hash & mask();; i = (i + 1) & mask()) {
            if (entries_[i].node == nullptr)
                return nullptr;
            if (entries_[i].hash == static_cast<uint32>(hash >> 32) && entries_[i].node->id == id)
                return entries_[i].node;
        }
    }

    /// Adds a node whose id is not there yet.
    void add(const TreeNode *node) {
        if (count_ * 2 >= entries_.size())
            grow();
        place(std::hash<std::string_view>()(node->id), node);
        count_++;
    }

  private:
    struct Entry {
        const TreeNode *node; // null: free
        uint32 hash;          // the upper half
    };
    size_t mask() const { return entries_.size() - 1; }
    void place(size_t hash, const TreeNode *node);
    void grow();

    std::pmr::vector<Entry> entries_; // a power of two of them, at most half of them taken
    size_t count_ = 0;
};

class Tree {
  public:
    /// Nodes live in `memory`, for as long as the Tree is used.
    explicit Tree(ContextResource *memory) : memory_(memory), groups_(memory) {}

    const TreeNode *instance() const { return &instance_; }

    /// The group with its whole way up; null if there is no such group. A way up that does not end (a cycle, a
    /// parent that is not there) is only possible inside a transaction that has not been checked yet: 23514, 23503.
    const TreeNode *group(std::string_view id);

    /// What a row of `projects` or `groups` hangs on: its parent column's group, or the instance.
    const TreeNode *parent_of(const Row &row);

  private:
    ContextResource *memory_;
    Nodes groups_;
    const TreeNode *last_ = nullptr; // often the next one, too
    TreeNode instance_ = {core::Level::instance, {}, nullptr};
};

/// Whether `node` is `ancestor` or below it.
inline bool is_within(const TreeNode *node, const TreeNode *ancestor) {
    while (node != nullptr && node != ancestor)
        node = node->parent;
    return node != nullptr;
}

/// `group "7"`, `project "12"`, `the instance`: as messages name a scope.
const char *scope_name(core::Level level, std::string_view id);

/// The refusal 42704 of a group or project that is not there.
Refusal unknown_scope(core::Level level, std::string_view id);

} // namespace intd
