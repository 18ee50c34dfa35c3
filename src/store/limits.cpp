#include "store/limits.hpp"

namespace intd {

#define LIMIT(most, name)                                                                                              \
    { most, name, "A superuser can raise integration_defaults." name "." }

Limit max_schema_size = LIMIT(512, "max_schema_size");
Limit max_settings_size = LIMIT(1024, "max_settings_size");
Limit max_pattern_size = LIMIT(100000, "max_pattern_size");
Limit max_check_steps = LIMIT(1000000, "max_check_steps");

int session_cache_size = 256 * 1024;

Refusal Limit::refusal(const char *message, const char *detail) const {
    return Refusal(ERRCODE_PROGRAM_LIMIT_EXCEEDED, message).detail(detail).hint(hint);
}

void check_size(const Limit &limit, int64 bytes, const char *what) {
    if (bytes <= limit.bytes())
        return;
    const char *detail = guard([&] {
        return psprintf("It has " INT64_FORMAT " kB, and integration_defaults.%s is %d kB.", (bytes + 1023) / 1024,
                        limit.setting, limit.most);
    });
    throw limit.refusal(cat(what, " is too large"), detail);
}

void define_size_limits() {
    auto define = [](Limit &limit, const char *name, const char *description, const char *more, int flags) {
        DefineCustomIntVariable(name, description, more, &limit.most, limit.most, 1, INT_MAX, PGC_SUSET, flags, nullptr,
                                nullptr, nullptr);
    };
    define(max_schema_size, "integration_defaults.max_schema_size",
           "The largest schema that a type of integration may be registered with.", nullptr, GUC_UNIT_KB);
    define(max_settings_size, "integration_defaults.max_settings_size",
           "The most that may be set on one scope for one type of integration.", nullptr, GUC_UNIT_KB);
    define(max_pattern_size, "integration_defaults.max_pattern_size", "The largest pattern that a schema may have.",
           "Its characters, those that are repeated as often as they may be.", 0);
    define(max_check_steps, "integration_defaults.max_check_steps",
           "How many steps one check of settings against their schema may take.",
           "A step is a schema that is applied to a value.", 0);
    DefineCustomIntVariable("integration_defaults.session_cache_size",
                            "How much a session remembers of the tree of groups and of what is set in it.",
                            "What has no more room is read again when it is needed.", &session_cache_size,
                            session_cache_size, 64, MAX_KILOBYTES, PGC_USERSET, GUC_UNIT_KB, nullptr, nullptr, nullptr);
}

} // namespace intd
