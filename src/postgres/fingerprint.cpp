#include "postgres/fingerprint.hpp"

extern "C" {
#include "access/xlog.h"
}

namespace intd {
namespace {

struct Digest {
    unsigned char bytes[32];
};

/// SHA-256 of key and message.
Digest sha256(const void *key, size_t key_length, const void *message, size_t length) {
    return guard([&] {
        auto *input = static_cast<bytea *>(palloc(VARHDRSZ + key_length + length));
        SET_VARSIZE(input, VARHDRSZ + key_length + length);
        memcpy(VARDATA(input), key, key_length);
        memcpy(VARDATA(input) + key_length, message, length);
        bytea *output = DatumGetByteaPP(DirectFunctionCall1(sha256_bytea, PointerGetDatum(input)));
        Digest digest;
        memcpy(digest.bytes, VARDATA_ANY(output), sizeof(digest.bytes));
        return digest;
    });
}

} // namespace

const char *fingerprint(std::string_view secret) {
    // Only the server's control file holds this nonce; no SQL function shows it.
    char *nonce = GetMockAuthenticationNonce();
    Oid database = MyDatabaseId;
    Digest key = sha256(nonce, 32, &database, sizeof(database));
    Digest inner = sha256(key.bytes, sizeof(key.bytes), secret.data(), secret.size());
    Digest outer = sha256(key.bytes, sizeof(key.bytes), inner.bytes, sizeof(inner.bytes));
    return guard([&]() -> const char * {
        return psprintf("secret %02x%02x%02x%02x", outer.bytes[0], outer.bytes[1], outer.bytes[2], outer.bytes[3]);
    });
}

} // namespace intd
