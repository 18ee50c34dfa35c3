#include "settings/secrets.hpp"

namespace intd {
namespace {

using Names = std::pmr::vector<std::string_view>;

Refusal misfit(const Integration &type, std::string_view field, const char *detail) {
    return Refusal(ERRCODE_CHECK_VIOLATION,
                   cat("secret \"", shown(field), "\" of integration \"", type.name, "\" can't be set so"))
        .detail(detail)
        .constraint("setting_matches_schema");
}

/// Whether a value is shown as this mask, or would be if it could be opened.
bool is_masked_as(const Integration &type, std::string_view field, const JsonbValue &value, const Beside &around,
                  const JsonbValue &mask) {
    const std::optional<StoredSecret> stored = read_secret(value);
    if (!stored && (!type.schema->is_secret(field) || value.type == jbvNull))
        return false;
    return string_of(masked(type, field, true, value, around)) == string_of(mask) ||
           (stored && view(mask_text(stored->mask)) == string_of(mask));
}

JsonItems items_of(const Names &names, std::pmr::memory_resource *memory) {
    JsonItems items = {static_cast<JsonbValue *>(memory->allocate(sizeof(JsonbValue) * (names.size() + 1))), 0};
    for (std::string_view name : names)
        items.begin_[items.count++] = string_value(name);
    return items;
}

/// Throws 22000 unless what the secret is bound to stays as it is.
void check_bound(const Integration &type, std::string_view field, const JsonItems &bound, const Beside &before,
                 const Beside &after) {
    const std::string_view name = first_difference(bound, before, after);
    if (name.empty())
        return;
    throw Refusal(ERRCODE_DATA_EXCEPTION, cat("secret \"", shown(field), "\" of integration \"", type.name,
                                              "\" is bound to \"", shown(name), "\", which changes"))
        .detail("A secret is for the values of its atomic group that it was set with.")
        .hint("Give the secret anew, or leave it out.");
}

/// The same of a value that is no stored secret yet: of what the schema says.
void check_bound(const Integration &type, std::string_view field, const JsonbValue &value, const JsonFields &row,
                 const Beside &before, const Beside &after) {
    if (const std::optional<StoredSecret> stored = read_secret(value); stored)
        return check_bound(type, field, stored->bound, before, after);
    ContextResource memory(CurrentMemoryContext);
    check_bound(type, field, items_of(bound_names(type, field, std::nullopt, row, &memory), &memory), before, after);
}

/// The fields; of those that are secrets no more, as they are stored what is set so and not given.
JsonFields with_former_secrets(const Integration &type, const JsonFields &had, const JsonFields &fields,
                               const Given &given) {
    ObjectBuilder object;
    for (const JsonField &field : fields) {
        const JsonbValue *own = had.find(field.key);
        const bool former = own != nullptr && !type.schema->is_secret(field.key) && !given.has(field.key) &&
                            field.value.type != jbvNull && read_secret(*own) &&
                            is_set_so(type, had, field.key, field.value);
        object.add(field.key, former ? *own : field.value);
    }
    return fields_of(object.finish());
}

} // namespace

Names bound_names(const Integration &type, std::string_view field, const std::optional<StoredSecret> &stored,
                  const JsonFields &row, std::pmr::memory_resource *memory) {
    Names names(memory);
    if (!stored || type.schema->is_secret(field))
        names = type.schema->bound_to(field, memory);
    else
        for (const JsonbValue &name : stored->bound)
            names.push_back(string_of(name));
    names.erase(std::remove_if(names.begin(), names.end(),
                               [&](std::string_view name) {
                                   const JsonbValue *value = row.find(name);
                                   return type.schema->is_secret(name) || (value != nullptr && read_secret(*value));
                               }),
                names.end());
    return names;
}

Meaning meaning_of(const Integration &type, const JsonFields &own, const core::Fold &effective, std::string_view field,
                   const JsonbValue &value) {
    if (!is_mask(value))
        return Meaning::itself;
    if (const JsonbValue *set = own.find(field); set != nullptr && is_masked_as(type, field, *set, beside(own), value))
        return Meaning::own;
    const int n = effective.find(field);
    const auto *inherited = n < 0 ? nullptr : static_cast<const JsonbValue *>(effective.fields()[n].value);
    if (inherited != nullptr && is_masked_as(type, field, *inherited, beside(effective), value))
        return Meaning::effective;
    if (!type.schema->is_secret(field))
        return Meaning::itself;
    throw misfit(type, field, "It is a mask, and not that of the secret that is set there.")
        .hint("Give the secret itself; or the mask as it is shown now, to leave the secret as it is.");
}

bool is_set_so(const Integration &type, const JsonFields &own, std::string_view field, const JsonbValue &value) {
    const JsonbValue *set = own.find(field);
    if (set == nullptr)
        return false;
    if (same_json(set, &value))
        return true;
    const std::optional<StoredSecret> stored = read_secret(*set);
    JsonbValue opened;
    return stored && open_secret(*stored, {type.name, field}, beside(own), &opened) == Opening::opened &&
           same_json(&opened, &value);
}

SettingsRow unmasked(Inheritance &inherited, const Place &place, const JsonFields &had, const SettingsRow *current,
                     const SettingsRow &wanted, const Given &given) {
    const Integration &type = *place.above.integration;
    const JsonFields fields = fields_of(wanted.settings);
    auto is_plain = [&](const JsonField &field) {
        return !may_be_secret(field.value) && !is_mask(field.value) &&
               !(type.schema->is_secret(field.key) && claims_to_be_secret(field.value));
    };
    if (std::all_of(fields.begin(), fields.end(), is_plain))
        return wanted;
    const core::Fold &effective =
        *inherited.with(place.above, current == nullptr ? nullptr : make_layer(place.level, place.id, *current)).fold;
    const Beside after = beside(fields);
    // The row decides all of an atomic group of which it has something.
    const core::Shape &shape = type.schema->shape;
    ContextResource memory(CurrentMemoryContext);
    std::pmr::vector<bool> decided(shape.properties().size(), wanted.custom, &memory);
    for (const JsonField &field : fields)
        if (const int n = shape.find(field.key); n >= 0 && !is_mask(field.value))
            decided[shape.properties()[n].unit] = true;
    auto is_decided = [&](std::string_view name) {
        const int n = shape.find(name);
        return n < 0 ? wanted.custom : decided[shape.properties()[n].unit];
    };
    ObjectBuilder object;
    // What stays below a lock is left out, as the rules put back what is there.
    auto keep = [&](const JsonField &field, const JsonbValue &value) {
        if (!given.has(field.key) || place.above.fold->lock_of(field.key) == nullptr)
            object.add(field.key, value);
    };
    for (const JsonField &field : fields) {
        const JsonbValue *own = had.find(field.key);
        const std::optional<StoredSecret> stored = read_secret(field.value);
        if (stored && own != nullptr && same_json(own, &field.value)) {
            keep(field, field.value);
            continue;
        }
        if (stored) { // another row's, or a copy of what was here
            const bool secret = type.schema->is_secret(field.key);
            if (stored->sealed && open_secret(*stored, {type.name, field.key}, after, nullptr) == Opening::opened) {
                object.add(field.key, field.value);
                continue;
            }
            if (stored->sealed || !secret)
                throw misfit(type, field.key, "It has the form in which secrets are stored, and does not open here.")
                    .hint("Give the secret itself.");
            object.add(field.key, stored->value);
            continue;
        }
        if (type.schema->is_secret(field.key) && claims_to_be_secret(field.value))
            throw misfit(type, field.key, "It has a key that begins with \"$\", as stored secrets have.")
                .hint("Give the secret itself.");
        const Meaning meaning = meaning_of(type, had, effective, field.key, field.value);
        if (meaning == Meaning::itself) {
            object.add(field.key, field.value);
            continue;
        }
        if (meaning == Meaning::own) {
            check_bound(type, field.key, *own, had, beside(had), after);
            keep(field, *own);
            continue;
        }
        const core::Resolved &found = effective.fields()[effective.find(field.key)];
        if (found.source == nullptr || !is_decided(field.key) || place.above.fold->lock_of(field.key) != nullptr)
            continue; // it stays what it is
        const auto &value = *static_cast<const JsonbValue *>(found.value);
        check_bound(type, field.key, value, fields, beside(effective), after);
        object.add(field.key, value);
    }
    SettingsRow row = wanted;
    row.settings = object.finish();
    return row;
}

SettingsRow with_stored_secrets(const Integration &type, const JsonFields &had, const SettingsRow &wanted,
                                const Given &given) {
    const JsonFields given_so = fields_of(wanted.settings);
    auto is_to_be_looked_at = [&](const JsonField &field) {
        const JsonbValue *own = had.find(field.key);
        return may_be_secret(field.value) || (field.value.type != jbvNull && (type.schema->is_secret(field.key) ||
                                                                              (own != nullptr && may_be_secret(*own))));
    };
    if (std::none_of(given_so.begin(), given_so.end(), is_to_be_looked_at))
        return wanted;
    ContextResource memory(CurrentMemoryContext);
    const JsonFields fields = with_former_secrets(type, had, given_so, given);
    const Beside before = beside(had), after = beside(fields);
    std::optional<Sealer> sealer;
    ObjectBuilder object;
    int64 size = 0;
    for (const JsonField &field : fields) {
        const JsonbValue *own = had.find(field.key);
        const JsonbValue &value = *given_so.find(field.key);
        const std::optional<StoredSecret> was = own == nullptr ? std::nullopt : read_secret(*own);
        const std::optional<StoredSecret> stored = read_secret(field.value);
        const bool former = stored && !read_secret(value);
        if (stored && !former) {
            if (own != nullptr && same_json(own, &field.value))
                check_bound(type, field.key, stored->bound, before, after);
            object.add(field.key, field.value);
            continue;
        }
        if (!former && (!type.schema->is_secret(field.key) || value.type == jbvNull)) {
            object.add(field.key, value);
            continue;
        }
        const Names bound = bound_names(type, field.key, was, fields, &memory);
        if (former || (own != nullptr && is_set_so(type, had, field.key, value))) {
            if (was && is_bound_to(*was, bound) && first_difference(was->bound, before, after).empty()) {
                object.add(field.key, *own);
                continue;
            }
            // from before there were keys: it does not keep the other fields from being written
            if (!was && !given.has(field.key) && needs_key_file()) {
                object.add(field.key, value);
                continue;
            }
        }
        if (!sealer)
            sealer = writing_sealer();
        const JsonbValue made = store_secret(*sealer, {type.name, field.key}, after, bound, value);
        // each has the names that it is bound to: where there are many of both, it is too much before it is all made
        size += made.val.binary.len;
        check_size(max_settings_size, size, cat("what is to be set for integration \"", type.name, "\", once sealed,"));
        object.add(field.key, made);
    }
    if (sealer)
        wipe(sealer->mask_key, sizeof(sealer->mask_key));
    SettingsRow row = wanted;
    row.settings = object.finish();
    return row;
}

const Jsonb *renamed_secrets(std::string_view before, std::string_view after, const Jsonb *settings) {
    if (!is_object(settings))
        return settings;
    const JsonFields fields = fields_of(settings);
    const Beside around = beside(fields);
    ContextResource memory(CurrentMemoryContext);
    std::optional<Sealer> sealer;
    ObjectBuilder object;
    for (const JsonField &field : fields) {
        const std::optional<StoredSecret> stored = read_secret(field.value);
        if (!stored || !stored->sealed) {
            object.add(field.key, field.value);
            continue;
        }
        JsonbValue opened;
        if (const Opening opening = open_secret(*stored, {before, field.key}, around, &opened);
            opening != Opening::opened)
            throw cant_open(*stored, {before, field.key}, opening);
        if (!sealer)
            sealer = writing_sealer();
        Names bound(&memory);
        for (const JsonbValue &name : stored->bound)
            bound.push_back(string_of(name));
        object.add(field.key, store_secret(*sealer, {after, field.key}, around, bound, opened));
    }
    return sealer ? object.finish() : settings;
}

} // namespace intd
