#include "store/owner.hpp"

#include "postgres/boundary.hpp"

namespace intd {
namespace {

/// How many functions of ours are writing, one inside the other.
int writing_functions = 0;

} // namespace

AsOwner::AsOwner() {
    Oid owner = our_owner();
    GetUserIdAndSecContext(&user_, &context_);
    SetUserIdAndSecContext(owner, context_ | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
}

bool restoring() {
    if (check_function_bodies || writing_functions > 0)
        return false;
    const Oid owner = our_owner();
    // The session's role is a superuser's also where the server runs somebody's expression, as in autovacuum.
    return guard([&] {
        auto may = [&](Oid role) { return superuser_arg(role) || has_privs_of_role(role, owner); };
        return may(GetOuterUserId()) && may(GetUserId());
    });
}

void require_triggers() {
    if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      "integration_defaults can't be changed while session_replication_role is replica")
            .detail("The session fires no triggers, which check what is written.")
            .hint("RESET session_replication_role; plain SQL on the tables writes what a replication brings.");
}

WritingFunction::WritingFunction() {
    require_triggers();
    writing_functions++;
}
WritingFunction::~WritingFunction() {
    writing_functions--;
}

} // namespace intd
