// What a row of a settings table says.
#pragma once

#include "postgres/jsonb.hpp"
#include "store/tables.hpp"

namespace intd {

struct SettingsRow {
    bool custom;
    std::optional<bool> active;
    const Jsonb *settings;
    Datum locked; // text[]; 0 for projects

    /// As SETS_SOMETHING says it in SQL: see sets_something.hpp.
    bool sets_something() const {
        const bool has_fields = !is_object(settings) || JB_ROOT_COUNT(settings) > 0;
        return core::sets_something(custom, active.has_value(), has_fields);
    }
    /// Whether it neither sets nor locks anything: as good as no row.
    bool is_empty() const { return !sets_something() && count_elements(locked) == 0; }
    /// Whether the other one says the same, byte by byte; without locks of its own it asks for none.
    bool same(const SettingsRow &other) const {
        auto same_bytes = [](const void *one, const void *two) {
            return VARSIZE_ANY(one) == VARSIZE_ANY(two) && memcmp(one, two, VARSIZE_ANY(one)) == 0;
        };
        return custom == other.custom && active == other.active && same_bytes(settings, other.settings) &&
               (locked == 0 || same_bytes(DatumGetPointer(locked), DatumGetPointer(other.locked)));
    }
};

inline SettingsRow settings_row(Datum custom, std::optional<Datum> active, Datum settings, Datum locked) {
    return {DatumGetBool(custom), active ? std::optional<bool>(DatumGetBool(*active)) : std::nullopt,
            jsonb_of(settings), locked};
}

/// From a whole row, of which `value(n)` gives column n, detoasted; none if it is NULL.
template <class Value>
SettingsRow settings_row(const SettingsColumns &columns, Value &&value) {
    Datum custom = *value(columns.custom);
    std::optional<Datum> active = value(columns.active);
    Datum settings = *value(columns.settings);
    return settings_row(custom, active, settings, columns.locked < 0 ? 0 : *value(columns.locked));
}

} // namespace intd
