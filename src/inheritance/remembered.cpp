#include "inheritance/remembered.hpp"

#include "postgres/transaction.hpp"
#include "inheritance/generation.hpp"
#include "postgres/snapshot.hpp"
#include "store/limits.hpp"
#include "store/relation.hpp"

namespace intd {
namespace {

/// Tells whether two snapshots show the same: the same transactions of others, and the same commands of our own. Two
/// things change what our own transaction sees without changing these numbers: a rollback to a savepoint, and the end
/// of a transaction that may have written. Both call forget(). So a snapshot can match one of an earlier transaction.
/// Then nothing was written in between: a transaction that writes, even if it only truncates a table, has an id, and
/// from its end on snapshots differ from those before.
class SnapshotKey {
  public:
    bool matches(Snapshot snapshot) const {
        return known_ && command_ == snapshot->curcid && shown_ == ShownTransactions(snapshot);
    }

    void forget() { known_ = false; }

    void set(Snapshot snapshot) {
        shown_ = ShownTransactions(snapshot);
        command_ = snapshot->curcid;
        known_ = true;
    }

  private:
    ShownTransactions shown_;
    CommandId command_;
    bool known_;
};

/// An Inheritance, and the snapshot that it was last found to be exact for in this transaction.
struct Remembered {
    Inheritance *inheritance; // null: nothing is remembered
    Inheritance *beyond;      // on the same base, what that has no room for; null: nothing yet
    bool full;                // and nothing is added to it any more
    SnapshotKey snapshot;
    TimestampTz statement; // in which others' changes of tables were last heard of
    bool here;             // in this transaction

    /// Whether a statement goes on with the tables that it began with.
    bool goes_on(Snapshot active) const {
        return here && statement == GetCurrentStatementStartTimestamp() && snapshot.matches(active) &&
               inheritance != nullptr && reads_all_as_known();
    }

    /// Whether the snapshot shows what this is exact for, be it an earlier transaction's. After 2^32 transactions,
    /// which take hours, one that does not may look the same.
    bool is_shown_by(Snapshot active) const {
        return snapshot.matches(active) && GetCurrentStatementStartTimestamp() - statement < USECS_PER_HOUR;
    }

    void forget_snapshot() {
        snapshot.forget();
        if (inheritance != nullptr)
            inheritance->forget_projects();
    }

    /// Nothing waits for memory to be freed.
    void begin() {
        forget([](SlicedMemory &memory) { memory.give_up(); }, true);
        make(Tree::in(SlicedMemory::in(CacheMemoryContext), live), 0);
    }

    /// The same, but the tree stays.
    void begin_in_tree() {
        Tree &tree = inheritance->tree();
        const uint32 last_mark = inheritance->last_mark();
        forget([](SlicedMemory &memory) { memory.give_up(); }, false);
        make(tree, last_mark);
    }

    /// Of what ends with the transaction, secrets among it, nothing is left.
    void free() {
        forget([](SlicedMemory &memory) { MemoryContextDelete(memory.whole()); }, true);
    }

    /// What to ask.
    Inheritance &current() { return !full && inheritance->size() < room() * 7 ? *inheritance : go_beyond(); }

    /// Whether it is to be used further: not what a single call has made twice as large as it may be, nor when marks
    /// come to an end.
    bool is_usable() const {
        return inheritance != nullptr && inheritance->size() < 16 * room() && inheritance->last_mark() < UINT32_MAX / 2;
    }

  private:
    /// An eighth of what there may be.
    static Size room() { return Size{1024} / 8 * session_cache_size; }

    [[gnu::noinline]] Inheritance &go_beyond() {
        full = true;
        if (beyond != nullptr && beyond->memory().size() >= room())
            guard([&] { std::exchange(beyond, nullptr)->memory().give_up(); });
        if (beyond == nullptr) {
            SlicedMemory *memory = SlicedMemory::in(CacheMemoryContext);
            beyond = new (memory->allocate(sizeof(Inheritance))) Inheritance(
                memory, Tree::in(memory, live, &inheritance->tree()), inheritance->last_mark(), inheritance);
        }
        return *beyond;
    }

    void make(Tree &tree, uint32 last_mark) {
        SlicedMemory *memory = SlicedMemory::in(CacheMemoryContext);
        inheritance = new (memory->allocate(sizeof(Inheritance))) Inheritance(memory, tree, last_mark);
    }

    template <class Free>
    void forget(Free &&free_memory, bool tree) {
        snapshot.forget();
        full = false;
        Inheritance *most = std::exchange(inheritance, nullptr), *rest = std::exchange(beyond, nullptr);
        if (most != nullptr)
            guard([&] {
                SlicedMemory &of_tree = most->tree().memory();
                if (rest != nullptr)
                    free_memory(rest->memory());
                free_memory(most->memory());
                if (tree)
                    free_memory(of_tree);
            });
    }
};

// Two of them in a backend, without constructors: one of a generation, one of a snapshot that has none.
struct {
    Remembered memory;
    Generation generation;
    uint64 schemas; // as long as this many have been freed, those that it knows are there

    bool has_its_schemas() const { return schemas == freed_integrations(); }
    bool is_sound() const { return is_still(generation) && has_its_schemas(); }
} of_generation;
Remembered of_snapshot;

void end_transaction() {
    of_generation.memory.here = false;
    if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
        of_generation.memory.forget_snapshot();
    of_snapshot.free();
}

void end_savepoint(const Savepoint &savepoint) {
    if (!savepoint.rolled_back)
        return;
    of_generation.memory.forget_snapshot();
    of_snapshot.snapshot.forget(); // it stays for whoever is at work with it
}

/// Not part of inheritance(), which would spend most of its time on making room for what this needs.
[[gnu::noinline]] Inheritance &look_again(Snapshot snapshot) {
    // What is not read directly may run functions of others while we read, which may call us again.
    if (!reads_all_directly()) {
        SlicedMemory *memory = SlicedMemory::in(CurrentMemoryContext);
        return *new (memory->allocate(sizeof(Inheritance))) Inheritance(memory, Tree::in(memory, live));
    }
    guard([] { SlicedMemory::free_slice(); });

    auto use = [&](Remembered &memory) -> Inheritance & {
        if (!memory.is_shown_by(snapshot)) {
            memory.forget_snapshot();
            memory.snapshot.set(snapshot);
        }
        memory.statement = GetCurrentStatementStartTimestamp();
        memory.here = true;
        return memory.current();
    };
    const bool usable = of_generation.memory.is_usable();
    if (usable && of_generation.memory.is_shown_by(snapshot) && hold(of_generation.generation) &&
        of_generation.has_its_schemas())
        return use(of_generation.memory);
    if (std::optional<Generation> shown = generation(); shown) {
        if (!usable || !of_generation.generation.has_tree_in(*shown))
            of_generation.memory.begin();
        else if (!of_generation.has_its_schemas() || of_generation.generation.changes != shown->changes)
            of_generation.memory.begin_in_tree();
        of_generation.schemas = freed_integrations();
        of_generation.generation = *shown;
        return use(of_generation.memory);
    }
    if (!of_snapshot.is_usable() || !of_snapshot.is_shown_by(snapshot)) {
        of_snapshot.free();
        of_snapshot.begin();
    }
    return use(of_snapshot);
}

} // namespace

Inheritance &inheritance() {
    // Most calls are one of many in a statement.
    Snapshot snapshot = GetActiveSnapshot();
    if (of_generation.memory.goes_on(snapshot) && of_generation.is_sound())
        return of_generation.memory.current();
    if (of_snapshot.goes_on(snapshot))
        return of_snapshot.current();
    return look_again(snapshot);
}

void watch_inheritance() {
    on_transaction_end(end_transaction);
    on_savepoint_end(end_savepoint);
}

} // namespace intd
