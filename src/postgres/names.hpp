// Names that a user has given, found again by hash.
#pragma once

#include "postgres/memory.hpp"

extern "C" {
#include "common/hashfn.h"
}

namespace intd {

/// The names that were added, numbered in the order in which they came. Lives in the memory context in which it was
/// begun. Server code: raises reports, owns nothing.
class NameTable {
  public:
    /// The name's number, or -1.
    int find(std::string_view name) const { return slots_.empty() ? -1 : *slot_of(name); }

    /// False if it was there already.
    bool add(std::string_view name) {
        CHECK_FOR_INTERRUPTS();
        if (names_.count * 2 >= slots_.count)
            grow();
        int *slot = slot_of(name);
        if (*slot >= 0)
            return false;
        *slot = names_.count;
        names_.add(name);
        return true;
    }

    int count() const { return names_.count; }

  private:
    int *slot_of(std::string_view name) const {
        // with a seed, so that a user can't choose names that all get the same slot
        uint64 hash = hash_bytes_extended(reinterpret_cast<const unsigned char *>(name.data()),
                                          static_cast<int>(name.size()), seed_);
        for (uint64 at = hash;; at++) {
            int *slot = &slots_.items[at & static_cast<uint64>(slots_.count - 1)];
            if (*slot < 0 || names_[*slot] == name)
                return slot;
        }
    }

    void grow() {
        Growing<int> wider;
        for (int i = slots_.empty() ? 16 : slots_.count * 2; i > 0; i--)
            wider.add(-1);
        slots_ = wider;
        for (int i = 0; i < names_.count; i++)
            *slot_of(names_[i]) = i;
    }

    Growing<std::string_view> names_;
    Growing<int> slots_; // numbers of names, or -1; a power of two
    uint64 seed_ = static_cast<uint64>(random());
};

} // namespace intd
