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
    std::pmr::unordered_map<std::string_view, const TreeNode *> groups_;
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
