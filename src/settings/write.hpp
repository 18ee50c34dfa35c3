// Writing the row of one scope: what is there, locked, and what is wanted instead. Whether the current user may is
// asked where the target is made; what follows is done as our owner.
#pragma once

#include "hierarchy/access.hpp"
#include "postgres/query.hpp"
#include "settings/check.hpp"
#include "store/owner.hpp"

namespace intd {

/// The type and the scope of a write, both known to be there, while the function that writes runs.
struct Target {
    const Integration &type;
    ScopeArgument scope;
    WritingFunction function = {};

    Datum name() const { return text_datum(type.name); }
};

/// Throws 22004 for a null id, 42501 without write access to the scope, 42704 for a type or scope that is not there,
/// 55000 as WritingFunction.
Target target(std::string_view integration, const ScopeArgument &scope);

/// The target's row, locked against other writers until the end of the transaction; none if there is no row.
std::optional<SettingsRow> lock_row(const Target &target);

/// Stores the row that is wanted in place of what lock_row() gave. False if another session has stored one in the
/// meantime: look again.
bool store_row(const Target &target, bool exists, const SettingsRow &wanted, const Given &given);

/// Replaces or makes a whole custom row; `active` none: what the row has, or what the rule gives.
void set_whole_row(const Target &target, const Jsonb *settings, std::optional<bool> active);

/// Removes the row. Whether there was one.
bool remove_row(const Target &target);
bool remove_row(core::Level level, Datum integration, std::optional<Datum> scope);

/// Stores rows of project_settings (a JSON array, as text) as another node of a cluster has them, where none is there.
/// They were checked and stamped, and noted in the history, when they were set. As our owner.
void store_arrived(Datum rows);

/// Whether such a statement has fired the trigger that is running.
bool arrival_has_fired();

/// Counts how often a write has looked for its row, tried to write it, and could not. If another session was faster,
/// one of the next attempts succeeds. If none does, next() throws what keeps the row from being written: a trigger
/// (55000).
class Attempts {
  public:
    explicit Attempts(const Target &target) : target_(target) {}
    void next();

  private:
    const Target &target_;
    int made_ = 0;
};

/// Changes the row: `change` gets what is there and gives what is wanted instead, or nothing to leave it as it is.
template <class Change>
void change_row(const Target &target, const Given &given, Change &&change) {
    for (Attempts attempts(target);;) {
        attempts.next();
        std::optional<SettingsRow> current = lock_row(target);
        std::optional<SettingsRow> wanted = change(current);
        if (!wanted || store_row(target, current.has_value(), *wanted, given))
            return;
    }
}

/// What the caller gives in the write that has fired a trigger of the settings tables, for the row of that type and
/// scope (0 on the instance). Nothing, unless the trigger was fired by a statement of store_row() or set_whole_row()
/// for that very row: other triggers may write other rows meanwhile.
const Given &given_in(const TriggerData *data, Datum type, Datum scope);

/// Who writes that row: in a statement of store_row() or set_whole_row(), which our owner runs, whoever called for it.
Oid writer_in(const TriggerData *data, Datum type, Datum scope);

} // namespace intd
