// The tree as a Store has it: groups and, by their parents, the way up to the instance.
//
// A Tree remembers the groups that it has met, so that walking up from many places below costs each group one look.
#pragma once

#include "core/fold.hpp"
#include "postgres/memory.hpp"
#include "store/limits.hpp"
#include "store/store.hpp"

namespace intd {

/// A group, or the instance (no parent, level instance).
struct TreeNode {
    core::Level level;
    mutable uint32 mark; // for those who use the tree: what is nearest to the group; 0: not known yet
    std::string_view id; // empty for the instance
    const TreeNode *parent;
};

/// Nodes by id: a hash table. Where many projects are read, most of the time goes into finding their groups here, in
/// memory that is not in the processor's cache. So a look-up touches as little memory as possible. There are no chained
/// buckets. An entry has the node's mark and, if it is short, as most are, the id itself; the nodes are elsewhere. A
/// table that is filled at once has no more room than it needs.
class Nodes {
  public:
    struct Entry {
        uint32 low, high;    // the halves of the key, see key_of(), so that an entry has 12 bytes; 0: free
        mutable uint32 mark; // as the node's

        uint64 key() const { return uint64{high} << 32 | low; }
    };

    explicit Nodes(std::pmr::memory_resource *memory) : entries_(memory), nodes_(memory) {}

    /// Null if it is not there. Good until a group is added.
    const Entry *find(std::string_view id) const {
        const size_t place = place_of(id);
        return place == none ? nullptr : &entries_[place];
    }

    /// Null if it is not there.
    const TreeNode *node(std::string_view id) const {
        const size_t place = place_of(id);
        return place == none ? nullptr : nodes_[place];
    }

    /// Adds a group whose id is not there yet.
    void add(const TreeNode *node) {
        make_room(1);
        place(key_of(node->id), 0, node);
        count_++;
    }

    /// Makes room for so many groups more.
    void make_room(size_t more) {
        if (!fits(count_ + more, size_))
            make_anew(std::max<size_t>({64, 2 * size_, (count_ + more) * 4 / 3 + 1}),
                      [](const TreeNode *) { return true; });
    }

    /// Keeps only the groups that are wanted.
    void keep(bool (*wanted)(const TreeNode *)) { make_anew(size_, wanted); }

    /// Fetches into the processor's cache what a look-up of this id, or adding it, will soon touch.
    void prefetch(std::string_view id) const {
        const size_t place = first(key_of(id));
        __builtin_prefetch(&entries_[place]);
        __builtin_prefetch(&nodes_[place]);
    }

    uint32 count() const { return count_; }

    /// Calls visit(entry, node) for each, in no order.
    template <class Visit>
    void visit(Visit &&visit) const {
        constexpr size_t soon = 16;
        for (size_t i = 0; i < size_; i++) {
            if (i + soon < size_)
                __builtin_prefetch(nodes_[i + soon]);
            if (entries_[i].key() != 0)
                visit(entries_[i], nodes_[i]);
        }
    }

    /// The key of an id. An id of up to 7 bytes is its own key, filled up with zeros, which no id contains. The key of
    /// a longer one is a hash with the top bit set, which is in the byte that a short id leaves zero.
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
    static constexpr size_t none = SIZE_MAX;
    static bool is_whole(uint64 key) { return key >> 63 == 0; }
    size_t place_of(std::string_view id) const {
        if (size_ == 0)
            return none;
        const uint64 key = key_of(id);
        for (size_t i = first(key);; i = next(i)) {
            const uint64 found = entries_[i].key();
            if (found == 0)
                return none;
            if (found == key && (is_whole(key) || nodes_[i]->id == id))
                return i;
        }
    }
    size_t first(uint64 key) const { return (key * 0x9e3779b97f4a7c15 >> 32) * size_ >> 32; }
    size_t next(size_t place) const { return place + 1 == size_ ? 0 : place + 1; }
    void place(uint64 key, uint32 mark, const TreeNode *node);
    static bool fits(size_t count, size_t size) { return count * 8 <= size * 7; }
    void make_anew(size_t size, bool (*wanted)(const TreeNode *));

    Pieces<Entry> entries_;
    Pieces<const TreeNode *> nodes_; // in the same places
    size_t size_ = 0;                // of the table, at most 7 of 8 taken
    uint32 count_ = 0;
};

class Tree {
  public:
    /// Nodes live in `memory`, for as long as the Tree is used. A `base` knows a part of the tree already, and does not
    /// change while this Tree is used, which then remembers only what the base does not know.
    Tree(SlicedMemory *memory, Store store, const Tree *base)
        : memory_(memory), store_(store), base_(base), groups_(memory) {}
    /// One that lives in that memory.
    static Tree &in(SlicedMemory *memory, Store store, const Tree *base = nullptr) {
        return *new (memory->allocate(sizeof(Tree))) Tree(memory, store, base);
    }

    SlicedMemory &memory() { return *memory_; }
    const Store &store() const { return store_; }

    const TreeNode *instance() const { return base_ == nullptr ? &instance_ : &base_->instance_; }

    /// The group with its whole way up. Null if there is no such group, or its way up does not end: it has a cycle, or
    /// a parent that is not there. In a transaction whose tree has not been checked yet, a cycle is 23514 and a missing
    /// parent 23503 (see OverlookBroken).
    const TreeNode *group(std::string_view id);

    /// What something is in: the group, or the instance if no group is named. Null or an error as group(); a group that
    /// is named and is not there is 23503 as well in such a transaction.
    const TreeNode *around(std::optional<std::string_view> group);

    /// The group's entry, or null if the group is not known yet.
    const Nodes::Entry *find(std::string_view id) const {
        const Nodes::Entry *found = base_ == nullptr ? nullptr : base_->groups_.find(id);
        return found != nullptr ? found : groups_.find(id);
    }

    /// All groups that are known, once all were read; null before.
    const Nodes *whole() const { return whole_ ? &groups_ : nullptr; }

    /// What a row of `projects` or `groups` is in: the group that its parent column names, or the instance. For callers
    /// that need one: throws 23503, in any transaction, if that has no way up.
    const TreeNode *parent_of(const Row &row);

  private:
    const TreeNode *known_group(std::string_view id) const {
        const TreeNode *found = base_ == nullptr ? nullptr : base_->groups_.node(id);
        return found != nullptr ? found : groups_.node(id);
    }
    const TreeNode *climb(std::string_view id);
    void read_whole();
    /// Adds those of the rows of groups that have a way up.
    void add_all(Rows rows, std::pmr::memory_resource *passing);
    TreeNode *make_node(std::string_view id);

    SlicedMemory *memory_;
    Store store_;
    const Tree *base_;
    Nodes groups_;
    bool whole_ = false;
    int looks_ = 0;        // groups that were read one by one
    char *room_ = nullptr; // for nodes and their ids
    size_t left_ = 0;      // of it
    TreeNode instance_ = {core::Level::instance, 0, {}, nullptr};
};

/// How much larger a table may get when it is remembered: rows of groups, and of what is set on them.
constexpr Size groups_grow = 3, settings_grow = 8;

/// How many bytes of a table there is room for, if it grows so when it is remembered.
inline Size room_for(Size used, Size grows) {
    const Size most = Size{1024} * session_cache_size;
    return used >= most ? 0 : (most - used) / grows;
}

/// A group whose way up does not end is *broken*. To read it is an error in a transaction that may have broken it and
/// that is still to be checked (tree_checks_are_owed()). In all others a broken group is as if it were not there, and
/// what is in it has no settings: a subscription, a part of a restore, or a session that fires no triggers may bring
/// such rows, which must not be in the way of anything else.
///
/// While an OverlookBroken lives, a broken group is no error in the first kind of transaction either. It is for code
/// that must not fail while the transaction is still at work on the tree. It does not hold for what triggers read
/// meanwhile, deeper in the stack of triggers: there the error is raised. A broken group is never remembered.
class OverlookBroken {
  public:
    OverlookBroken();
    ~OverlookBroken();
    OverlookBroken(const OverlookBroken &) = delete;
    OverlookBroken &operator=(const OverlookBroken &) = delete;

    /// Whether a broken group was met.
    bool met() const { return met_; }

    /// Whether a cycle, just met, is overlooked.
    static bool cycle_now();
    /// Whether it is overlooked that a group is not there. Where that is the way up of a group, it counts as met.
    static bool missing_now(std::string_view group, bool in_a_group);

  private:
    static bool lives_here();
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
