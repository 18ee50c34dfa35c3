// What a backend remembers of the catalogs, and how it learns that it must look again. For all rooms: one registration
// with the server for each kind of message, because it has ten slots for the relation cache, which other modules share.
//
// The server processes the messages of other transactions (when these have committed), and of its own (at the end of
// each command, and once more when it rolls back to a savepoint or ends), where it locks a relation or looks something
// up. So a message may arrive while we read what it is about. Therefore what is read is marked as valid before it is
// read, not after it: a message that arrives meanwhile makes it invalid again, and renew() reads it once more. If one
// arrives then, too, what was read is used, and who asks next reads again: messages can come faster than anything is
// read, and nobody is to wait for a moment without any. An error on the way makes it invalid as well.
//
// Whoever has a lock that excludes the change is sure of what is read after that, whatever is told meanwhile; others
// have what was so when they last looked, as every query has of its plan.
//
// Transactions: nothing here belongs to one. What one changed and rolls back is told as a change. PREPARE tells nobody;
// COMMIT PREPARED does, whoever runs it. A parallel worker begins with nothing remembered.
//
// A listener only marks something as invalid. It is called at any place, also while a transaction is aborted: it raises
// and throws nothing, allocates nothing and looks nothing up.
#pragma once

#include "postgres/boundary.hpp"

namespace intd {

/// Runs server code that reads what is to be remembered for `value`, which is `known` from before that on; none (false,
/// InvalidOid) if it raises a report.
template <class Known, class Body>
void remember(Known &known, Known value, Body &&body) {
    known = value;
    PG_TRY();
    { body(); }
    PG_CATCH();
    {
        known = Known();
        PG_RE_THROW();
    }
    PG_END_TRY();
}

/// The same of what is `valid` or not.
template <class Body>
void remember(bool &valid, Body &&body) {
    remember(valid, true, body);
}

/// Reads it again unless it is `valid`. Server code.
template <class Body>
void renew(bool &valid, Body &&body) {
    for (int turn = 0; turn < 2 && !valid; turn++)
        remember(valid, body);
}

// Called when the module is loaded.

/// A relation has changed, or one of its indexes, triggers, policies; InvalidOid: any may have.
void on_relation_change(void (*listener)(Oid relation));
/// Roles or their members have, or the owner of a database, who is a member of pg_database_owner.
void on_role_change(void (*listener)());
/// Functions or schemas have.
void on_function_change(void (*listener)());
/// Which tables subscriptions bring rows of has.
void on_subscription_change(void (*listener)());

/// Called once, when the module is loaded.
void watch_invalidations();

} // namespace intd
