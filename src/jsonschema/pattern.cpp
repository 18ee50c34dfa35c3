#include "jsonschema/pattern.hpp"

#include "jsonschema/code_points.hpp"
#include "store/limits.hpp"
#include "jsonschema/ecma_pattern.hpp"

#include <cmath>

extern "C" {
#include "regex/regex.h"
}

namespace intd {

struct Pattern {
    std::string_view text;
    PatternCost cost;
    regex_t program;
    MemoryContextCallback release;
};

namespace {

/// Up to major 15 a compiled expression is malloc'ed.
void release_program(void *program) {
    pg_regfree(static_cast<regex_t *>(program));
}

} // namespace

PatternProblem check_pattern(std::string_view text) {
    CodePoints points = code_points(text);
    Growing<pg_wchar> translated;
    PatternCost cost;
    PatternProblem problem = translate_pattern(points.begin, points.count, &translated, &cost);
    pfree(points.begin);
    if (translated.items != nullptr)
        pfree(translated.items);
    return problem;
}

const Pattern *compile_pattern(std::string_view text, MemoryContext context, double most, const char *where,
                               PatternProblem *problem) {
    CodePoints points = code_points(text);
    Growing<pg_wchar> translated;
    PatternCost cost;
    *problem = translate_pattern(points.begin, points.count, &translated, &cost);
    pfree(points.begin);
    if (cost.size > most)
        max_pattern_size
            .refusal(psprintf("pattern at %s is too large", where),
                     psprintf("It counts %.0f, and integration_defaults.max_pattern_size is %d.",
                              std::min(cost.size, 1e15), max_pattern_size.most))
            .raise();
    if (problem->message != nullptr)
        return nullptr;

    MemoryContext outside = MemoryContextSwitchTo(context);
    auto *pattern = static_cast<Pattern *>(palloc0(sizeof(Pattern)));
    pattern->text = text;
    pattern->cost = cost;
    int code =
        pg_regcomp(&pattern->program, translated.begin(), translated.count, REG_ADVANCED | REG_NOSUB, C_COLLATION_OID);
    MemoryContextSwitchTo(outside);
    pfree(translated.items);
    if (code != REG_OKAY) {
        CHECK_FOR_INTERRUPTS(); // that may be why
        char message[128];
        pg_regerror(code, &pattern->program, message, sizeof(message));
        *problem = {pstrdup(message), true};
        return nullptr;
    }
    pattern->release.func = release_program;
    pattern->release.arg = &pattern->program;
    MemoryContextRegisterResetCallback(context, &pattern->release);
    return pattern;
}

bool matches(const Pattern *pattern, std::string_view subject) {
    CodePoints points = code_points(subject);
    int code =
        pg_regexec(const_cast<regex_t *>(&pattern->program), points.begin, points.count, 0, nullptr, 0, nullptr, 0);
    pfree(points.begin);
    if (code != REG_OKAY && code != REG_NOMATCH) {
        CHECK_FOR_INTERRUPTS();
        char message[128];
        pg_regerror(code, &pattern->program, message, sizeof(message));
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_REGULAR_EXPRESSION), errmsg("pattern of a schema failed: %s", message)));
    }
    return code == REG_OKAY;
}

double steps_of(const Pattern *pattern, std::string_view subject) {
    const auto length = static_cast<double>(subject.size());
    double steps = length / 16;
    if (pattern->cost.looks_around)
        steps += length / 32 * (length / 32);
    if (pattern->cost.divided != 0)
        steps += pattern->cost.divided < 0 ? std::exp2(length) : std::pow(length, pattern->cost.divided);
    return steps;
}

std::string_view pattern_text(const Pattern *pattern) {
    return pattern->text;
}

} // namespace intd
