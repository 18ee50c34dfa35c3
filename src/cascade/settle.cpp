#include "cascade/settle.hpp"

#include "cascade/server_locks.hpp"
#include "cascade/materialized.hpp"
#include "hierarchy/tree_rules.hpp"
#include "inheritance/chain.hpp"
#include "postgres/query.hpp"
#include "store/owner.hpp"
#include "store/subtree.hpp"

namespace intd {
namespace {

// --- the statements --------------------------------------------------------------------------------------------------
//
// e: the row that is there, v: the row that should be. Where a project has no way up, v.active is NULL (see
// OverlookBroken). Values are compared by their bytes: 1.0 is not 1.00.

#define EFFECTIVE "integration_defaults.effective_settings"
#define WANTED "integration_defaults.project_integrations"
#define IS(a, b) a " OPERATOR(pg_catalog.=) " b

#define SAME_ROW IS("e.project_id", "v.project_id") " AND " IS("e.integration", "v.integration")
#define ROW_OF(row) row ".active, " row ".settings, " row ".inherited, " row ".source_level, " row ".source_id"
#define DIFFERS "integration_defaults.effective_differs(" ROW_OF("e") ", " ROW_OF("v") ")"
#define REMOVE(reached, of)                                                                                            \
    "DELETE FROM " EFFECTIVE " e WHERE " reached("e") " AND NOT EXISTS (SELECT FROM " WANTED " v WHERE " SAME_ROW      \
                                                      " AND v.active IS NOT NULL AND " of("v") ")"
#define UPDATE(reached)                                                                                                \
    "UPDATE " EFFECTIVE " e SET active = v.active, settings = v.settings, inherited = v.inherited, "                   \
    "source_level = v.source_level, source_id = v.source_id FROM " WANTED " v WHERE " SAME_ROW                         \
    " AND " reached("v") " AND " DIFFERS
// With OFFSET 0 each value is computed once, and not in each place that names it. (An UPDATE does without: it would
// have to put wide rows into a hash table.)
#define INSERT(reached)                                                                                                \
    "INSERT INTO " EFFECTIVE " (project_id, integration, active, settings, inherited, source_level, source_id) "       \
    "SELECT v.project_id, v.integration, " ROW_OF("v") " FROM (SELECT v.* FROM " WANTED " v WHERE " reached(           \
        "v") " OFFSET 0) v WHERE v.active IS NOT NULL AND NOT EXISTS (SELECT FROM " EFFECTIVE " e WHERE " SAME_ROW ")"

// $1 is a type, for everything or for what is below the group $2; or $1 is an array of types and $2 one of projects. In
// the latter case the NOT EXISTS does not test the arrays once more: v is found by the key of e, and a long array would
// be searched for each row.
#define EVERYWHERE(row) IS(row ".integration", "$1")
#define BELOW(row)                                                                                                     \
    IS(row ".integration", "$1") " AND " row ".project_id OPERATOR(pg_catalog.=) ANY (SELECT p.id FROM below p)"
#define OF_PROJECTS(row) IS(row ".integration", "ANY ($1)") " AND " IS(row ".project_id", "ANY ($2)")
#define ANYTHING(row) "true"
#define WITH_BELOW                                                                                                     \
    WITH_SUBTREE_OF_2 ", below AS (SELECT p.id FROM subtree s JOIN integration_defaults.projects p ON " IS(            \
        "p.group_id", "s.id") ") "

// All rows of a type that inherit from the same scope have the same value; only projects that set something themselves
// have values of their own. While no scope begins or ceases to set something, each row keeps its source.
// clang-format off
#define UPDATE_INHERITED                                                                                               \
    "UPDATE " EFFECTIVE " e SET active = v.active, settings = v.settings FROM ("                                       \
    "SELECT '' AS source_id, i.active, i.settings FROM integration_defaults.instance_integrations i "                  \
    "WHERE " EVERYWHERE("i") " UNION ALL "                                                                             \
    "SELECT g.group_id, g.active, g.settings FROM integration_defaults.group_integrations g "                          \
    "WHERE " EVERYWHERE("g") " AND g.group_id OPERATOR(pg_catalog.=) ANY "                                             \
    "(SELECT s.group_id FROM integration_defaults.group_settings s WHERE " EVERYWHERE("s") ") OFFSET 0) v "            \
    "WHERE " EVERYWHERE("e") " AND e.inherited AND " IS("v.source_id", "coalesce(e.source_id, '')")                    \
    " AND integration_defaults.effective_differs(" ROW_OF("e") ", "                                                    \
    "v.active, v.settings, e.inherited, e.source_level, e.source_id)"
#define SET_THERE(row) EVERYWHERE(row) " AND NOT " row ".inherited"
// clang-format on

/// One statement for each pass: remove, update, insert.
using Passes = Statement[3];

Passes everywhere = {{REMOVE(EVERYWHERE, EVERYWHERE), 1, {TEXTOID}, nullptr, false, true},
                     {UPDATE(EVERYWHERE), 1, {TEXTOID}, nullptr, false, true},
                     {INSERT(EVERYWHERE), 1, {TEXTOID}, nullptr, false, true}};
/// For pass_update alone.
Statement values_everywhere[] = {{UPDATE_INHERITED, 1, {TEXTOID}, nullptr, false, true},
                                 {UPDATE(SET_THERE), 1, {TEXTOID}, nullptr, false, true}};
Passes below_group = {{WITH_BELOW REMOVE(BELOW, EVERYWHERE), 2, {TEXTOID, TEXTOID}, nullptr, false, true},
                      {WITH_BELOW UPDATE(BELOW), 2, {TEXTOID, TEXTOID}, nullptr, false, true},
                      {WITH_BELOW INSERT(BELOW), 2, {TEXTOID, TEXTOID}, nullptr, false, true}};
Passes of_projects = {{REMOVE(OF_PROJECTS, ANYTHING), 2, {TEXTARRAYOID, TEXTARRAYOID}, nullptr, true},
                      {UPDATE(OF_PROJECTS), 2, {TEXTARRAYOID, TEXTARRAYOID}, nullptr, true},
                      {INSERT(OF_PROJECTS), 2, {TEXTARRAYOID, TEXTARRAYOID}, nullptr, true}};

void run(Statement &statement, int pass, std::initializer_list<Value> parameters) {
    uint64 rows = write_effective_settings(statement, parameters);
    guard([&] {
        static const char *const done[] = {"removed from", "updated in", "added to"};
        elog(DEBUG1, UINT64_FORMAT " rows %s effective_settings", rows, done[pass]);
    });
}

/// Runs the passes that are wanted. Rows go before others change or come.
void run(Passes &passes, uint8_t wanted, std::initializer_list<Value> parameters) {
    for (int pass = 0; pass < 3; pass++)
        if (wanted & (1 << pass))
            run(passes[pass], pass, parameters);
}

// --- what is reached -------------------------------------------------------------------------------------------------

/// The changes of one settle(), of which those that concern the same come together.
class Reached {
  public:
    Reached(std::pmr::memory_resource *memory, const std::pmr::vector<Change> &changes)
        : memory_(memory), changes_(changes), types_(materialized_types(memory)), reached_(memory), locks_(memory) {}

    void lock() {
        reached_.assign(changes_.begin(), changes_.end());
        bool moves = std::any_of(reached_.begin(), reached_.end(), [](const Change &change) {
            return change.reach == core::Level::group && change.integration.empty();
        });
        widen();
        merge();
        if (moves)
            lock_group_moves();
        for (std::string_view type : types_)
            lock_type(type);
        locks_.take();
        // A type that was dematerialized while we waited is none of ours any more.
        types_ = materialized_types(memory_);
        if (may_come_meanwhile())
            reached_.erase(std::remove_if(reached_.begin(), reached_.end(), is_gone), reached_.end());
    }

    void follow() {
        for (std::string_view type : types_)
            for (const Change &change : reached_)
                if (change.reach != core::Level::project && concerns(change, type))
                    follow_subtree(change, type);
        PlannerSettings settings(PlannerSettings::few_rows);
        // Projects are sorted by type and passes: each run of the same goes together.
        for (size_t begin = 0, end; begin < reached_.size(); begin = end) {
            const Change &first = reached_[begin];
            end = begin + 1;
            if (first.reach != core::Level::project)
                continue;
            while (end < reached_.size() && end - begin < most_at_once && is_alike(reached_[end], first))
                end++;
            follow_projects(begin, end);
        }
    }

  private:
    static constexpr size_t most_at_once = 10000;

    static bool concerns(const Change &change, std::string_view type) {
        return change.integration.empty() || change.integration == type;
    }
    static bool is_alike(const Change &a, const Change &b) {
        return a.reach == b.reach && a.integration == b.integration && a.passes == b.passes;
    }
    static bool is_there(std::string_view group) {
        NewestState newest;
        return live.row(Table::groups, text_datum(group)) != nullptr;
    }

    /// Whether it is below a group that is not there: that is empty, or else the transaction will fail.
    static bool is_gone(const Change &change) {
        return change.reach == core::Level::group && change.passes != pass_remove && !is_there(change.id);
    }
    /// But where foreign keys don't hold, as for the workers of a subscription, another one may be about to bring the
    /// group. It has the locks that we wait for, so whether it is there is asked when we have them.
    static bool may_come_meanwhile() { return SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA; }

    /// Where many groups are reached, makes that the whole instance: one look at everything is cheaper. Leaves
    /// out what is gone.
    void widen() {
        constexpr int most_groups = 64;
        std::pmr::unordered_map<std::string_view, std::pair<int, uint8_t>> groups(memory_); // by type
        for (const Change &change : reached_)
            if (change.reach == core::Level::group) {
                auto &[count, passes] = groups[change.integration];
                count++;
                passes |= change.passes;
            }
        for (const auto &[type, found] : groups)
            if (found.first > most_groups)
                reached_.push_back({core::Level::instance, {}, type, found.second});
        auto is_left_out = [&](const Change &change) {
            return change.reach == core::Level::group &&
                   (groups[change.integration].first > most_groups || (!may_come_meanwhile() && is_gone(change)));
        };
        reached_.erase(std::remove_if(reached_.begin(), reached_.end(), is_left_out), reached_.end());
    }

    /// Makes one of all changes that reach the same, drops those that others cover, and sorts projects by what is to be
    /// done.
    void merge() {
        auto by_what = [](const Change &a, const Change &b) {
            return std::tie(a.reach, a.integration, a.id) < std::tie(b.reach, b.integration, b.id);
        };
        std::sort(reached_.begin(), reached_.end(), by_what);
        size_t kept = 0;
        for (const Change &change : reached_) {
            if (kept > 0 && !by_what(reached_[kept - 1], change))
                reached_[kept - 1].passes |= change.passes;
            else if (kept == 0 || !is_covered(change, kept))
                reached_[kept++] = change;
        }
        reached_.resize(kept);
        for (Change &change : reached_)
            if ((change.passes & pass_remove) && (change.passes & pass_insert))
                change.passes = pass_all; // gone and come again, perhaps with another value
        std::sort(reached_.begin(), reached_.end(), [](const Change &a, const Change &b) {
            return std::tie(a.reach, a.integration, a.passes, a.id) < std::tie(b.reach, b.integration, b.passes, b.id);
        });
    }

    /// Whether one of the first `count` changes, which are sorted, is of the instance and does all that this one needs.
    bool is_covered(const Change &change, size_t count) const {
        for (size_t i = 0; i < count && reached_[i].reach == core::Level::instance; i++)
            if ((reached_[i].integration.empty() || reached_[i].integration == change.integration) &&
                (change.passes & ~reached_[i].passes) == 0 && change.reach != core::Level::instance)
                return true;
        return false;
    }

    void lock_type(std::string_view type) {
        bool alone = false, any = false;
        for (const Change &change : reached_)
            if (concerns(change, type)) {
                any = true;
                if (change.reach != core::Level::project)
                    alone = true;
                else
                    locks_.project(change.id);
            }
        if (any)
            locks_.type(type, alone);
    }

    void follow_subtree(const Change &change, std::string_view type) {
        PlannerSettings settings(PlannerSettings::many_rows);
        if (change.reach == core::Level::instance && change.passes == pass_update)
            for (Statement &statement : values_everywhere)
                run(statement, 1, {text_datum(type)});
        else if (change.reach == core::Level::instance)
            run(everywhere, change.passes, {text_datum(type)});
        else
            run(below_group, change.passes, {text_datum(type), text_datum(change.id)});
    }

    void follow_projects(size_t begin, size_t end) {
        const Change &first = reached_[begin];
        std::pmr::vector<std::string_view> types(memory_), ids(memory_);
        for (std::string_view type : types_)
            if (concerns(first, type))
                types.push_back(type);
        for (size_t i = begin; i < end; i++)
            ids.push_back(reached_[i].id);
        if (!types.empty())
            run(of_projects, first.passes, {text_array(types), text_array(ids)});
    }

    std::pmr::memory_resource *memory_;
    const std::pmr::vector<Change> &changes_;
    std::pmr::vector<std::string_view> types_;
    std::pmr::vector<Change> reached_;
    Locks locks_;
};

} // namespace

/// effective_differs(active, settings, inherited, source_level, source_id, and the same of the row that should be)
INTD_FUNCTION(effective_differs) {
    return guard([&] {
        bool differs = false;
        if (PG_ARGISNULL(5))
            return BoolGetDatum(false);
        for (int i = 0; i < 5 && !differs; i++) {
            bool by_value = i == 0 || i == 2;
            differs = PG_ARGISNULL(i) != PG_ARGISNULL(i + 5) ||
                      (!PG_ARGISNULL(i) &&
                       !datum_image_eq(PG_GETARG_DATUM(i), PG_GETARG_DATUM(i + 5), by_value, by_value ? 1 : -1));
        }
        return BoolGetDatum(differs);
    });
}

bool settle(const std::pmr::vector<Change> &changes) {
    AsOwner owner;
    OverlookBroken broken;
    in_passing_memory([&] {
        ContextResource memory(CurrentMemoryContext);
        Reached reached(&memory, changes);
        reached.lock();
        reached.follow();
    });
    return !broken.met();
}

bool settle_type(std::string_view integration) {
    OverlookBroken broken;
    PlannerSettings settings(PlannerSettings::many_rows);
    run(everywhere, pass_all, {text_datum(integration)});
    return !broken.met();
}

} // namespace intd
