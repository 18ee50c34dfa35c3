#include "secrets/mask_key.hpp"

#include "postgres/query.hpp"
#include "store/owner.hpp"

namespace intd {
namespace {

constexpr std::string_view purpose = "integration_defaults mask key 1";

Statement find_keys = {"SELECT (SELECT key::pg_catalog.text FROM integration_defaults.mask_keys WHERE sealed), "
                       "(SELECT key::pg_catalog.text FROM integration_defaults.mask_keys WHERE NOT sealed)",
                       0,
                       {},
                       nullptr};
Statement add_key = {"INSERT INTO integration_defaults.mask_keys (sealed, key) VALUES ($1, $2) "
                     "ON CONFLICT (sealed) DO NOTHING",
                     2,
                     {BOOLOID, TEXTOID},
                     nullptr};
Statement replace_key = {"UPDATE integration_defaults.mask_keys SET key = $1 WHERE sealed", 1, {TEXTOID}, nullptr};
Statement remove_marked = {"DELETE FROM integration_defaults.mask_keys WHERE NOT sealed", 0, {}, nullptr};

struct StoredKeys {
    Value sealed, marked;
};

StoredKeys stored_keys(bool read_only) {
    std::array<Value, 2> found;
    fetch_row(find_keys, {}, found.data(), 2, read_only);
    return {found[0], found[1]};
}

StoredKeys newest_keys() {
    NewestState newest;
    return stored_keys(true);
}

[[noreturn]] void refuse_key(const char *detail) {
    throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the key of the masks of secrets can't be opened")
        .detail(detail)
        .hint("The server's setting integration_defaults.key_file names the file with the keys.");
}

std::string_view key_id_of(std::string_view text) {
    char *bytes;
    int size;
    std::string_view id;
    open_bytes(text, purpose, &bytes, &size, &id);
    return id;
}

void read_sealed(std::string_view text, Sealer *sealer) {
    char *bytes;
    int size = 0;
    std::string_view key_id;
    const Opening opening = open_bytes(text, purpose, &bytes, &size, &key_id);
    if (opening == Opening::no_key)
        refuse_key(why_there_is_no_key(key_id));
    if (opening != Opening::opened || size != mask_key_size)
        refuse_key("The table mask_keys has been changed.");
    memcpy(sealer->mask_key, bytes, mask_key_size);
    wipe(bytes, size);
}

void read_marked(std::string_view text, Sealer *sealer) {
    unsigned char bytes[base64_size(mask_key_size)];
    if (text.size() != sizeof(bytes) || decode_base64(text, bytes) != mask_key_size)
        refuse_key("The table mask_keys has been changed.");
    memcpy(sealer->mask_key, bytes, mask_key_size);
}

/// A new one, as it is stored.
Datum new_key(const SealingKey *key) {
    unsigned char bytes[mask_key_size];
    char text[base64_size(mask_key_size) + 1];
    if (!random_bytes(bytes, sizeof(bytes)))
        throw Refusal(ERRCODE_INTERNAL_ERROR, "there are no random bytes for a key");
    encode_base64(bytes, sizeof(bytes), text);
    Datum stored = text_datum(
        key == nullptr ? view(text)
                       : view(seal_bytes(*key, purpose, {reinterpret_cast<const char *>(bytes), sizeof(bytes)})));
    wipe(bytes, sizeof(bytes));
    wipe(text, sizeof(text));
    return stored;
}

} // namespace

Sealer writing_sealer() {
    AsOwner owner;
    Sealer sealer = {has_key_file() ? &first_key() : nullptr, {}};
    const bool seals = sealer.key != nullptr;
    StoredKeys keys = newest_keys();
    if (!seals && keys.sealed)
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "a secret can't be written without a key")
            .detail("Secrets in this database are sealed, and the server has no key file.")
            .hint("Set integration_defaults.key_file, with the module in shared_preload_libraries.");
    Value &stored = seals ? keys.sealed : keys.marked;
    if (!stored) {
        execute(add_key, {BoolGetDatum(seals), new_key(sealer.key)});
        keys = newest_keys();
        if (!stored)
            throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the key of the masks of secrets was not stored")
                .detail("A trigger on table \"mask_keys\" leaves the row out.");
    }
    if (seals)
        read_sealed(view(*stored), &sealer);
    else
        read_marked(view(*stored), &sealer);
    return sealer;
}

bool needs_key_file() {
    if (has_key_file())
        return false;
    AsOwner owner;
    return newest_keys().sealed.has_value();
}

std::optional<Sealer> reading_sealer() {
    AsOwner owner;
    const StoredKeys keys = stored_keys(true);
    Sealer sealer = {nullptr, {}};
    if (keys.sealed)
        read_sealed(view(*keys.sealed), &sealer);
    else if (keys.marked)
        read_marked(view(*keys.marked), &sealer);
    else
        return std::nullopt;
    return sealer;
}

void seal_mask_key_anew(const Sealer &sealer) {
    AsOwner owner;
    const StoredKeys keys = newest_keys();
    if (sealer.key == nullptr || !keys.sealed || key_id_of(view(*keys.sealed)) == view(sealer.key->id))
        return;
    execute(replace_key, {text_datum(seal_bytes(*sealer.key, purpose,
                                                {reinterpret_cast<const char *>(sealer.mask_key), mask_key_size}))});
}

void remove_mask_key_of_marked() {
    AsOwner owner;
    execute(remove_marked, {});
}

} // namespace intd
