#include "hierarchy/access.hpp"

#include "postgres/query.hpp"
#include "postgres/snapshot.hpp"
#include "postgres/transaction.hpp"
#include "store/store.hpp"

namespace intd {
namespace {

// --- the way up ------------------------------------------------------------------------------------------------------

/// The ids of the groups that a scope is in, itself included if it is a group, from below; copied. None if the scope is
/// not there. A way up may not end, in a transaction that has not been checked yet.
std::optional<std::pmr::vector<std::string_view>> way_up(core::Level level, std::string_view id,
                                                         std::pmr::memory_resource *memory) {
    std::pmr::vector<std::string_view> way(memory);
    if (level == core::Level::instance)
        return way;
    std::pmr::unordered_set<std::string_view> met(memory);
    Table table = scope_table(level);
    for (std::string_view next = id;;) {
        check_interrupts();
        const Row *row = live.row(table, text_datum(next));
        if (row == nullptr)
            return next == id && way.empty() ? std::nullopt : std::optional(way);
        if (table == Table::groups) {
            way.push_back(next);
            if (!met.insert(next).second)
                return way;
        }
        if (row->nulls[column::parent])
            return way;
        next = view(row->values[column::parent]);
        table = Table::groups;
    }
}

bool has_in_any(const Rights &rights, Access access, const std::pmr::vector<std::string_view> &way) {
    return std::any_of(way.begin(), way.end(), [&](std::string_view group) { return rights.has_in(access, group); });
}

// --- what is noted ---------------------------------------------------------------------------------------------------

/// That a role has written to a scope by what it was given on a group. In TopTransactionContext.
struct Note {
    Oid role;
    Access access;
    core::Level level;
    std::string_view id;
    int at;   // the level of nested transactions: it never falls from one to the next
    int next; // of the same scope, or -1
};

struct Notes {
    using ById = std::pmr::unordered_map<std::string_view, int>;

    std::pmr::vector<Note> all;
    ById first[3]; // by level of the scope

    explicit Notes(std::pmr::memory_resource *memory) : all(memory), first{ById(memory), ById(memory), ById(memory)} {}
};

struct {
    MemoryContext context;
    Notes *notes; // null: none
} noted;

void forget() {
    noted = {};
}

void note(Oid role, Access access, core::Level level, std::string_view id) {
    if (noted.notes == nullptr) {
        MemoryContext context = guard([] {
            return AllocSetContextCreate(TopTransactionContext, "integration_defaults access", ALLOCSET_DEFAULT_SIZES);
        });
        ContextResource *memory = ContextResource::in(context);
        noted.notes = new (memory->allocate(sizeof(Notes))) Notes(memory);
        noted.context = context;
    }
    Notes &notes = *noted.notes;
    auto &first = notes.first[static_cast<int>(level)];
    auto found = first.find(id);
    for (int n = found == first.end() ? -1 : found->second; n >= 0; n = notes.all[n].next)
        if (const Note &known = notes.all[n]; known.role == role && known.access == access)
            return;
    InContext inside(noted.context);
    std::string_view own(cat(id), id.size());
    const int number = static_cast<int>(notes.all.size());
    notes.all.push_back(
        {role, access, level, own, GetCurrentTransactionNestLevel(), found == first.end() ? -1 : found->second});
    if (found == first.end())
        first.emplace(own, number);
    else
        found->second = number;
}

/// Takes the last note away.
void drop_last() {
    Notes &notes = *noted.notes;
    const Note &last = notes.all.back();
    auto &first = notes.first[static_cast<int>(last.level)];
    auto found = first.find(last.id);
    if (last.next < 0)
        first.erase(found);
    else
        found->second = last.next;
    notes.all.pop_back();
}

void end_savepoint(const Savepoint &savepoint) {
    if (noted.notes == nullptr)
        return;
    auto &all = noted.notes->all;
    for (size_t i = all.size(); i > 0 && all[i - 1].at >= savepoint.level; i--)
        if (savepoint.rolled_back)
            drop_last();
        else
            all[i - 1].at = savepoint.level - 1;
}

bool some_are_noted() {
    return noted.notes != nullptr && !noted.notes->all.empty();
}

/// Whether nothing is set there.
bool is_bare(core::Level level, std::string_view id) {
    return live.rows(settings_table(level), text_datum(id)).count == 0;
}

void look_at(const Note &note) {
    ContextResource memory(CurrentMemoryContext);
    NewestState newest;
    const auto way = way_up(note.level, note.id, &memory);
    if (!way && is_bare(note.level, note.id))
        return;
    const Rights &rights = rights_of(note.role);
    if (rights.has(note.access) || (way && has_in_any(rights, note.access, *way)))
        return;
    refuse_access(note.role, note.access, scope_name(note.level, note.id), {},
                  "The role wrote there in this transaction, by what it was given on a group that it is no longer in.");
}

void look_again() {
    const auto now = noted;
    const bool anticipated = GetCurrentTransactionNestLevel() > 1; // the commit will ask again
    if (!anticipated)
        forget();
    RowMemory memory;
    for (const Note &note : now.notes->all) {
        InContext inside(memory.empty());
        look_at(note);
    }
    if (!anticipated)
        guard([&] { MemoryContextDelete(now.context); });
}

/// What comes with access on one of these groups is enough; else the refusal.
void require_by(Access access, const std::optional<std::pmr::vector<std::string_view>> &way, core::Level level,
                std::string_view id, core::Level noted_level, std::string_view noted_id) {
    const Rights &rights = rights_of(GetUserId());
    if (!way)
        throw unknown_scope(level, id);
    if (!has_in_any(rights, access, *way))
        refuse_access(GetUserId(), access, scope_name(level, id),
                      level == core::Level::group ? id : std::string_view());
    if (access == Access::write || access == Access::admin)
        note(GetUserId(), access, noted_level, noted_id);
}

/// Whether it is had everywhere. Throws 42501 if it is had nowhere.
bool has_everywhere(Access access, const char *where, std::string_view group) {
    guard([] { AcceptInvalidationMessages(); });
    const Rights &rights = rights_of(GetUserId());
    if (!rights.has_somewhere(access) && !rights.has(access))
        refuse_access(GetUserId(), access, where, group);
    return rights.has(access);
}

} // namespace

void require_access(Access access, const ScopeArgument &scope) {
    const std::string_view group = scope.level == core::Level::group ? scope.text() : std::string_view();
    if (has_everywhere(access, scope_name(scope.level, scope.text()), group))
        return;
    ContextResource memory(CurrentMemoryContext);
    FreshSnapshot snapshot;
    require_by(access, way_up(scope.level, scope.text(), &memory), scope.level, scope.text(), scope.level,
               scope.text());
}

void require_access_around(Access access, Kind kind, Datum id) {
    const char *name = scope_name(level_of(kind), view(id));
    const char *where = cat("what ", name, " is in");
    if (has_everywhere(access, where, {}))
        return;
    ContextResource memory(CurrentMemoryContext);
    FreshSnapshot snapshot;
    const Row *row = live.row(table_of(kind), id);
    if (row == nullptr)
        throw unknown_scope(level_of(kind), view(id));
    if (row->nulls[column::parent])
        refuse_access(GetUserId(), access, where);
    const std::string_view parent = view(row->values[column::parent]);
    require_by(access, way_up(core::Level::group, parent, &memory), core::Level::group, parent, core::Level::group,
               parent);
}

void note_new_id(Kind kind, Datum before, Datum after) {
    if (noted.notes == nullptr)
        return;
    Notes &notes = *noted.notes;
    auto &first = notes.first[static_cast<int>(level_of(kind))];
    auto found = first.find(view(before));
    for (int n = found == first.end() ? -1 : found->second; n >= 0;) {
        const Note known = notes.all[n];
        note(known.role, known.access, known.level, view(after));
        n = known.next;
    }
}

void watch_noted_access() {
    before_commit(some_are_noted, look_again);
    on_savepoint_end(end_savepoint);
    on_transaction_end(forget);
}

} // namespace intd
