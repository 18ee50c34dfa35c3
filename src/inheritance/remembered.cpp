#include "inheritance/remembered.hpp"

#include "postgres/transaction.hpp"
#include "inheritance/generation.hpp"
#include "postgres/snapshot.hpp"
#include "store/relation.hpp"

namespace intd {
namespace {

/// More than this is not remembered from one call to the next (bytes).
constexpr Size remember_at_most = 64 * 1024 * 1024;

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
    MemoryContext context;
    Inheritance *inheritance; // null: nothing is remembered
    SnapshotKey snapshot;
    TimestampTz statement; // in which others' changes of tables were last heard of
    bool here;             // in this transaction

    bool has_room() const { return inheritance != nullptr && context->mem_allocated < remember_at_most; }

    /// Whether a statement goes on with the tables that it began with.
    bool goes_on(Snapshot active) const {
        return here && statement == GetCurrentStatementStartTimestamp() && snapshot.matches(active) && has_room() &&
               reads_all_as_known();
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

    void forget() {
        inheritance = nullptr;
        snapshot.forget();
    }

    Inheritance &begin() {
        forget();
        guard([&] {
            if (context == nullptr)
                context = AllocSetContextCreate(CacheMemoryContext, "integration_defaults inheritance",
                                                ALLOCSET_DEFAULT_SIZES);
            else
                MemoryContextReset(context);
        });
        void *place = ContextResource::in(context)->allocate(sizeof(Inheritance));
        inheritance = new (place) Inheritance(context, live);
        return *inheritance;
    }
};

// Two of them in a backend, without constructors: one of a generation, one of a snapshot that has none.
struct {
    Remembered memory;
    Generation generation;
    uint64 schemas; // as long as this many have been freed, those that it knows are there

    bool has_its_schemas() const { return schemas == freed_integrations(); }
    bool is_sound() const { return is_still(generation) && has_its_schemas(); }
} kept;
struct {
    Remembered memory;
} passing;

void end_transaction() {
    kept.memory.here = false;
    if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
        kept.memory.forget_snapshot();
    passing.memory.forget();
    if (passing.memory.context != nullptr)
        MemoryContextReset(passing.memory.context);
}

void end_savepoint(const Savepoint &savepoint) {
    if (!savepoint.rolled_back)
        return;
    kept.memory.forget_snapshot();
    passing.memory.forget();
}

/// Not part of inheritance(), which would spend most of its time on making room for what this needs.
[[gnu::noinline]] Inheritance &look_again(Snapshot snapshot) {
    // What is not read directly may run functions of others while we read, which may call us again.
    if (!reads_all_directly()) {
        MemoryContext context = guard([] {
            return AllocSetContextCreate(CurrentMemoryContext, "integration_defaults inheritance",
                                         ALLOCSET_DEFAULT_SIZES);
        });
        return *new (ContextResource::in(context)->allocate(sizeof(Inheritance))) Inheritance(context, live);
    }

    auto use = [&](Remembered &memory) -> Inheritance & {
        if (!memory.is_shown_by(snapshot)) {
            memory.forget_snapshot();
            memory.snapshot.set(snapshot);
        }
        memory.statement = GetCurrentStatementStartTimestamp();
        memory.here = true;
        return *memory.inheritance;
    };
    const bool has_room = kept.memory.has_room();
    if (has_room && kept.memory.is_shown_by(snapshot) && hold(kept.generation) && kept.has_its_schemas())
        return use(kept.memory);
    if (std::optional<Generation> shown = generation(); shown) {
        if (!has_room || !kept.has_its_schemas() || !(kept.generation == *shown)) {
            kept.memory.begin();
            kept.generation = *shown;
            kept.schemas = freed_integrations();
        }
        return use(kept.memory);
    }
    if (!passing.memory.has_room() || !passing.memory.is_shown_by(snapshot))
        passing.memory.begin();
    return use(passing.memory);
}

} // namespace

Inheritance &inheritance() {
    // Most calls are one of many in a statement.
    Snapshot snapshot = GetActiveSnapshot();
    if (kept.memory.goes_on(snapshot) && kept.is_sound())
        return *kept.memory.inheritance;
    if (passing.memory.goes_on(snapshot))
        return *passing.memory.inheritance;
    return look_again(snapshot);
}

void watch_inheritance() {
    on_transaction_end(end_transaction);
    on_savepoint_end(end_savepoint);
}

} // namespace intd
