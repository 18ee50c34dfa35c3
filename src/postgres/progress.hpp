// How far long work is.
#pragma once

#include "postgres/boundary.hpp"

namespace intd {

/// Says so in a NOTICE, at most every two seconds, and not before the first two have passed. Server code; owns nothing.
class Progress {
  public:
    explicit Progress(const char *what) : what_(what), told_(GetCurrentTimestamp()) {}

    void reached(int64 rows) {
        const TimestampTz now = GetCurrentTimestamp();
        if (now - told_ < 2 * USECS_PER_SEC)
            return;
        told_ = now;
        ereport(NOTICE, (errmsg("%s: " INT64_FORMAT " rows so far", what_, rows)));
    }

  private:
    const char *what_;
    TimestampTz told_;
};

/// A single statement of ours that takes long, while it runs. What it calls for each row counts them; what a trigger
/// does meanwhile counts for the work that is innermost, and only if it is of that kind.
class LongWork {
  public:
    enum Kind : uint8_t { writes_rows, computes_rows };

    LongWork(Kind kind, const char *what) : kind_(kind), progress_(what), outer_(std::exchange(innermost_, this)) {}
    ~LongWork() { innermost_ = outer_; }
    LongWork(const LongWork &) = delete;
    LongWork &operator=(const LongWork &) = delete;

    static void add_row(Kind kind) {
        if (innermost_ != nullptr && innermost_->kind_ == kind && ++innermost_->rows_ % 1000 == 0)
            innermost_->tell();
    }

  private:
    void tell() {
        guard([&] { progress_.reached(rows_); });
    }

    static LongWork *innermost_;

    Kind kind_;
    Progress progress_;
    int64 rows_ = 0;
    LongWork *outer_;
};
inline LongWork *LongWork::innermost_ = nullptr;

} // namespace intd
