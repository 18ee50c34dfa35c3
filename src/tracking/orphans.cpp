#include "tracking/orphans.hpp"

#include "hierarchy/hooks.hpp"
#include "hierarchy/tree_rules.hpp"
#include "postgres/memory.hpp"
#include "postgres/query.hpp"
#include "postgres/transaction.hpp"
#include "tracking/mirror.hpp"

namespace intd {
namespace {

/// A group that is new. `done`: the level of nested transactions at which what is in it was put into it; 0: not yet.
struct New {
    New *next;
    int level, done;
    Datum id;
};

New *news = nullptr;  // in TopTransactionContext; the newest is first
int deepest_done = 0; // none is done at a deeper level
bool some_are_to_do = false;

void note_new(Datum group) {
    if (!takes_orphans(Kind::groups) && !takes_orphans(Kind::projects))
        return;
    guard([&] {
        MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
        auto *entry = static_cast<New *>(palloc0(sizeof(New)));
        *entry = {news, GetCurrentTransactionNestLevel(), 0, datumCopy(group, false, -1)};
        news = entry;
        some_are_to_do = true;
        MemoryContextSwitchTo(caller);
    });
}

void adopt_by_new() {
    constexpr int at_once = 100000;
    some_are_to_do = false;
    lock_group_moves();
    for (New *entry = news; entry != nullptr;) {
        RowMemory memory;
        InContext inside(memory.empty());
        ContextResource resource(CurrentMemoryContext);
        std::pmr::vector<Datum> ids(&resource);
        for (; entry != nullptr && ids.size() < at_once; entry = entry->next)
            if (entry->done == 0) {
                entry->done = deepest_done = GetCurrentTransactionNestLevel();
                ids.push_back(entry->id);
            }
        if (ids.empty())
            return;
        const Datum groups = text_array(ids.data(), nullptr, static_cast<int>(ids.size()));
        for (Kind kind : all_kinds)
            if (takes_orphans(kind))
                mirror_adopt(kind, groups);
    }
}

void release(Datum group) {
    for (Kind kind : all_kinds)
        if (takes_orphans(kind))
            mirror_release(kind, text_array(&group, nullptr, 1));
}

void end_savepoint(const Savepoint &savepoint) {
    while (news != nullptr && savepoint.level_of(news->level) == 0)
        news = news->next;
    const bool any_done = deepest_done >= savepoint.level;
    deepest_done = std::min(deepest_done, savepoint.level - 1);
    for (New *entry = news; entry != nullptr && (any_done || entry->level >= savepoint.level); entry = entry->next) {
        entry->level = savepoint.level_of(entry->level);
        entry->done = savepoint.level_of(entry->done);
        some_are_to_do = some_are_to_do || entry->done == 0;
    }
}

void end_transaction() {
    news = nullptr;
    deepest_done = 0;
    some_are_to_do = false;
}

} // namespace

void watch_orphans() {
    feeding.takes_orphans = takes_orphans;
    feeding.release = release;
    feeding.adopt = note_new;
    before_commit([] { return some_are_to_do; }, adopt_by_new);
    on_transaction_end(end_transaction);
    on_savepoint_end(end_savepoint);
}

} // namespace intd
