#include "hierarchy/walk.hpp"

namespace intd {
namespace {

int overlooking = 0;
bool met_broken = false;

/// Whether a way up that does not end is overlooked.
bool overlook() {
    met_broken = met_broken || overlooking > 0;
    return overlooking > 0;
}

} // namespace

OverlookBroken::OverlookBroken() {
    overlooking++;
    met_broken = false;
}
OverlookBroken::~OverlookBroken() {
    overlooking--;
}
bool OverlookBroken::met() const {
    return met_broken;
}

void Nodes::place(const Entry &entry, const TreeNode *node) {
    size_t i = first(entry.key);
    while (entries_[i].key != 0)
        i = (i + 1) & mask();
    entries_[i] = entry;
    nodes_[i] = node;
}

void Nodes::grow() {
    const size_t size = std::max<size_t>(64, entries_.size() * 2);
    std::pmr::vector<Entry> entries(size, Entry{0, nullptr}, entries_.get_allocator());
    std::pmr::vector<const TreeNode *> nodes(size, nullptr, nodes_.get_allocator());
    std::swap(entries, entries_);
    std::swap(nodes, nodes_);
    for (size_t i = 0; i < entries.size(); i++)
        if (entries[i].key != 0)
            place(entries[i], nodes[i]);
}

namespace {

/// A group as its row says.
struct Stored {
    std::string_view id, parent; // no parent: empty, as no id is
};

Stored stored_in(const Row &row) {
    return {view(row.values[column::id]),
            row.nulls[column::parent] ? std::string_view() : view(row.values[column::parent])};
}

} // namespace

/// Up to what is known already, then down again making nodes; `look` gives the row of a group. `mark` (Brent) meets a
/// cycle. Only nodes are kept.
template <class Look>
const TreeNode *Tree::climb(std::string_view id, bool overlooks, Look look) {
    ContextResource passing(CurrentMemoryContext);
    std::pmr::vector<TreeNode *> way(&passing);
    const TreeNode *top = &instance_;
    std::string_view next = id, mark = id;
    size_t until_mark = 2;
    for (;;) {
        std::optional<Stored> stored = look(next);
        if (!stored) {
            if (way.empty() || overlooks || overlook())
                return nullptr;
            throw Refusal(ERRCODE_FOREIGN_KEY_VIOLATION,
                          cat("group \"", way.back()->id, "\" has the parent \"", next, "\", which is not there"))
                .hint("The parent has to be there when the transaction commits.")
                .constraint("scope_parent_exists");
        }
        auto *node = static_cast<TreeNode *>(memory_->allocate(sizeof(TreeNode) + stored->id.size()));
        auto *name = reinterpret_cast<char *>(node + 1);
        memcpy(name, stored->id.data(), stored->id.size());
        *node = {core::Level::group, {name, stored->id.size()}, nullptr};
        way.push_back(node);
        if (stored->parent.empty())
            break;
        next = stored->parent;
        if (const TreeNode *known = known_group(next); known != nullptr) {
            top = known;
            break;
        }
        if (next == mark && (overlooks || overlook()))
            return nullptr;
        if (next == mark)
            throw Refusal(ERRCODE_CHECK_VIOLATION, cat("group \"", next, "\" is its own ancestor"))
                .hint("Move the group elsewhere before the transaction commits.")
                .constraint("scope_has_no_cycle");
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

/// Makes nodes of all groups that have a way up.
void Tree::read_whole() {
    MemoryContext context = guard([] {
        return AllocSetContextCreate(CurrentMemoryContext, "integration_defaults groups", ALLOCSET_DEFAULT_SIZES);
    });
    {
        InContext inside(context);
        ContextResource memory(context);
        Rows rows = read_rows(Table::groups);
        std::pmr::unordered_map<std::string_view, const Row *> by_id(rows.count, &memory);
        for (const Row &row : rows)
            by_id.emplace(view(row.values[column::id]), &row);
        for (const Row &row : rows)
            if (std::string_view id = view(row.values[column::id]); groups_.find(id) == nullptr)
                climb(id, true, [&](std::string_view each) {
                    auto found = by_id.find(each);
                    return found == by_id.end() ? std::nullopt : std::optional<Stored>(stored_in(*found->second));
                });
    }
    guard([&] { MemoryContextDelete(context); });
}

const TreeNode *Tree::group(std::string_view id) {
    if (const TreeNode *known = known_group(id); known != nullptr)
        return known;
    if (is_worth_reading_whole(Table::groups, looks_)) {
        looks_++;
        read_whole();
        if (const TreeNode *known = known_group(id); known != nullptr)
            return known;
    }
    return climb(id, false, [&](std::string_view each) {
        looks_++;
        const Row *row = read_row(Table::groups, text_datum(each));
        return row == nullptr ? std::nullopt : std::optional<Stored>(stored_in(*row));
    });
}

const TreeNode *Tree::parent_of(const Row &row) {
    if (row.nulls[column::parent])
        return instance();
    const TreeNode *parent = group(view(row.values[column::parent]));
    if (parent == nullptr)
        throw Refusal(ERRCODE_FOREIGN_KEY_VIOLATION,
                      cat("group \"", view(row.values[column::parent]), "\", the parent of \"",
                          view(row.values[column::id]), "\", is not there"))
            .hint("The parent has to be there when the transaction commits.")
            .constraint("scope_parent_exists");
    return parent;
}

const char *scope_name(core::Level level, std::string_view id) {
    switch (level) {
    case core::Level::instance:
        return "the instance";
    case core::Level::group:
        return cat("group \"", id, "\"");
    default:
        return cat("project \"", id, "\"");
    }
}

Refusal unknown_scope(core::Level level, std::string_view id) {
    bool group = level == core::Level::group;
    return Refusal(ERRCODE_UNDEFINED_OBJECT, cat(scope_name(level, id), " does not exist"))
        .hint(group ? "Groups are added with add_group() or by the table that track_groups() follows."
                    : "Projects are added with add_project() or by the table that track_projects() follows.");
}

} // namespace intd
