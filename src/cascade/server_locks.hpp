// The locks of materialized types and of their projects. docs/locking.md has the whole protocol, and why it is right.
#pragma once

#include "cascade/changes.hpp"

namespace intd {

/// The locks that a transaction needs before effective_settings follows its changes. First the projects are locked, if
/// they are few, which keeps out other transactions that change the same project; then the types. Every transaction
/// takes them in the same order.
class Locks {
  public:
    explicit Locks(std::pmr::memory_resource *memory) : projects_(memory), types_(memory) {}

    void project(std::string_view id);
    /// With `alone`, no other transaction has the lock of the type. Without, others may have it, but not alone.
    void type(std::string_view integration, bool alone);

    /// Takes the locks, until the end of the transaction. Where the projects are many, it locks the types alone
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
