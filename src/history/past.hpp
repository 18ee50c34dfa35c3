// Our tables as they were: the present rows, with what history has of later transactions taken back.
#pragma once

#include "store/store.hpp"

namespace intd {

/// The state that all transactions noted as ended at or before a time left, under the active snapshot. Secrets are as
/// they are stored or kept: sealed, or with masks only.
class TableHistory final : public RowSource {
  public:
    /// Throws 22023 if that is not known.
    explicit TableHistory(TimestampTz at);

    Rows rows(Table table, int nkeys, const Datum *keys) const override;

  private:
    TimestampTz at_;
};

} // namespace intd
