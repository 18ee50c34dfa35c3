// Trying something that may fail, and going on.
#pragma once

#include "postgres/boundary.hpp"

namespace intd {

/// Runs a body in a subtransaction. If it fails, what it did is rolled back, and the report is given, in the current
/// memory context; null if it went well. What ends the statement whatever it is about is thrown on: a cancel, a
/// serialization failure, no memory. Not in parallel workers.
template <class Body>
ErrorData *attempt(Body &&body) {
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    guard([&] {
        BeginInternalSubTransaction(nullptr);
        MemoryContextSwitchTo(context);
    });
    ErrorData *report = nullptr;
    std::optional<Refusal> refusal;
    try {
        body();
    } catch (const Refusal &thrown) {
        refusal.emplace(thrown);
    } catch (const ServerError &thrown) {
        report = thrown.report;
    }
    if (refusal)
        try {
            guard([&] { refusal->raise(); });
        } catch (const ServerError &thrown) {
            report = thrown.report;
        }
    guard([&] {
        if (report == nullptr)
            ReleaseCurrentSubTransaction();
        else
            RollbackAndReleaseCurrentSubTransaction();
        MemoryContextSwitchTo(context);
        CurrentResourceOwner = owner;
    });
    if (report != nullptr)
        for (int passed_on :
             {ERRCODE_OPERATOR_INTERVENTION, ERRCODE_TRANSACTION_ROLLBACK, ERRCODE_INSUFFICIENT_RESOURCES})
            if (ERRCODE_TO_CATEGORY(report->sqlerrcode) == passed_on)
                throw ServerError{report};
    return report;
}

} // namespace intd
