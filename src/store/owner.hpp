// With whose rights, and under which rules, our tables are read and written.
#pragma once

#include "store/relation.hpp"

namespace intd {

/// Until the end of the block our statements run as our owner, without row security, as those of the server's own
/// foreign keys do, and with a search_path that is fixed (see path.hpp). For the checks that hold a rule whatever the
/// caller may see. An error that leaves the block restores the user with the (sub)transaction.
class AsOwner {
  public:
    AsOwner();
    ~AsOwner() { SetUserIdAndSecContext(user_, context_); }
    AsOwner(const AsOwner &) = delete;
    AsOwner &operator=(const AsOwner &) = delete;

  private:
    Oid user_;
    int context_;
};

/// Whether a dump is being restored: every dump turns check_function_bodies off, and while it is off, rows that come in
/// are neither checked nor derived from, so that a restore gives back exactly what was there, in any order. What
/// deletes or renames, as no restore does, keeps the rules all the same. Any role may turn it off; who restores is a
/// superuser or has our owner's rights, in the session itself and not by a SECURITY DEFINER function.
bool restoring();

/// Throws 55000 in a session that fires no triggers (session_replication_role = replica).
void require_triggers();

/// Lives in each function of ours that writes to our tables, as long as it does so. No restore calls one: what it
/// writes and sets off is checked and derived, also where a dump has left check_function_bodies off in the session. The
/// rules are triggers: see require_triggers().
class WritingFunction {
  public:
    WritingFunction();
    ~WritingFunction();
    WritingFunction(const WritingFunction &) = delete;
    WritingFunction &operator=(const WritingFunction &) = delete;
};

} // namespace intd
