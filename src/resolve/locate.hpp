// Finding the scope that a reading function is asked for.
#pragma once

#include "hierarchy/access.hpp"
#include "inheritance/remembered.hpp"
#include "postgres/query.hpp"

namespace intd {

/// The parent column of a row of `projects` or `groups`.
inline std::optional<std::string_view> parent_in(const Row &row) {
    return row.nulls[column::parent] ? std::nullopt : std::optional(view(row.values[column::parent]));
}

/// The same of a column that was read of such a row.
inline std::optional<std::string_view> parent_in(const Value &column) {
    return column ? std::optional(view(*column)) : std::nullopt;
}

/// A scope that is there, and what stands around it.
struct Located {
    core::Level level;
    Datum id;             // text; 0 for the instance
    const TreeNode *node; // the group or the instance; null for a project
    const Row *project;   // its row; null for the others

    std::string_view text() const { return id == 0 ? std::string_view() : view(id); }
    bool is_project() const { return level == core::Level::project; }
    /// Whether a source, which may be null, is another scope, or none.
    bool inherits_from(const core::Scope *source) const {
        return source == nullptr || source->level != level || source->id != text();
    }
};

/// What a reading function reads. Throws 42501 without access of some kind.
inline Inheritance &readable() {
    require_access(Access::read);
    return inheritance();
}

/// Throws 42704 if the scope is not there, 23503 if it is a group that has no way up.
Located locate(Inheritance &inherited, const ScopeArgument &scope);

/// The same, but such a group has no node: it has no settings (see OverlookBroken).
Located locate_even_broken(Inheritance &inherited, const ScopeArgument &scope);

/// What the scope inherits from first: itself, or what the project is in. Null if it has no way up.
inline const TreeNode *nearest_node(Inheritance &inherited, const Located &at) {
    return at.is_project() ? inherited.tree().around(parent_in(*at.project)) : at.node;
}

/// What a reading function is asked about: a type, of a scope.
struct Question {
    Inheritance &inherited;
    const Integration &type;
    Located at;
    const Folded *around = nullptr; // of a project, what it inherits, if that is known

    /// The scope's own row, or null.
    const Layer *own() const {
        if (!at.is_project())
            return inherited.layer_of(at.node, type);
        return inherited.may_have_rows(at.id) ? inherited.project_layer(at.id, type) : nullptr;
    }
    /// All that it inherits.
    const Folded &above() const {
        return !at.is_project()    ? inherited.above(at.node, type)
               : around != nullptr ? *around
                                   : inherited.around(*at.project, type);
    }
    /// What it ends up with.
    const Folded &folded() const {
        return at.is_project() ? inherited.with(above(), own()) : inherited.down_to(at.node, type);
    }
};

/// What a function is asked by its arguments: (integration, project_id, group_id), or (integration, group_id). None if
/// one of them is NULL, or the scope has no way up: then there is no answer. Throws 42501 without access of some
/// kind, 42704 for a type or scope that is not there, 22023 for two ids.
std::optional<Question> question(FunctionCallInfo fcinfo, bool takes_project);

/// The same of a scope; none if it has no way up. Throws 42704 if it is not there.
std::optional<Question> question(Inheritance &inherited, const Integration &type, const ScopeArgument &scope);

/// Throws 42501 unless the current user may use what is set as secret for the scope.
void require_use(Inheritance &inherited, const Located &at);

/// What is locked for whatever inherits this: names of properties, and `active`, as text[].
Datum locked_names(const Folded &folded);

/// `instance`, `group` or `project`, as text that stays.
Datum level_name(core::Level level);

/// A source's id as text; none for the instance, and for no source.
std::optional<Datum> source_id(const core::Scope *source);

} // namespace intd
