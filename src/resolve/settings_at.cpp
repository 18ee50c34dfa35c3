#include "resolve/settings_at.hpp"

#include "postgres/progress.hpp"
#include "postgres/query.hpp"
#include "postgres/result.hpp"
#include "store/owner.hpp"

namespace intd {
namespace {

Statement set_below = {
    "SELECT EXISTS (SELECT FROM integration_defaults.group_settings WHERE integration OPERATOR(pg_catalog.=) $1) "
    "OR EXISTS (SELECT FROM integration_defaults.project_settings WHERE integration OPERATOR(pg_catalog.=) $1)",
    1,
    {TEXTOID},
    nullptr};

/// The project's own row for the type, if it sets something.
const Layer *own_layer(const Rows &rows, const Integration &type) {
    for (const Row &row : rows)
        if (view(row.values[columns_of(core::Level::project).integration]) == type.name) {
            const Layer *layer = layer_from(core::Level::project, row).layer;
            return layer->sets_something() ? layer : nullptr;
        }
    return nullptr;
}

/// Whether a source, which may be null, is this scope.
bool is_at(const SettingsOf &scope, const core::Scope *source) {
    if (source == nullptr)
        return false;
    if (scope.project)
        return source->level == core::Level::project;
    if (scope.group)
        return source->level == core::Level::group && source->id == view(*scope.group);
    return true;
}

} // namespace

bool is_set_below(const Integration &type) {
    Value below;
    AsOwner owner;
    fetch(set_below, {text_datum(type.name)}, &below, true);
    return DatumGetBool(*below);
}

TypeNames all_types(const Store &store) {
    const Rows rows = store.keys(Table::integrations);
    auto *names = static_cast<std::string_view *>(allocate(sizeof(std::string_view) * (rows.count + 1)));
    for (int n = 0; n < rows.count; n++)
        new (&names[n]) std::string_view(view(rows.begin()[n].values[0]));
    std::sort(names, names + rows.count);
    return {names, rows.count};
}

void drop_unset(Inheritance &inherited, TypeNames &types) {
    auto *end = std::remove_if(types.names, types.names + types.count, [&](std::string_view name) {
        const Integration *type = inherited.find_usable_type(name);
        return type == nullptr ||
               (!inherited.down_to(inherited.tree().instance(), *type).configured() && !is_set_below(*type));
    });
    types.count = static_cast<int>(end - types.names);
}

void ReusedCopy::grow(Size size, MemoryContext context) {
    void *place = MemoryContextAllocExtended(context, size * 2, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE);
    if (place == nullptr)
        throw std::bad_alloc();
    if (place_ != nullptr)
        pfree(place_);
    place_ = place;
    room_ = size * 2;
}

SettingsAtRows SettingsAtRows::in(MemoryContext context, int room) {
    InContext inside(context);
    const Size size = sizeof(SettingsAtRow) * (room + 1);
    return {context, static_cast<SettingsAtRow *>(memset(allocate(size), 0, size)), 0};
}

void find_settings_at(Inheritance &inherited, const SettingsOf &scope, const TypeNames &types, uint32 columns,
                      SettingsAtRows &rows) {
    namespace at = settings_at_column;
    LongWork::add_row(LongWork::computes_rows);
    rows.count = 0;
    Rows own = {nullptr, 0};
    if (scope.project && inherited.may_have_rows(*scope.project))
        own = inherited.store().rows(Table::project_settings, *scope.project);
    std::optional<std::string_view> group;
    if (scope.group)
        group = view(*scope.group);
    auto asked = [columns](int column) { return (columns & (1U << column)) != 0; };
    for (int n = 0; n < types.count; n++) {
        const Integration *type = inherited.find_usable_type(types.names[n]);
        if (type == nullptr)
            continue;
        const Folded *around = inherited.around(group, *type);
        if (around == nullptr)
            break;
        const Folded &folded = inherited.with(*around, own.count == 0 ? nullptr : own_layer(own, *type));
        if (scope.configured && !folded.configured())
            continue;
        SettingsAtRow &row = rows.rows[rows.count++];
        auto set = [&](int column, Datum value) {
            row.values[column] = value;
            row.nulls[column] = false;
        };
        auto set_null = [&](int column) { row.nulls[column] = true; };
        const core::Scope *source = folded.nearest;
        if (asked(at::integration))
            set(at::integration, row.integration.text(type->name, rows.context));
        set(at::active, BoolGetDatum(folded.active()));
        if (!folded.configured())
            set_null(at::settings);
        else if (asked(at::settings))
            set(at::settings, row.settings.jsonb(folded.settings(), rows.context));
        set(at::inherited, BoolGetDatum(!is_at(scope, source)));
        if (source == nullptr)
            set_null(at::source_level);
        else
            set(at::source_level, level_name(source->level));
        if (source == nullptr || source->level == core::Level::instance)
            set_null(at::source_id);
        else if (asked(at::source_id))
            set(at::source_id, row.source_id.text(source->id, rows.context));
        if (asked(at::locked)) // above the project, which can't lock
            set(at::locked, locked_names(*around));
    }
}

/// settings_at(project_id, group_id, configured)
INTD_FUNCTION(settings_at) {
    ResultSet result(fcinfo);
    Inheritance &inherited = readable();
    const TypeNames types = all_types(inherited.store());
    SettingsAtRows found = SettingsAtRows::in(CurrentMemoryContext, types.count);
    auto id = [&](int n) {
        const std::optional<std::string_view> given = text_argument(fcinfo, n);
        return given ? Value(text_datum(*given)) : std::nullopt;
    };
    const SettingsOf scope = {id(0), id(1), !PG_ARGISNULL(2) && PG_GETARG_BOOL(2)};
    find_settings_at(inherited, scope, types, settings_at_column::all, found);
    for (int n = 0; n < found.count; n++) {
        const SettingsAtRow &row = found.rows[n];
        auto value = [&](int column) { return row.nulls[column] ? Value() : Value(row.values[column]); };
        result.add({value(0), value(1), value(2), value(3), value(4), value(5), value(6)});
    }
    return null_result(fcinfo);
}

} // namespace intd
