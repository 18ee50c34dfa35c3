// Groups and projects, as kinds of scope, and how messages and reports name a scope.
#pragma once

#include "postgres/boundary.hpp"
#include "store/tables.hpp"

namespace intd {

inline core::Level level_of(Kind kind) {
    return kind == Kind::groups ? core::Level::group : core::Level::project;
}
/// Of a scope that is not the instance.
inline Kind kind_of(core::Level level) {
    return level == core::Level::group ? Kind::groups : Kind::projects;
}
/// `group "7"`, `project "12"`, `the instance`: as messages name a scope.
const char *scope_name(core::Level level, std::string_view id);

/// `group 7`, `instance`: as reports show who sets or locks something.
const char *shown_scope(core::Level level, std::string_view id);

/// The refusal 42704 of a group or project that is not there.
Refusal unknown_scope(core::Level level, std::string_view id);

/// The way out where a row's parent is not there.
const char *missing_parent_hint();

} // namespace intd
