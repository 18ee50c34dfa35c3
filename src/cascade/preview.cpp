// preview(): what statements would change of what everybody ends up with.
//
// The statements are run in a subtransaction, with all that the commit would do. The triggers tell which scopes that
// may have reached (see Listening): what these end up with is put aside. Then everything is rolled back, and what the
// same scopes end up with is read once more, and compared.
//
// Why that finds all: a scope ends up with something else only if a row on its chain has changed, or the chain itself.
// Both are noted, with everything that is below in the tree that the statements leave; or it is gone, and noted itself.
// Why it finds nothing else: both states are read under one snapshot, which shows the same of other transactions; the
// second time, what the subtransaction did is not there any more.
#include "cascade/reached.hpp"
#include "postgres/result.hpp"
#include "postgres/snapshot.hpp"
#include "postgres/spool.hpp"
#include "postgres/transaction.hpp"
#include "resolve/locate.hpp"
#include "store/access.hpp"
#include "store/owner.hpp"

extern "C" {
#include "tcop/dest.h"
#include "utils/datum.h"
}

namespace intd {
namespace {

// --- the statements --------------------------------------------------------------------------------------------------

/// Runs the caller's statements as they are, with the caller's rights and search_path.
void run(const char *statements) {
    guard([&] {
        SPI_connect();
        SPIExecuteOptions options = {};
        options.dest = None_Receiver;
        const int code = SPI_execute_extended(statements, &options);
        if (code == SPI_ERROR_TRANSACTION)
            ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("transaction commands can't be previewed"),
                            errhint("Preview the statements between them.")));
        if (code == SPI_ERROR_COPY)
            ereport(ERROR,
                    (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("COPY to or from the client can't be previewed"),
                     errhint("INSERT can, and COPY from a file.")));
        if (code < 0)
            elog(ERROR, "SPI_execute_extended failed: %s", SPI_result_code_string(code));
        SPI_finish();
    });
}

// --- both states -----------------------------------------------------------------------------------------------------

/// What a scope ends up with; active none: the type is not configured there.
struct End {
    Value active, settings, source_level, source_id;
};

End end_at(const Folded *folded) {
    if (folded == nullptr)
        return {};
    const core::Scope *source = folded->fold->nearest();
    return {BoolGetDatum(folded->active()), PointerGetDatum(folded->settings()), level_name(source->level),
            intd::source_id(source)};
}

/// Columns of what is put aside: the scope, the type (its place in types_), the project's group, and what the scope
/// ends up with: its place in shared_, or if that is NULL as it is.
namespace aside {
enum { level, id, type, group, shared, active, settings, source_level, source_id };
}

class Preview {
  public:
    Preview(ContextResource *memory, std::optional<std::string_view> only)
        : memory_(memory), only_(only), configured_before_(find_configured_types(memory)), types_(memory),
          shared_(memory), places_(memory), changed_projects_(memory), groups_(memory),
          projects_(memory), spool_{INT4OID, TEXTOID, INT4OID, TEXTOID, INT4OID, BOOLOID, JSONBOID, TEXTOID, TEXTOID} {}

    /// Puts aside what all scopes that the changes have reached end up with.
    void take(const Listening &heard) {
        const Strings configured = find_configured_types(memory_);
        const std::pmr::vector<Change> &changes = heard.changes();
        some_went_unheard_ = heard.some_went_unheard();
        for (const Change &change : changes)
            if (change.reach == core::Level::project)
                changed_projects_.insert(change.id);
        Strings types(memory_);
        for (const Change &change : changes)
            if (!change.integration.empty())
                types.insert(change.integration);
            else {
                types.insert(configured.begin(), configured.end());
                types.insert(configured_before_.begin(), configured_before_.end());
            }
        std::pmr::vector<std::string_view> sorted(types.begin(), types.end(), memory_);
        std::sort(sorted.begin(), sorted.end());
        Inheritance &inherited = inheritance();
        is_registered_ = !only_ || inherited.find_usable_type(*only_) != nullptr;
        for (std::string_view type : sorted) {
            if ((only_ && *only_ != type) || (configured.count(type) == 0 && configured_before_.count(type) == 0))
                continue;
            Reach reach(memory_);
            for (const Change &change : changes) {
                check_interrupts();
                if (change.integration.empty() || change.integration == type)
                    reach.add(change);
            }
            if (reach.nothing())
                continue;
            types_.push_back(type);
            take(inherited, inherited.find_usable_type(type), reach);
        }
    }

    /// Reads what the same scopes end up with now, and gives those that differ.
    void compare(ResultSet &result) {
        Inheritance &inherited = inheritance();
        if (only_ && !is_registered_)
            get_integration(live, *only_);
        RowMemory memory;
        while (spool_.next()) {
            InContext inside(memory.empty());
            const std::string_view name = types_[DatumGetInt32(*spool_.column(aside::type))];
            const auto level = static_cast<core::Level>(DatumGetInt32(*spool_.column(aside::level)));
            const Datum id = *spool_.column(aside::id);
            const Folded *had =
                before(inherited, inherited.find_usable_type(name), level, id, spool_.column(aside::group));
            if (const Value shared = spool_.column(aside::shared); shared)
                compare(result, level, id, name, had, shared_[DatumGetInt32(*shared)]);
            else
                compare(result, level, id, name, had,
                        {spool_.column(aside::active), spool_.column(aside::settings),
                         spool_.column(aside::source_level), spool_.column(aside::source_id)});
        }
        if (some_went_unheard_)
            find_gone(result, inherited);
    }

  private:
    void take(Inheritance &inherited, const Integration *type, const Reach &reach) {
        auto group = [&](Datum id, Value) {
            put(core::Level::group, id, std::nullopt, folded_at(inherited, type, core::Level::group, id, std::nullopt),
                true);
        };
        ContextResource passing(CurrentMemoryContext);
        Strings gone_projects(reach.projects, &passing);
        auto project = [&](Datum id, Value in) {
            if (!gone_projects.empty())
                gone_projects.erase(view(id));
            bool shared;
            const Folded *is = folded_at(inherited, type, core::Level::project, id, in, &shared);
            put(core::Level::project, id, in, is, shared);
        };
        if (reach.everything)
            for_each_row(all_groups, {}, 1, group);
        else if (!reach.groups.empty())
            for_each_row(groups_below, {array_of(reach.groups)}, 1, group);
        for (std::string_view id : reach.groups)
            if (inherited.tree().group(id) == nullptr)
                group(text_datum(id), std::nullopt);
        for_each_project(inherited, reach, project);
        for (std::string_view id : gone_projects)
            put(core::Level::project, text_datum(id), std::nullopt, nullptr, false);
    }

    void put(core::Level level, Datum id, Value group, const Folded *folded, bool shared) {
        if (some_went_unheard_) {
            InContext kept(memory_->context());
            Strings &known = level == core::Level::group ? groups_ : projects_;
            if (known.count(view(id)) == 0)
                known.insert({cat(view(id)), view(id).size()});
        }
        const Value place = shared ? place_of(folded) : std::nullopt;
        const End own = place ? End() : end_at(folded);
        spool_.put({Int32GetDatum(static_cast<int32>(level)), id, Int32GetDatum(static_cast<int32>(types_.size()) - 1),
                    group, place, own.active, own.settings, own.source_level, own.source_id});
    }

    /// Its place in shared_, as long as there is room.
    Value place_of(const Folded *folded) {
        auto known = places_.find(folded);
        if (known == places_.end()) {
            InContext kept(memory_->context());
            End end = end_at(folded);
            const Size size = end.settings ? VARSIZE(DatumGetPointer(*end.settings)) : 0;
            if (size > room_)
                return std::nullopt;
            room_ -= size;
            if (end.settings)
                end.settings = guard([&] { return datumCopy(*end.settings, false, -1); });
            known = places_.emplace(folded, static_cast<int32>(shared_.size())).first;
            shared_.push_back(end);
        }
        return Int32GetDatum(known->second);
    }

    /// A project that no change was noted of is in the group that it was in.
    const Folded *before(Inheritance &inherited, const Integration *type, core::Level level, Datum id, Value group) {
        if (level == core::Level::project && (some_went_unheard_ || changed_projects_.count(view(id)) > 0)) {
            const Row *row = inherited.store().row(Table::projects, id);
            if (row == nullptr)
                return nullptr;
            group = row->nulls[column::parent] ? std::nullopt : Value(row->values[column::parent]);
        }
        return folded_at(inherited, type, level, id, group);
    }

    static void compare(ResultSet &result, core::Level level, Datum id, std::string_view name, const Folded *before,
                        const End &after) {
        if (before == nullptr ? !after.active
                              : after.active && before->active() == DatumGetBool(*after.active) &&
                                    same_settings(before->settings(), jsonb_of(*after.settings)))
            return;
        const End had = end_at(before);
        result.add({level_name(level), id, text_datum(name), had.active, had.settings, had.source_level, had.source_id,
                    after.active, after.settings, after.source_level, after.source_id});
    }

    /// All that is there now and was not, after the statements.
    void find_gone(ResultSet &result, Inheritance &inherited) {
        for (std::string_view name : types_) {
            const Integration *type = inherited.find_usable_type(name);
            auto visit = [&](core::Level level, const Strings &known, Datum id, Value group) {
                if (known.count(view(id)) > 0)
                    return;
                compare(result, level, id, name, folded_at(inherited, type, level, id, group), End());
            };
            for_each_row(all_groups, {}, 1,
                         [&](Datum id, Value) { visit(core::Level::group, groups_, id, std::nullopt); });
            for_each_row(all_projects, {}, 2,
                         [&](Datum id, Value group) { visit(core::Level::project, projects_, id, group); });
        }
    }

    ContextResource *memory_;
    std::optional<std::string_view> only_;
    Strings configured_before_;
    std::pmr::vector<std::string_view> types_;              // that were looked at
    std::pmr::vector<End> shared_;                          // what all end up with that inherit the same
    std::pmr::unordered_map<const Folded *, int32> places_; // in it
    Size room_ = Size{1024} * static_cast<Size>(work_mem);  // for more
    Strings changed_projects_;                              // of which something was noted
    bool some_went_unheard_ = false, is_registered_ = false;
    Strings groups_, projects_; // if so: those that are there after the statements
    Spool spool_;
};

} // namespace

/// preview(statement, integration)
INTD_FUNCTION(preview) {
    ResultSet result(fcinfo);
    require_access(Access::read);
    require_triggers(); // they tell what is reached
    const std::string_view given = required_text(fcinfo, 0, "statement");
    const char *statements = cat(given);
    MemoryContext context = guard([] {
        return AllocSetContextCreate(CurrentMemoryContext, "integration_defaults preview", ALLOCSET_DEFAULT_SIZES);
    });
    ContextResource memory(context);
    InContext inside(context);
    std::optional<std::string_view> only = text_argument(fcinfo, 1);
    std::optional<Preview> preview;
    {
        AsOwner owner;
        NewestState newest;
        preview.emplace(&memory, only);
    }
    const ResourceOwner resources = CurrentResourceOwner;
    Snapshot shown;
    rolled_back([&] {
        Listening listening(&memory);
        run(statements);
        run("SET CONSTRAINTS ALL IMMEDIATE");
        anticipate_commit();
        AsOwner owner;
        StatementSnapshot now;
        shown = guard([&] { return RegisterSnapshotOnOwner(GetActiveSnapshot(), resources); });
        preview->take(listening);
    });
    guard([&] { PushActiveSnapshot(shown); });
    AsOwner owner;
    preview->compare(result);
    guard([&] {
        PopActiveSnapshot();
        UnregisterSnapshotFromOwner(shown, resources);
    });
    return null_result(fcinfo);
}

} // namespace intd
