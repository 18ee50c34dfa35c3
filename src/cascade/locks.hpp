// Who waits for whom where types are materialized; docs/locking.md has the whole protocol and why it is right.
#pragma once

#include "cascade/changes.hpp"

namespace intd {

/// What has to be locked before effective_settings may follow changes, in the order in which it is: first each of few
/// projects, against others who change what is set for the same project; then the types, in one order everywhere.
class Locks {
  public:
    explicit Locks(std::pmr::memory_resource *memory) : projects_(memory), types_(memory) {}

    void project(std::string_view id);
    /// `alone`: nobody else may let effective_settings follow anything of the type; else only no such one.
    void type(std::string_view integration, bool alone);

    /// Takes the locks, until the end of the transaction. With more projects than a few the types are locked alone
    /// instead.
    void take();

  private:
    struct Type {
        uint32 key;
        bool alone;
    };
    std::pmr::vector<uint32> projects_;
    std::pmr::vector<Type> types_;
};

/// Called once, when the module is loaded.
void watch_locks();

} // namespace intd
