// The rules that a write of settings must keep.
#pragma once

#include "catalog/validate.hpp"
#include "inheritance/inheritance.hpp"

namespace intd {

/// What the caller of a function gives in a write of one row, beside what the row says.
struct Given {
    JsonFields fields = {nullptr, 0}; // each is checked against its property, also where the row has it already
    bool whole = false;               // whole settings, be they without a field
    bool active = false;              // `active`
    /// An override is taken back. That is always possible, also of a field that a lock above shadows. (A write of a
    /// whole row leaves such fields as they are.)
    bool takes_back = false;
    bool resets = false; // from above: never refused for what the scope ends up with

    bool any() const { return whole || active || fields.count > 0; }
    bool has(std::string_view key) const { return fields.find(key) != nullptr; }
};

/// What stands around the row that is written.
struct Place {
    core::Level level;
    std::string_view id;
    const Folded &above;  // all that the scope inherits
    const TreeNode *node; // the group or the instance; of a project, what it is in
};

/// Where a row is to stand (scope: text, 0 on the instance), or nothing if the type or the scope is not there.
std::optional<Place> place_of(Inheritance &inherited, core::Level level, std::string_view type_name, Datum scope);

/// The other types of the same `x-exclusive` kind; none if the type is of none.
std::pmr::vector<const Integration *> rivals_of(Inheritance &inherited, const Integration &type,
                                                std::pmr::memory_resource *memory);

/// The first of them that is active there, or null. Of the type `leaving`, the scope's own row does not count.
const Integration *active_rival(Inheritance &inherited, const std::pmr::vector<const Integration *> &rivals,
                                const Place &place, std::string_view leaving = {});

/// What is wrong with what a scope ends up with: required fields only while it is active.
void effective_violations(const Folded &folded, Violations &violations);

/// Checks the row that is to be (`wanted`) against the one that is (`current`, or null) and gives the row to store:
/// without locked fields that equal their effective value, with what a lock shadows, with `active` filled in. Throws
/// the refusals of the errors table.
SettingsRow checked(Inheritance &inherited, const Place &place, const SettingsRow *current, const SettingsRow &wanted,
                    const Given &given);

/// Throws 23514 if the row that is to be makes the type active where another one of its `x-exclusive` kind is. The row
/// may have been that of the type `leaving` there.
void check_exclusive(Inheritance &inherited, const Place &place, const SettingsRow *current, const SettingsRow &wanted,
                     std::string_view leaving);

} // namespace intd
