// The rows that scopes below one have of their own, and what of them is redundant.
#pragma once

#include "postgres/query.hpp"
#include "resolve/locate.hpp"
#include "settings/check.hpp"
#include "store/owner.hpp"

namespace intd {

/// Every scope that has a row for the type ($1): its level, its id, and the group that it hangs on or is.
extern Statement own_rows;

/// Calls visit(place, id, own) for each row for the type, from `top` down.
template <class Visit>
void visit_rows(Inheritance &inherited, const Integration &type, const TreeNode *top, Visit &&visit) {
    RowMemory memory;
    AsOwner owner;
    Cursor rows(own_rows, {text_datum(type.name)});
    while (rows.next()) {
        InContext inside(memory.empty());
        auto level = static_cast<core::Level>(DatumGetInt32(*rows.column(0)));
        Value id = rows.column(1), group = rows.column(2);
        const TreeNode *node = inherited.tree().around(parent_in(group));
        if (node == nullptr || !is_within(node, top))
            continue;
        bool project = level == core::Level::project;
        const Folded &above = project ? inherited.down_to(node, type) : inherited.above(node, type);
        const Layer *own = project ? inherited.project_layer(*id, type) : inherited.layer_of(node, type);
        if (own != nullptr)
            visit(Place{level, id ? view(*id) : std::string_view(), above, node}, id, *own);
    }
    rows.close();
}

/// The same, only for each row that sets something.
template <class Visit>
void visit_own_rows(Inheritance &inherited, const Integration &type, const TreeNode *top, Visit &&visit) {
    visit_rows(inherited, type, top, [&](const Place &place, const Value &id, const Layer &own) {
        if (own.sets_something())
            visit(place, id, own);
    });
}

/// What of a row is equal to what would be inherited without it.
struct Redundant {
    bool whole = false;  // custom settings, all of them
    bool active = false; // of an override
    std::pmr::vector<std::string_view> fields;

    bool any() const { return whole || active || !fields.empty(); }
};

Redundant redundant_in(Inheritance &inherited, const Place &place, const Layer &own, std::pmr::memory_resource *memory);

} // namespace intd
