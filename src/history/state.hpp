// The states that history_changes keeps, as jsonb: what a row of ours said, without secrets in clear.
//
// A sealed secret is kept as it is stored. A marked one is kept without its value, {"$secret": null, "bound": …,
// "mask": …}: JSON null is no secret, so no row has this. What is a secret by its schema, but stored as neither, is
// withheld:
// {"$secret": null}.
#pragma once

#include "catalog/integration.hpp"
#include "postgres/jsonb.hpp"
#include "store/row_image.hpp"
#include "store/settings_row.hpp"

namespace intd {

/// Of a row of settings: {custom, active, locked, settings}. Of a type that can't be found every field is taken for a
/// secret. Null of a row that neither sets nor locks anything, which is as good as none. In the current memory context.
const Jsonb *settings_state(const SettingsRow &row, const Integration *type);

/// Settings as they are kept, of a type that may be null as above: the same if they are so already.
const Jsonb *kept_settings(const Jsonb *settings, const Integration *type);
/// A value of a field as it is kept, if that is another one.
std::optional<JsonbValue> kept(const Integration *type, std::string_view field, const JsonbValue &value);

/// What stands for a value of which nothing is known but that it was a secret.
JsonbValue withheld();
bool is_withheld(const JsonbValue &value);
/// Whether the value of a present row is the one that is kept, as far as that can be told: of secrets by their masks.
bool is_as_kept(const JsonbValue &present, const JsonbValue &kept);

/// Whether two states, which may be null, differ in what is set. Secrets are the same if their masks are.
bool same_state(const Jsonb *a, const Jsonb *b);

/// Of a group or a project, as its kind names the parent: {parent_id} or {group_id}.
const Jsonb *place_state(Kind kind, std::optional<std::string_view> parent);

/// Of a row of `integrations`: {schema, title, category, allowed, strict}.
const Jsonb *type_state(const Image &row);

/// A state of settings, read again.
struct SettingsState {
    bool custom;
    std::optional<bool> active;
    JsonFields settings;
    JsonItems locked; // strings
};
/// None if it is not one: somebody has written to history_changes himself.
std::optional<SettingsState> read_state(const Jsonb *state);

/// The state as people may see it: a mask for each secret, and for whatever the schema makes one. Nothing is opened for
/// that. `type` may be null: nothing more is known to be secret.
const Jsonb *shown_state(const Jsonb *state, const Integration *type);

/// What `state` says with other settings.
const Jsonb *with_settings(const Jsonb *state, const Jsonb *settings);

} // namespace intd
