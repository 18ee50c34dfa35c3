// Trying something that may fail, and going on.
#pragma once

#include "postgres/transaction.hpp"

namespace intd {

/// Runs a body in a subtransaction. If it fails, what it did is rolled back, and the report is given, in the current
/// memory context; null if it went well. What ends the statement whatever it is about is thrown on: a cancel, a
/// serialization failure, no memory. Not in parallel workers.
template <class Body>
ErrorData *attempt(Body &&body) {
    std::exception_ptr thrown = in_subtransaction(true, body);
    if (!thrown)
        return nullptr;
    ErrorData *report = nullptr;
    std::optional<Refusal> refusal;
    try {
        std::rethrow_exception(thrown);
    } catch (const Refusal &caught) {
        refusal.emplace(caught);
    } catch (const ServerError &caught) {
        report = caught.report;
    }
    if (refusal)
        try {
            guard([&] { refusal->raise(); });
        } catch (const ServerError &caught) {
            report = caught.report;
        }
    for (int passed_on : {ERRCODE_OPERATOR_INTERVENTION, ERRCODE_TRANSACTION_ROLLBACK, ERRCODE_INSUFFICIENT_RESOURCES})
        if (ERRCODE_TO_CATEGORY(report->sqlerrcode) == passed_on)
            throw ServerError{report};
    return report;
}

} // namespace intd
