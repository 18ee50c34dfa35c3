#include "cascade/status.hpp"

#include "cascade/declared.hpp"
#include "cascade/materialized.hpp"
#include "catalog/integration.hpp"
#include "inheritance/chain.hpp"
#include "postgres/attempt.hpp"
#include "postgres/listeners.hpp"
#include "secrets/key_file.hpp"
#include "secrets/mask_key.hpp"
#include "store/citus.hpp"
#include "store/access.hpp"
#include "store/replicated.hpp"
#include "store/store.hpp"
#include "tracking/equalize.hpp"

extern "C" {
#include "access/relation.h"
}

namespace intd {
namespace {

/// Past this, tracked tables are only counted, and materialized rows only sampled.
constexpr double most_compared = 1000000, most_checked = 100000, sampled = 10000;

Listeners<void (*)(Status &)> of_later_rooms;

/// Where not even access can be asked for, because what is installed is broken, a superuser may look all the same.
void require_reading() {
    ErrorData *const report = attempt([] { require_access(Access::read); });
    if (report != nullptr && (report->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE || !superuser_arg(GetUserId())))
        throw ServerError{report};
}

// --- the installation ------------------------------------------------------------------------------------------------

Statement installed_version = {"SELECT e.extversion FROM pg_catalog.pg_extension e "
                               "WHERE e.extname OPERATOR(pg_catalog.=) 'integration_defaults'::pg_catalog.name",
                               0,
                               {},
                               nullptr};

/// Of X.Y, a number that is greater for a later version; 0 for anything else.
int order_of(std::string_view version) {
    int major, minor;
    char more;
    return sscanf(cat(version), "%d.%d%c", &major, &minor, &more) == 2 ? major * 1000 + minor : 0;
}

void look_at_version(Status &status) {
    Value installed;
    fetch(installed_version, {}, &installed, true);
    const std::string_view version = installed ? view(*installed) : std::string_view();
    if (version == MODULE_VERSION)
        return status.ok("extension", "version " MODULE_VERSION);
    const char *text = cat("the database has version ", version,
                           ", the module is of version " MODULE_VERSION
                           "\nTo bring the database to that one: ALTER EXTENSION integration_defaults UPDATE");
    // The module serves what was released before it.
    if (order_of(version) >= order_of("1.0") && order_of(version) < order_of(MODULE_VERSION))
        status.note("extension", text);
    else
        status.broken("extension", text);
}

void look_at_tables(Status &status) {
    bool good = true;
    for (int n = 0; n < table_count; n++) {
        const auto table = static_cast<Table>(n);
        const char *name = declared_as(table).name;
        good = status.on(cat("table ", name), [&] { table_oid(table); }) && good;
    }
    if (good)
        status.on("tables", [&] {
            const Oid owner = our_owner();
            status.ok("tables",
                      cat("as declared; they belong to ", guard([&] { return GetUserNameFromId(owner, false); })));
        });
}

void look_at_triggers(Status &status) {
    const Growing<TriggerFault> faults = guard([] { return trigger_faults(); });
    for (const TriggerFault &fault : faults)
        status.broken(cat("trigger ", fault.trigger, " of ", fault.table), fault.what);
    if (faults.empty())
        status.ok("triggers", "all are there and fire as declared");
}

void look_at_types(Status &status) {
    int64 types = 0, broken = 0;
    for (const Row &row : live.keys(Table::integrations)) {
        const Datum name = row.values[column::name];
        types++;
        const char *problems = schema_problems(live, name);
        if (problems == nullptr)
            continue;
        broken++;
        status.broken(cat("integration ", view(name)),
                      cat("its schema can't be used:\n", problems,
                          "\nCall integration_defaults.register_integration with a schema that this version knows."));
    }
    if (broken == 0)
        status.ok("integrations", cat(counted(types, "type is registered", "types are registered"),
                                      types == 0 ? "" : ", and every schema can be used"));
}

// --- what is tracked -------------------------------------------------------------------------------------------------

Statement estimated_rows = {
    "SELECT c.reltuples::pg_catalog.float8 FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) $1",
    1,
    {OIDOID},
    nullptr};

// Tables that have our triggers though they are not what is followed ($2; not valid: none is). $1: the trigger
// function.
Statement stray_tables = {
    "SELECT DISTINCT COALESCE(pg_catalog.pg_partition_root(t.tgrelid), t.tgrelid)::pg_catalog.oid "
    "FROM pg_catalog.pg_trigger t WHERE t.tgfoid OPERATOR(pg_catalog.=) $1 "
    "AND COALESCE(pg_catalog.pg_partition_root(t.tgrelid), t.tgrelid)::pg_catalog.oid OPERATOR(pg_catalog.<>) $2",
    2,
    {OIDOID, OIDOID},
    nullptr};

Statement rows_of[] = {
    {"SELECT pg_catalog.count(*) FROM integration_defaults.groups", 0, {}, nullptr},
    {"SELECT pg_catalog.count(*) FROM integration_defaults.projects", 0, {}, nullptr},
};

const char *way_to_resync(Kind kind) {
    return is_spread(kind) ? "CALL integration_defaults.resync_node() on the coordinator makes them equal."
                           : "resync() makes them equal; with dry_run => true it says what it would do.";
}

void look_at_counts(Status &status, const char *subject, Kind kind, const char *source) {
    const int64 wanted = count_let_in(kind);
    Value have;
    fetch_own(rows_of[static_cast<int>(kind)], {}, &have, 1);
    const char *text = cat("counts only, since there are many: table ", source, " has ",
                           counted(wanted, "row that counts", "rows that count"), ", ", name_of(kind), " has ",
                           number(DatumGetInt64(*have)));
    if (wanted == DatumGetInt64(*have))
        status.ok(subject, text);
    else
        status.broken(subject, cat(text, "\n", way_to_resync(kind)));
}

void look_at_difference(Status &status, const char *subject, Kind kind, const char *source) {
    const Difference found = difference(kind);
    if (found.total() == 0)
        status.ok(subject, cat("in step with table ", source, ": ", number(found.counts.rows)));
    else
        status.broken(subject, cat("out of step with table ", source, ": ", number(found.counts.added), " to add, ",
                                   number(found.counts.changed), " to move, ", number(found.counts.removed),
                                   " to remove\n", way_to_resync(kind)));
}

void look_at_label(Status &status, const char *subject, Oid source, Kind kind) {
    const char *missing = guard([&]() -> const char * {
        Relation relation = relation_open(source, AccessShareLock);
        const char *label = label_column(relation, kind);
        relation_close(relation, NoLock);
        return label == nullptr || get_attnum(source, label) != InvalidAttrNumber ? nullptr : label;
    });
    if (missing != nullptr)
        status.note(subject, cat("table ", relation_name(source), " has no column \"", missing,
                                 "\" any more, of which tree() would take names\nuntrack() it, and track it again with "
                                 "another label_column."));
}

/// A table that has our triggers though it is not what is followed. Its owner may just lack access.
void look_at_stray(Status &status, const char *subject, Oid relation, Kind kind) {
    const char *text = cat("table ", relation_name(relation),
                           " has triggers for it, but is not what is tracked: it can't be written to");
    const ErrorData *report = attempt([&] { require_feeding(relation, kind); });
    status.broken(subject, report == nullptr
                               ? cat(text, "\nuntrack() drops them.")
                               : cat(text, "\n", report->message, "\n", report->hint == nullptr ? "" : report->hint));
}

void look_at_tracking(Status &status, Kind kind) {
    const char *subject = cat("tracking of ", name_of(kind));
    const Oid source = tracked_relation(kind);
    const Oid function = guard([&] { return follow_function(kind); });
    for (Datum each : fetch_column(stray_tables, {ObjectIdGetDatum(function), ObjectIdGetDatum(source)}))
        if (const Oid stray = DatumGetObjectId(each); guard([&] { return !OidIsValid(table_of_shard(stray)); }))
            look_at_stray(status, subject, stray, kind);
    if (!OidIsValid(source))
        return status.ok(subject, "no table is tracked");
    status.on(subject, [&] { require_followed(source, kind); });
    status.on(subject, [&] { look_at_label(status, subject, source, kind); });
    status.on(name_of(kind), [&] {
        Value rows;
        fetch(estimated_rows, {ObjectIdGetDatum(table_oid(table_of(kind)))}, &rows, true);
        const bool many = rows && DatumGetFloat8(*rows) > most_compared;
        (many ? look_at_counts : look_at_difference)(status, name_of(kind), kind, relation_name(source));
    });
}

// --- rows that hang on nothing ---------------------------------------------------------------------------------------

/// Counts rows whose `key` is not there, and shows one of them.
#define DANGLING(table, shown, key, other, other_key)                                                                  \
    {                                                                                                                  \
        "SELECT pg_catalog.count(*), pg_catalog.min(t." shown ") FROM integration_defaults." table " t WHERE t." key   \
        " IS NOT NULL AND NOT EXISTS (SELECT FROM integration_defaults." other " o WHERE o." other_key                 \
        " OPERATOR(pg_catalog.=) t." key ")",                                                                          \
            0, {}, nullptr                                                                                             \
    }

struct Dangling {
    const char *subject;
    const char *one, *many; // what they are
    Kind kind;              // whose rows are missing
    bool settings;          // they are settings of such rows
    Statement count;
};

Dangling dangling[] = {
    {"groups", "group has a parent that is not there", "groups have parents that are not there", Kind::groups, false,
     DANGLING("groups", "id", "parent_id", "groups", "id")},
    {"projects", "project is in a group that is not there", "projects are in groups that are not there", Kind::groups,
     false, DANGLING("projects", "id", "group_id", "groups", "id")},
    {"group_settings", "row is of a group that is not there", "rows are of groups that are not there", Kind::groups,
     true, DANGLING("group_settings", "group_id", "group_id", "groups", "id")},
    {"access", "row is on a group that is not there", "rows are on groups that are not there", Kind::groups, true,
     DANGLING("access", "group_id", "group_id", "groups", "id")},
    {"project_settings", "row is of a project that is not there", "rows are of projects that are not there",
     Kind::projects, true, DANGLING("project_settings", "project_id", "project_id", "projects", "id")},
};

Statement without_type = {
    "SELECT pg_catalog.count(*), pg_catalog.min(t.integration) FROM (SELECT integration FROM "
    "integration_defaults.instance_settings UNION ALL SELECT integration FROM integration_defaults.group_settings "
    "UNION ALL SELECT integration FROM integration_defaults.project_settings) t WHERE NOT EXISTS (SELECT FROM "
    "integration_defaults.integrations o WHERE o.name OPERATOR(pg_catalog.=) t.integration)",
    0,
    {},
    nullptr};

// The first of the projects whose group is not there.
Statement homeless_projects = {
    "SELECT pg_catalog.string_agg(f.id, ', ' ORDER BY f.id COLLATE pg_catalog.\"C\") FROM (SELECT p.id "
    "FROM integration_defaults.projects p WHERE p.group_id IS NOT NULL AND NOT EXISTS (SELECT "
    "FROM integration_defaults.groups g WHERE g.id OPERATOR(pg_catalog.=) p.group_id) ORDER BY p.id LIMIT 10) f",
    0,
    {},
    nullptr};

/// What is set on a scope that is not there may be meant so: it waits for a row that a filter leaves out now.
void look_at_dangling(Status &status, Dangling &each) {
    Value found[2];
    fetch_own(each.count, {}, found, 2);
    const int64 count = DatumGetInt64(*found[0]);
    if (count == 0)
        return;
    const char *text = cat(counted(count, each.one, each.many), ", as \"", view(*found[1]), "\"");
    if (is_replicated(Table::groups) && std::string_view(each.subject) == "projects") {
        Value first;
        fetch_own(homeless_projects, {}, &first, 1);
        status.broken(each.subject,
                      cat(counted(count, each.one, each.many), ": ", view(*first), count > 10 ? ", ..." : "",
                          "\nTheir groups have gone from the publisher's database. They have no settings "
                          "until they are moved elsewhere, or the groups are back."));
    } else if (!each.settings)
        status.broken(each.subject,
                      cat(text, "\nWhat hangs on them has no settings. Where a table is tracked, resync() "
                                "mends that."));
    else if (is_filtered(each.kind))
        status.note(each.subject,
                    cat(text, "\nThey are kept for rows that the filter of the tracked table leaves out."));
    else if (!OidIsValid(tracked_relation(each.kind)))
        status.note(each.subject,
                    cat(text, "\nThey may be left from a table that was tracked with a filter. ",
                        each.kind == Kind::groups ? "remove_group()" : "remove_project()", " removes them."));
    else
        status.broken(each.subject, cat(text, "\nThey count for nobody. DELETE removes them."));
}

void look_at_settings_without_type(Status &status) {
    Value found[2];
    fetch_own(without_type, {}, found, 2);
    const int64 count = DatumGetInt64(*found[0]);
    if (count > 0)
        status.broken(
            "settings",
            cat(counted(count, "row is of a type that is not registered", "rows are of types that are not registered"),
                ", as \"", view(*found[1]), "\"\nregister_integration() makes them count; DELETE removes them."));
}

// --- who may do what, and secrets ------------------------------------------------------------------------------------

// What was given to a role that has been dropped, or not been made yet.
Statement unknown_roles = {
    "SELECT pg_catalog.string_agg(DISTINCT a.role::pg_catalog.text, ', ') FROM integration_defaults.access a "
    "WHERE NOT integration_defaults.is_dumped(a.role) OR NOT EXISTS (SELECT FROM pg_catalog.pg_roles r "
    "WHERE r.rolname::pg_catalog.text OPERATOR(pg_catalog.=) a.role::pg_catalog.text)",
    0,
    {},
    nullptr};

void look_at_access(Status &status) {
    Value roles;
    fetch_own(unknown_roles, {}, &roles, 1);
    if (roles)
        status.note("access", cat("roles that are not there, or have been made anew, have nothing by it: ",
                                  view(*roles), "\nrevoke_access() or DELETE removes what was given to them."));
}

#define MARKED(table)                                                                                                  \
    "SELECT pg_catalog.count(*) AS n FROM integration_defaults." table " s WHERE pg_catalog.jsonb_path_exists("        \
    "s.settings, '$.*.\"$secret\"'::pg_catalog.jsonpath)"
Statement marked_rows = {
    "SELECT pg_catalog.sum(m.n)::pg_catalog.int8 FROM (" MARKED("instance_settings") " UNION ALL " MARKED(
        "group_settings") " UNION ALL " MARKED("project_"
                                               "settings") ") m",
    0,
    {},
    nullptr};

// The ids of the keys that secrets are sealed with: secret.cpp says where in the base64 they are.
#define SEALED(table)                                                                                                  \
    "SELECT pg_catalog.jsonb_path_query(s.settings, '$.* ? (exists (@.bound) && exists (@.mask)).\"$sealed\"'"         \
    "::pg_catalog.jsonpath) OPERATOR(pg_catalog.#>>) '{}' AS text FROM integration_defaults." table " s"
Statement keys_of_sealed = {
    "SELECT DISTINCT pg_catalog.encode(pg_catalog.substr(b.bytes, 3, pg_catalog.get_byte(b.bytes, 1)), 'escape') "
    "FROM (SELECT pg_catalog.decode(pg_catalog.left(t.text, 88), 'base64') AS bytes "
    "FROM (" SEALED("instance_settings") " UNION ALL " SEALED("group_settings") " UNION ALL " SEALED(
        "project_settings") ") t WHERE t.text OPERATOR(pg_catalog.~) '^[A-Za-z0-9+/]{80,}={0,2}$') b ORDER BY 1",
    0,
    {},
    nullptr};

/// Whether the server has all keys that are needed: that of the masks, and those that secrets are sealed with.
bool have_all_keys(Status &status) {
    bool all = status.on("secrets", [] { reading_sealer(); });
    const char *missing = nullptr;
    const Column ids = [] {
        AsOwner owner;
        return fetch_column(keys_of_sealed, {});
    }();
    for (Datum id : ids)
        if (find_key(view(id)) == nullptr)
            missing = missing == nullptr ? cat(view(id)) : cat(missing, ", ", view(id));
    if (missing != nullptr)
        status.broken("secrets",
                      cat("secrets are sealed with keys that are not in the key file: ", missing,
                          "\nThey can't be read until these keys are in it again, and the server has reloaded its "
                          "configuration. seal_secrets() seals all with the first key."));
    return all && missing == nullptr;
}

void look_at_secrets(Status &status) {
    const bool sealed = has_key_file();
    if (sealed) {
        first_key(); // what is wrong with the file is thrown
        if (!have_all_keys(status))
            return;
    } else if (needs_key_file())
        status.broken("secrets",
                      "secrets have been sealed here, but this server has no key: they can't be read or "
                      "written\nThe setting integration_defaults.key_file names the file, where the module is "
                      "in shared_preload_libraries.");
    Value rows;
    fetch_own(marked_rows, {}, &rows, 1);
    const int64 count = DatumGetInt64(*rows);
    if (count > 0)
        status.note("secrets",
                    cat(counted(count, "row has secrets that are not sealed", "rows have secrets that are not sealed"),
                        sealed ? "\nseal_secrets() seals them."
                               : "\nTo seal them, the server needs a key: integration_defaults.key_file."));
    else if (sealed)
        status.ok("secrets", "the server has a key, and what is marked as a secret is sealed");
}

// --- what is materialized --------------------------------------------------------------------------------------------

Statement materialized_rows = {"SELECT pg_catalog.count(*) FROM integration_defaults.effective_settings "
                               "WHERE integration OPERATOR(pg_catalog.=) $1",
                               1,
                               {TEXTOID},
                               nullptr};

#define EFFECTIVE_DIFFERS                                                                                              \
    "integration_defaults.effective_differs(e.active, e.settings, e.inherited, e.source_level, e.source_id, "          \
    "v.active, v.settings, v.inherited, v.source_level, v.source_id)"
#define COUNT_DIFFERENT(of)                                                                                            \
    "SELECT pg_catalog.count(*) FROM (SELECT x.* FROM integration_defaults.project_integrations x "                    \
    "WHERE x.integration OPERATOR(pg_catalog.=) $1 AND x.active IS NOT NULL" of                                        \
    " OFFSET 0) v FULL JOIN (SELECT x.* FROM integration_defaults.effective_settings x "                               \
    "WHERE x.integration OPERATOR(pg_catalog.=) $1" of ") e ON e.project_id OPERATOR(pg_catalog.=) v.project_id "      \
    "WHERE e.project_id IS NULL OR v.project_id IS NULL OR " EFFECTIVE_DIFFERS

Statement different = {COUNT_DIFFERENT(""), 1, {TEXTOID}, nullptr, false, true};
Statement different_of = {
    COUNT_DIFFERENT(" AND x.project_id OPERATOR(pg_catalog.=) ANY ($2)"), 2, {TEXTOID, TEXTARRAYOID}, nullptr, true};
Statement sample = {"SELECT ARRAY(SELECT p.id FROM integration_defaults.projects p TABLESAMPLE pg_catalog.system ($1))",
                    1,
                    {FLOAT4OID},
                    nullptr};

void look_at_materialized(Status &status, const char *subject, std::string_view type) {
    require_effective_settings();
    Value rows, differ;
    fetch_own(materialized_rows, {text_datum(type)}, &rows, 1);
    const int64 count = DatumGetInt64(*rows);
    const bool samples = static_cast<double>(count) > most_checked;
    const char *text = cat(counted(count, "row", "rows"));
    OverlookBroken broken;
    if (!samples)
        fetch_own(different, {text_datum(type)}, &differ, 1);
    else {
        Value ids;
        fetch_own(sample, {Float4GetDatum(static_cast<float4>(100 * sampled / static_cast<double>(count)))}, &ids, 1);
        PlannerSettings settings(PlannerSettings::few_rows);
        fetch_own(different_of, {text_datum(type), ids}, &differ, 1);
        const int looked_at = guard([&] { return count_elements(*ids); });
        text = cat(text, "; since there are many, a sample of ", counted(looked_at, "project", "projects"),
                   " was looked at");
    }
    if (DatumGetInt64(*differ) == 0)
        status.ok(subject, text);
    else
        status.broken(subject, cat(text, ": ", counted(DatumGetInt64(*differ), "differs", "differ"),
                                   " from project_integrations\nmaterialize() once more mends them."));
}

} // namespace

void on_status(void (*look)(Status &status)) {
    of_later_rooms.add(look);
}

/// status() → (subject, state, detail)
INTD_FUNCTION(status) {
    ResultSet result(fcinfo);
    Status status(result);
    require_reading();
    status.on("extension", [&] { look_at_version(status); });
    look_at_tables(status);
    status.on("triggers", [&] { look_at_triggers(status); });
    status.on("integrations", [&] { look_at_types(status); });
    status.on("settings", [&] { look_at_settings_without_type(status); });
    for (Kind kind : all_kinds)
        status.on(cat("tracking of ", name_of(kind)), [&] { look_at_tracking(status, kind); });
    for (Dangling &each : dangling)
        status.on(each.subject, [&] { look_at_dangling(status, each); });
    status.on("access", [&] { look_at_access(status); });
    status.on("secrets", [&] { look_at_secrets(status); });
    ContextResource memory(CurrentMemoryContext);
    for (std::string_view type : materialized_types(&memory)) {
        const char *subject = cat("materialized ", type);
        status.on(subject, [&] { look_at_materialized(status, subject, type); });
    }
    for (auto look : of_later_rooms)
        look(status);
    return null_result(fcinfo);
}

} // namespace intd
