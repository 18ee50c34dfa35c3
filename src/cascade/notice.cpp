// The triggers of our six tables that note what changes, for effective_settings, which follows, and for clients that
// are told.
//
//   settle        after each statement: notes its rows; if the client sent it, settles
//   note_change   for each row that is changed by replication, which fires no triggers for statements; access to a
//                 group follows its new id, because access is a database's own
#include "cascade/limit.hpp"
#include "cascade/materialize.hpp"
#include "cascade/materialized.hpp"
#include "cascade/notify.hpp"
#include "hierarchy/parents.hpp"
#include "hierarchy/tree_rules.hpp"
#include "postgres/transition.hpp"
#include "postgres/trigger.hpp"
#include "settings/leftovers.hpp"
#include "settings/references.hpp"
#include "store/owner.hpp"
#include "store/row_image.hpp"
#include "store/settings_row.hpp"

namespace intd {
namespace {

/// One of our tables, and what its rows say.
class Noting {
  public:
    Noting(Table table, bool replicated) : table_(table), replicated_(replicated) {}

    /// Either may be null: a row that comes, or goes.
    void row(const Image *before, const Image *after) const {
        switch (table_) {
        case Table::integrations:
            return type(before, after);
        case Table::groups:
            return group(before, after);
        case Table::projects:
            return project(before, after);
        default:
            return settings(before, after);
        }
    }

  private:
    void type(const Image *before, const Image *after) const {
        if (before != nullptr && after != nullptr && !before->same(*after, column::name)) {
            if (is_materialized(before->text(column::name)))
                rename_materialized(before->text(column::name), after->text(column::name));
            if (Listening::now())
                note({core::Level::instance, {}, before->text(column::name), pass_remove});
            note({core::Level::instance, {}, after->text(column::name), pass_all});
        } else if (before == nullptr || after == nullptr)
            note({core::Level::instance, {}, (after == nullptr ? before : after)->text(column::name), pass_all});
        else if (!before->same(*after, column::schema) || !before->same(*after, column::allowed))
            note({core::Level::instance, {}, after->text(column::name), pass_update});
    }

    void group(const Image *before, const Image *after) const {
        // What was in a group that goes has to move, and is noted there, or else the transaction fails. A group that
        // comes is empty, unless its id was freed before. But replication brings, renames and removes groups whatever
        // is in them here.
        bool same_id = before != nullptr && after != nullptr && before->same(*after, column::id);
        if (Listening::now() && !same_id) { // the group itself comes or goes
            if (before != nullptr)
                note({core::Level::group, before->text(column::id), {}, pass_remove});
            if (after != nullptr)
                note({core::Level::group, after->text(column::id), {}, pass_all});
        }
        if (replicated_ && before != nullptr && !same_id)
            note({core::Level::group, before->text(column::id), {}, pass_remove});
        if (after == nullptr || (before == nullptr && !replicated_ && !groups_were_freed()))
            return;
        if (same_id && before->same(*after, column::parent))
            return;
        note({core::Level::group, after->text(column::id), {}, pass_all});
    }

    void project(const Image *before, const Image *after) const {
        if (before != nullptr && after != nullptr && before->same(*after, column::id)) {
            if (!before->same(*after, column::parent)) {
                hold_parent(*after);
                note({core::Level::project, after->text(column::id), {}, pass_all});
            }
            return;
        }
        if (before != nullptr)
            note({core::Level::project, before->text(column::id), {}, pass_remove});
        if (after != nullptr) {
            hold_parent(*after);
            note({core::Level::project, after->text(column::id), {}, pass_insert});
        }
    }

    /// The check at commit would take this lock, too. That would be too late for the order of locks in docs/locking.md.
    /// A group's parent is locked already.
    void hold_parent(const Image &image) const {
        if (!replicated_ && trigger_depth() == 1 && !image.nulls[column::parent])
            hold_group(image.at(column::parent));
    }

    // --- settings ---

    void settings(const Image *before, const Image *after) const {
        const SettingsColumns &columns = columns_of(table_);
        auto same = [&](int column) { return column < 0 || before->same(*after, column); };
        if (before == nullptr || after == nullptr || !same(columns.integration) || !same(columns.scope)) {
            if (before != nullptr)
                settings_changed(columns, *before, settings_in(columns, *before).sets_something(), false);
            if (after != nullptr)
                settings_changed(columns, *after, false, settings_in(columns, *after).sets_something());
        } else if (!same(columns.custom) || !same(columns.active) || !same(columns.settings) || !same(columns.locked))
            settings_changed(columns, *after, settings_in(columns, *before).sets_something(),
                             settings_in(columns, *after).sets_something());
    }

    /// Whether there are rows below depends on whether this one sets something; their values depend on all of it.
    static void settings_changed(const SettingsColumns &columns, const Image &image, bool did_set, bool sets) {
        uint8_t passes = pass_update;
        if (did_set && !sets)
            passes |= pass_remove;
        if (!did_set && sets)
            passes |= pass_insert;
        std::string_view scope = columns.scope < 0 ? std::string_view() : image.text(columns.scope);
        note({columns.level, scope, image.text(columns.integration), passes});
    }

    Table table_;
    bool replicated_;
};

/// The table that a trigger is fired on. Throws unless it is one of ours.
Table own_table(FunctionCallInfo fcinfo) {
    TriggerData *data = own_trigger(fcinfo, {table_oid(Table::integrations), table_oid(Table::groups),
                                             table_oid(Table::projects), table_oid(Table::instance_settings),
                                             table_oid(Table::group_settings), table_oid(Table::project_settings)});
    return table_with(RelationGetRelid(data->tg_relation));
}

/// Whether clients are told of rows that come, change or go. New groups and projects are not.
bool are_told(const TriggerData *data, Table table) {
    return is_notifying() &&
           !(TRIGGER_FIRED_BY_INSERT(data->tg_event) && (table == Table::groups || table == Table::projects));
}

/// Notes the rows of a statement: of an UPDATE each with what it was before.
void note_rows(TriggerData *data, Table table, bool noting_them, bool telling) {
    StatementRows rows;
    guard([&] { rows.open(data); });
    Noting noting(table, false);
    RowMemory memory;
    auto next = [&] { return guard([&] { return rows.next(); }); };
    while (next()) { // a row that comes back from disk is in the memory that is current here, and freed by the next one
        InContext inside(memory.empty());
        Image images[2];
        guard([&] {
            if (rows.before.slot != nullptr)
                take(&images[0], rows.before.slot);
            if (rows.after.slot != nullptr)
                take(&images[1], rows.after.slot);
        });
        const Image *was = rows.before.slot != nullptr ? &images[0] : nullptr;
        const Image *is = rows.after.slot != nullptr ? &images[1] : nullptr;
        if (noting_them)
            noting.row(was, is);
        if (telling)
            note_written(table, was, is, false);
    }
    guard([&] { rows.close(); });
}

} // namespace

/// AFTER INSERT, UPDATE, DELETE (with transition tables) and TRUNCATE on our six tables, for each statement. By its
/// name the last of the triggers there that change rows of ours.
INTD_FUNCTION(settle) {
    Table table = own_table(fcinfo);
    auto *data = reinterpret_cast<TriggerData *>(fcinfo->context);
    const bool has_old = TRIGGER_FIRED_BY_UPDATE(data->tg_event) || TRIGGER_FIRED_BY_DELETE(data->tg_event);
    const bool has_new = TRIGGER_FIRED_BY_UPDATE(data->tg_event) || TRIGGER_FIRED_BY_INSERT(data->tg_event);
    require_event(data, TRIGGER_EVENT_AFTER, on_insert | on_update | on_delete | on_truncate);
    if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event))
        begin_count_anew();
    if (restoring())
        return PointerGetDatum(nullptr);
    const bool only_new_projects = table == Table::projects && TRIGGER_FIRED_BY_INSERT(data->tg_event);
    const bool noting = only_new_projects ? is_noting_new_projects() : is_noting(), telling = are_told(data, table);
    if (!noting && !telling)
        return PointerGetDatum(nullptr);
    if ((data->tg_oldtable != nullptr) != has_old || (data->tg_newtable != nullptr) != has_new)
        throw not_as_declared(data);
    if (TRIGGER_FIRED_BY_TRUNCATE(data->tg_event)) {
        if (table == Table::groups || table == Table::projects)
            Listening::hear_truncated();
        note(any_change);
        begin_count_anew(); // this, too, has been counted before
        if (telling)
            note_all_written();
    } else {
        if (is_limited())
            keep_command_for_limit();
        note_rows(data, table, noting, telling);
    }
    // A change by another trigger, or by us before the commit, may be one of many that belong together: those are
    // followed before the commit.
    if (trigger_depth() == 1 && !leftovers_have_fired(data) && !SettleOnce::now())
        settle_noted(false);
    else if (trigger_depth() > 1 && statement_depth() == 1)
        check_limit(false);
    return PointerGetDatum(nullptr);
}

/// AFTER INSERT, UPDATE or DELETE on our six tables, for each row, in a session that replicates.
INTD_FUNCTION(note_change) {
    Table table = own_table(fcinfo);
    auto *data = reinterpret_cast<TriggerData *>(fcinfo->context);
    require_event(data, TRIGGER_EVENT_AFTER | TRIGGER_EVENT_ROW, on_insert | on_update | on_delete);
    if (restoring())
        return PointerGetDatum(nullptr);
    const bool noting = is_noting(), telling = is_notifying();
    if (!noting && !telling && table != Table::groups)
        return PointerGetDatum(nullptr);
    bool has_old = !TRIGGER_FIRED_BY_INSERT(data->tg_event), has_new = !TRIGGER_FIRED_BY_DELETE(data->tg_event);
    Image before, after;
    guard([&] {
        if (has_old)
            take(&before, data->tg_trigslot);
        if (has_new)
            take(&after, has_old ? data->tg_newslot : data->tg_trigslot);
    });
    const Image *was = has_old ? &before : nullptr, *is = has_new ? &after : nullptr;
    if (table == Table::groups && has_old && has_new && !before.same(after, column::id))
        rename_access(before.at(column::id), after.at(column::id));
    if (noting)
        Noting(table, true).row(was, is);
    if (telling)
        note_written(table, was, is, true);
    return PointerGetDatum(nullptr);
}

} // namespace intd
