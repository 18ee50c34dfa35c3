// Our six tables as the extension declares them (tables.sql): names, columns, keys. Said once: statements, the
// places of columns and the check of a table's shape follow from it.
#pragma once

#include "core/fold.hpp"
#include "postgres/server.hpp"

namespace intd {

enum class Table : uint8_t { integrations, groups, projects, instance_settings, group_settings, project_settings };
constexpr int table_count = 6;
constexpr int max_columns = 8;

struct DeclaredColumn {
    const char *name;
    Oid type;
    bool nullable = false;
};

struct DeclaredTable {
    const char *name;
    int keys; ///< the first columns, all of type text, are the primary key
    int count;
    DeclaredColumn columns[max_columns];

    /// The column's number, counted from 0; -1 if there is none.
    constexpr int find(std::string_view column) const {
        for (int i = 0; i < count; i++)
            if (columns[i].name == column)
                return i;
        return -1;
    }
};

namespace shape {

constexpr DeclaredColumn integration = {"integration", TEXTOID}, custom = {"custom", BOOLOID},
                         active = {"active", BOOLOID, true}, settings = {"settings", JSONBOID},
                         locked = {"locked", TEXTARRAYOID}, updated_at = {"updated_at", TIMESTAMPTZOID},
                         updated_by = {"updated_by", TEXTOID};

/// In the order of Table.
constexpr DeclaredTable tables[table_count] = {
    {"integrations",
     1,
     6,
     {{"name", TEXTOID},
      {"title", TEXTOID, true},
      {"category", TEXTOID, true},
      {"schema", JSONBOID},
      {"allowed", BOOLOID},
      {"strict", BOOLOID}}},
    {"groups", 1, 2, {{"id", TEXTOID}, {"parent_id", TEXTOID, true}}},
    {"projects", 1, 2, {{"id", TEXTOID}, {"group_id", TEXTOID, true}}},
    {"instance_settings", 1, 7, {integration, custom, active, settings, locked, updated_at, updated_by}},
    {"group_settings",
     2,
     8,
     {{"group_id", TEXTOID}, integration, custom, active, settings, locked, updated_at, updated_by}},
    {"project_settings",
     2,
     7,
     {{"project_id", TEXTOID}, integration, custom, active, settings, updated_at, updated_by}},
};

} // namespace shape

constexpr const DeclaredTable &declared_as(Table table) {
    return shape::tables[static_cast<int>(table)];
}

/// Columns, counted from 0.
namespace column {

// of integrations
constexpr int name = declared_as(Table::integrations).find("name"),
              title = declared_as(Table::integrations).find("title"),
              category = declared_as(Table::integrations).find("category"),
              schema = declared_as(Table::integrations).find("schema"),
              allowed = declared_as(Table::integrations).find("allowed"),
              strict = declared_as(Table::integrations).find("strict");

// of groups and projects
constexpr int id = 0, parent = 1;

} // namespace column

/// Where a table of settings has what, counted from 0. There is no `scope` on the instance and no `locked` on
/// projects: -1.
struct SettingsColumns {
    Table table;
    core::Level level;
    int scope, integration, custom, active, settings, locked, updated_at, updated_by;
};

constexpr Table settings_table(core::Level level) {
    return static_cast<Table>(static_cast<int>(Table::instance_settings) + static_cast<int>(level));
}

/// Of groups and projects: where they are.
constexpr Table scope_table(core::Level level) {
    return level == core::Level::group ? Table::groups : Table::projects;
}

constexpr SettingsColumns find_settings_columns(core::Level level) {
    const DeclaredTable &own = declared_as(settings_table(level));
    return {settings_table(level),  level,
            own.keys == 2 ? 0 : -1, own.find("integration"),
            own.find("custom"),     own.find("active"),
            own.find("settings"),   own.find("locked"),
            own.find("updated_at"), own.find("updated_by")};
}

/// In the order of core::Level.
constexpr SettingsColumns settings_columns[] = {find_settings_columns(core::Level::instance),
                                                find_settings_columns(core::Level::group),
                                                find_settings_columns(core::Level::project)};

constexpr const SettingsColumns &columns_of(core::Level level) {
    return settings_columns[static_cast<int>(level)];
}
/// Of a table of settings.
constexpr const SettingsColumns &columns_of(Table table) {
    return settings_columns[static_cast<int>(table) - static_cast<int>(Table::instance_settings)];
}

/// The two tables of the tree; also what an app's table can be tracked for.
enum class Kind : uint8_t { groups, projects };
constexpr Kind all_kinds[] = {Kind::groups, Kind::projects};

constexpr Table table_of(Kind kind) {
    return kind == Kind::groups ? Table::groups : Table::projects;
}
/// What is set on its scopes.
constexpr Table settings_of(Kind kind) {
    return kind == Kind::groups ? Table::group_settings : Table::project_settings;
}
constexpr const char *name_of(Kind kind) {
    return declared_as(table_of(kind)).name;
}
constexpr const char *parent_column(Kind kind) {
    return declared_as(table_of(kind)).columns[column::parent].name;
}

/// ` FROM integration_defaults.<table>`, with WHERE if the first of its keys are given, as $1 and $2. In the
/// current memory context. Server code: raises reports.
const char *from_clause(Table table, int keys);

} // namespace intd
