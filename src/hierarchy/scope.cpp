#include "hierarchy/scope.hpp"

namespace intd {

const char *scope_name(core::Level level, std::string_view id) {
    if (level == core::Level::instance)
        return "the instance";
    return cat(core::name_of(level), " \"", id, "\"");
}

const char *shown_scope(core::Level level, std::string_view id) {
    return level == core::Level::instance ? "instance" : cat(core::name_of(level), " ", id);
}

Refusal unknown_scope(core::Level level, std::string_view id) {
    bool group = level == core::Level::group;
    return Refusal(ERRCODE_UNDEFINED_OBJECT, cat(scope_name(level, id), " does not exist"))
        .hint(group ? "Groups are added with add_group() or by the table that track_groups() follows."
                    : "Projects are added with add_project() or by the table that track_projects() follows.");
}

} // namespace intd
