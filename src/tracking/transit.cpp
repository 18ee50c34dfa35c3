#include "tracking/transit.hpp"

#include "postgres/datum.hpp"
#include "postgres/memory.hpp"
#include "postgres/transaction.hpp"

namespace intd {
namespace {

struct Ahead {
    Ahead *next, *previous; // in the order in which they were remembered
    Ahead *same;            // of the same id, the one before
    int level;              // of nested transactions, at which it was remembered
    Kind kind;
    Datum id;
    State later;
};

struct Left {
    Left *next;
    int level;
    Leaving leaving;
};

// In TopTransactionContext. The newest are first, so that levels never rise from one to the next.
Ahead *aheads = nullptr;
Left *lefts = nullptr;
bool aside = false;

/// Of each id the newest that is ahead, or null: a trigger of the app's may change each row of a large statement again.
using AheadById = std::pmr::unordered_map<std::string_view, Ahead *>;
AheadById *aheads_by_id[2] = {nullptr, nullptr}; // null: none

AheadById *&by_id(Kind kind) {
    return aheads_by_id[static_cast<int>(kind)];
}

void take_out(const Ahead *ahead) {
    (ahead->previous == nullptr ? aheads : ahead->previous->next) = ahead->next;
    if (ahead->next != nullptr)
        ahead->next->previous = ahead->previous;
    by_id(ahead->kind)->find(view(ahead->id))->second = ahead->same; // it is the newest of its id
}

Datum copy_text(Datum text) {
    return text == 0 ? 0 : datumCopy(text, false, -1);
}

State copy_state(const State &state) {
    return {state.in, copy_text(state.id),
            state.parent ? std::optional<Datum>(copy_text(*state.parent)) : std::nullopt};
}

/// Adds a new entry to the front of a list.
template <class Entry, class Fill>
void add_to(Entry *&list, Fill fill) {
    guard([&] {
        MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
        auto *entry = static_cast<Entry *>(palloc0(sizeof(Entry)));
        fill(entry);
        entry->next = list;
        entry->level = GetCurrentTransactionNestLevel();
        list = entry;
        MemoryContextSwitchTo(caller);
    });
}

/// Takes the first entry that matches out of a list; null if there is none.
template <class Entry, class Matches>
Entry *take_from(Entry *&list, Matches matches) {
    for (Entry **link = &list; *link != nullptr; link = &(*link)->next)
        if (matches(**link)) {
            Entry *found = *link;
            *link = found->next;
            return found;
        }
    return nullptr;
}

template <class Entry>
void end_savepoint(Entry *list, const Savepoint &savepoint) {
    for (; list != nullptr && list->level >= savepoint.level; list = list->next)
        list->level = savepoint.level - 1;
}

void end_savepoint(const Savepoint &savepoint) {
    if (!savepoint.rolled_back) {
        end_savepoint(aheads, savepoint);
        end_savepoint(lefts, savepoint);
        return;
    }
    while (aheads != nullptr && aheads->level >= savepoint.level)
        take_out(aheads);
    while (lefts != nullptr && lefts->level >= savepoint.level)
        lefts = lefts->next;
}

void end_transaction() {
    aheads = nullptr;
    for (AheadById *&newest : aheads_by_id)
        newest = nullptr;
    lefts = nullptr;
    aside = false;
}

} // namespace

void remember_ahead(Kind kind, Datum id, const State &later) {
    AheadById *&newest = by_id(kind);
    if (newest == nullptr) {
        ContextResource *memory = ContextResource::in(TopTransactionContext);
        newest = new (memory->allocate(sizeof(AheadById))) AheadById(memory);
    }
    InContext inside(TopTransactionContext);
    const Datum own = guard([&] { return copy_text(id); });
    Ahead *&same = newest->emplace(view(own), nullptr).first->second;
    add_to(aheads, [&](Ahead *ahead) {
        ahead->kind = kind;
        ahead->id = own;
        ahead->later = copy_state(later);
    });
    if (aheads->next != nullptr)
        aheads->next->previous = aheads;
    aheads->same = std::exchange(same, aheads);
}

bool take_ahead(Kind kind, Datum id, State *later) {
    const AheadById *newest = by_id(kind);
    if (newest == nullptr)
        return false;
    const auto found = newest->find(view(id));
    if (found == newest->end() || found->second == nullptr)
        return false;
    *later = found->second->later;
    take_out(found->second);
    return true;
}

bool some_are_ahead() {
    return aheads != nullptr;
}

void remember_leaving(const Leaving &leaving) {
    add_to(lefts, [&](Left *left) {
        left->leaving = leaving;
        left->leaving.state = copy_state(leaving.state);
    });
}

bool take_leaving(Kind kind, Oid root, CommandId command, State *state) {
    Left *found = take_from(lefts, [&](const Left &left) {
        return left.leaving.kind == kind && left.leaving.root == root && left.leaving.command == command;
    });
    if (found != nullptr)
        *state = found->leaving.state;
    return found != nullptr;
}

bool take_lapsed(Kind kind, int depth, State *state) {
    Left *found =
        take_from(lefts, [&](const Left &left) { return left.leaving.kind == kind && left.leaving.depth >= depth; });
    if (found != nullptr)
        *state = found->leaving.state;
    return found != nullptr;
}

bool some_are_aside() {
    return aside;
}
void remember_aside() {
    aside = true;
}

void watch_transit(void (*finish)()) {
    before_commit([] { return lefts != nullptr; }, finish);
    on_transaction_end(end_transaction);
    on_savepoint_end(end_savepoint);
}

} // namespace intd
