// The ends of transactions and savepoints, for all rooms: one registration with the server.
//
// A room hands in what it has to do, when the module is loaded; the order in _PG_init (module.cpp) is the order in
// which it is done. There are three phases:
//
//   before_commit        The top transaction is about to commit, or to be prepared: last writes. The server has fired
//                        all deferred triggers. Whoever is first in the order and has something to do does it, under a
//                        snapshot of its own, and deferred triggers that this has queued fire; then we look again from
//                        the first on, because users' triggers may have given work to any of them, until none has any.
//   on_savepoint_end     A subtransaction ends: a savepoint is released or rolled back to, a block with EXCEPTION is
//                        left. Innermost first: if the transaction fails, every one that is open is rolled back before.
//   on_transaction_end   The top transaction has committed, was prepared (what it did is another session's to commit
//                        from now on) or was rolled back. What was remembered for it is forgotten.
//
// Why that is right:
//
//   nested          Who remembers something notes the level of nested transactions, 1 for the top one, at which that
//                   happened. A level that ends gives what it has to the one above it, or it is undone and gone:
//                   Savepoint::level_of(). That needs no ids: levels end innermost first, so that no number is used
//                   again while something is noted under it.
//   errors          What is done before a commit may throw and raise: it runs within entry(), and an error rolls the
//                   transaction back, which everybody hears of as of any other. In the other phases it is too late for
//                   an error (the server would have to abort while it aborts, or after it has committed): those
//                   functions only take apart what is there. They allocate nothing, look nothing up and do not throw.
//   PREPARE         Has the first phase before it and the last one after it, exactly as a commit. What is in shared
//                   memory (locks, rows) stays with the prepared transaction; nothing of ours is needed for it later.
//   workers         A parallel worker writes nothing and so has nothing to do before its end. That its part of a
//                   transaction ends is told to it as an end, because what it remembers is its own.
#pragma once

#include "postgres/boundary.hpp"

extern "C" {
#include "utils/resowner.h"
}

namespace intd {

/// A subtransaction that ends.
struct Savepoint {
    int level; // of nested transactions: 2 or more
    bool rolled_back;

    /// The level at which what was noted at one counts from now on; 0 if it has been rolled back, and as before.
    int level_of(int noted) const { return noted < level ? noted : rolled_back ? 0 : level - 1; }
    /// The same of all that is noted, each with its `level`; what has been rolled back goes.
    template <class List>
    void pass_on(List &noted) const {
        for (auto &each : noted)
            each.level = level_of(each.level);
        noted.erase(std::remove_if(noted.begin(), noted.end(), [](const auto &each) { return each.level == 0; }),
                    noted.end());
    }
};

/// Before a commit: whether it is a PREPARE TRANSACTION.
bool is_preparing();

// Called when the module is loaded.

/// `finish` is called as long as `is_unfinished`: it is so no longer when that returns, or else it has thrown.
void before_commit(bool (*is_unfinished)(), void (*finish)());
void on_savepoint_end(void (*listener)(const Savepoint &savepoint));
void on_transaction_end(void (*listener)());

/// Runs a body in a subtransaction, and gives what it threw; null if it went well. What it did stays if `keep` and it
/// went well; else it is rolled back. It runs in the caller's memory context, whose contents stay. Not in parallel
/// workers.
template <class Body>
std::exception_ptr in_subtransaction(bool keep, Body &&body) {
    const MemoryContext context = CurrentMemoryContext;
    const ResourceOwner resources = CurrentResourceOwner;
    guard([&] {
        BeginInternalSubTransaction(nullptr);
        MemoryContextSwitchTo(context);
    });
    std::exception_ptr thrown;
    try {
        body();
    } catch (...) {
        thrown = std::current_exception();
    }
    const bool stays = keep && !thrown;
    guard([&] {
        if (stays)
            ReleaseCurrentSubTransaction();
        else
            RollbackAndReleaseCurrentSubTransaction();
        MemoryContextSwitchTo(context);
        CurrentResourceOwner = resources;
    });
    return thrown;
}

/// Runs a body in a subtransaction that is rolled back then, also where the body throws.
template <class Body>
void rolled_back(Body &&body) {
    if (std::exception_ptr thrown = in_subtransaction(false, body))
        std::rethrow_exception(thrown);
}

/// Does now what would be done before the commit, in a subtransaction that is going to be rolled back: what has been
/// remembered for the commit still is, afterwards. Constraints must have been set to immediate.
void anticipate_commit();

/// Called once, when the module is loaded.
void watch_transactions();

} // namespace intd
