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

void Nodes::place(const Entry &entry) {
    size_t i = first(entry.key);
    while (entries_[i].node != nullptr)
        i = (i + 1) & mask();
    entries_[i] = entry;
}

void Nodes::grow() {
    std::pmr::vector<Entry> fewer(std::max<size_t>(64, entries_.size() * 2), Entry{0, nullptr, nullptr},
                                  entries_.get_allocator());
    std::swap(fewer, entries_);
    for (const Entry &entry : fewer)
        if (entry.node != nullptr)
            place(entry);
}

const TreeNode *Tree::group(std::string_view id) {
    if (const Nodes::Entry *known = groups_.find(id); known != nullptr)
        return known->node;

    // Up to what is known already, then down again making nodes. `mark` (Brent) meets a cycle. Only nodes are kept.
    ContextResource passing(CurrentMemoryContext);
    std::pmr::vector<TreeNode *> way(&passing);
    const TreeNode *top = &instance_;
    std::string_view next = id, mark = id;
    size_t until_mark = 2;
    for (;;) {
        const Row *row = read_row(Table::groups, text_datum(next));
        if (row == nullptr) {
            if (way.empty() || overlook())
                return nullptr;
            throw Refusal(ERRCODE_FOREIGN_KEY_VIOLATION,
                          cat("group \"", way.back()->id, "\" has the parent \"", next, "\", which is not there"))
                .hint("The parent has to be there when the transaction commits.")
                .constraint("scope_parent_exists");
        }
        std::string_view stored = view(row->values[column::id]);
        auto *node = static_cast<TreeNode *>(memory_->allocate(sizeof(TreeNode) + stored.size()));
        auto *name = reinterpret_cast<char *>(node + 1);
        memcpy(name, stored.data(), stored.size());
        *node = {core::Level::group, {name, stored.size()}, nullptr};
        way.push_back(node);
        if (row->nulls[column::parent])
            break;
        next = view(row->values[column::parent]);
        if (const Nodes::Entry *known = groups_.find(next); known != nullptr) {
            top = known->node;
            break;
        }
        if (next == mark && overlook())
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
