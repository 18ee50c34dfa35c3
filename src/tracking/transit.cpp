#include "tracking/transit.hpp"

#include "postgres/datum.hpp"
#include "postgres/transaction.hpp"

namespace intd {
namespace {

struct Ahead {
    Ahead *next;
    int level; // of nested transactions, at which it was remembered
    Kind kind;
    Datum id;
    State later;
};

struct Left {
    Left *next;
    int level;
    Leaving leaving;
};

// In TopTransactionContext.
Ahead *aheads = nullptr;
Left *lefts = nullptr;
bool aside = false;

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
void end_savepoint(Entry *&list, const Savepoint &savepoint) {
    for (Entry *entry = list; entry != nullptr; entry = entry->next)
        entry->level = savepoint.level_of(entry->level);
    while (take_from(list, [](const Entry &entry) { return entry.level == 0; }) != nullptr) {
    }
}

void end_savepoint(const Savepoint &savepoint) {
    end_savepoint(aheads, savepoint);
    end_savepoint(lefts, savepoint);
}

void end_transaction() {
    aheads = nullptr;
    lefts = nullptr;
    aside = false;
}

} // namespace

void remember_ahead(Kind kind, Datum id, const State &later) {
    add_to(aheads, [&](Ahead *ahead) {
        ahead->kind = kind;
        ahead->id = copy_text(id);
        ahead->later = copy_state(later);
    });
}

bool take_ahead(Kind kind, Datum id, State *later) {
    Ahead *found =
        take_from(aheads, [&](const Ahead &ahead) { return ahead.kind == kind && view(ahead.id) == view(id); });
    if (found != nullptr)
        *later = found->later;
    return found != nullptr;
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
