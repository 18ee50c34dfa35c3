// A secret as it is stored: sealed by a key of the server, or where it has none, marked.
//
//     {"$sealed": "<base64>", "bound": ["url"], "mask": "3f9a12c45b6d7e80"}
//     {"$secret": <the value>, "bound": ["url"], "mask": "3f9a12c45b6d7e80"}
//
// The base64 is of: version 1, the length of the key's id, the id, a nonce of 12 bytes, the value's JSON text in UTF-8
// filled up with blanks to a multiple of 32 bytes (so that its length tells little), encrypted by AES-256-GCM, and a
// tag of 16 bytes.
//
// Why nobody can use a sealed value elsewhere: what is authenticated beside it is the version, the key's id, the type,
// the field, the mask and, for each name in "bound", the name, whether it is there, and a digest of its canonical
// value. So it opens as this field of this type only, and only where these names have the values that they had when it
// was sealed. They are the names of the other fields of its atomic group that are no secrets, as the schema had it
// then: a token opens beside its URL. The list is carried, so that a schema that has changed meanwhile changes nothing;
// where no list fits today's schema, the value is sealed anew. Neither the scope nor the database are in it: a value
// may be copied to another scope, whose fields of the list are the same, without a key.
//
// Who writes the value and the fields beside it back to what they were has what was there before; that can't be told.
//
// The mask is 8 bytes of the HMAC of the canonical value by a key of the database's own (mask_key.hpp): equal where the
// secret is equal. It is shown in place of the value: `(secret 3f9a12c45b6d7e80)`. Of a sealed value it is shown where
// the value opens, which proves it; else `(secret)`. It is never computed where something is read, so that nobody can
// have it computed for a guess.
#pragma once

#include "postgres/jsonb.hpp"
#include "postgres/memory.hpp"
#include "secrets/key_file.hpp"

namespace intd {

constexpr int mask_key_size = 32, mask_digits = 16;

struct StoredSecret {
    bool sealed;
    std::string_view envelope; // of one that is sealed: base64
    JsonbValue value;          // of one that is marked
    JsonItems bound;           // names
    std::string_view mask;     // digits
};

/// Whether a value may be a stored secret. Of most it is told at once.
inline bool may_be_secret(const JsonbValue &value) {
    return value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data) &&
           JsonContainerSize(value.val.binary.data) == 3;
}

std::optional<StoredSecret> read_object(const JsonbValue &value);
/// Reads a value that has the form of a stored secret; none if it has another one.
inline std::optional<StoredSecret> read_secret(const JsonbValue &value) {
    return may_be_secret(value) ? read_object(value) : std::nullopt;
}

/// Whether it is an object with one of the two keys that begin with $, which nobody may give for a secret.
bool claims_to_be_secret(const JsonbValue &value);

/// Whether a text has the form of a mask.
bool is_mask(const JsonbValue &value);

/// What is set beside a secret, by name; null: nothing. A schema's default is nothing, too. To be used in one memory
/// context.
struct Beside {
    const void *in;
    const JsonbValue *(*find)(const void *in, std::string_view name);

    struct Digest {
        const JsonbValue *value;
        unsigned char bytes[digest_size];
    };
    mutable Growing<Digest> digests = {}; // of large values, which many secrets may be bound to
};
Beside beside(const JsonFields &fields);

struct SecretField {
    std::string_view integration, name;
};

enum class Opening { opened, no_key, does_not_fit };

/// Opens a secret, sealed or marked, as this field beside these values. With `value` null it is only tried.
Opening open_secret(const StoredSecret &secret, const SecretField &field, const Beside &around, JsonbValue *value);

/// Says of one that did not open why, in the current memory context: 55000. `where`, as " for project 1", is said of
/// it.
Refusal cant_open(const StoredSecret &secret, const SecretField &field, Opening why, const char *where = "");

/// What is shown in place of a secret. In the current memory context.
JsonbValue mask_of(const StoredSecret &secret, const SecretField &field, const Beside &around);
JsonbValue unknown_mask();
/// Of digits, as text.
const char *mask_text(std::string_view digits);

/// What secrets are stored with.
struct Sealer {
    const SealingKey *key; // null: they are marked
    unsigned char mask_key[mask_key_size];
};

/// The digits of a value's mask, in the current memory context.
std::string_view mask_digits_of(const Sealer &sealer, const JsonbValue &value);

/// The value as it is to be stored, bound to these names.
JsonbValue store_secret(const Sealer &sealer, const SecretField &field, const Beside &around,
                        const std::pmr::vector<std::string_view> &bound, const JsonbValue &value);

/// Whether it is bound to these names.
bool is_bound_to(const StoredSecret &secret, const std::pmr::vector<std::string_view> &names);
/// Whether it is stored with this Sealer's key, or marked if it has none.
bool is_stored_with(const StoredSecret &secret, const Sealer &sealer);

/// The first name that is not the same in both, also by being in one of them only; empty if there is none.
std::string_view first_difference(const JsonItems &names, const Beside &a, const Beside &b);

// Bytes that are no secret of a field: the key of the masks. As base64, in the current memory context.

const char *seal_bytes(const SealingKey &key, std::string_view purpose, std::string_view bytes);
/// *size bytes, at most as many as `text` has; null unless it is opened. *key_id: that of the key that it needs.
Opening open_bytes(std::string_view text, std::string_view purpose, char **bytes, int *size, std::string_view *key_id);

} // namespace intd
