// Writing the row of one scope: what is there, locked, and what is wanted instead.
#pragma once

#include "hierarchy/arguments.hpp"
#include "postgres/query.hpp"
#include "settings/check.hpp"

namespace intd {

/// The type and the scope of a write, both known to be there.
struct Target {
    const Integration &type;
    ScopeArgument scope;

    Datum name() const { return text_datum(type.name); }
};

/// Throws 22004 for a null id, 42704 for a type or scope that is not there.
Target target(std::string_view integration, const ScopeArgument &scope);

/// The target's row, locked against other writers until the end of the transaction; none if there is no row.
std::optional<SettingsRow> lock_row(const Target &target);

/// Stores the row that is wanted in place of what lock_row() gave. False if another session has stored one in the
/// meantime: look again.
bool store_row(const Target &target, bool exists, const SettingsRow &wanted);

/// Replaces or makes a whole custom row; `active` none: what the row has, or what the rule gives.
void set_whole_row(const Target &target, const Jsonb *settings, std::optional<bool> active);

/// Removes the row. Whether there was one.
bool remove_row(const Target &target);
bool remove_row(core::Level level, Datum integration, std::optional<Datum> scope);

/// Changes the row: `change` gets what is there and gives what is wanted instead, or nothing to leave it as it is.
template <class Change>
void change_row(const Target &target, Change &&change) {
    for (;;) {
        std::optional<SettingsRow> current = lock_row(target);
        std::optional<SettingsRow> wanted = change(current);
        if (!wanted || store_row(target, current.has_value(), *wanted))
            return;
    }
}

/// While it lives, rows that are written may lose fields that a lock above shadows: taking an override back is
/// always possible, whereas a whole-row write leaves what a lock shadows.
class TakingBack {
  public:
    TakingBack();
    ~TakingBack();
    static bool now();
};

/// While it lives, these fields are given by the caller of a function: each is checked against its property, also
/// where the row has that very value already.
class Giving {
  public:
    Giving(const JsonFields &fields, bool whole, bool active);
    ~Giving();
    /// Whether anything is given: a field, `active`, or whole settings, be they without a field.
    static bool any();
    static bool has(std::string_view key);
    /// Whether `active` is given.
    static bool has_active();

  private:
    const JsonFields *outer_;
    bool outer_whole_, outer_active_;
};

} // namespace intd
