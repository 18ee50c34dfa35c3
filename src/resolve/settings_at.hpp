// What the views are made of: settings_at(), the effective settings of one scope for all types, as rows.
#pragma once

#include "resolve/locate.hpp"

namespace intd {

/// The columns of settings_at(), from 0 on.
namespace settings_at_column {
constexpr int integration = 0, active = 1, settings = 2, inherited = 3, source_level = 4, source_id = 5, locked = 6,
              count = 7;
constexpr uint32 all = (1U << count) - 1; // bits
} // namespace settings_at_column

/// Their types.
constexpr Oid settings_at_types[settings_at_column::count] = {TEXTOID, BOOLOID, JSONBOID,    BOOLOID,
                                                              TEXTOID, TEXTOID, TEXTARRAYOID};

/// A scope as settings_at() is told it, which is taken at its word: a project and what it is in, a group, or the
/// instance if both are none.
struct SettingsOf {
    Value project, group;
    bool configured; // only types that are

    /// Of three arguments, ids as texts that are neither compressed nor out of line.
    static SettingsOf from(const NullableDatum &project, const NullableDatum &group, const NullableDatum &configured) {
        auto id = [](const NullableDatum &given) { return given.isnull ? Value() : Value(given.value); };
        return {id(project), id(group), !configured.isnull && DatumGetBool(configured.value)};
    }
};

/// Copies of values, one after the other in the same memory. Begins as zeros.
class ReusedCopy {
  public:
    Datum jsonb(const Jsonb *value, MemoryContext context) {
        const Size size = VARSIZE(value);
        return PointerGetDatum(memcpy(room_for(size, context), value, size));
    }
    Datum text(std::string_view value, MemoryContext context) {
        void *place = room_for(VARHDRSZ + value.size(), context);
        SET_VARSIZE(place, VARHDRSZ + value.size());
        memcpy(VARDATA(place), value.data(), value.size());
        return PointerGetDatum(place);
    }

  private:
    void *room_for(Size size, MemoryContext context) {
        if (size > room_)
            grow(size, context);
        return place_;
    }
    void grow(Size size, MemoryContext context);

    void *place_;
    Size room_;
};

/// One row of settings_at(). What it points to stays until it is filled again, but for `locked`, which is in the memory
/// context that was current.
struct SettingsAtRow {
    Datum values[settings_at_column::count];
    bool nulls[settings_at_column::count];
    ReusedCopy integration, settings, source_id;
};

/// Of one scope, with room for a row of each type. All in `context`.
struct SettingsAtRows {
    MemoryContext context;
    SettingsAtRow *rows;
    int count;

    static SettingsAtRows in(MemoryContext context, int room);
};

/// Sorted.
struct TypeNames {
    std::string_view *names;
    int count;
};

/// All types, in the current memory context.
TypeNames all_types(const Store &store);

/// Fills `rows` with the scope's row for each of these types that is registered and can be used; with none if the scope
/// has no way up. Only the columns that are asked for, as bits, are filled in.
void find_settings_at(Inheritance &inherited, const SettingsOf &scope, const TypeNames &types, uint32 columns,
                      SettingsAtRows &rows);

/// Whether some group or project has a row for the type.
bool is_set_below(const Integration &type);

/// Leaves only the types that some scope has a row for.
void drop_unset(Inheritance &inherited, TypeNames &types);

} // namespace intd
