// The server's keys: a file that the setting integration_defaults.key_file names, lines `id:base64 of 32 bytes`. The
// first key seals, all of them open.
//
// The setting counts only where the module is in shared_preload_libraries. One that a session loads by itself learns of
// the setting too late to know who has made it: anybody may give it when he connects.
//
// A backend reads the file when it needs a key for the first time, and again after the server has reloaded its
// configuration. What it keeps is OpenSSL's context of each key, not the bytes. A file that can't be used is an error
// where a key is needed; it says what is wrong, and nothing of what is in the file.
#pragma once

#include "postgres/cipher.hpp"

namespace intd {

constexpr int longest_key_id = 63;

struct SealingKey {
    char id[longest_key_id + 1];
    Cipher *cipher;
};

/// Whether the server is to have keys.
bool has_key_file();

/// The key that seals. Throws 55000 if the file can't be used.
const SealingKey &first_key();

/// The key of that id, or null: there is no such key, or the file can't be used. Raises and throws nothing.
const SealingKey *find_key(std::string_view id);

/// Why find_key() has found none, as a sentence. In the current memory context.
const char *why_there_is_no_key(std::string_view id);

/// Changes whenever other keys may have been read. Reads the file if need be; raises and throws nothing.
uint64 keys_version();

/// Called once, when the module is loaded.
void define_key_file();

} // namespace intd
