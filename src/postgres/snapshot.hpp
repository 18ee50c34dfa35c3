// Snapshots.
#pragma once

#include "postgres/boundary.hpp"

namespace intd {

/// Until the end of the block, the active snapshot is the present one with all that this transaction has changed by
/// now; not what others have committed meanwhile.
class FreshSnapshot {
  public:
    FreshSnapshot() {
        guard([] {
            PushCopiedSnapshot(GetActiveSnapshot());
            CommandCounterIncrement();
            UpdateActiveSnapshotCommandId();
        });
    }
    ~FreshSnapshot() { PopActiveSnapshot(); }
    FreshSnapshot(const FreshSnapshot &) = delete;
    FreshSnapshot &operator=(const FreshSnapshot &) = delete;
};

/// Until the end of the block the active snapshot is that of a statement of this transaction that begins now.
class StatementSnapshot {
  public:
    StatementSnapshot() {
        guard([] {
            CommandCounterIncrement();
            PushActiveSnapshot(GetTransactionSnapshot());
        });
    }
    ~StatementSnapshot() { PopActiveSnapshot(); }
    StatementSnapshot(const StatementSnapshot &) = delete;
    StatementSnapshot &operator=(const StatementSnapshot &) = delete;
};

/// Whether nobody has changed or deleted a version of a row that a snapshot shows, or is about to. The snapshot was
/// asked, which leaves on the version what is known of the transactions.
inline bool is_unchanged(const HeapTupleHeaderData *version) {
    return (version->t_infomask & HEAP_XMAX_INVALID) != 0 || HEAP_XMAX_IS_LOCKED_ONLY(version->t_infomask);
}

/// Which transactions of the server a snapshot shows; not what it shows of our own. Of two snapshots with the same end,
/// the later one has at most as many running transactions as the earlier one, because those that began in between are
/// beyond the end. If it has as many, the two show the same. After 2^32 transactions the end may be the same by chance.
class ShownTransactions {
  public:
    ShownTransactions() = default;
    explicit ShownTransactions(Snapshot snapshot)
        : end_(snapshot->xmax),
          running_(snapshot->takenDuringRecovery ? static_cast<uint32>(snapshot->subxcnt) : snapshot->xcnt) {}

    bool operator==(const ShownTransactions &other) const { return end_ == other.end_ && running_ == other.running_; }
    /// Whether they include all that the others do.
    bool include(const ShownTransactions &other) const {
        return TransactionIdFollows(end_, other.end_) || (end_ == other.end_ && running_ <= other.running_);
    }

  private:
    TransactionId end_;
    uint32 running_;
};

} // namespace intd
