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
