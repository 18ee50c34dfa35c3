#include "postgres/transaction.hpp"

#include "postgres/listeners.hpp"

namespace intd {
namespace {

struct Last {
    bool (*is_unfinished)();
    void (*finish)();
};

Listeners<Last> before;
Listeners<void (*)(const Savepoint &)> of_savepoints;
Listeners<void (*)()> of_transactions;

bool preparing;

/// Whether there was something to do.
bool finish_one() {
    auto found = std::find_if(before.begin(), before.end(), [](const Last &last) { return last.is_unfinished(); });
    if (found == before.end())
        return false;
    entry([&] {
        guard([] { PushActiveSnapshot(GetTransactionSnapshot()); });
        found->finish();
        guard([] {
            PopActiveSnapshot();
            AfterTriggerFireDeferred();
        });
        return static_cast<Datum>(0);
    });
    return true;
}

void at_transaction(XactEvent event, void *) {
    switch (event) {
    case XACT_EVENT_PRE_COMMIT:
    case XACT_EVENT_PRE_PREPARE:
        preparing = event == XACT_EVENT_PRE_PREPARE;
        while (finish_one()) {
        }
        break;
    case XACT_EVENT_PARALLEL_PRE_COMMIT:
        break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_PARALLEL_COMMIT:
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PARALLEL_ABORT:
    case XACT_EVENT_PREPARE:
        preparing = false;
        for (auto listener : of_transactions)
            listener();
        break;
    }
}

void at_subtransaction(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
    if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
        return;
    const Savepoint savepoint = {GetCurrentTransactionNestLevel(), event == SUBXACT_EVENT_ABORT_SUB};
    for (auto listener : of_savepoints)
        listener(savepoint);
}

} // namespace

bool is_preparing() {
    return preparing;
}
void before_commit(bool (*is_unfinished)(), void (*finish)()) {
    before.add({is_unfinished, finish});
}
void on_savepoint_end(void (*listener)(const Savepoint &savepoint)) {
    of_savepoints.add(listener);
}
void on_transaction_end(void (*listener)()) {
    of_transactions.add(listener);
}

void anticipate_commit() {
    // Users' triggers may give work to any of them once more. That of a commit would never end here, because it is not
    // forgotten.
    for (int pass = 0; pass < 2; pass++)
        for (const Last &last : before)
            if (last.is_unfinished()) {
                guard([] { PushActiveSnapshot(GetTransactionSnapshot()); });
                last.finish();
                guard([] { PopActiveSnapshot(); });
            }
}

void watch_transactions() {
    RegisterXactCallback(at_transaction, nullptr);
    RegisterSubXactCallback(at_subtransaction, nullptr);
}

} // namespace intd
