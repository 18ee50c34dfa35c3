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
/// that followed it rolls back, it has to be followed again.
struct Noted {
    Change change;
    int level, followed;
};

/// In TopTransactionContext; null: nothing.
struct {
    MemoryContext context;
    std::pmr::vector<Noted> *changes;
    int deepest; // no change has been noted or followed at a deeper level
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

/// Drops what has been followed for good, so that only what may have to be followed (again) is kept.
void drop_followed() {
    auto kept = std::remove_if(list.changes->begin(), list.changes->end(),
                               [](const Noted &noted) { return noted.followed == 1; });
    list.changes->erase(kept, list.changes->end());
    if (!list.changes->empty())
        return;
    MemoryContext context = list.context;
    forget();
    guard([&] { MemoryContextDelete(context); });
}

void end_savepoint(const Savepoint &savepoint) {
    if (list.changes == nullptr || list.deepest < savepoint.level)
        return;
    for (Noted &noted : *list.changes)
        noted.followed = savepoint.level_of(noted.followed);
    savepoint.pass_on(*list.changes);
    list.deepest = savepoint.level - 1;
    if (list.changes->empty()) {
        MemoryContext context = list.context; // a transaction may have many that roll back
        forget();
        MemoryContextDelete(context);
    }
}

bool is_unsettled() {
    return some_are_noted() || has_uncounted() ||
           (list.changes != nullptr && std::any_of(list.changes->begin(), list.changes->end(),
                                                   [](const Noted &noted) { return noted.followed == 0; }));
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
    size_t count = list.changes->size();
    for (const Noted &noted : *list.changes)
        if (noted.followed == 0)
            changes.push_back(noted.change);
    if (changes.empty() || (!settle(changes) && !at_commit))
        return;
    // Settling may have noted more: by triggers that users have on effective_settings.
    for (size_t i = 0; i < count; i++)
        if (Noted &noted = (*list.changes)[i]; noted.followed == 0)
            noted.followed = GetCurrentTransactionNestLevel();
    list.deepest = std::max(list.deepest, GetCurrentTransactionNestLevel());
    drop_followed();
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
