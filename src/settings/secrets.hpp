// Secrets in a write of settings. Before the rules of check.hpp a mask that comes back is what it stands for; after
// them what is new is sealed, or marked where the server has no key. Between the two, and for the fold, a stored secret
// is a value like any other.
#pragma once

#include "secrets/mask_key.hpp"
#include "settings/check.hpp"

namespace intd {

/// What a value stands for that is given for a field.
enum class Meaning { itself, own, effective };

/// Of a mask: whether it is that of what the scope has set (`own`), or else of what it ends up with. 23514 for a mask
/// of something else in a field that is a secret.
Meaning meaning_of(const Integration &type, const JsonFields &own, const core::Fold &effective, std::string_view field,
                   const JsonbValue &value);

/// Whether a value is the one that is set already. A secret is opened to find out, if that can be.
bool is_set_so(const Integration &type, const JsonFields &own, std::string_view field, const JsonbValue &value);

/// The row that is to be, with what its masks stand for. `had`: the fields of the row that is replaced, be it that of
/// another scope; `current`: as for checked(). What is given as sealed already must open here: 23514.
SettingsRow unmasked(Inheritance &inherited, const Place &place, const JsonFields &had, const SettingsRow *current,
                     const SettingsRow &wanted, const Given &given);

/// The row as it is to be stored: each new secret sealed or marked. One that stays and is not given is a secret also
/// where the schema has none any more. Throws 22000 where a secret stays and what it is bound to does not, 55000 where
/// there is no key and there has to be one.
SettingsRow with_stored_secrets(const Integration &type, const JsonFields &had, const SettingsRow &wanted,
                                const Given &given);

/// The names that a secret in a row of these fields is to be bound to: what the schema says, but for those that are
/// secrets here. Of a field that is no secret any more, those that what is stored is bound to.
std::pmr::vector<std::string_view> bound_names(const Integration &type, std::string_view field,
                                               const std::optional<StoredSecret> &stored, const JsonFields &row,
                                               std::pmr::memory_resource *memory);

/// Settings whose type gets another name, their secrets sealed anew. 55000 without their keys.
const Jsonb *renamed_secrets(std::string_view before, std::string_view after, const Jsonb *settings);

} // namespace intd
