// The tree as a Store has it: groups and, by their parents, the way up to the instance.
//
// A Tree remembers the groups that it has met, so that walking up from many places below costs each group one look.
#pragma once

#include "core/fold.hpp"
#include "postgres/memory.hpp"
#include "store/store.hpp"

namespace intd {

/// A group, or the instance (no parent, level instance).
struct TreeNode {
    core::Level level;
    uint32 number;       // from 1 in its Tree, the instance's is 0: what is kept of each goes by it
    std::string_view id; // empty for the instance
    const TreeNode *parent;
};

/// Nodes by id: a hash table. Where many projects are read, most of the time goes into finding their groups here, in
/// memory that is not in the processor's cache. So a look-up touches as little memory as possible: there are no chained
/// buckets, and an entry itself has the id, if that is short, as most are, and a mark that leads on.
class Nodes {
  public:
    struct Entry {
        uint64 key; // see key_of(); 0: free
        uint32 number;
        mutable uint32 mark; // what those who use the tree want of the group most; 0: nothing yet
    };

    explicit Nodes(std::pmr::memory_resource *memory) : entries_(memory), nodes_(memory) {}

    /// Null if it is not there. Good until a group is added.
    const Entry *find(std::string_view id) const {
        if (entries_.empty())
            return nullptr;
        const uint64 key = key_of(id);
        for (size_t i = first(key);; i = (i + 1) & mask()) {
            const Entry &entry = entries_[i];
            if (entry.key == 0)
                return nullptr;
            if (entry.key == key && (is_whole(key) || nodes_[entry.number - 1]->id == id))
                return &entry;
        }
    }

    /// Null if it is not there.
    const TreeNode *node(std::string_view id) const {
        const Entry *found = find(id);
        return found == nullptr ? nullptr : nodes_[found->number - 1];
    }

    /// Adds a group whose id is not there yet, and numbers it.
    void add(TreeNode *node) {
        make_room(1);
        nodes_.push_back(node);
        node->number = last_number();
        place({key_of(node->id), node->number, 0});
    }

    /// Becomes what the others are, but for those groups that are not wanted.
    template <class Wanted>
    void copy(const Nodes &others, Wanted &&wanted) {
        nodes_ = others.nodes_;
        make_room(others.count_);
        for (const Entry &entry : others.entries_)
            if (entry.key != 0 && wanted(nodes_[entry.number - 1]))
                place(entry);
    }

    /// For so many more.
    void make_room(size_t more) {
        if (!fits(count_ + more, entries_.size()))
            grow(count_ + more);
    }

    size_t count() const { return count_; }
    uint32 last_number() const { return static_cast<uint32>(nodes_.size()); }

    /// An id of up to 7 bytes as it is, filled up with zeros, which none has; of a longer one a hash, with the top bit
    /// set (the last byte's, that no short one has).
    static uint64 key_of(std::string_view id) {
        const char *bytes = id.data();
        const size_t size = id.size();
        if (size >= sizeof(uint64))
            return std::hash<std::string_view>()(id) | (uint64{1} << 63);
        auto byte = [&](size_t i) { return uint64{static_cast<unsigned char>(bytes[i])} << (8 * i); };
        // without a loop: parts may overlap
        if (size >= 4)
            return byte(0) | byte(1) | byte(2) | byte(3) | byte(size - 3) | byte(size - 2) | byte(size - 1);
        return size == 0 ? 0 : byte(0) | byte(size / 2) | byte(size - 1);
    }

  private:
    static bool is_whole(uint64 key) { return key >> 63 == 0; }
    size_t mask() const { return entries_.size() - 1; }
    size_t first(uint64 key) const { return (key * 0x9e3779b97f4a7c15 >> 32) & mask(); }
    void place(const Entry &entry);
    static bool fits(size_t count, size_t size) { return count * 8 <= size * 7; }
    void grow(size_t count);

    std::pmr::vector<Entry> entries_; // a power of two of them, at most 7 of 8 taken
    size_t count_ = 0;                // of those that are taken
    std::pmr::vector<const TreeNode *> nodes_;
};

class Tree {
  public:
    /// Nodes live in `memory`, for as long as the Tree is used.
    Tree(ContextResource *memory, Store store) : memory_(memory), store_(store), groups_(memory) {}

    const TreeNode *instance() const { return &instance_; }

    /// The group with its whole way up; null if there is no such group. A way up that does not end (a cycle, a
    /// parent that is not there) is only possible inside a transaction that has not been checked yet: 23514, 23503.
    const TreeNode *group(std::string_view id);

    /// What is known of the groups already.
    const Nodes &known_groups() const { return groups_; }

    /// What a row of `projects` or `groups` hangs on: its parent column's group, or the instance.
    const TreeNode *parent_of(const Row &row);

  private:
    const TreeNode *known_group(std::string_view id) const { return groups_.node(id); }
    const TreeNode *climb(std::string_view id);
    void read_whole();
    /// Those of the rows of groups that have a way up.
    void add_all(Rows rows, std::pmr::memory_resource *passing);

    ContextResource *memory_;
    Store store_;
    Nodes groups_;
    int looks_ = 0; // groups that were read one by one
    TreeNode instance_ = {core::Level::instance, 0, {}, nullptr};
};

/// While it lives, a group whose way up does not end is as if it were not there. For what must not fail because of
/// it: a transaction that is still at work on the tree, or a replication that brought a group before its parent. What
/// triggers read meanwhile runs deeper, and is told. Such a group is never remembered.
class OverlookBroken {
  public:
    OverlookBroken();
    ~OverlookBroken();
    OverlookBroken(const OverlookBroken &) = delete;
    OverlookBroken &operator=(const OverlookBroken &) = delete;

    /// Whether one was met.
    bool met() const { return met_; }

    /// Whether a way up that does not end, just met, is overlooked.
    static bool now();

  private:
    int depth_;
    bool met_ = false;
    OverlookBroken *outer_;
};

/// Whether `node` is `ancestor` or below it.
inline bool is_within(const TreeNode *node, const TreeNode *ancestor) {
    while (node != nullptr && node != ancestor)
        node = node->parent;
    return node != nullptr;
}

} // namespace intd
