#include "secrets/key_file.hpp"

extern "C" {
#include "port.h"
#include "utils/timestamp.h"
}

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace intd {
namespace {

constexpr int most_keys = 64;
constexpr int longest_file = 64 * 1024;

char *key_file = nullptr;
bool counts = false; // the setting

/// What was read.
struct {
    SealingKey keys[most_keys];
    int count;
    char problem[256];  // why there are none; empty: there are
    uint64 version;     // 0: not read yet
    TimestampTz reload; // the server's last one by then
} known;

void forget() {
    for (int i = 0; i < known.count; i++)
        free_cipher(known.keys[i].cipher);
    known.count = 0;
}

bool fail(const char *problem) {
    strlcpy(known.problem, problem, sizeof(known.problem));
    return false;
}

bool fail(const char *problem, int number) {
    snprintf(known.problem, sizeof(known.problem), problem, number);
    return false;
}

bool is_id(std::string_view id) {
    auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
    };
    return !id.empty() && id.size() <= longest_key_id && std::all_of(id.begin(), id.end(), allowed);
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t\r";
    const size_t begin = text.find_first_not_of(blank);
    return begin == std::string_view::npos ? std::string_view()
                                           : text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

bool read_line(std::string_view line, int number) {
    line = trimmed(line);
    if (line.empty() || line[0] == '#')
        return true;
    const size_t colon = line.find(':');
    const std::string_view id = trimmed(line.substr(0, colon));
    if (colon == std::string_view::npos || !is_id(id))
        return fail("Line %d does not begin with the id of a key, 1 to 63 letters, digits, \"_\", \"-\" and \".\", and "
                    "a colon.",
                    number);
    if (find_key(id) != nullptr)
        return fail("Line %d has an id that an earlier line has.", number);
    if (known.count == most_keys)
        return fail("Line %d is one key too many, 64 are the most.", number);
    constexpr size_t text_size = base64_size(cipher_key_size);
    unsigned char bytes[text_size];
    const std::string_view text = trimmed(line.substr(colon + 1));
    SealingKey &key = known.keys[known.count];
    const bool is_key = text.size() == text_size && decode_base64(text, bytes) == cipher_key_size;
    key.cipher = is_key ? new_cipher(bytes) : nullptr;
    wipe(bytes, sizeof(bytes));
    if (!is_key)
        return fail("Line %d does not have the base64 of 32 bytes behind its colon.", number);
    if (key.cipher == nullptr)
        return fail("OpenSSL can't use the key in line %d.", number);
    memcpy(key.id, id.data(), id.size());
    key.id[id.size()] = '\0';
    known.count++;
    return true;
}

/// A base backup would copy it.
bool is_in_data_directory() {
    char file[MAXPGPATH], directory[MAXPGPATH];
    char *real_file = realpath(key_file, nullptr), *real_directory = realpath(DataDir, nullptr);
    const bool known_both = real_file != nullptr && real_directory != nullptr;
    if (known_both) {
        strlcpy(file, real_file, sizeof(file));
        strlcpy(directory, real_directory, sizeof(directory));
    }
    free(real_file);
    free(real_directory);
    return !known_both || path_is_prefix_of_path(directory, file);
}

bool read_open_file(int file, char *content) {
    struct stat found;
    if (fstat(file, &found) != 0)
        return fail("It can't be looked at.");
    if (!S_ISREG(found.st_mode))
        return fail("It is not a file.");
    if (found.st_uid != geteuid())
        return fail("It does not belong to the user that the server runs as.");
    if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return fail("Others than its owner have rights on it (chmod 600).");
    if (is_in_data_directory())
        return fail("It is in the data directory, which backups copy.");
    ssize_t size = 0;
    for (ssize_t more; size <= longest_file; size += more) {
        more = read(file, content + size, longest_file + 1 - size);
        if (more < 0 && errno == EINTR)
            more = 0;
        else if (more < 0)
            return fail("It can't be read.");
        else if (more == 0)
            break;
    }
    if (size > longest_file)
        return fail("It has more than 64 kB.");
    std::string_view rest(content, size);
    for (int number = 1; !rest.empty(); number++) {
        const size_t end = rest.find('\n');
        if (!read_line(rest.substr(0, end), number))
            return false;
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    }
    return known.count > 0 || fail("There is no key in it.");
}

bool read_file() {
    if (!is_absolute_path(key_file))
        return fail("It must be named with its absolute path.");
    const int file = open(key_file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return fail(errno == ENOENT   ? "It is not there."
                    : errno == EACCES ? "The server may not read it."
                                      : "It can't be opened.");
    auto *content = static_cast<char *>(malloc(longest_file + 1));
    const bool read = content != nullptr ? read_open_file(file, content) : fail("There is no memory to read it.");
    if (content != nullptr)
        wipe(content, longest_file + 1);
    free(content);
    close(file);
    return read;
}

/// Reads the file unless that was done since the server's last reload.
void look() {
    if (known.version > 0 && known.reload == PgReloadTime)
        return;
    forget();
    known.reload = PgReloadTime;
    known.version++;
    known.problem[0] = '\0';
    if (!has_key_file())
        fail("The server has no key file.");
    else if (!read_file())
        forget();
}

} // namespace

bool has_key_file() {
    return counts && key_file != nullptr && *key_file != '\0';
}

const SealingKey *find_key(std::string_view id) {
    for (int i = 0; i < known.count; i++)
        if (known.keys[i].id == id)
            return &known.keys[i];
    return nullptr;
}

const SealingKey &first_key() {
    look();
    if (known.count == 0)
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "key file of integration_defaults can't be used")
            .detail(cat(known.problem))
            .hint("It is the file that the server's setting integration_defaults.key_file names. After it has been "
                  "mended, reload the server's configuration.");
    return known.keys[0];
}

const char *why_there_is_no_key(std::string_view id) {
    return known.count == 0 ? cat("It was sealed with key \"", id, "\". ", known.problem)
                            : cat("It was sealed with key \"", id, "\", which is not in the key file.");
}

uint64 keys_version() {
    look();
    return known.version;
}

void define_key_file() {
    counts = process_shared_preload_libraries_in_progress;
    DefineCustomStringVariable("integration_defaults.key_file",
                               "The file with the keys that secrets in settings are sealed with.",
                               "It counts only where integration_defaults is in shared_preload_libraries.", &key_file,
                               "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, nullptr, nullptr, nullptr);
    if (!counts && key_file != nullptr && *key_file != '\0')
        ereport(WARNING, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                          errmsg("setting integration_defaults.key_file has no effect"),
                          errdetail("The module was not loaded when the server started, so there is no knowing who has "
                                    "made the setting."),
                          errhint("Add integration_defaults to shared_preload_libraries and restart the server.")));
}

} // namespace intd
