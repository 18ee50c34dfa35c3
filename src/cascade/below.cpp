// Taking back what is set below a scope: all of it, some fields, or what is redundant.
//
// The rows are found under the snapshot of the statement, put aside, and then changed one by one, each under its lock.
// One that somebody has changed in the meantime stays as it is where what is to be done followed from what it was.
#include "cascade/reached.hpp"
#include "postgres/spool.hpp"
#include "resolve/own_rows.hpp"
#include "settings/fields.hpp"

namespace intd {
namespace {

ScopeArgument scope_of(int32 level, std::optional<Datum> id) {
    return {static_cast<core::Level>(level), id.value_or(static_cast<Datum>(0)), false};
}

/// Makes the target's row, if there is one, what `taken` of it says: nothing changes if that is none. Whether it does.
template <class Taken>
bool take_from(const Target &where, Taken &&taken) {
    bool changed = false;
    Given given;
    given.takes_back = given.resets = true;
    change_row(where, given, [&](const std::optional<SettingsRow> &current) {
        std::optional<SettingsRow> wanted;
        if (current)
            wanted = taken(*current);
        changed = wanted.has_value();
        return wanted;
    });
    return changed;
}

// --- reset_below -----------------------------------------------------------------------------------------------------

/// Takes the fields out of the target's row. Whether there was anything to take.
bool take_out(const Target &where, const Names &fields, Names &unknown) {
    return take_from(where, [&](const SettingsRow &current) {
        // a name that is none of the schema's is known where some row has it
        for (const JsonField &field : fields_of(current.settings))
            unknown.erase(std::remove(unknown.begin(), unknown.end(), field.key), unknown.end());
        return without_fields(where.type.schema->shape, current, fields);
    });
}

// --- drop_redundant --------------------------------------------------------------------------------------------------

/// Takes what is redundant out of the target's row, if that is still as it was `found`.
bool take_redundant(const Target &where, const SettingsRow &found, bool whole, const Names &fields) {
    return take_from(where, [&](const SettingsRow &current) -> std::optional<SettingsRow> {
        if (!found.same(current))
            return std::nullopt;
        if (whole) // its locks stay
            return SettingsRow{false, std::nullopt, ObjectBuilder().finish(), current.locked};
        return without_fields(where.type.schema->shape, current, fields);
    });
}

} // namespace

/// reset_below(integration, group_id, fields) → the scopes that were changed
INTD_FUNCTION(reset_below) {
    const std::string_view integration = required_text(fcinfo, 0, "integration");
    const Target above = target(integration, group_argument(id_argument(fcinfo, 1)));
    const ScopeArgument &top = above.scope; // its id as it is stored, however it was written
    const core::Shape &shape = above.type.schema->shape;
    ContextResource memory(CurrentMemoryContext);
    const bool everything = PG_ARGISNULL(2);
    Names fields(&memory), unknown(&memory);
    if (!everything)
        fields = names_in(PG_GETARG_DATUM(2), &memory);
    for (std::string_view name : fields)
        if (name != "active" && shape.find(name) < 0)
            unknown.push_back(name);

    Spool found{INT4OID, TEXTOID};
    {
        Inheritance &inherited = inheritance();
        const TreeNode *node = locate(inherited, top).node;
        visit_rows(inherited, inherited.type(integration), node,
                   [&](const Place &place, const Value &id, const Layer &) {
                       if (place.level != top.level || place.id != top.text()) // the scope itself is left out
                           found.put({Int32GetDatum(static_cast<int32>(place.level)), id});
                   });
    }
    SettleOnce together;
    int64 changed = 0;
    for (RowMemory row; found.next();) {
        InContext inside(row.empty());
        const Target where = target(integration, scope_of(DatumGetInt32(*found.column(0)), found.column(1)));
        if (everything ? remove_row(where) : take_out(where, fields, unknown))
            changed++;
    }
    if (!unknown.empty())
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE,
                      cat("integration \"", integration, "\" has no field \"", shown(unknown.front()), "\""))
            .hint("What can be taken back are properties of the schema, \"active\", and fields that are set.");
    together.finish();
    PG_RETURN_INT64(changed);
}

/// drop_redundant(integration, group_id) → the scopes that were changed
INTD_FUNCTION(drop_redundant) {
    const std::string_view integration = required_text(fcinfo, 0, "integration");
    const ScopeArgument top = target(integration, group_argument(id_argument(fcinfo, 1))).scope;
    Spool found{INT4OID, TEXTOID, BOOLOID, BOOLOID, JSONBOID, BOOLOID, TEXTARRAYOID};
    {
        Inheritance &inherited = inheritance();
        visit_own_rows(inherited, inherited.type(integration), locate(inherited, top).node,
                       [&](const Place &place, const Value &id, const Layer &own) {
                           ContextResource memory(CurrentMemoryContext);
                           Redundant redundant = redundant_in(inherited, place, own, &memory);
                           if (!redundant.any())
                               return;
                           if (redundant.active)
                               redundant.fields.push_back("active");
                           found.put({Int32GetDatum(static_cast<int32>(place.level)), id, BoolGetDatum(own.custom),
                                      own.active ? Value(BoolGetDatum(*own.active)) : std::nullopt,
                                      PointerGetDatum(own.settings), BoolGetDatum(redundant.whole),
                                      text_array(redundant.fields)});
                       });
    }
    SettleOnce together;
    int64 changed = 0;
    for (RowMemory row; found.next();) {
        InContext inside(row.empty());
        ContextResource memory(CurrentMemoryContext);
        const Target where = target(integration, scope_of(DatumGetInt32(*found.column(0)), found.column(1)));
        const SettingsRow seen = settings_row(*found.column(2), found.column(3), *found.column(4), 0);
        if (take_redundant(where, seen, DatumGetBool(*found.column(5)), names_in(*found.column(6), &memory)))
            changed++;
    }
    together.finish();
    PG_RETURN_INT64(changed);
}

} // namespace intd
