// A row of one of our tables as a statement found or left it.
#pragma once

#include "store/settings_row.hpp"

namespace intd {

/// A row before or after a statement. Server code reads it.
struct Image {
    TupleDesc shape;
    Datum values[max_columns];
    bool nulls[max_columns];

    Datum at(int column) const { return values[column]; }
    std::string_view text(int column) const {
        return nulls[column] ? std::string_view() : view(values[column]); // no id and no name is empty
    }
    /// Whether a column has the same bytes in both rows.
    bool same(const Image &other, int column) const {
        if (nulls[column] || other.nulls[column])
            return nulls[column] == other.nulls[column];
        if (TupleDescAttr(shape, column)->attlen != -1)
            return values[column] == other.values[column];
        return view(values[column]) == view(other.values[column]);
    }
};

/// What a row of a settings table says.
inline SettingsRow settings_in(const SettingsColumns &columns, const Image &row) {
    return settings_row(columns, [&](int n) { return row.nulls[n] ? std::nullopt : std::optional<Datum>(row.at(n)); });
}

inline void take(Image *image, TupleTableSlot *slot) {
    slot_getallattrs(slot);
    image->shape = slot->tts_tupleDescriptor;
    for (int i = 0; i < std::min(slot->tts_nvalid, static_cast<AttrNumber>(max_columns)); i++) {
        image->nulls[i] = slot->tts_isnull[i];
        image->values[i] = slot->tts_values[i];
        // plain, and in the current memory context
        if (!image->nulls[i] && TupleDescAttr(image->shape, i)->attlen == -1)
            image->values[i] = PointerGetDatum(PG_DETOAST_DATUM(slot->tts_values[i]));
    }
}

} // namespace intd
