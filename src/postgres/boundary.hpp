// The boundary between C++ exceptions and the server's ereport. Nothing else in the project mixes the two.
//
//   server -> C++   every function that the server calls is declared with INTD_FUNCTION: its body runs inside
//                   entry(), which turns whatever is thrown into a report after the catch block has been left.
//   C++ -> server   code that owns C++ objects calls the server through guard(), which turns a report into the
//                   exception ServerError that carries all of it: SQLSTATE, message, DETAIL, HINT, constraint
//                   name and context.
//
// The body given to guard() must itself own nothing with a destructor and must not throw: a report leaves it by
// longjmp. A caught report is always raised again by entry(); nothing here swallows one.
#pragma once

#include "postgres/server.hpp"

namespace intd {

/// A report that the server raised, on its way through C++ frames.
struct ServerError {
    ErrorData *report;
};

/// Joins pieces of text into a null-terminated string in the current memory context. Throws std::bad_alloc.
template <class... Pieces>
const char *cat(const Pieces &...pieces) {
    const std::string_view views[] = {std::string_view(pieces)...};
    size_t length = 1;
    for (std::string_view view : views)
        length += view.size();
    auto *text = static_cast<char *>(
        MemoryContextAllocExtended(CurrentMemoryContext, length, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE));
    if (text == nullptr)
        throw std::bad_alloc();
    char *end = text;
    for (std::string_view view : views) {
        if (!view.empty())
            memcpy(end, view.data(), view.size());
        end += view.size();
    }
    *end = '\0';
    return text;
}

/// A refusal of ours: throw it, and entry() raises it as an ERROR. Strings live in the current memory context
/// (cat() puts them there) or are literals.
class Refusal {
  public:
    Refusal(int sqlstate, const char *message) : sqlstate_(sqlstate), message_(message) {}
    Refusal &detail(const char *text) { return detail_ = text, *this; }
    Refusal &hint(const char *text) { return hint_ = text, *this; }
    /// The stable name that object-relational mappers see (PG_DIAG_CONSTRAINT_NAME).
    Refusal &constraint(const char *name) { return constraint_ = name, *this; }

    [[noreturn]] void raise() const {
        ereport(ERROR, (errcode(sqlstate_), errmsg("%s", message_), detail_ ? errdetail("%s", detail_) : 0,
                        hint_ ? errhint("%s", hint_) : 0,
                        constraint_ ? err_generic_string(PG_DIAG_CONSTRAINT_NAME, constraint_) : 0));
        pg_unreachable();
    }

  private:
    int sqlstate_;
    const char *message_;
    const char *detail_ = nullptr;
    const char *hint_ = nullptr;
    const char *constraint_ = nullptr;
};

/// Runs server code from code that owns C++ objects: a report becomes ServerError. Returns what the body returns,
/// which must be trivially copyable.
template <class Body>
auto guard(Body &&body) -> decltype(body()) {
    using Result = decltype(body());
    if constexpr (std::is_void_v<Result>) {
        guard([&] {
            body();
            return true;
        });
    } else {
        static_assert(std::is_trivially_copyable_v<Result>);
        MemoryContext context = CurrentMemoryContext;
        ErrorData *volatile report = nullptr;
        alignas(Result) char storage[sizeof(Result)];
        PG_TRY();
        { new (storage) Result(body()); }
        PG_CATCH();
        {
            MemoryContextSwitchTo(context);
            report = CopyErrorData();
            FlushErrorState();
        }
        PG_END_TRY();
        if (report != nullptr)
            throw ServerError{report};
        return *std::launder(reinterpret_cast<Result *>(storage));
    }
}

/// Cuts our own statements, which a report's CONTEXT quotes whole, to what a person can use (see query.hpp).
void shorten_own_statements(ErrorData *report);

/// For loops over what a user gave: throws what ends the statement if it is to be cancelled.
inline void check_interrupts() {
    if (InterruptPending)
        guard([] { CHECK_FOR_INTERRUPTS(); });
}

/// Runs the C++ body of a function that the server calls. Whatever it throws is raised as an ERROR, but only
/// after the catch block has been left, so that the exception object is freed.
template <class Body>
Datum entry(Body &&body) {
    alignas(Refusal) char refusal[sizeof(Refusal)];
    bool refused = false;
    ErrorData *report = nullptr;
    int sqlstate = ERRCODE_INTERNAL_ERROR;
    char message[256];
    try {
        return body();
    } catch (const Refusal &thrown) {
        new (refusal) Refusal(thrown);
        refused = true;
    } catch (const ServerError &thrown) {
        report = thrown.report;
    } catch (const std::bad_alloc &) {
        sqlstate = ERRCODE_OUT_OF_MEMORY;
        strlcpy(message, "out of memory", sizeof(message));
    } catch (const std::exception &thrown) {
        strlcpy(message, thrown.what(), sizeof(message));
    } catch (...) {
        strlcpy(message, "unknown C++ exception", sizeof(message));
    }
    if (refused)
        std::launder(reinterpret_cast<Refusal *>(refusal))->raise();
    if (report != nullptr) {
        shorten_own_statements(report);
        ReThrowError(report);
    }
    ereport(ERROR, (errcode(sqlstate), errmsg("%s", message)));
    pg_unreachable();
}

inline Datum null_result(FunctionCallInfo fcinfo) {
    fcinfo->isnull = true;
    return static_cast<Datum>(0);
}

inline bool has_null_argument(FunctionCallInfo fcinfo) {
    bool found = false;
    for (int n = 0; n < PG_NARGS(); n++)
        found = found || PG_ARGISNULL(n);
    return found;
}

} // namespace intd

/// Defines the SQL-callable C function intd_<name>; the C++ body follows in braces and returns a Datum.
#define INTD_FUNCTION(name)                                                                                            \
    static Datum name##_body(FunctionCallInfo fcinfo);                                                                 \
    extern "C" {                                                                                                       \
    PG_FUNCTION_INFO_V1(intd_##name);                                                                                  \
    PGDLLEXPORT Datum intd_##name(PG_FUNCTION_ARGS) {                                                                  \
        return intd::entry([&] { return name##_body(fcinfo); });                                                       \
    }                                                                                                                  \
    }                                                                                                                  \
    static Datum name##_body([[maybe_unused]] FunctionCallInfo fcinfo)

/// The same of a function that is declared STRICT: NULL where an argument is NULL, whatever has become of the
/// declaration.
#define INTD_STRICT_FUNCTION(name)                                                                                     \
    static Datum name##_strict_body(FunctionCallInfo fcinfo);                                                          \
    INTD_FUNCTION(name) {                                                                                              \
        return intd::has_null_argument(fcinfo) ? intd::null_result(fcinfo) : name##_strict_body(fcinfo);               \
    }                                                                                                                  \
    static Datum name##_strict_body(FunctionCallInfo fcinfo)
