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

} // namespace intd
