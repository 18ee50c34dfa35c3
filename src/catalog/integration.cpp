#include "catalog/integration.hpp"

#include "catalog/unknown.hpp"
#include "postgres/transaction.hpp"

extern "C" {
#include "common/hashfn.h"
}

namespace intd {
namespace {

constexpr int most_kept = 512;
constexpr int bucket_count = 256;

/// A compiled schema and what it was compiled from, or why it can't be.
struct Entry {
    Entry *next;           // in its bucket or, once retired, in the list of those
    MemoryContext context; // holds all of it, and the entry
    uint64 last_use;
    Integration variants[2]; // not allowed, allowed: a Store may have either
    const Jsonb *source;
    bool strict;
    const char *problems; // null: none
    TimestampTz warned;   // the last statement that was told of them
};

Entry *buckets[bucket_count];
Entry *retired;
int kept;
uint64 uses;
uint64 freed;
MemoryContext storage;

Entry *&bucket_of(std::string_view name) {
    uint32 hash = hash_bytes(reinterpret_cast<const unsigned char *>(name.data()), static_cast<int>(name.size()));
    return buckets[hash % bucket_count];
}

Entry *find_entry(std::string_view name, const Jsonb *source, bool strict) {
    for (Entry *entry = bucket_of(name); entry != nullptr; entry = entry->next)
        if (entry->variants[0].name == name && entry->strict == strict && VARSIZE(entry->source) == VARSIZE(source) &&
            memcmp(entry->source, source, VARSIZE(source)) == 0) {
            entry->last_use = ++uses;
            return entry;
        }
    return nullptr;
}

/// Takes out the entry that has not been used for longest. Somebody may still hold a pointer into it: it is freed
/// when the transaction ends.
void retire_oldest() {
    Entry **oldest = nullptr;
    for (Entry *&bucket : buckets)
        for (Entry **at = &bucket; *at != nullptr; at = &(*at)->next)
            if (oldest == nullptr || (*at)->last_use < (*oldest)->last_use)
                oldest = at;
    Entry *entry = *oldest;
    *oldest = entry->next;
    entry->next = retired;
    retired = entry;
    kept--;
}

void free_retired() {
    while (retired != nullptr) {
        Entry *entry = retired;
        retired = entry->next;
        freed++;
        MemoryContextDelete(entry->context);
    }
}

Entry *make_entry(std::string_view name, const Jsonb *source, bool strict) {
    SchemaProblems problems = {nullptr, nullptr};
    Schema *schema = try_compile_schema(source, strict, false, &problems);
    return guard([&] {
        if (storage == nullptr)
            storage = AllocSetContextCreate(CacheMemoryContext, "schemas of integrations", ALLOCSET_SMALL_SIZES);
        MemoryContext context =
            schema != nullptr ? schema->context
                              : AllocSetContextCreate(CurrentMemoryContext, "a broken schema", ALLOCSET_SMALL_SIZES);
        auto *entry = static_cast<Entry *>(MemoryContextAllocZero(context, sizeof(Entry)));
        auto *own_name = static_cast<char *>(MemoryContextAlloc(context, name.size() + 1));
        auto *own_source = static_cast<Jsonb *>(MemoryContextAllocHuge(context, VARSIZE(source)));
        memcpy(own_name, name.data(), name.size());
        memcpy(own_source, source, VARSIZE(source));
        for (int i = 0; i < 2; i++)
            entry->variants[i] = {{own_name, name.size()}, i == 1, schema};
        entry->source = own_source;
        entry->strict = strict;
        if (schema == nullptr)
            entry->problems = MemoryContextStrdup(context, problems.detail);
        entry->context = context;
        // nothing fails from here on
        MemoryContextSetParent(context, storage);
        if (kept >= most_kept)
            retire_oldest();
        Entry *&bucket = bucket_of(name);
        entry->next = bucket;
        bucket = entry;
        entry->last_use = ++uses;
        kept++;
        return entry;
    });
}

Entry *entry_of(std::string_view name, const Jsonb *source, bool strict) {
    Entry *entry = find_entry(name, source, strict);
    return entry != nullptr ? entry : make_entry(name, source, strict);
}

/// The type's entry, and which of its variants the Store has; no entry if there is no such type.
struct Stored {
    Entry *entry;
    int variant;
};

Stored read_stored(Store store, Datum name) {
    const Row *row = store.row(Table::integrations, name);
    if (row == nullptr)
        return {nullptr, 0};
    Entry *entry = entry_of(view(row->values[column::name]), jsonb_of(row->values[column::schema]),
                            DatumGetBool(row->values[column::strict]));
    return {entry, DatumGetBool(row->values[column::allowed]) ? 1 : 0};
}

constexpr char mend[] = "Call integration_defaults.register_integration with a schema that this version knows.";

} // namespace

const Integration *find_integration(Store store, Datum name) {
    auto [entry, variant] = read_stored(store, name);
    if (entry == nullptr)
        return nullptr;
    if (entry->problems != nullptr)
        throw Refusal(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                      cat("stored schema of integration \"", shown(view(name)), "\" can't be used"))
            .detail(cat(entry->problems))
            .hint(mend);
    return &entry->variants[variant];
}

const Integration *find_usable_integration(Store store, Datum name) {
    auto [entry, variant] = read_stored(store, name);
    if (entry == nullptr || entry->problems == nullptr)
        return entry == nullptr ? nullptr : &entry->variants[variant];
    if (entry->warned != GetCurrentStatementStartTimestamp()) {
        entry->warned = GetCurrentStatementStartTimestamp();
        const char *text = cat("integration \"", shown(view(name)), "\" is passed over, its schema can't be used");
        const char *problems = cat(entry->problems);
        guard([&] {
            ereport(WARNING, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("%s", text),
                              errdetail("%s", problems), errhint("%s", mend)));
        });
    }
    return nullptr;
}

const Integration *compiled_integration(std::string_view name, const Jsonb *schema, bool strict) {
    const Entry *entry = entry_of(name, schema, strict);
    return entry->problems != nullptr ? nullptr : &entry->variants[1];
}

const char *schema_problems(Store store, Datum name) {
    Entry *entry = read_stored(store, name).entry;
    return entry == nullptr || entry->problems == nullptr ? nullptr : cat(entry->problems);
}

uint64 freed_integrations() {
    return freed;
}

const Integration &get_integration(Store store, std::string_view name) {
    const Integration *found = find_integration(store, text_datum(name));
    if (found == nullptr)
        throw unknown_integration(store, name);
    return *found;
}

void check_integration_name(std::string_view name) {
    auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.';
    };
    if (name.empty() || name.size() > 63 || !std::all_of(name.begin(), name.end(), allowed))
        throw Refusal(ERRCODE_INVALID_PARAMETER_VALUE, "invalid name of an integration")
            .detail("A name has 1 to 63 characters: letters, digits, \"_\", \"-\" and \".\" of ASCII.");
}

void watch_integrations() {
    on_transaction_end(free_retired);
}

} // namespace intd
