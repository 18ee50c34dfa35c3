// Finding the scope that a reading function is asked for.
#pragma once

#include "hierarchy/arguments.hpp"
#include "settings/inheritance.hpp"

namespace intd {

/// A scope that is there, and what stands around it.
struct Located {
    core::Level level;
    Datum id;             // text; 0 for the instance
    const TreeNode *node; // the group or the instance itself; a project's group

    std::string_view text() const { return id == 0 ? std::string_view() : view(id); }
    bool is_project() const { return level == core::Level::project; }
};

/// Throws 42704 if the scope is not there.
Located locate(Inheritance &inherited, const ScopeArgument &scope);

/// `instance`, `group` or `project`, as text.
Datum level_name(core::Level level);

/// A source's id as text; none for the instance, and for no source.
std::optional<Datum> source_id(const core::Scope *source);

} // namespace intd
