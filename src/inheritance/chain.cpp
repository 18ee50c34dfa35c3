#include "inheritance/chain.hpp"

#include "hierarchy/scope.hpp"
#include "postgres/trigger.hpp"
#include "store/replicated.hpp"

namespace intd {
namespace {

/// The innermost that lives.
OverlookBroken *overlooking = nullptr;

} // namespace

OverlookBroken::OverlookBroken() : depth_(trigger_depth()), outer_(std::exchange(overlooking, this)) {}
OverlookBroken::~OverlookBroken() {
    overlooking = outer_;
}
bool OverlookBroken::now() {
    if (overlooking == nullptr || overlooking->depth_ != trigger_depth())
        return is_replicated(Table::groups);
    overlooking->met_ = true;
    return true;
}

void Nodes::place(const Entry &entry) {
    size_t i = first(entry.key);
    while (entries_[i].key != 0)
        i = (i + 1) & mask();
    entries_[i] = entry;
}

void Nodes::grow(size_t count) {
    size_t size = std::max<size_t>(64, size_);
    while (!fits(count, size))
        size *= 2;
    Pieces<Entry> smaller(entries_.memory());
    smaller.swap(entries_);
    const size_t smaller_size = std::exchange(size_, size);
    entries_.grow(size);
    for (size_t i = 0; i < smaller_size; i++)
        if (smaller[i].key != 0)
            place(smaller[i]);
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
            if (way.empty() || OverlookBroken::now())
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
            if (OverlookBroken::now())
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
    constexpr uint32 known = 0, missing = UINT32_MAX; // else the number of one that is new
    Nodes added(passing);
    added.make_room(rows.count);
    std::pmr::vector<TreeNode *> nodes(passing);
    std::pmr::vector<const Row *> row_of(passing);
    nodes.reserve(rows.count);
    row_of.reserve(rows.count);
    for (const Row &row : rows) {
        std::string_view id = view(row.values[column::id]);
        if (groups_.find(id) != nullptr)
            continue;
        nodes.push_back(make_node(id));
        row_of.push_back(&row);
        added.add(nodes.back());
    }
    std::pmr::vector<uint32> parents(nodes.size(), known, passing);
    for (size_t i = 0; i < nodes.size(); i++) {
        const Row &row = *row_of[i];
        if (row.nulls[column::parent]) {
            nodes[i]->parent = instance();
            continue;
        }
        std::string_view id = view(row.values[column::parent]);
        if (const Nodes::Entry *parent = added.find(id); parent != nullptr) {
            parents[i] = parent->number;
            nodes[i]->parent = nodes[parent->number - 1];
        } else if (nodes[i]->parent = groups_.node(id); nodes[i]->parent == nullptr)
            parents[i] = missing;
    }

    enum class Way : char { unknown, asked, ends };
    std::pmr::vector<Way> ways(nodes.size(), Way::unknown, passing);
    std::pmr::vector<uint32> below(passing);
    groups_.make_room(nodes.size());
    for (uint32 first = 1; first <= nodes.size(); first++) {
        uint32 next = first;
        for (below.clear(); next != known && next != missing && ways[next - 1] == Way::unknown;
             next = parents[next - 1]) {
            ways[next - 1] = Way::asked;
            below.push_back(next);
        }
        // else its parent is not there, or it has come to be asked again: a cycle
        if (next == known || (next != missing && ways[next - 1] == Way::ends))
            for (uint32 each : below) {
                ways[each - 1] = Way::ends;
                groups_.add(nodes[each - 1]);
            }
    }
}

const TreeNode *Tree::group(std::string_view id) {
    if (const TreeNode *known = known_group(id); known != nullptr)
        return known;
    if (base_ == nullptr &&
        store_.is_worth_reading_whole(Table::groups, looks_, room_for(memory_->size(), groups_grow))) {
        read_whole();
        looks_ = 0;
        if (const TreeNode *known = known_group(id); known != nullptr)
            return known;
    }
    return climb(id);
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
