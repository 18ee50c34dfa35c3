#include "postgres/memory.hpp"

namespace intd {
namespace {

/// Has in it what was given up.
MemoryContext given_up = nullptr;

} // namespace

SlicedMemory *SlicedMemory::in(MemoryContext parent) {
    MemoryContext whole = guard([&] {
        return AllocSetContextCreate(parent, "integration_defaults inheritance", ALLOCSET_DEFAULT_MINSIZE,
                                     ALLOCSET_DEFAULT_INITSIZE, slice_size / 8);
    });
    return new (ContextResource(whole).allocate(sizeof(SlicedMemory))) SlicedMemory(whole);
}

void SlicedMemory::begin_slice() {
    guard([&] {
        free_slice();
        free_slice();
        before_ = MemoryContextMemAllocated(whole_, true);
        slice_ = AllocSetContextCreate(whole_, "integration_defaults slice", ALLOCSET_DEFAULT_MINSIZE,
                                       ALLOCSET_DEFAULT_INITSIZE, slice_size / 8);
    });
}

void SlicedMemory::give_up() {
    if (whole_->firstchild == nullptr) {
        MemoryContextDelete(whole_);
        return;
    }
    if (given_up == nullptr)
        given_up = AllocSetContextCreate(CacheMemoryContext, "integration_defaults given up", ALLOCSET_SMALL_SIZES);
    MemoryContextSetParent(whole_, given_up);
}

void SlicedMemory::free_slice() {
    if (given_up == nullptr || given_up->firstchild == nullptr)
        return;
    MemoryContext whole = given_up->firstchild, slice = whole->firstchild;
    MemoryContextDelete(slice != nullptr ? slice : whole);
}

} // namespace intd
