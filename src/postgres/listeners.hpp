// Functions of the rooms that are called when something happens, in the order in which they were added. They are added
// when the module is loaded, which has no memory context of its own yet: so the list is of a fixed size.
#pragma once

#include "postgres/server.hpp"

namespace intd {

template <class Listener>
class Listeners {
  public:
    void add(Listener listener) {
        if (count_ == static_cast<int>(lengthof(all_)))
            elog(ERROR, "too many listeners");
        all_[count_++] = listener;
    }
    const Listener *begin() const { return all_; }
    const Listener *end() const { return all_ + count_; }

  private:
    Listener all_[16];
    int count_;
};

} // namespace intd
