#include "postgres/cipher.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

namespace intd {
namespace {

const unsigned char *bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char *>(text.data());
}

/// What encrypt() and decrypt() have in common.
bool pass(Cipher *cipher, bool encrypts, const unsigned char *nonce, std::string_view beside, std::string_view input,
          unsigned char *output) {
    int size = 0;
    return EVP_CipherInit_ex(cipher, nullptr, nullptr, nullptr, nonce, encrypts ? 1 : 0) == 1 &&
           EVP_CipherUpdate(cipher, nullptr, &size, bytes_of(beside), static_cast<int>(beside.size())) == 1 &&
           EVP_CipherUpdate(cipher, output, &size, bytes_of(input), static_cast<int>(input.size())) == 1;
}

} // namespace

Cipher *new_cipher(const unsigned char *key) {
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (cipher != nullptr && EVP_CipherInit_ex(cipher, EVP_aes_256_gcm(), nullptr, key, nullptr, 1) != 1) {
        EVP_CIPHER_CTX_free(cipher);
        return nullptr;
    }
    return cipher;
}

void free_cipher(Cipher *cipher) {
    EVP_CIPHER_CTX_free(cipher);
}

bool encrypt(Cipher *cipher, const unsigned char *nonce, std::string_view beside, std::string_view input,
             unsigned char *output, unsigned char *tag) {
    int size = 0;
    return pass(cipher, true, nonce, beside, input, output) &&
           EVP_CipherFinal_ex(cipher, output + input.size(), &size) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, cipher_tag_size, tag) == 1;
}

bool decrypt(Cipher *cipher, const unsigned char *nonce, std::string_view beside, std::string_view input,
             const unsigned char *tag, unsigned char *output) {
    int size = 0;
    return pass(cipher, false, nonce, beside, input, output) &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, cipher_tag_size, const_cast<unsigned char *>(tag)) == 1 &&
           EVP_CipherFinal_ex(cipher, output + input.size(), &size) == 1;
}

bool authenticate(std::string_view key, std::string_view message, unsigned char *digest) {
    unsigned int size = 0;
    return HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(message), message.size(), digest,
                &size) != nullptr &&
           size == digest_size;
}

bool digest_of(std::string_view message, unsigned char *digest) {
    return SHA256(bytes_of(message), message.size(), digest) != nullptr;
}

bool random_bytes(void *place, size_t size) {
    return pg_strong_random(place, size);
}

void encode_base64(const unsigned char *bytes, size_t size, char *text) {
    EVP_EncodeBlock(reinterpret_cast<unsigned char *>(text), bytes, static_cast<int>(size));
}

int decode_base64(std::string_view text, unsigned char *bytes) {
    if (text.empty() || text.size() % 4 != 0)
        return -1;
    const int size = EVP_DecodeBlock(bytes, bytes_of(text), static_cast<int>(text.size()));
    if (size != static_cast<int>(text.size() / 4 * 3))
        return -1;
    return size - (text[text.size() - 1] != '=' ? 0 : text[text.size() - 2] != '=' ? 1 : 2);
}

void wipe(void *place, size_t size) {
    OPENSSL_cleanse(place, size);
}

} // namespace intd
