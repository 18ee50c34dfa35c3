#include "secrets/canonical.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/numeric.h"
}

namespace intd {
namespace {

struct Member {
    std::string_view key; // in UTF-8
    const JsonbValue *value;
};

void append_object(Bytes *bytes, const JsonbContainer *object) {
    const JsonFields fields = read_fields(object);
    auto *members = static_cast<Member *>(palloc_extended(sizeof(Member) * (fields.count + 1), MCXT_ALLOC_HUGE));
    for (int i = 0; i < fields.count; i++)
        members[i] = {as_utf8(fields.begin_[i].key), &fields.begin_[i].value};
    std::sort(members, members + fields.count, [](const Member &a, const Member &b) { return a.key < b.key; });
    bytes->add('o');
    bytes->append_number(fields.count);
    for (int i = 0; i < fields.count; i++) {
        bytes->append_piece(members[i].key);
        append_canonical(bytes, members[i].value);
    }
}

void append_array(Bytes *bytes, const JsonbContainer *array) {
    const JsonItems items = read_items(array);
    bytes->add('a');
    bytes->append_number(items.count);
    for (const JsonbValue &item : items)
        append_canonical(bytes, &item);
}

} // namespace

void Bytes::append(const void *bytes, size_t size) {
    if (count + size > MaxAllocHugeSize / 2 || count + size > INT_MAX / 2)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("value is too large")));
    while (count + static_cast<int>(size) > room) {
        room = room == 0 ? 256 : room * 2;
        items = static_cast<char *>(items == nullptr ? palloc(room) : repalloc_huge(items, room));
    }
    if (size > 0)
        memcpy(items + count, bytes, size);
    count += static_cast<int>(size);
}

void Bytes::append_number(uint32 number) {
    const unsigned char big[] = {static_cast<unsigned char>(number >> 24), static_cast<unsigned char>(number >> 16),
                                 static_cast<unsigned char>(number >> 8), static_cast<unsigned char>(number)};
    append(big, sizeof(big));
}

void Bytes::append_piece(std::string_view text) {
    append_number(static_cast<uint32>(text.size()));
    append(text);
}

std::string_view as_utf8(std::string_view text) {
    if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
        return text;
    char *copy = pnstrdup(text.data(), text.size());
    return pg_server_to_any(copy, static_cast<int>(text.size()), PG_UTF8);
}

void append_canonical(Bytes *bytes, const JsonbValue *value) {
    check_stack_depth();
    CHECK_FOR_INTERRUPTS();
    switch (value->type) {
    case jbvNull:
        return bytes->add('n');
    case jbvBool:
        return bytes->add(value->val.boolean ? 't' : 'f');
    case jbvString:
        bytes->add('s');
        return bytes->append_piece(as_utf8(string_of(*value)));
    case jbvNumeric:
        bytes->add('d');
        return bytes->append_piece(numeric_normalize(value->val.numeric));
    case jbvBinary:
        if (JsonContainerIsObject(value->val.binary.data))
            return append_object(bytes, value->val.binary.data);
        return append_array(bytes, value->val.binary.data);
    default: { // one that was built, not read
        const JsonbValue read = value_of(JsonbValueToJsonb(const_cast<JsonbValue *>(value)));
        return append_canonical(bytes, &read);
    }
    }
}

} // namespace intd
