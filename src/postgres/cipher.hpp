// Encryption, as OpenSSL does it. Nothing here knows what is encrypted, or reports: who calls says what went wrong.
//
// A Cipher is OpenSSL's context with one key in it. It is not the server's memory: whoever makes one keeps it where an
// error can't lose it, and frees it, which wipes the key.
#pragma once

#include "postgres/boundary.hpp"

struct evp_cipher_ctx_st;

namespace intd {

using Cipher = evp_cipher_ctx_st;

constexpr int cipher_key_size = 32, cipher_nonce_size = 12, cipher_tag_size = 16, digest_size = 32;

/// AES-256-GCM with this key; null if there is no memory, or OpenSSL does not have it.
Cipher *new_cipher(const unsigned char *key);
void free_cipher(Cipher *cipher);

/// Encrypts; `output` has the size of the input, `tag` cipher_tag_size. `beside` is authenticated, too. A nonce must
/// never be used twice with a key. False if OpenSSL fails.
bool encrypt(Cipher *cipher, const unsigned char *nonce, std::string_view beside, std::string_view input,
             unsigned char *output, unsigned char *tag);

/// Decrypts. False unless input, `beside` and tag are those of one encrypt() with this key; then `output` is not to be
/// used.
bool decrypt(Cipher *cipher, const unsigned char *nonce, std::string_view beside, std::string_view input,
             const unsigned char *tag, unsigned char *output);

/// HMAC-SHA-256 into `digest`. False if OpenSSL fails.
bool authenticate(std::string_view key, std::string_view message, unsigned char *digest);

/// SHA-256 into `digest`. False if OpenSSL fails.
bool digest_of(std::string_view message, unsigned char *digest);

/// Random bytes. False if there are none.
bool random_bytes(void *place, size_t size);

/// Base64 with padding, without line ends, and a zero behind it: `text` has room for base64_size() and one byte more.
constexpr size_t base64_size(size_t size) {
    return (size + 2) / 3 * 4;
}
void encode_base64(const unsigned char *bytes, size_t size, char *text);
/// The number of bytes in `bytes`, which has room for 3 of each 4 characters; -1 if the text is not base64.
int decode_base64(std::string_view text, unsigned char *bytes);

/// Overwrites what nobody is to find in memory.
void wipe(void *place, size_t size);

} // namespace intd
