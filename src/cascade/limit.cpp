#include "cascade/limit.hpp"

#include "cascade/reached.hpp"
#include "postgres/transaction.hpp"
#include "postgres/trigger.hpp"
#include "settings/write.hpp"
#include "store/access.hpp"
#include "store/owner.hpp"

extern "C" {
#include "commands/trigger.h"
#include "utils/guc.h"
}

namespace intd {

int max_affected = -1;

namespace {

// --- what is kept ----------------------------------------------------------------------------------------------------

struct Noted {
    Change change;
    int level; // of nested transactions, at which it was noted
};

/// Changes that are counted together, in a context of their own.
struct Together {
    MemoryContext context;
    std::pmr::vector<Noted> changes;
    int deepest = 0; // none was noted at a deeper level
    // Where changes are counted more than once, as others have come to them, those counted are not compared again.
    bool counted = false; // once
    size_t compared = 0;  // so many are in
    size_t beyond = 0;    // the last one that reaches more than a project, and all before it
    Strings affected;     // the projects that differ

    explicit Together(ContextResource *memory) : context(memory->context()), changes(memory), affected(memory) {}
    void find_beyond() {
        for (beyond = changes.size(); beyond > 0 && changes[beyond - 1].change.reach == core::Level::project;)
            beyond--;
    }
    void forget_count() {
        counted = false;
        compared = 0;
        affected.clear();
    }
};

struct Kept {
    CommandId first = InvalidCommandId; // of ours that wrote, whether that is a change or not
    Together *changes = nullptr;        // below TopTransactionContext; null: none
};

struct {
    Kept statement, commit;
    TimestampTz sent = 0;     // when the client's statement was
    unsigned emptied = 0;     // by a TRUNCATE that is yet to happen: which tables
    TimestampTz emptying = 0; // when that was sent
} kept;

void forget() {
    kept = {};
}

void drop(Kept &of) {
    if (of.changes == nullptr)
        return;
    MemoryContext context = of.changes->context;
    of = {};
    MemoryContextDelete(context);
}

void add(Kept &to, const Change &change, int level) {
    if (to.changes == nullptr) {
        ContextResource *memory = ContextResource::in(guard([] {
            return AllocSetContextCreate(TopTransactionContext, "integration_defaults limit", ALLOCSET_DEFAULT_SIZES);
        }));
        to.changes = new (memory->allocate(sizeof(Together))) Together(memory);
    }
    Together *together = to.changes;
    // Which passes it has does not matter where projects are counted.
    auto is_of_all = [](const Change &one) { return one.reach == core::Level::instance && one.integration.empty(); };
    if (!together->changes.empty() && is_of_all(together->changes.back().change) &&
        together->compared < together->changes.size())
        return;
    const bool too_much = MemoryContextMemAllocated(together->context, true) > remember_at_most;
    InContext inside(together->context);
    together->changes.push_back({copied(too_much ? any_change : change), level});
    together->deepest = std::max(together->deepest, level);
    if (together->changes.back().change.reach != core::Level::project)
        together->beyond = together->changes.size();
}

/// What the statement has left broken is counted before the commit.
void put_off() {
    for (const Noted &noted : kept.statement.changes->changes)
        add(kept.commit, noted.change, noted.level);
    kept.commit.first = std::min(kept.commit.first, kept.statement.first);
    kept.commit.changes->forget_count();
    drop(kept.statement);
}

void end_savepoint(const Savepoint &savepoint) {
    if (savepoint.rolled_back)
        kept.emptied = 0;
    for (Kept *each : {&kept.statement, &kept.commit}) {
        Together *together = each->changes;
        if (together == nullptr || together->deepest < savepoint.level)
            continue;
        savepoint.pass_on(together->changes);
        together->deepest = savepoint.level - 1;
        if (!savepoint.rolled_back)
            continue;
        together->forget_count();
        together->find_beyond();
        if (together->changes.empty())
            drop(*each);
    }
}

// --- counting --------------------------------------------------------------------------------------------------------

/// Until the end of the block, what the snapshot shows is read.
class Shown {
  public:
    explicit Shown(Snapshot snapshot) {
        guard([&] { PushActiveSnapshot(snapshot); });
    }
    ~Shown() { PopActiveSnapshot(); }
    Shown(const Shown &) = delete;
    Shown &operator=(const Shown &) = delete;
};

/// The active snapshot, but that it shows of our own commands only those before `command`.
Snapshot shown_before(CommandId command) {
    return guard([&] {
        PushCopiedSnapshot(GetActiveSnapshot());
        GetActiveSnapshot()->curcid = command;
        Snapshot snapshot = RegisterSnapshot(GetActiveSnapshot());
        PopActiveSnapshot();
        return snapshot;
    });
}

/// The tables as they are, but for some that are as good as empty.
class Emptied final : public RowSource {
  public:
    explicit Emptied(unsigned tables) : tables_(tables) {}
    Rows rows(Table table, int nkeys, const Datum *keys) const override {
        if ((tables_ & bit(table)) != 0)
            return {nullptr, 0};
        if (nkeys < 2)
            return live.rows(table, nkeys == 0 ? 0 : keys[0]);
        const Row *row = live.row(table, keys[0], keys[1]);
        return {const_cast<Row *>(row), row == nullptr ? 0 : 1};
    }
    static unsigned bit(Table table) { return 1u << static_cast<int>(table); }

  private:
    unsigned tables_;
};

/// Compares what projects end up with after and before. In the newest state, as our owner.
class Comparison {
  public:
    Comparison(ContextResource *memory, Snapshot before, Store after)
        : Comparison(memory, SlicedMemory::in(memory->context()), before, after) {}

    Inheritance &after() { return after_; }

    void look_at(const Strings &names) {
        Shown shown(snapshot_);
        for (std::string_view name : names)
            types_.push_back({name, before_.find_usable_type(name), nullptr});
        std::sort(types_.begin(), types_.end(), [](const Type &a, const Type &b) { return a.name < b.name; });
    }
    void find_types() {
        for (Type &type : types_)
            type.after = after_.find_usable_type(type.name);
    }

    /// Whether a project, which is in the group now, was there, too, and ended up with something else. `moved`: it may
    /// have been in another group, or not have been there.
    bool differs(Datum id, const Value &group, bool moved) {
        Value had = group;
        if (moved && !find_group_before(id, had))
            return false;
        for (Type &type : types_) {
            const Folded *is = folded_at(after_, type.after, core::Level::project, id, group), *was;
            bool lost;
            {
                Shown shown(snapshot_);
                was = folded_at(before_, type.before, core::Level::project, id, had);
                lost = was == nullptr && has_no_way_up(before_, had);
            }
            if (is == nullptr || was == nullptr
                    ? is == was
                    : is->active() == was->active() && same_settings(is->settings(), was->settings()))
                continue;
            if (lost || (is == nullptr && has_no_way_up(after_, group)) || (!moved && !find_group_before(id, had)))
                return false;
            type.changed = true;
            return true;
        }
        return false;
    }

    /// Throws that more than so many differ. `role`: who has written.
    [[noreturn]] void refuse(Oid role) const {
        const char *names = "";
        int count = 0;
        for (const Type &type : types_)
            if (type.changed && count++ < most_named)
                names = cat(names, count > 1 ? ", \"" : "\"", type.name, "\"");
        if (count > most_named)
            names = cat(names, " and ", std::to_string(count - most_named), " more");
        // who feeds a tracked table may know nothing of types
        const char *of = !guard([&] { return has_access(role, Access::read); })
                             ? ""
                             : cat(count > 1 ? " of integrations " : " of integration ", names);
        const int64 least = static_cast<int64>(max_affected) + 1;
        throw Refusal(ERRCODE_CHECK_VIOLATION, cat("settings", of, " would change for too many projects"))
            .detail(cat("At least ", std::to_string(least), least == 1 ? " project" : " projects",
                        " would end up with something else, and integration_defaults.max_affected is ",
                        std::to_string(max_affected), "."))
            .hint("If that is meant, SET LOCAL integration_defaults.max_affected = -1. With that, "
                  "integration_defaults.preview() lists what would change.")
            .constraint("change_within_limit");
    }

  private:
    Comparison(ContextResource *memory, SlicedMemory *remembered, Snapshot before, Store after)
        : memory_(memory), snapshot_(before), before_(remembered, Tree::in(remembered, live)),
          after_(remembered, Tree::in(remembered, after)), types_(memory) {}

    static constexpr int most_named = 3;
    struct Type {
        std::string_view name;
        const Integration *before, *after; // null: not registered
        bool changed = false;
    };

    static bool has_no_way_up(Inheritance &inherited, const Value &group) {
        return group && inherited.tree().group(view(*group)) == nullptr;
    }

    /// Whether the project was there.
    bool find_group_before(Datum id, Value &group) const {
        Shown shown(snapshot_);
        const Row *row = live.row(Table::projects, id);
        if (row == nullptr)
            return false;
        group = row->nulls[column::parent] ? std::nullopt : Value(row->values[column::parent]);
        return true;
    }

    ContextResource *memory_;
    Snapshot snapshot_;
    Inheritance before_, after_;
    std::pmr::vector<Type> types_;
};

/// Runs a body in the newest state, as our owner, in memory of its own. False if it met a project that has no way up to
/// the instance.
template <class Body>
bool in_newest_state(Body &&body) {
    AsOwner owner;
    NewestState newest;
    OverlookBroken broken;
    in_passing_memory([&] {
        ContextResource memory(CurrentMemoryContext);
        body(&memory);
    });
    return !broken.met();
}

/// The types that changes may be of.
Strings types_of(const std::pmr::vector<Noted> &changes, Snapshot before, std::pmr::memory_resource *memory) {
    Strings names(memory);
    bool any = false;
    for (const Noted &noted : changes) {
        check_interrupts();
        if (noted.change.integration.empty())
            any = true;
        else
            names.insert(noted.change.integration);
    }
    if (any) {
        names.merge(find_configured_types(memory));
        Shown shown(before);
        names.merge(find_configured_types(memory));
    }
    return names;
}

/// Whether so few projects are reached that they need not be compared.
bool reaches_few(const Together &together) {
    const size_t more = together.changes.size() - together.compared;
    return together.affected.size() + more <= static_cast<size_t>(max_affected) && together.beyond <= together.compared;
}

/// The result is that of in_newest_state().
bool count(const Kept &of) {
    Together &together = *of.changes;
    if (reaches_few(together))
        return true;
    const Oid role = GetUserId();
    const bool again = together.counted;
    const bool sound = in_newest_state([&](ContextResource *memory) {
        const Snapshot before = shown_before(of.first);
        Comparison comparison(memory, before, live);
        comparison.look_at(types_of(together.changes, before, memory));
        comparison.find_types();
        Reach reach(memory);
        Strings moved(memory);
        for (size_t i = 0; i < together.changes.size(); i++) {
            check_interrupts();
            const Change &change = together.changes[i].change;
            if (change.reach == core::Level::project)
                moved.insert(change.id);
            if (i >= together.compared)
                reach.add(change);
        }
        // Only who counts again has to know which they are: many statements are the only one.
        const auto most = static_cast<uint64>(max_affected);
        uint64 affected = 0;
        for_each_project(comparison.after(), reach, [&](Datum id, Value group) {
            const bool differs = comparison.differs(id, group, moved.count(view(id)) > 0);
            if (!again) {
                affected += differs ? 1 : 0;
            } else if (!differs) {
                together.affected.erase(view(id));
            } else if (together.affected.count(view(id)) == 0) {
                InContext inside(together.context);
                together.affected.insert({cat(view(id)), view(id).size()});
            }
            if ((again ? together.affected.size() : affected) > most)
                comparison.refuse(role);
        });
        guard([&] { UnregisterSnapshot(before); });
    });
    if (again)
        together.compared = together.changes.size();
    together.counted = true;
    return sound;
}

bool is_replicating() {
    return SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA;
}

} // namespace

void keep_command_for_limit() {
    const bool at_commit = statement_depth() > 1;
    if (!at_commit && kept.sent != GetCurrentStatementStartTimestamp()) {
        drop(kept.statement);
        kept.statement = {};
        kept.sent = GetCurrentStatementStartTimestamp();
    }
    Kept &of = at_commit ? kept.commit : kept.statement;
    of.first = std::min(of.first, GetActiveSnapshot()->curcid);
}

void keep_for_limit(const Change &change) {
    const int depth = statement_depth();
    if (depth == 0 || is_replicating() || arrival_has_fired())
        return;
    keep_command_for_limit();
    add(depth > 1 ? kept.commit : kept.statement, change, GetCurrentTransactionNestLevel());
}

void check_limit(bool at_commit) {
    if (at_commit) {
        if (has_uncounted() && is_limited())
            count(kept.commit);
        if (GetCurrentTransactionNestLevel() == 1) // else it is to be rolled back, and done again
            drop(kept.commit);
    } else if (kept.statement.changes != nullptr && is_limited() && kept.sent == GetCurrentStatementStartTimestamp() &&
               !count(kept.statement))
        put_off();
}

bool has_uncounted() {
    return kept.commit.changes != nullptr;
}

void begin_count_anew() {
    drop(kept.statement);
    drop(kept.commit);
    kept.emptied = 0;
}

/// BEFORE TRUNCATE on our six tables, for each statement.
INTD_FUNCTION(limit_truncation) {
    TriggerData *data = own_trigger(fcinfo, {table_oid(Table::integrations), table_oid(Table::groups),
                                             table_oid(Table::projects), table_oid(Table::instance_settings),
                                             table_oid(Table::group_settings), table_oid(Table::project_settings)});
    require_event(data, TRIGGER_EVENT_BEFORE, on_truncate);
    if (restoring() || !is_limited() || is_replicating())
        return PointerGetDatum(nullptr);
    for (const Kept *each : {&kept.statement, &kept.commit})
        if (each->changes != nullptr)
            count(*each);
    const Table table = table_with(RelationGetRelid(data->tg_relation));
    // Nothing else is truncated while something refers to it: see check_truncate().
    if (table == Table::integrations || table == Table::groups || table == Table::projects)
        return PointerGetDatum(nullptr);
    if (kept.emptying != GetCurrentStatementStartTimestamp())
        kept.emptied = 0;
    kept.emptying = GetCurrentStatementStartTimestamp();
    kept.emptied |= Emptied::bit(table); // and those that the same TRUNCATE names before it
    const Oid role = GetUserId();
    in_newest_state([&](ContextResource *memory) {
        const Snapshot now = guard([] { return RegisterSnapshot(GetActiveSnapshot()); });
        const Emptied emptied(kept.emptied);
        Comparison comparison(memory, now, Store(emptied));
        comparison.look_at(find_configured_types(memory));
        comparison.find_types();
        Reach everything(memory);
        everything.everything = true;
        int64 affected = 0;
        for_each_project(comparison.after(), everything, [&](Datum id, Value group) {
            if (comparison.differs(id, group, false) && ++affected > max_affected)
                comparison.refuse(role);
        });
        guard([&] { UnregisterSnapshot(now); });
    });
    return PointerGetDatum(nullptr);
}

void define_max_affected() {
    DefineCustomIntVariable("integration_defaults.max_affected",
                            "How many projects one statement may change; -1: any number.",
                            "A statement that would give more projects other effective settings is refused.",
                            &max_affected, -1, -1, INT_MAX, PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

void watch_limit() {
    on_transaction_end(forget);
    on_savepoint_end(end_savepoint);
}

} // namespace intd
