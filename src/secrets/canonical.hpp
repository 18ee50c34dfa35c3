// One form for values that are equal: what secrets are bound to, and told apart by.
#pragma once

#include "postgres/jsonb.hpp"
#include "postgres/memory.hpp"

namespace intd {

/// Bytes that grow, in the current memory context. Server code.
struct Bytes : Growing<char> {
    void append(const void *bytes, size_t size);
    void append(std::string_view text) { append(text.data(), text.size()); }
    /// With its length before it.
    void append_piece(std::string_view text);
    void append_number(uint32 number);
    std::string_view view() const { return {items, static_cast<size_t>(count)}; }
};

/// Text in UTF-8, whatever the encoding of the database is. Server code: raises reports.
std::string_view as_utf8(std::string_view text);

/// Appends a value: two that jsonb's operator = finds equal give the same bytes, in every database, on every server;
/// others give other bytes. Text is UTF-8, keys are sorted, numbers have no trailing zeros. Server code: raises
/// reports.
void append_canonical(Bytes *bytes, const JsonbValue *value);

} // namespace intd
