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

} // namespace intd
