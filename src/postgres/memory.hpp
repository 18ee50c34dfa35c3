// Lets the standard containers live in the server's memory contexts, so that an error that skips their
// destructors loses nothing: resetting the context frees them.
#pragma once

#include "postgres/boundary.hpp"

namespace intd {

/// A std::pmr resource over one memory context. Out of memory is std::bad_alloc.
class ContextResource final : public std::pmr::memory_resource {
  public:
    explicit ContextResource(MemoryContext context) : context_(context) {}

    /// A resource that lives in the context that it serves.
    static ContextResource *in(MemoryContext context) {
        void *place = MemoryContextAllocExtended(context, sizeof(ContextResource), MCXT_ALLOC_NO_OOM);
        if (place == nullptr)
            throw std::bad_alloc();
        return new (place) ContextResource(context);
    }

    MemoryContext context() const { return context_; }

  private:
    void *do_allocate(size_t size, size_t) override {
        void *place = MemoryContextAllocExtended(context_, size, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
        if (place == nullptr)
            throw std::bad_alloc();
        return place;
    }
    void do_deallocate(void *place, size_t, size_t) override { pfree(place); }
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override { return this == &other; }

    MemoryContext context_;
};

/// Switches to a memory context until the end of the block.
class InContext {
  public:
    explicit InContext(MemoryContext context) : previous_(MemoryContextSwitchTo(context)) {}
    ~InContext() { MemoryContextSwitchTo(previous_); }
    InContext(const InContext &) = delete;
    InContext &operator=(const InContext &) = delete;

  private:
    MemoryContext previous_;
};

/// Runs a body in a memory context of its own, which goes with all that it has allocated; after an error, with the
/// context around it, because the error's report may be in there.
template <class Body>
void in_passing_memory(Body &&body) {
    MemoryContext context = guard([] {
        return AllocSetContextCreate(CurrentMemoryContext, "integration_defaults passing", ALLOCSET_DEFAULT_SIZES);
    });
    {
        InContext inside(context);
        body();
    }
    guard([&] { MemoryContextDelete(context); });
}

/// A memory context for what one row needs, emptied for the next.
class RowMemory {
  public:
    RowMemory()
        : context_(guard([] {
              return AllocSetContextCreate(CurrentMemoryContext, "integration_defaults row", ALLOCSET_DEFAULT_SIZES);
          })) {}
    MemoryContext empty() {
        guard([&] { MemoryContextReset(context_); });
        return context_;
    }

  private:
    MemoryContext context_;
};

/// An array that grows in the memory context in which it was begun. It owns nothing that a longjmp could leak, so that
/// server code may hold one; growing raises reports.
template <class T>
struct Growing {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    T *items = nullptr;
    int count = 0;
    int room = 0;

    void add(const T &item) {
        if (count == room) {
            room = room == 0 ? 8 : room * 2;
            items =
                static_cast<T *>(items == nullptr ? palloc(room * sizeof(T)) : repalloc_huge(items, room * sizeof(T)));
        }
        items[count++] = item;
    }
    bool empty() const { return count == 0; }
    T &operator[](int n) const { return items[n]; }
    T *begin() const { return items; }
    T *end() const { return items + count; }
};

} // namespace intd
