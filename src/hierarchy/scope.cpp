#include "hierarchy/scope.hpp"

#include "hierarchy/hooks.hpp"

namespace intd {

const char *scope_name(core::Level level, std::string_view id) {
    if (level == core::Level::instance)
        return "the instance";
    return cat(core::name_of(level), " \"", id, "\"");
}

const char *shown_scope(core::Level level, std::string_view id) {
    return level == core::Level::instance ? "instance" : cat(core::name_of(level), " ", id);
}

namespace {

/// `app.groups`, of the table that is followed for the kind; null if none is.
const char *followed_table(Kind kind) {
    const Oid relation = feeding.tracked_relation(kind);
    return guard([&]() -> const char * {
        char *name = OidIsValid(relation) ? get_rel_name(relation) : nullptr;
        char *schema = name == nullptr ? nullptr : get_namespace_name(get_rel_namespace(relation));
        return schema == nullptr ? nullptr : quote_qualified_identifier(schema, name);
    });
}

/// The way out where a table is followed: it may have rows that came in while nothing was, as by a part of a restore.
const char *resync_hint(const char *what, const char *table) {
    return cat(what, " follow table ", table, ": if it has the row, resync('", table, "') takes it in.");
}

} // namespace

Refusal unknown_scope(core::Level level, std::string_view id) {
    const bool group = level == core::Level::group;
    const char *table = followed_table(group ? Kind::groups : Kind::projects);
    if (!group && table != nullptr && feeding.is_spread(Kind::projects))
        return Refusal(ERRCODE_UNDEFINED_OBJECT, cat(scope_name(level, id), " is not on this node"))
            .detail(cat("Projects follow table ", table,
                        ", which Citus has distributed: each is known on the node that has its row."))
            .hint(cat("Call the function for rows of the table, and Citus calls it there: SELECT … FROM ", table,
                      " p WHERE p.id = …, with p.id for the project. After a shard has moved, CALL "
                      "integration_defaults.resync_node() on the coordinator."));
    return Refusal(ERRCODE_UNDEFINED_OBJECT, cat(scope_name(level, id), " does not exist"))
        .hint(table != nullptr ? resync_hint(group ? "Groups" : "Projects", table)
              : group          ? "Groups are added with add_group() or by the table that track_groups() follows."
                      : "Projects are added with add_project() or by the table that track_projects() follows.");
}

const char *missing_parent_hint() {
    static constexpr char rule[] = "The parent has to be there when the transaction commits.";
    if (const char *table = followed_table(Kind::groups); table != nullptr)
        return cat(rule, " ", resync_hint("Groups", table));
    if (followed_table(Kind::projects) == nullptr)
        return rule;
    return cat(rule,
               " No table is followed for groups: call track_groups() before track_projects(), or add groups with "
               "add_group().");
}

} // namespace intd
