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
/// there are no chains, and a short id, as most are, and what is wanted of the node lie in the table itself.
class Nodes {
  public:
    struct Entry {
        uint64 key;                     // see key_of()
        const TreeNode *node;           // null: free
        mutable const TreeNode *setter; // as TreeNode::setter
    };

    explicit Nodes(std::pmr::memory_resource *memory) : entries_(memory) {}

    const Entry *find(std::string_view id) const {
        if (entries_.empty())
            return nullptr;
        const uint64 key = key_of(id);
        for (size_t i = first(key);; i = (i + 1) & mask()) {
            const Entry &entry = entries_[i];
            if (entry.node == nullptr)
                return nullptr;
            if (entry.key == key && (is_whole(key) || entry.node->id == id))
                return &entry;
        }
    }

    /// Adds a node whose id is not there yet.
    void add(const TreeNode *node) {
        if (count_ * 2 >= entries_.size())
            grow();
        place({key_of(node->id), node, nullptr});
        count_++;
    }

  private:
    /// An id of up to 7 bytes as it is, filled up with zeros, which none has; of a longer one a hash, with the top bit
    /// set (the last byte's, that no short one has).
    static uint64 key_of(std::string_view id) {
        uint64 key = 0;
        if (id.size() < sizeof(key)) {
            for (size_t i = 0; i < id.size(); i++)
                key |= static_cast<uint64>(static_cast<unsigned char>(id[i])) << (8 * i);
            return key;
        }
        return std::hash<std::string_view>()(id) | (uint64{1} << 63);
    }
    static bool is_whole(uint64 key) { return key >> 63 == 0; }

    size_t mask() const { return entries_.size() - 1; }
    size_t first(uint64 key) const { return (key * 0x9e3779b97f4a7c15 >> 32) & mask(); }
    void place(const Entry &entry);
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

    /// What is known of the group already, or null.
    const Nodes::Entry *known_group(std::string_view id) const { return groups_.find(id); }

    /// What a row of `projects` or `groups` hangs on: its parent column's group, or the instance.
    const TreeNode *parent_of(const Row &row);

  private:
    template <class Look>
    const TreeNode *climb(std::string_view id, bool overlooks, Look look);
    void read_whole();

    ContextResource *memory_;
    Nodes groups_;
    int looks_ = 0; // groups that were read one by one
    TreeNode instance_ = {core::Level::instance, {}, nullptr};
};

/// While it lives, a group whose way up does not end is as if it were not there. For what must not fail because of
/// it: a transaction that is still at work on the tree, or a replication that brought a group before its parent.
class OverlookBroken {
  public:
    OverlookBroken();
    ~OverlookBroken();
    OverlookBroken(const OverlookBroken &) = delete;
    OverlookBroken &operator=(const OverlookBroken &) = delete;

    /// Whether one was met.
    bool met() const;
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
