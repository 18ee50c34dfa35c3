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

/// Memory that may grow large, in slices: a memory context and small ones in it, which can be freed one after the
/// other. To free much at once takes milliseconds, for which whoever happens to come next would wait.
class SlicedMemory final : public std::pmr::memory_resource {
  public:
    /// A resource that lives in a context of its own, in `parent`.
    static SlicedMemory *in(MemoryContext parent);

    /// Where to allocate now.
    MemoryContext context() {
        if (slice_->mem_allocated >= slice_size)
            begin_slice();
        return slice_;
    }
    MemoryContext whole() const { return whole_; }
    /// In bytes; of what has come to be in earlier slices since the last one was begun, not.
    Size size() const { return before_ + slice_->mem_allocated; }

    /// Nothing in it is used any more: it is freed in time. Server code.
    void give_up();
    /// Frees a slice of what was given up, if there is any. Beginning a slice frees two. Server code.
    static void free_slice();

  private:
    static constexpr Size slice_size = 128 * 1024;

    explicit SlicedMemory(MemoryContext whole) : whole_(whole), slice_(whole) {}
    void begin_slice();
    void *do_allocate(size_t size, size_t) override {
        void *place = MemoryContextAllocExtended(context(), size, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
        if (place == nullptr)
            throw std::bad_alloc();
        return place;
    }
    void do_deallocate(void *place, size_t, size_t) override { pfree(place); }
    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override { return this == &other; }

    MemoryContext whole_, slice_; // the first slice is the whole itself
    Size before_ = 0;             // in earlier slices
};

/// An array in pieces, zeros at first: it grows without a copy of it, and no piece is larger than a slice.
template <class T>
class Pieces {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  public:
    explicit Pieces(std::pmr::memory_resource *memory) : pieces_(memory) {}
    Pieces(const Pieces &) = delete;
    Pieces &operator=(const Pieces &) = delete;
    ~Pieces() {
        for (T *piece : pieces_)
            memory()->deallocate(piece, each * sizeof(T));
    }

    T &operator[](size_t n) const { return pieces_[n / each][n % each]; }
    /// Makes room for so many.
    void grow(size_t size) {
        while (pieces_.size() * each < size) {
            auto *piece = static_cast<T *>(memory()->allocate(each * sizeof(T)));
            std::fill_n(piece, each, T());
            pieces_.push_back(piece);
        }
    }
    void swap(Pieces &other) { pieces_.swap(other.pieces_); }
    std::pmr::memory_resource *memory() const { return pieces_.get_allocator().resource(); }

  private:
    static constexpr size_t each = 16 * 1024 / sizeof(T);
    std::pmr::vector<T *> pieces_;
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
