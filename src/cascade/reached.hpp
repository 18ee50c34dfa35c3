// Which scopes changes reach, and what these end up with: for preview() and the limit.
#pragma once

#include "cascade/changes.hpp"
#include "inheritance/inheritance.hpp"
#include "postgres/query.hpp"

namespace intd {

using Strings = std::pmr::unordered_set<std::string_view>;

/// The types that something is set of, as the active snapshot shows it. As our owner, as is all that reads here.
Strings find_configured_types(std::pmr::memory_resource *memory);

/// What changes reach: everything, or these groups with all below them, and these projects.
struct Reach {
    bool everything = false;
    Strings groups, projects;

    explicit Reach(std::pmr::memory_resource *memory) : groups(memory), projects(memory) {}
    void add(const Change &change);
    bool nothing() const { return !everything && groups.empty() && projects.empty(); }
    /// Whether the projects in the group (none: in no group) are all reached, and not only some of them by their own
    /// ids.
    bool includes(Inheritance &inherited, const Value &group) const;
};

extern Statement all_groups, groups_below, all_projects, projects_below, projects_by_id; // see for_each_row()

/// Calls visit(id, group) for each row of (id, group) or (id), in memory that is emptied for the next.
template <class Visit>
void for_each_row(Statement &statement, std::initializer_list<Value> parameters, int columns, Visit &&visit) {
    RowMemory memory;
    Cursor rows(statement, parameters);
    while (rows.next()) {
        InContext inside(memory.empty());
        visit(*rows.column(0), columns == 2 ? rows.column(1) : std::nullopt);
    }
    rows.close();
}

Datum array_of(const Strings &strings);

/// Calls visit(id, group) for each project that is reached and is there, once.
template <class Visit>
void for_each_project(Inheritance &inherited, const Reach &reach, Visit &&visit) {
    if (reach.everything)
        return for_each_row(all_projects, {}, 2, visit);
    if (!reach.groups.empty())
        for_each_row(projects_below, {array_of(reach.groups)}, 2, visit);
    if (!reach.projects.empty())
        for_each_row(projects_by_id, {array_of(reach.projects)}, 2, [&](Datum id, Value group) {
            if (!reach.includes(inherited, group))
                visit(id, group);
        });
}

/// What a scope ends up with; null: nothing is configured, or the scope is not there. `group`: what a project is in.
/// `shared` is set to whether that is what others end up with, too, and is kept by `inherited`.
const Folded *folded_at(Inheritance &inherited, const Integration *type, core::Level level, Datum id, Value group,
                        bool *shared = nullptr);

bool same_settings(const Jsonb *one, const Jsonb *other);

} // namespace intd
