#include "cascade/changes.hpp"

#include "cascade/limit.hpp"
#include "cascade/materialized.hpp"
#include "cascade/settle.hpp"
#include "postgres/transaction.hpp"
#include "postgres/trigger.hpp"
#include "settings/leftovers.hpp"
#include "tracking/bulk/insert.hpp"

namespace intd {
namespace {

/// A change, and the levels of nested transactions at which it was noted and followed (0: not yet). If a subtransaction
/// that followed it rolls back, it has to be followed again; not if that takes back the change, too.
struct Noted {
    Change change;
    int level, followed;

    bool is_done() const { return followed > 0 && followed <= level; }
};

/// In TopTransactionContext; null: nothing. Levels never fall from one change to the next. Those that are followed come
/// first, and the levels at which they are don't fall either; those that are done are not kept.
struct {
    MemoryContext context;
    std::pmr::vector<Noted> *changes;
    size_t followed; // so many are
    int deepest;     // no change has been noted or followed at a deeper level
} list;

/// Its memory goes with the transaction.
void forget() {
    list = {};
}

void prepare() {
    if (list.changes != nullptr)
        return;
    list.context = guard([] {
        return AllocSetContextCreate(TopTransactionContext, "integration_defaults changes", ALLOCSET_DEFAULT_SIZES);
    });
    ContextResource *memory = ContextResource::in(list.context);
    list.changes = new (memory->allocate(sizeof(*list.changes))) std::pmr::vector<Noted>(memory);
}

bool is_everything(const Change &change) {
    return change.reach == core::Level::instance && change.integration.empty() && change.passes == pass_all;
}

void add(const Change &change) {
    prepare();
    InContext inside(list.context);
    int level = GetCurrentTransactionNestLevel();
    list.changes->push_back({copied(change), level, 0});
    list.deepest = std::max(list.deepest, level);
}

/// Drops those of the followed ones, from one on, that are done.
void drop_done(size_t from) {
    auto first = list.changes->begin() + static_cast<ptrdiff_t>(from),
         last = list.changes->begin() + static_cast<ptrdiff_t>(list.followed);
    auto kept = std::remove_if(first, last, [](const Noted &noted) { return noted.is_done(); });
    list.followed = static_cast<size_t>(kept - list.changes->begin());
    list.changes->erase(kept, last);
    if (!list.changes->empty())
        return;
    MemoryContext context = list.context; // a transaction may have many changes that come and go
    forget();
    MemoryContextDelete(context);
}

void end_savepoint(const Savepoint &savepoint) {
    if (list.changes == nullptr || list.deepest < savepoint.level)
        return;
    std::pmr::vector<Noted> &changes = *list.changes;
    for (size_t i = changes.size(); i > 0 && changes[i - 1].level >= savepoint.level; i--) {
        Noted &noted = changes[i - 1];
        noted.level = savepoint.level_of(noted.level);
        if (noted.level == 0)
            changes.pop_back();
    }
    list.followed = std::min(list.followed, changes.size());
    size_t first = list.followed;
    for (; first > 0 && changes[first - 1].followed >= savepoint.level; first--)
        changes[first - 1].followed = savepoint.level_of(changes[first - 1].followed);
    if (savepoint.rolled_back)
        list.followed = first;
    list.deepest = savepoint.level - 1;
    drop_done(first);
}

bool is_unsettled() {
    return some_are_noted() || has_uncounted() || (list.changes != nullptr && list.followed < list.changes->size());
}

/// What goes with its group or project, and then what follows from that. Triggers that users have on our tables may
/// themselves change something.
void settle_all() {
    if (some_are_noted())
        remove_leftovers();
    settle_noted(true);
}

} // namespace

Listening *Listening::innermost_ = nullptr;

Listening::Listening(ContextResource *memory)
    : memory_(memory), changes_(memory), outer_(std::exchange(innermost_, this)) {}
Listening::~Listening() {
    innermost_ = outer_;
}
void Listening::hear(const Change &change) {
    if (everything_)
        return;
    const bool too_much = MemoryContextMemAllocated(memory_->context(), true) > remember_at_most;
    some_went_unheard_ = some_went_unheard_ || too_much;
    everything_ = is_everything(change) || too_much;
    InContext inside(memory_->context());
    changes_.push_back(copied(everything_ ? any_change : change));
}

Change copied(const Change &change) {
    Change copy = change;
    copy.id = {cat(change.id), change.id.size()};
    copy.integration = {cat(change.integration), change.integration.size()};
    return copy;
}

bool is_noting() {
    return is_limited() || is_noting_new_projects();
}

bool is_noting_new_projects() {
    return Listening::now() || any_materialized();
}

void note(const Change &change) {
    if (Listening::now())
        Listening::innermost_->hear(change);
    if (is_limited())
        keep_for_limit(change);
    if (change.integration.empty() ? !any_materialized() : !is_materialized(change.integration))
        return;
    if (list.changes != nullptr && list.changes->back().followed == 0 && is_everything(list.changes->back().change))
        return;
    bool too_much = list.context != nullptr && MemoryContextMemAllocated(list.context, false) > remember_at_most;
    add(too_much ? any_change : change);
}

void settle_noted(bool at_commit) {
    check_limit(at_commit);
    if (list.changes == nullptr)
        return;
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<Change> changes(&memory);
    const size_t from = list.followed, count = list.changes->size();
    for (size_t i = from; i < count; i++)
        changes.push_back((*list.changes)[i].change);
    if (changes.empty() || (!settle(changes) && !at_commit))
        return;
    // Settling may have noted more: by triggers that users have on effective_settings.
    const int level = GetCurrentTransactionNestLevel();
    for (size_t i = from; i < count; i++)
        (*list.changes)[i].followed = level;
    list.followed = count;
    list.deepest = std::max(list.deepest, level);
    guard([&] { drop_done(from); });
}

namespace {
SettleOnce *innermost = nullptr;
}

SettleOnce::SettleOnce() : depth_(trigger_depth()), outer_(std::exchange(innermost, this)) {}
SettleOnce::~SettleOnce() {
    innermost = outer_;
}
bool SettleOnce::now() {
    return innermost != nullptr && trigger_depth() == innermost->depth_ + 1;
}
void SettleOnce::finish() {
    // what a trigger runs is followed before the commit
    if (depth_ == 0)
        settle_noted(false);
}

void watch_changes() {
    watch_new_projects("settle", is_noting_new_projects);
    before_commit(is_unsettled, settle_all);
    on_transaction_end(forget);
    on_savepoint_end(end_savepoint);
}

} // namespace intd
