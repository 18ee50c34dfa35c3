// The states that history_changes keeps, as jsonb: what a row of ours said, with secrets as fingerprints.
#pragma once

#include "catalog/integration.hpp"
#include "postgres/jsonb.hpp"
#include "store/row_image.hpp"
#include "store/settings_row.hpp"

namespace intd {

/// Of a row of settings: {custom, active, locked, settings, fingerprints}. `settings` is without secrets, of which
/// `fingerprints`, which is there if there are any, has the fingerprints. Of a type that can't be found every field is
/// taken for a secret. Null of a row that neither sets nor locks anything, which is as good as none. In the current
/// memory context.
const Jsonb *settings_state(const SettingsRow &row, const Integration *type);

/// Of a group or a project, as its kind names the parent: {parent_id} or {group_id}.
const Jsonb *place_state(Kind kind, std::optional<std::string_view> parent);

/// Of a row of `integrations`: {schema, title, category, allowed}.
const Jsonb *type_state(const Image &row);

/// A state of settings, read again.
struct SettingsState {
    bool custom;
    std::optional<bool> active;
    JsonFields settings;
    JsonFields fingerprints; // strings, as fingerprint() makes them
    JsonItems locked;        // strings
};
/// None if it is not one: somebody has written to history_changes himself.
std::optional<SettingsState> read_state(const Jsonb *state);

/// The fingerprint of a field's value.
const char *secret_fingerprint(const JsonbValue &value);

/// What people see of a secret: `(secret 3f9a12c4)`.
const char *mask_of(std::string_view fingerprint);

/// The state as people may see it: each fingerprint as a mask among the settings, and a mask for whatever the schema
/// makes a secret, or does not name though it names others. Every settings object that leaves history_changes goes
/// through here. `type` may be null: nothing more is known to be secret.
const Jsonb *shown_settings(const Jsonb *settings, const Integration *type);
const Jsonb *shown_state(const Jsonb *state, const Integration *type);

} // namespace intd
