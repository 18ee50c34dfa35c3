// Single fields of a scope: overriding them, taking them back, locking them for all below.
#pragma once

#include "settings/write.hpp"

namespace intd {

using Names = std::pmr::vector<std::string_view>;

/// A change of single fields of one scope.
struct FieldChange {
    /// Fields to set beside what the row has. Where a field of an atomic group changes, secrets of the group that
    /// are not given go from the row. Else a role that may not read a token could send it to another address.
    JsonFields set = {nullptr, 0};
    /// Fields to take back out of the row, whole atomic groups at a time; but of a group of which `set` has something,
    /// only those named.
    const Names *take_back = nullptr;
    /// Custom settings inherit nothing: taking fields back out of them is refused with 22023, unless they may just
    /// go.
    bool take_back_from_custom = false;
    bool sets_active = false;
    std::optional<bool> active; // if sets_active; none: inherited again, refused with 22023 on custom settings
};

/// Changes the target's row, made and removed as need be. Nothing to do is no error.
void change_fields(const Target &target, const FieldChange &change);

/// The row without these fields, whole atomic groups at a time; an override also without `active`, if that is named.
/// None if the row has nothing of it.
std::optional<SettingsRow> without_fields(const core::Shape &shape, const SettingsRow &row, const Names &names);

/// The names of fields in an argument, a text[] of one dimension without NULLs (22023).
Names names_in(Datum fields, std::pmr::memory_resource *memory);

/// Locks the target's row and throws 22023 unless it has all these fields: what is inherited can't be taken back.
void check_own(const Target &target, const Names &names);

} // namespace intd
