#include "resolve/locate.hpp"

#include "hierarchy/hooks.hpp"
#include "hierarchy/scope.hpp"
#include "store/replicated.hpp"
#include "tracking/tracked.hpp"

namespace intd {

Located locate(Inheritance &inherited, const ScopeArgument &scope) {
    const Located found = locate_even_broken(inherited, scope);
    if (!found.is_project() && found.node == nullptr)
        throw Refusal(ERRCODE_FOREIGN_KEY_VIOLATION,
                      cat("group \"", found.text(), "\" has no way up to the instance: a parent is not there"))
            .hint(missing_parent_hint())
            .constraint("scope_parent_exists");
    return found;
}

Located locate_even_broken(Inheritance &inherited, const ScopeArgument &scope) {
    Tree &tree = inherited.tree();
    Located found = {scope.level, scope.id, nullptr, nullptr};
    auto look = [&] {
        if (scope.level == core::Level::instance)
            found.node = tree.instance();
        else if (scope.level == core::Level::group)
            found.node = tree.group(found.text());
        else
            found.project = inherited.store().row(Table::projects, found.id);
        if (found.project != nullptr && feeding.has_left(found.id))
            found.project = nullptr;
        return found.node != nullptr || found.project != nullptr ||
               (scope.level == core::Level::group && inherited.store().row(Table::groups, found.id) != nullptr);
    };
    if (look())
        return found;
    if (std::optional<Datum> uuid = as_tracked_uuid(kind_of(scope.level), scope.text())) {
        found.id = *uuid;
        if (look())
            return found;
    }
    throw unknown_scope(scope.level, scope.text());
}

std::optional<Question> question(Inheritance &inherited, const Integration &type, const ScopeArgument &scope) {
    const Located at = locate_even_broken(inherited, scope);
    const Folded *around = at.is_project() ? inherited.around(parent_in(*at.project), type) : nullptr;
    if (around == nullptr && at.node == nullptr)
        return std::nullopt;
    return Question{inherited, type, at, around};
}

std::optional<Question> question(FunctionCallInfo fcinfo, bool takes_project) {
    require_access(Access::read);
    std::optional<std::string_view> integration = text_argument(fcinfo, 0);
    ScopeArgument scope = takes_project ? scope_argument(either_id_argument(fcinfo, 1), either_id_argument(fcinfo, 2))
                                        : group_argument(id_argument(fcinfo, 1));
    if (!integration || scope.is_null)
        return std::nullopt;
    Inheritance &inherited = inheritance();
    return question(inherited, inherited.type(*integration), scope);
}

void require_use(Inheritance &inherited, const Located &at) {
    if (is_allowed(Access::use))
        return;
    if (rights_of(GetUserId()).has(Access::use))
        return require_access(Access::use);
    const TreeNode *node = nullptr;
    bool found = false; // the way up is looked for where it is needed
    auto next_group = [&]() -> std::optional<std::string_view> {
        node = found ? node->parent : at.is_project() ? inherited.tree().parent_of(*at.project) : at.node;
        found = true;
        return node->level == core::Level::instance ? std::nullopt : std::optional(node->id);
    };
    if (!has_access_by(Access::use, next_group))
        refuse_access(GetUserId(), Access::use, scope_name(at.level, at.text()),
                      at.level == core::Level::group ? at.text() : std::string_view());
}

Datum locked_names(const Folded &folded) {
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<std::string_view> names(&memory);
    if (folded.fold->active_lock() != nullptr)
        names.push_back("active");
    for (const core::Resolved &field : folded.fold->fields())
        if (folded.fold->lock_of(field) != nullptr)
            names.push_back(field.name);
    return text_array(names);
}

Datum level_name(core::Level level) {
    alignas(int32) static char names[lengthof(core::level_names)][VARHDRSZ + 8];
    char *name = names[static_cast<int>(level)];
    if (const std::string_view text = core::name_of(level); VARSIZE(name) == 0) {
        SET_VARSIZE(name, VARHDRSZ + text.size());
        memcpy(VARDATA(name), text.data(), text.size());
    }
    return PointerGetDatum(name);
}

std::optional<Datum> source_id(const core::Scope *source) {
    if (source == nullptr || source->level == core::Level::instance)
        return std::nullopt;
    return text_datum(source->id);
}

} // namespace intd
