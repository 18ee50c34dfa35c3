// track_groups, track_projects, untrack and resync. They need admin access, and the app's table is touched with the
// caller's rights; ours are written as our owner, as the triggers do afterwards (see mirror.hpp).
#include "hierarchy/arguments.hpp"
#include "tracking/cluster.hpp"
#include "tracking/distributed.hpp"
#include "tracking/equalize.hpp"
#include "tracking/filter.hpp"
#include "tracking/left_out.hpp"
#include "hierarchy/hooks.hpp"
#include "tracking/rows.hpp"
#include "tracking/attach.hpp"
#include "postgres/path.hpp"
#include "store/access.hpp"
#include "store/citus.hpp"
#include "store/owner.hpp"
#include "store/replicated.hpp"

extern "C" {
#include "access/relation.h"
#include "catalog/pg_inherits.h"
#include "lib/stringinfo.h"
#include "storage/lmgr.h"
}

namespace intd {
namespace {

// --- server code -----------------------------------------------------------------------------------------------------

[[noreturn]] void refuse_kind_of(Relation relation, const char *what, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                    errmsg("\"%s\" can't be tracked, because it is %s", RelationGetRelationName(relation), what),
                    hint == nullptr ? 0 : errhint("%s", hint)));
    pg_unreachable();
}

/// Opens the relation that a caller names, which the caller must own; the lock keeps writers out unless told otherwise.
Relation open_owned(Oid oid, LOCKMODE lock = ShareRowExclusiveLock) {
    // First the right, then the lock.
    char kind = get_rel_relkind(oid);
    if (kind != '\0')
        require_ownership(oid, kind);
    Relation relation = try_relation_open(oid, lock);
    if (relation == nullptr)
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE), errmsg("relation with OID %u does not exist", oid)));
    return relation;
}

void require_trackable(Relation relation) {
    Oid oid = RelationGetRelid(relation);
    char kind = relation->rd_rel->relkind;
    if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
        refuse_kind_of(relation, "not a table", "Only plain and partitioned tables can be tracked.");
    if (relation->rd_rel->relispartition)
        refuse_kind_of(relation, "a partition", "Track the partitioned table.");
    if (relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
        refuse_kind_of(relation, "a temporary table", nullptr);
    if (RelationGetNamespace(relation) == get_namespace_oid("integration_defaults", true))
        refuse_kind_of(relation, "a table of integration_defaults", nullptr);
    if (kind == RELKIND_RELATION && (has_superclass(oid) || find_inheritance_children(oid, NoLock) != NIL))
        refuse_kind_of(relation, "part of an inheritance hierarchy", nullptr);
}

/// `argument`: how the caller names it.
AttrNumber column_number(Relation relation, const char *name, const char *argument) {
    AttrNumber number = get_attnum(RelationGetRelid(relation), name);
    if (number == InvalidAttrNumber)
        ereport(ERROR,
                (errcode(ERRCODE_UNDEFINED_COLUMN),
                 errmsg("column \"%s\" of relation \"%s\" does not exist", name, RelationGetRelationName(relation)),
                 errhint("Name the right one with %s.", argument)));
    if (number < 0)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("system column \"%s\" can't be tracked", name)));
    return number;
}

bool is_bound(Oid oid, Kind kind) {
    Relation relation = relation_open(oid, NoLock);
    Source source;
    bool bound = read_source(relation, kind, &source);
    relation_close(relation, NoLock);
    return bound;
}

void lock_own(Table table) {
    Oid oid = table_oid(table);
    guard([&] { LockRelationOid(oid, ShareRowExclusiveLock); });
}

// --- C++ -------------------------------------------------------------------------------------------------------------

void tell_removed(Kind kind, Oid source, int64 removed) {
    if (removed == 0)
        return;
    const char *name = relation_name(source);
    guard([&] {
        ereport(NOTICE,
                (errmsg(removed == 1 ? INT64_FORMAT " of the %s was removed, because table %s does not have it"
                                     : INT64_FORMAT " of the %s were removed, because table %s does not have them",
                        removed, name_of(kind), name)));
    });
}

int64 equalize_and_tell(Kind kind, int64 *rows) {
    Equalized result = equalize(kind);
    if (is_filtered(kind))
        lifetime.emptied(kind); // what was set on rows that are left out, and have gone
    tell_removed(kind, tracked_relation(kind), result.removed);
    if (rows != nullptr)
        *rows = result.rows;
    return result.removed + result.changed + result.added;
}

/// What resync() would do of one kind, told in NOTICEs: how many rows of ours it would change.
int64 tell_difference(Kind kind, bool of_triggers) {
    const Oid source = tracked_relation(kind);
    const Difference found = difference(kind);
    const char *name = relation_name(source);
    guard([&] {
        List *commands = of_triggers ? missing_triggers(source, kind) : NIL;
        if (commands != NIL) {
            StringInfoData text;
            initStringInfo(&text);
            for (int i = 0; i < list_length(commands) && i < 10; i++)
                appendStringInfo(&text, "%s%s", i == 0 ? "" : "\n", static_cast<char *>(list_nth(commands, i)));
            ereport(NOTICE,
                    (errmsg(list_length(commands) == 1 ? "resync would create or enable %d trigger of table %s"
                                                       : "resync would create or enable %d triggers of table %s",
                            list_length(commands), name),
                     errdetail("%s", text.data)));
        }
        if (found.total() + found.settings == 0)
            return;
        StringInfoData text;
        initStringInfo(&text);
        auto list = [&](const char *verb, int64 count, const char *ids) {
            if (count > 0)
                appendStringInfo(&text, "%s%s: %s%s", text.len == 0 ? "" : "\n", verb, ids, count > 10 ? ", ..." : "");
        };
        list("Added", found.counts.added, found.added);
        list("Moved", found.counts.changed, found.changed);
        list("Removed", found.counts.removed, found.removed);
        if (found.settings > 0)
            appendStringInfo(&text, "%s" INT64_FORMAT " %s of settings would go.", text.len == 0 ? "" : "\n",
                             found.settings, found.settings == 1 ? "row" : "rows");
        ereport(NOTICE, (errmsg("resync would add " INT64_FORMAT ", move " INT64_FORMAT " and remove " INT64_FORMAT
                                " of the %s",
                                found.counts.added, found.counts.changed, found.counts.removed, name_of(kind)),
                         errdetail("%s", text.data)));
    });
    return found.total();
}

/// The filter of groups is new, or gone: projects in groups that it leaves out are straight under the instance now, or
/// no longer.
int64 equalize_projects_of_filtered_groups(bool dry_run) {
    if (!OidIsValid(tracked_relation(Kind::projects)) || !groups_are_filtered())
        return 0;
    if (dry_run)
        return tell_difference(Kind::projects, false);
    lock_own(Table::projects);
    return equalize_and_tell(Kind::projects, nullptr);
}

const char *name_argument(FunctionCallInfo fcinfo, int n, const char *argument) {
    if (PG_ARGISNULL(n))
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, cat("argument \"", argument, "\" must not be null"));
    return NameStr(*PG_GETARG_NAME(n));
}

/// Whether a parent that is not there is to count as the instance.
bool orphans_argument(FunctionCallInfo fcinfo, int n) {
    const std::string_view orphans = text_argument(fcinfo, n).value_or("");
    if (orphans != "refuse" && orphans != "instance")
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "argument \"orphans\" must be 'refuse' or 'instance'")
            .hint("With 'instance', a parent that is not there counts as the instance.");
    return orphans == "instance";
}

/// The transaction in which a table that Citus has distributed was tracked last.
TransactionId tracked_in = InvalidTransactionId;

/// What is set on projects is fetched from the nodes on connections of their own, which do not see what this
/// transaction has written. That is why it can't have written but by this function, as far as this node knows.
void require_nothing_written(Kind kind) {
    const bool written = guard([] {
        const TransactionId now = GetTopTransactionIdIfAny();
        return IsTransactionBlock() || (TransactionIdIsValid(now) && now != tracked_in);
    });
    if (written)
        throw Refusal(ERRCODE_ACTIVE_SQL_TRANSACTION,
                      "a distributed table can't be tracked inside a transaction that does more")
            .detail("What is set on projects is brought to their nodes as it is committed.")
            .hint(cat("Call track_", name_of(kind), "() by itself, outside of BEGIN and COMMIT."));
}

Oid source_argument(FunctionCallInfo fcinfo) {
    if (PG_ARGISNULL(0))
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "argument \"source\" must not be null");
    return PG_GETARG_OID(0);
}

Datum track(FunctionCallInfo fcinfo, Kind kind) {
    WritingFunction function;
    Oid oid = source_argument(fcinfo);
    const char *id = name_argument(fcinfo, 1, "id_column");
    const char *parent_is = kind == Kind::groups ? "parent_column" : "group_column";
    const char *parent = name_argument(fcinfo, 2, parent_is);
    std::optional<std::string_view> filter_argument = text_argument(fcinfo, 3);
    const char *filter = filter_argument ? cat(*filter_argument) : nullptr;
    require_access(Access::admin);
    const char *label = kind == Kind::projects || PG_ARGISNULL(4) ? nullptr : NameStr(*PG_GETARG_NAME(4));
    const bool orphans = orphans_argument(fcinfo, kind == Kind::projects ? 4 : 5);
    Source source = guard([&] {
        Relation relation = open_owned(oid);
        require_trackable(relation);
        Source wanted = {oid, column_number(relation, id, "id_column"), column_number(relation, parent, parent_is),
                         nullptr};
        for (AttrNumber column : {wanted.id, wanted.parent})
            require_exact_text(RelationGetDescr(relation), column);
        if (filter != nullptr)
            wanted.filter = parse_filter(relation, filter);
        if (label != nullptr)
            column_number(relation, label, "label_column");
        relation_close(relation, NoLock);
        return wanted;
    });
    if (source.id == source.parent)
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, cat("column \"", id, "\" can't be both the id and the parent"));

    const bool spread = is_trackable_spread(oid, kind);
    if (spread)
        require_nothing_written(kind);
    require_unreplicated(table_of(kind)); // an empty table writes nothing that would be refused
    require_feeding(oid, kind);
    // Nobody writes ours until we are done, and what is tracked does not change meanwhile. In a cluster this node locks
    // its own with all others, in a session that may not be this one.
    if (spread)
        begin_everywhere();
    else
        lock_own(table_of(kind));
    if (Oid other = tracked_relation(kind); OidIsValid(other))
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      cat(name_of(kind), " are tracked already, in table ", relation_name(other)))
            .hint("Stop tracking it with untrack().");
    guard([&] {
        CitusCommands citus;
        if (spread)
            citus.enter();
        drop_triggers(oid, kind); // what is left of a binding that is gone
        int level = fix_search_path();
        create_triggers(oid, kind, &source, label, orphans);
        restore_search_path(level);
        if (spread)
            citus.leave();
        CommandCounterIncrement();
    });
    if (tracked_relation(kind) != oid)
        throw Refusal(ERRCODE_FEATURE_NOT_SUPPORTED, cat("table ", relation_name(oid), " can't be tracked this way"))
            .detail("What the server made of the columns and the filter can't be read back.");
    if (spread) {
        take_in_everywhere(kind == Kind::projects);
        tracked_in = guard(GetTopTransactionIdIfAny);
        if (kind == Kind::projects) // each node has counted its own, and filters run nowhere but there
            PG_RETURN_NULL();
        PG_RETURN_INT64(count_let_in(kind)); // every node has all groups
    }
    int64 rows = 0;
    equalize_and_tell(kind, &rows);
    if (kind == Kind::groups)
        equalize_projects_of_filtered_groups(false);
    PG_RETURN_INT64(rows);
}

[[noreturn]] void refuse_untracked(Oid oid) {
    throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, cat("table ", relation_name(oid), " is not tracked"))
        .hint("View integration_defaults.tracked_tables lists those that are.");
}

} // namespace

/// track_groups(source, id_column, parent_column, filter, label_column, orphans) → rows taken in
INTD_FUNCTION(track_groups) {
    return track(fcinfo, Kind::groups);
}

/// track_projects(source, id_column, group_column, filter, orphans) → rows taken in
INTD_FUNCTION(track_projects) {
    return track(fcinfo, Kind::projects);
}

/// untrack(source)
INTD_FUNCTION(untrack) {
    Oid oid = source_argument(fcinfo);
    require_access(Access::admin);
    guard([&] {
        Relation relation = open_owned(oid);
        if (relation->rd_rel->relispartition)
            refuse_kind_of(relation, "a partition", "Name the partitioned table.");
        relation_close(relation, NoLock);
    });
    int dropped = guard([&] {
        int count = 0;
        CitusCommands citus;
        const bool spread = is_distributed(oid);
        if (spread)
            citus.enter();
        for (Kind kind : all_kinds)
            count += drop_triggers(oid, kind);
        if (spread)
            citus.leave();
        return count;
    });
    if (dropped == 0)
        refuse_untracked(oid);
    PG_RETURN_VOID();
}

/// resync(source, dry_run) → rows changed
INTD_FUNCTION(resync) {
    const bool dry_run = boolean_argument(fcinfo, 1).value_or(false);
    std::optional<WritingFunction> function;
    if (!dry_run)
        function.emplace();
    Oid oid = source_argument(fcinfo);
    require_access(Access::admin);
    guard([&] { relation_close(open_owned(oid, dry_run ? AccessShareLock : ShareRowExclusiveLock), NoLock); });
    if (guard([&] { return is_distributed(oid); }))
        throw Refusal(ERRCODE_FEATURE_NOT_SUPPORTED, cat("table ", relation_name(oid), " is distributed by Citus"))
            .detail("Each node takes in what it has, all of them together.")
            .hint("CALL integration_defaults.resync_node() on the coordinator.");
    int64 changed = 0;
    bool tracked = false, of_groups = false;
    for (Kind kind : all_kinds) {
        if (tracked_relation(kind) != oid) {
            if (guard([&] { return is_bound(oid, kind); }))
                require_feeding(oid, kind);
            continue;
        }
        tracked = true;
        of_groups = of_groups || kind == Kind::groups;
        if (dry_run) {
            changed += tell_difference(kind, true);
            continue;
        }
        lock_own(table_of(kind));
        guard([&] {
            int level = fix_search_path();
            create_triggers(oid, kind, nullptr, nullptr, false);
            restore_search_path(level);
            CommandCounterIncrement();
        });
        changed += equalize_and_tell(kind, nullptr);
    }
    if (!tracked)
        refuse_untracked(oid);
    if (of_groups && tracked_relation(Kind::projects) != oid)
        changed += equalize_projects_of_filtered_groups(dry_run);
    PG_RETURN_INT64(changed);
}

} // namespace intd
