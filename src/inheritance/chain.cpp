#include "inheritance/chain.hpp"

#include "hierarchy/scope.hpp"
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
bool OverlookBroken::now() {
    if (overlooking == nullptr || overlooking->depth_ != trigger_depth())
        return false;
    overlooking->met_ = true;
    return true;
}

void Nodes::place(const Entry &entry) {
    size_t i = first(entry.key);
    while (entries_[i].key != 0)
        i = (i + 1) & mask();
    entries_[i] = entry;
    count_++;
}

void Nodes::grow(size_t count) {
    size_t size = std::max<size_t>(64, entries_.size());
    while (!fits(count, size))
        size *= 2;
    std::pmr::vector<Entry> smaller(size, entries_.get_allocator());
    smaller.swap(entries_);
    count_ = 0;
    for (const Entry &entry : smaller)
        if (entry.key != 0)
            place(entry);
}

namespace {

/// A group's node, still without its number and parent, and its id.
TreeNode *make_node(TreeNode *place, char *name, std::string_view id) {
    memcpy(name, id.data(), id.size());
    return new (place) TreeNode{core::Level::group, 0, {name, id.size()}, nullptr};
}

} // namespace

/// Up to what is known already, then down again adding nodes. `mark` (Brent) meets a cycle.
const TreeNode *Tree::climb(std::string_view id) {
    ContextResource passing(CurrentMemoryContext);
    std::pmr::vector<TreeNode *> way(&passing);
    const TreeNode *top = &instance_;
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
        auto *place = static_cast<TreeNode *>(memory_->allocate(sizeof(TreeNode) + next.size()));
        way.push_back(make_node(place, reinterpret_cast<char *>(place + 1), next));
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
    auto id_of = [](const Row &row) { return view(row.values[column::id]); };
    size_t size = 0;
    for (const Row &row : rows)
        size += id_of(row).size();
    // a node for each row, and its id; those of known groups are left alone
    auto *nodes = static_cast<TreeNode *>(memory_->allocate(sizeof(TreeNode) * rows.count + size));
    auto *name = reinterpret_cast<char *>(nodes + rows.count);
    enum class Way : char { unknown, asked, ends };
    std::pmr::vector<Way> ways(rows.count, Way::unknown, passing);
    Nodes all(memory_);
    all.make_room(groups_.count() + rows.count);
    all.copy(groups_, [](const TreeNode *) { return true; });
    for (int i = 0; i < rows.count; i++) {
        std::string_view id = id_of(rows.begin_[i]);
        make_node(&nodes[i], name, id);
        name += id.size();
        if (all.node(id) == nullptr)
            all.add(&nodes[i]);
        else
            ways[i] = Way::ends;
    }
    for (int i = 0; i < rows.count; i++) {
        const Row &row = rows.begin_[i];
        nodes[i].parent = row.nulls[column::parent] ? &instance_ : all.node(view(row.values[column::parent]));
    }

    auto is_new = [&](const TreeNode *node) { return node >= nodes && node < nodes + rows.count; };
    auto ends = [&](const TreeNode *node) { return !is_new(node) || ways[node - nodes] == Way::ends; };
    std::pmr::vector<const TreeNode *> below(passing);
    bool all_end = true;
    for (int i = 0; i < rows.count; i++) {
        const TreeNode *node = &nodes[i];
        for (below.clear(); node != nullptr && is_new(node) && ways[node - nodes] == Way::unknown;
             node = node->parent) {
            ways[node - nodes] = Way::asked;
            below.push_back(node);
        }
        // else its parent is not there, or it has come to be asked again: a cycle
        if (node != nullptr && ends(node))
            for (const TreeNode *each : below)
                ways[each - nodes] = Way::ends;
        else
            all_end = false;
    }
    if (all_end) {
        groups_ = std::move(all);
        return;
    }
    Nodes sound(memory_);
    sound.copy(all, ends);
    groups_ = std::move(sound);
}

const TreeNode *Tree::group(std::string_view id) {
    if (const TreeNode *known = known_group(id); known != nullptr)
        return known;
    if (store_.is_worth_reading_whole(Table::groups, looks_)) {
        looks_++;
        read_whole();
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
