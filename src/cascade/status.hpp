// status(): whether all is as it should be. Each subject is a function of its own, which adds rows; where one fails,
// what it says is a row as well, so that what is broken in one place hides nothing in another.
#pragma once

#include "postgres/attempt.hpp"
#include "postgres/query.hpp"
#include "postgres/result.hpp"
#include "store/owner.hpp"

namespace intd {

class Status {
  public:
    explicit Status(ResultSet &result) : result_(result) {}

    void ok(const char *subject, const char *detail) { add(subject, "ok", detail); }
    void note(const char *subject, const char *detail) { add(subject, "note", detail); }
    void broken(const char *subject, const char *detail) { add(subject, "broken", detail); }

    /// Calls look(); false if it failed. What the caller may not see, or somebody has locked, is not broken.
    template <class Look>
    bool on(const char *subject, Look &&look) {
        const ErrorData *report = attempt(look);
        if (report == nullptr)
            return true;
        const char *text = cat(report->message);
        for (const char *more : {report->detail, report->hint})
            if (more != nullptr)
                text = cat(text, "\n", more);
        const bool unseen =
            report->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE || report->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
        add(subject, unseen ? "note" : "broken", text);
        return false;
    }

  private:
    void add(const char *subject, const char *state, const char *detail) {
        result_.add({text_datum(subject), text_datum(state), text_datum(detail)});
    }

    ResultSet &result_;
};

inline const char *number(int64 value) {
    return guard([&]() -> const char * { return psprintf(INT64_FORMAT, value); });
}

inline const char *counted(int64 count, const char *one, const char *many) {
    return cat(number(count), " ", count == 1 ? one : many);
}

/// Our tables are read as our owner, the app's tables with the rights of the role that asks.
inline uint64 fetch_own(Statement &statement, std::initializer_list<Value> parameters, Value *results, int columns) {
    AsOwner owner;
    return fetch_row(statement, parameters, results, columns, true);
}

/// Of rooms that come later: they add their rows after all others. Called when the module is loaded.
void on_status(void (*look)(Status &status));

} // namespace intd
