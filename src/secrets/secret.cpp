#include "secrets/secret.hpp"

#include "secrets/canonical.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace intd {
namespace {

constexpr unsigned char version = 1;
constexpr int padding = 32;
constexpr std::string_view sealed_key = "$sealed", marked_key = "$secret", bound_key = "bound", mask_key = "mask",
                           mask_begin = "(secret ", mask_end = ")", no_mask = "(secret)";

bool are_digits(std::string_view text) {
    return text.size() == mask_digits && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

// --- server code from here to the next line like this: raises reports, owns nothing ---------------------------------

[[noreturn]] void cipher_failed() {
    ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("OpenSSL could not seal a secret")));
    pg_unreachable();
}

/// The parts of what is sealed, in memory of their own.
struct Envelope {
    std::string_view key_id;
    const unsigned char *nonce, *tag;
    std::string_view content;
};

bool read_envelope(std::string_view text, Envelope *envelope) {
    auto *bytes = static_cast<unsigned char *>(palloc_extended(text.size() + 4, MCXT_ALLOC_HUGE));
    const int size = text.size() > INT_MAX / 2 ? -1 : decode_base64(text, bytes);
    if (size < 2 || bytes[0] != version)
        return false;
    const int id = bytes[1], fixed = 2 + id + cipher_nonce_size + cipher_tag_size;
    if (size < fixed)
        return false;
    envelope->key_id = {reinterpret_cast<char *>(bytes) + 2, static_cast<size_t>(id)};
    envelope->nonce = bytes + 2 + id;
    envelope->content = {reinterpret_cast<char *>(bytes) + 2 + id + cipher_nonce_size,
                         static_cast<size_t>(size - fixed)};
    envelope->tag = bytes + size - cipher_tag_size;
    return true;
}

/// Encrypts into base64.
std::string_view seal(const SealingKey &key, std::string_view around, std::string_view content) {
    const size_t id = strlen(key.id), size = 2 + id + cipher_nonce_size + content.size() + cipher_tag_size;
    auto *bytes = static_cast<unsigned char *>(palloc_extended(size, MCXT_ALLOC_HUGE));
    bytes[0] = version;
    bytes[1] = static_cast<unsigned char>(id);
    memcpy(bytes + 2, key.id, id);
    unsigned char *nonce = bytes + 2 + id;
    if (!random_bytes(nonce, cipher_nonce_size) ||
        !encrypt(key.cipher, nonce, around, content, nonce + cipher_nonce_size, bytes + size - cipher_tag_size))
        cipher_failed();
    auto *text = static_cast<char *>(palloc_extended(base64_size(size) + 1, MCXT_ALLOC_HUGE));
    encode_base64(bytes, size, text);
    return {text, base64_size(size)};
}

/// Decrypts into *bytes.
Opening unseal(const Envelope &envelope, std::string_view around, char **bytes) {
    const SealingKey *key = find_key(envelope.key_id);
    if (key == nullptr)
        return Opening::no_key;
    *bytes = static_cast<char *>(palloc_extended(envelope.content.size() + 1, MCXT_ALLOC_HUGE));
    if (!decrypt(key->cipher, envelope.nonce, around, envelope.content, envelope.tag,
                 reinterpret_cast<unsigned char *>(*bytes)))
        return Opening::does_not_fit;
    (*bytes)[envelope.content.size()] = '\0';
    return Opening::opened;
}

/// Appends whether there is a value, and a digest of it.
void append_digest(Bytes *bytes, const Beside &around, std::string_view name) {
    const JsonbValue *value = around.find(around.in, name);
    bytes->add(value != nullptr ? 1 : 0);
    if (value == nullptr)
        return;
    const bool large = value->type == jbvBinary || (value->type == jbvString && value->val.string.len > 256);
    if (large)
        for (const Beside::Digest &known : around.digests)
            if (known.value == value)
                return bytes->append(known.bytes, digest_size);
    Bytes canonical;
    append_canonical(&canonical, value);
    Beside::Digest made = {value, {}};
    if (!digest_of(canonical.view(), made.bytes))
        cipher_failed();
    if (large)
        around.digests.add(made);
    bytes->append(made.bytes, digest_size);
}

/// What is authenticated beside a secret.
void append_around(Bytes *bytes, std::string_view key_id, const SecretField &field, std::string_view mask,
                   const JsonItems &bound, const Beside &around) {
    bytes->add(static_cast<char>(version));
    bytes->append_piece(key_id);
    bytes->append_piece(as_utf8(field.integration));
    bytes->append_piece(as_utf8(field.name));
    bytes->append_piece(mask);
    bytes->append_number(bound.count);
    for (const JsonbValue &name : bound) {
        bytes->append_piece(as_utf8(string_of(name)));
        append_digest(bytes, around, string_of(name));
    }
}

Opening unseal_secret(const StoredSecret &secret, const SecretField &field, const Beside &around, JsonbValue *value) {
    Envelope envelope;
    if (!read_envelope(secret.envelope, &envelope))
        return Opening::does_not_fit;
    if (find_key(envelope.key_id) == nullptr) // the rest is not needed
        return Opening::no_key;
    Bytes beside_it;
    append_around(&beside_it, envelope.key_id, field, secret.mask, secret.bound, around);
    char *text;
    const Opening opening = unseal(envelope, beside_it.view(), &text);
    if (opening == Opening::opened && value != nullptr) {
        const char *local = pg_any_to_server(text, static_cast<int>(envelope.content.size()), PG_UTF8);
        *value = value_of(DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(local))));
        if (local != text)
            wipe(const_cast<char *>(local), strlen(local));
    }
    if (opening != Opening::no_key)
        wipe(text, envelope.content.size());
    return opening;
}

/// {key: value, "bound": …, "mask": …}
JsonbValue stored_form(std::string_view key, const JsonbValue &value, const JsonItems &bound, std::string_view mask) {
    JsonbParseState *state = nullptr;
    JsonbValue name;
    auto push_key = [&](std::string_view text) {
        name = string_value(text);
        pushJsonbValue(&state, WJB_KEY, &name);
    };
    pushJsonbValue(&state, WJB_BEGIN_OBJECT, nullptr);
    push_key(key);
    pushJsonbValue(&state, WJB_VALUE, const_cast<JsonbValue *>(&value));
    push_key(bound_key);
    pushJsonbValue(&state, WJB_BEGIN_ARRAY, nullptr);
    for (const JsonbValue &each : bound)
        pushJsonbValue(&state, WJB_ELEM, const_cast<JsonbValue *>(&each));
    pushJsonbValue(&state, WJB_END_ARRAY, nullptr);
    push_key(mask_key);
    JsonbValue digits = string_value(mask);
    pushJsonbValue(&state, WJB_VALUE, &digits);
    return value_of(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, nullptr)));
}

/// The value's JSON, filled up with blanks.
std::string_view content_of(const JsonbValue &value) {
    Jsonb *json = JsonbValueToJsonb(const_cast<JsonbValue *>(&value));
    const char *text = JsonbToCString(nullptr, &json->root, VARSIZE(json));
    const std::string_view utf8 = as_utf8(view(text));
    const size_t size = (utf8.size() / padding + 1) * padding;
    auto *content = static_cast<char *>(palloc_extended(size, MCXT_ALLOC_HUGE));
    memset(content, ' ', size);
    memcpy(content, utf8.data(), utf8.size());
    return {content, size};
}

std::string_view digits_of(const Sealer &sealer, const JsonbValue &value) {
    Bytes bytes;
    append_canonical(&bytes, &value);
    unsigned char digest[digest_size];
    if (!authenticate({reinterpret_cast<const char *>(sealer.mask_key), mask_key_size}, bytes.view(), digest))
        cipher_failed();
    auto *digits = static_cast<char *>(palloc(mask_digits + 1));
    for (int i = 0; i < mask_digits / 2; i++)
        snprintf(digits + 2 * i, 3, "%02x", digest[i]);
    return {digits, mask_digits};
}

JsonItems items_of(const std::pmr::vector<std::string_view> &names) {
    JsonItems items = {static_cast<JsonbValue *>(palloc(sizeof(JsonbValue) * (names.size() + 1))), 0};
    for (std::string_view name : names)
        items.begin_[items.count++] = string_value(name);
    return items;
}

const JsonbValue *find_field(const void *in, std::string_view name) {
    return static_cast<const JsonFields *>(in)->find(name);
}

} // namespace

// --- C++ ------------------------------------------------------------------------------------------------------------

std::optional<StoredSecret> read_object(const JsonbValue &value) {
    struct {
        bool is_one;
        StoredSecret secret;
    } read = guard([&] {
        decltype(read) result = {};
        const JsonFields fields = read_fields(value.val.binary.data); // the shortest key first
        const JsonField &mask = fields.begin_[0], &bound = fields.begin_[1], &main = fields.begin_[2];
        const bool sealed = main.key == sealed_key;
        if (mask.key != mask_key || mask.value.type != jbvString || !are_digits(string_of(mask.value)) ||
            bound.key != bound_key || bound.value.type != jbvBinary ||
            !JsonContainerIsArray(bound.value.val.binary.data) || (!sealed && main.key != marked_key) ||
            (sealed && main.value.type != jbvString))
            return result;
        const JsonItems names = read_items(bound.value.val.binary.data);
        for (const JsonbValue &name : names)
            if (name.type != jbvString)
                return result;
        result = {
            true,
            {sealed, sealed ? string_of(main.value) : std::string_view(), main.value, names, string_of(mask.value)}};
        return result;
    });
    return read.is_one ? std::optional<StoredSecret>(read.secret) : std::nullopt;
}

bool claims_to_be_secret(const JsonbValue &value) {
    if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
        return false;
    return guard([&] {
        JsonbValue found;
        for (std::string_view key : {sealed_key, marked_key})
            if (getKeyJsonValueFromContainer(value.val.binary.data, key.data(), static_cast<int>(key.size()), &found))
                return true;
        return false;
    });
}

bool is_mask(const JsonbValue &value) {
    if (value.type != jbvString)
        return false;
    const std::string_view text = string_of(value);
    return text == no_mask ||
           (text.size() == mask_begin.size() + mask_digits + mask_end.size() &&
            text.substr(0, mask_begin.size()) == mask_begin && text.substr(text.size() - mask_end.size()) == mask_end &&
            are_digits(text.substr(mask_begin.size(), mask_digits)));
}

Beside beside(const JsonFields &fields) {
    return {&fields, find_field, {}};
}

Opening open_secret(const StoredSecret &secret, const SecretField &field, const Beside &around, JsonbValue *value) {
    if (!secret.sealed) {
        if (value != nullptr)
            *value = secret.value;
        return Opening::opened;
    }
    keys_version(); // reads them if need be
    return guard([&] { return unseal_secret(secret, field, around, value); });
}

Refusal cant_open(const StoredSecret &secret, const SecretField &field, Opening why, const char *where) {
    const char *message = cat("secret \"", shown(field.name), "\" of integration \"", shown(field.integration), "\"",
                              where, " can't be opened");
    if (why == Opening::no_key) {
        Envelope envelope = guard([&] {
            Envelope found = {};
            read_envelope(secret.envelope, &found);
            return found;
        });
        return Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, message)
            .detail(why_there_is_no_key(envelope.key_id))
            .hint("The server's setting integration_defaults.key_file names the file with the keys.");
    }
    const char *names = nullptr;
    for (const JsonbValue &name : secret.bound)
        names = cat(names == nullptr ? "" : cat(names, ", "), "\"", shown(string_of(name)), "\"");
    return Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, message)
        .detail(names == nullptr ? "It was sealed as another field or for another type, or has been changed."
                                 : cat("It was sealed beside other values of ", names,
                                       ", as another field or for another type, or has been changed."))
        .hint("Set it anew.");
}

JsonbValue unknown_mask() {
    return string_value(no_mask);
}

const char *mask_text(std::string_view digits) {
    return cat(mask_begin, digits, mask_end);
}

JsonbValue mask_of(const StoredSecret &secret, const SecretField &field, const Beside &around) {
    if (open_secret(secret, field, around, nullptr) != Opening::opened)
        return unknown_mask();
    return string_value(mask_text(secret.mask));
}

std::string_view mask_digits_of(const Sealer &sealer, const JsonbValue &value) {
    return guard([&] { return digits_of(sealer, value); });
}

JsonbValue store_secret(const Sealer &sealer, const SecretField &field, const Beside &around,
                        const std::pmr::vector<std::string_view> &bound, const JsonbValue &value) {
    return guard([&] {
        const std::string_view mask = digits_of(sealer, value);
        const JsonItems names = items_of(bound);
        if (sealer.key == nullptr)
            return stored_form(marked_key, value, names, mask);
        Bytes beside_it;
        append_around(&beside_it, view(sealer.key->id), field, mask, names, around);
        return stored_form(sealed_key, string_value(seal(*sealer.key, beside_it.view(), content_of(value))), names,
                           mask);
    });
}

bool is_bound_to(const StoredSecret &secret, const std::pmr::vector<std::string_view> &names) {
    return std::equal(secret.bound.begin(), secret.bound.end(), names.begin(), names.end(),
                      [](const JsonbValue &one, std::string_view other) { return string_of(one) == other; });
}

bool is_stored_with(const StoredSecret &secret, const Sealer &sealer) {
    if (!secret.sealed || sealer.key == nullptr)
        return secret.sealed == (sealer.key != nullptr);
    return guard([&] {
        Envelope envelope;
        return read_envelope(secret.envelope, &envelope) && envelope.key_id == view(sealer.key->id);
    });
}

std::string_view first_difference(const JsonItems &names, const Beside &a, const Beside &b) {
    return guard([&] {
        for (const JsonbValue &item : names) {
            const std::string_view name = string_of(item);
            Bytes one, other;
            append_digest(&one, a, name);
            append_digest(&other, b, name);
            if (one.view() != other.view())
                return name;
        }
        return std::string_view();
    });
}

const char *seal_bytes(const SealingKey &key, std::string_view purpose, std::string_view bytes) {
    return guard([&] { return seal(key, purpose, bytes).data(); });
}

Opening open_bytes(std::string_view text, std::string_view purpose, char **bytes, int *size, std::string_view *key_id) {
    keys_version();
    return guard([&] {
        Envelope envelope;
        *bytes = nullptr;
        if (!read_envelope(text, &envelope))
            return Opening::does_not_fit;
        *key_id = envelope.key_id;
        *size = static_cast<int>(envelope.content.size());
        return unseal(envelope, purpose, bytes);
    });
}

} // namespace intd
