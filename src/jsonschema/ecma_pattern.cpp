#include "jsonschema/ecma_pattern.hpp"

#include <cmath>

namespace intd {
namespace {

constexpr pg_wchar last_point = 0x10FFFF;
constexpr int unlimited = -1;
constexpr int engine_limit = 255; // of a repetition, in the server's engine
constexpr int longest = 2000000;  // characters of what is written; no pattern that can be compiled comes near

struct Range {
    pg_wchar first, last;
};

// Sorted and without overlap: complements are made from them.
constexpr Range digits[] = {{'0', '9'}};
constexpr Range word[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
constexpr Range space[] = {{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
                           {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
constexpr Range line_ends[] = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

bool is_digit(pg_wchar c) {
    return c >= '0' && c <= '9';
}
bool is_letter(pg_wchar c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
int hex_value(pg_wchar c) {
    if (is_digit(c))
        return c - '0';
    pg_wchar lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? static_cast<int>(lower - 'a' + 10) : -1;
}

/// Parts in a row of which the engine gets past each without a character: how many there are at the begin and at the
/// end of a part of a pattern, and at most.
struct Run {
    double first = 0, last = 0, longest = 0;

    static Run of(double count) { return {count, count, count}; }
    void join() { first = last = std::max(first, last); }
};

/// A part of a pattern, as PatternCost sees it.
struct Extent {
    double size = 0;
    bool empty = true; // may match nothing
    Run loose, asserting;

    static Extent character() { return {1, false, {}, {}}; }
    /// The engine makes ways around ^, $, \b and \B, which lookaround does not need.
    static Extent assertion(double inside, bool looks) { return {1 + inside, true, {}, Run::of(looks ? 0.25 : 1)}; }

    Extent then(const Extent &next) const {
        auto joined = [&](const Run &a, const Run &b) {
            return Run{empty ? a.first + b.first : a.first, next.empty ? a.last + b.last : b.last,
                       std::max({a.longest, b.longest, a.last + b.first})};
        };
        return {size + next.size, empty && next.empty, joined(loose, next.loose), joined(asserting, next.asserting)};
    }
    Extent either(const Extent &other) const {
        auto wider = [](const Run &a, const Run &b) {
            return Run{std::max(a.first, b.first), std::max(a.last, b.last), std::max(a.longest, b.longest)};
        };
        Extent both = {size + other.size, empty || other.empty, wider(loose, other.loose),
                       wider(asserting, other.asserting)};
        return both.joined();
    }
    Extent repeated(int min, int max) const {
        Extent whole = *this;
        whole.size *= std::max({min, max, 1});
        whole.empty = empty || min == 0;
        auto again = [&](Run &run, double times) {
            if (empty)
                run = Run::of(run.longest * times);
            else if (max != 1)
                run.longest = std::max(run.longest, run.last + run.first);
        };
        again(whole.loose, max == unlimited ? 2 : std::max(max, 1));
        again(whole.asserting, max == unlimited ? 5 : std::max(max, 1));
        if (min == 0)
            whole.loose.first = std::max(whole.loose.first, 1.0);
        whole.loose.longest = std::max(whole.loose.longest, whole.loose.first);
        return whole.joined();
    }
    Extent joined() const {
        Extent result = *this;
        if (empty) {
            result.loose.join();
            result.asserting.join();
        }
        return result;
    }
    double cost() const {
        return size * std::max(loose.longest, 1.0) * std::exp2(std::max(asserting.longest - 2, 0.0));
    }
};

class Translator {
  public:
    Translator(const pg_wchar *pattern, int length) : in_(pattern), end_(length) {}

    PatternProblem run(Growing<pg_wchar> *result, PatternCost *cost) {
        flags();
        refers_back_ = has_back_reference();
        if (ignores_case_ && refers_back_)
            fail("references in a pattern that ignores case are not supported", true);
        Extent whole = disjunction();
        if (problem_.message == nullptr && at_ < end_)
            fail("unmatched )");
        if (out_.empty())
            emit("(?:)"); // the engine takes no empty text
        if (out_.count >= longest)
            fail("too long", true);
        *result = out_;
        // each set of characters is divided as others need it
        *cost = {out_.count >= longest ? HUGE_VAL : whole.cost() * (1 + sets_ / 64.0), looks_around_,
                 !refers_back_     ? 0
                 : divided_inside_ ? -1
                                   : divided_};
        return problem_;
    }

  private:
    // -- reading
    bool failed() const { return problem_.message != nullptr; }
    void fail(const char *message, bool unsupported = false) {
        if (!failed())
            problem_ = {message, unsupported, std::min(at_ + 1, end_)};
        at_ = end_;
    }
    bool next_is(char c, int ahead = 0) const {
        return at_ + ahead < end_ && in_[at_ + ahead] == static_cast<pg_wchar>(c);
    }
    bool next_are(const char *text) const {
        for (int i = 0; text[i] != '\0'; i++)
            if (!next_is(text[i], i))
                return false;
        return true;
    }
    /// Goes past the character if it is next.
    bool take(char c) {
        bool found = next_is(c);
        at_ += found ? 1 : 0;
        return found;
    }

    /// Whether a back reference occurs; if none does, no group needs to capture.
    bool has_back_reference() const {
        bool in_class = false;
        for (int i = 0; i < end_; i++) {
            if (in_[i] == '\\') {
                i++;
                if (!in_class && i < end_ && in_[i] >= '1' && in_[i] <= '9')
                    return true;
            } else if (in_[i] == '[')
                in_class = true;
            else if (in_[i] == ']')
                in_class = false;
        }
        return false;
    }

    /// `(?i)` and `(?s)` at the begin, which ECMA 262 does not have, but many who write patterns.
    void flags() {
        if (!next_are("(?") || at_ + 2 >= end_ || !is_letter(in_[at_ + 2]))
            return;
        for (at_ += 2; at_ < end_ && is_letter(in_[at_]); at_++) {
            if (next_is('i'))
                ignores_case_ = true;
            else if (next_is('s'))
                dot_is_all_ = true;
            else
                return fail("the only flags are i and s");
        }
        if (!take(')'))
            fail("invalid group");
    }

    // -- writing
    void emit(pg_wchar c) {
        if (out_.count < longest)
            out_.add(c);
    }
    void emit(const char *text) {
        for (; *text != '\0'; text++)
            emit(static_cast<pg_wchar>(*text));
    }
    /// A character that stands for itself, outside brackets.
    void emit_literal(pg_wchar c) {
        if (ignores_case_ && (is_letter(c) || c >= 0x80)) {
            Growing<Range> set;
            set.add({c, c});
            return emit_set(set, false);
        }
        if (c < 0x80 && !is_digit(c) && !is_letter(c) && c > ' ')
            emit('\\');
        emit(c);
    }
    void emit_point(pg_wchar c) {
        char text[16];
        snprintf(text, sizeof(text), "\\U%08X", c);
        emit(text);
    }
    /// The same letters in the other case. Which others than those of ASCII have one depends on the locale.
    void add_other_case(Growing<Range> *set) {
        for (int i = 0, given = set->count; i < given; i++) {
            const Range range = (*set)[i];
            for (const Range letters : {Range{'a', 'z'}, Range{'A', 'Z'}}) {
                const Range part = {std::max(range.first, letters.first), std::min(range.last, letters.last)};
                if (part.first <= part.last)
                    set->add({part.first ^ 0x20, part.last ^ 0x20});
            }
        }
    }
    /// Takes the set's memory.
    void emit_set(Growing<Range> set, bool complement) {
        if (ignores_case_)
            add_other_case(&set);
        if (set.empty()) { // [] is nothing, [^] is anything
            emit(complement ? "[\\U00000001-\\U0010FFFF]" : "(?:(?!))");
            return;
        }
        sets_ += set.count;
        emit(complement ? "[^" : "[");
        for (const Range &range : set) {
            emit_point(range.first);
            if (range.last != range.first) {
                emit('-');
                emit_point(range.last);
            }
        }
        emit(']');
        pfree(set.items);
    }
    template <size_t n>
    static void add_ranges(Growing<Range> *set, const Range (&ranges)[n], bool complement) {
        pg_wchar next = 1;
        for (const Range &range : ranges) {
            if (!complement)
                set->add(range);
            else if (range.first > next)
                set->add({next, range.first - 1});
            next = range.last + 1;
        }
        if (complement)
            set->add({next, last_point});
    }

    // -- the grammar
    Extent disjunction() {
        check_stack_depth();
        int certain = certain_.count;
        bool several = false;
        Extent whole;
        for (;;) {
            Extent alternative;
            while (at_ < end_ && !next_is('|') && !next_is(')'))
                alternative = alternative.then(term());
            whole = several ? whole.either(alternative) : alternative;
            if (!take('|'))
                break;
            emit('|');
            several = true;
            forget_certain(certain);
        }
        if (several)
            forget_certain(certain);
        return whole;
    }

    /// From now on only the first `count` of the groups in certain_ are certain to have taken part.
    void forget_certain(int count) {
        while (certain_.count > count)
            is_certain_[certain_[--certain_.count]] = false;
    }

    Extent term() {
        CHECK_FOR_INTERRUPTS();
        int start = out_.count;
        int certain = certain_.count;
        int divided = divided_;
        Extent extent = Extent::character();
        if (assertion(&extent)) {
            // the engine then misses matches
            if (captures_open_ > 0)
                fail("an assertion in a group of a pattern with references is not supported", true);
            int min, max;
            if (!failed() && quantifier(&min, &max))
                fail("a repeated assertion is not supported", true);
            return extent;
        }
        pg_wchar c = in_[at_];
        int min, max;
        if (quantifier(&min, &max)) {
            fail("nothing to repeat");
            return extent;
        }
        if (c == '(')
            extent = group();
        else if (c == '[')
            bracket();
        else if (c == '\\')
            escape();
        else {
            at_++;
            if (c == '.') {
                Growing<Range> set;
                if (!dot_is_all_)
                    add_ranges(&set, line_ends, false);
                emit_set(set, true);
            } else
                emit_literal(c);
        }
        if (failed() || !quantifier(&min, &max))
            return extent;
        if (min == 0)
            forget_certain(certain); // its groups may take no part
        divided_inside_ = divided_inside_ || (divided_ > divided && max != 1);
        divided_ += min != max ? 1 : 0;
        repeat(start, min, max);
        return extent.repeated(min, max);
    }

    /// An assertion, if one is next.
    bool assertion(Extent *extent) {
        bool looks = false;
        double inside = 0;
        if (next_is('^') || next_is('$'))
            emit(in_[at_++]);
        else if (next_are("\\b") || next_are("\\B")) {
            emit(next_is('b', 1) ? "\\y" : "\\Y");
            at_ += 2;
        } else if (next_are("(?=") || next_are("(?!") || next_are("(?<=") || next_are("(?<!")) {
            int certain = certain_.count;
            do
                emit(in_[at_]);
            while (!next_is('=') && !next_is('!') && at_++ < end_);
            at_++;
            looking_around_++;
            inside = disjunction().cost();
            looking_around_--;
            forget_certain(certain);
            close_group();
            looks = looks_around_ = true;
        } else
            return false;
        *extent = Extent::assertion(inside, looks);
        return true;
    }

    void close_group() {
        if (!take(')'))
            return fail("missing )");
        emit(')');
    }

    Extent group() {
        at_++;
        bool captures = true;
        if (take('?')) {
            if (take('<')) {
                int name = at_;
                while (at_ < end_ && (is_letter(in_[at_]) || is_digit(in_[at_]) || next_is('_') || next_is('$')))
                    at_++;
                if (at_ == name || is_digit(in_[name]) || !take('>'))
                    fail("invalid name of a group");
            } else if (take(':'))
                captures = false;
            else
                fail("invalid group");
        }
        int number = 0;
        if (captures) {
            number = groups_.count;
            // the engine captures nothing inside an assertion
            bool kept = refers_back_ && looking_around_ == 0;
            groups_.add(kept ? ++captured_ : 0);
            is_certain_.add(false);
            captures = kept;
        }
        emit(captures ? "(" : "(?:");
        captures_open_ += captures ? 1 : 0;
        Extent inside = disjunction();
        close_group();
        captures_open_ -= captures ? 1 : 0;
        if (captures) {
            certain_.add(number);
            is_certain_[number] = true;
        }
        return inside;
    }

    /// A back reference to a group that took no part matches in ECMA 262 and fails in the server's engine. So only
    /// those are taken that refer to a group that must have taken part.
    void back_reference() {
        int number = 0;
        while (at_ < end_ && is_digit(in_[at_])) {
            number = number * 10 + (in_[at_++] - '0');
            if (number > 9999)
                break;
        }
        bool certain = number <= is_certain_.count && is_certain_[number - 1];
        if (!certain || looking_around_ > 0)
            return fail("a reference to a group that need not have taken part is not supported", true);
        emit("(?:\\");
        emit(psprintf("%d", groups_[number - 1]));
        emit(')');
    }

    void escape() {
        at_++;
        if (at_ == end_)
            return fail("\\ at the end");
        pg_wchar c = in_[at_];
        if (c >= '1' && c <= '9')
            return back_reference();
        Growing<Range> set;
        bool complement;
        if (class_escape(&set, &complement)) {
            emit_set(set, complement);
            return;
        }
        c = character_escape();
        if (!failed())
            emit_literal(c);
    }

    /// \d and its like, after the backslash.
    bool class_escape(Growing<Range> *set, bool *complement) {
        pg_wchar c = in_[at_];
        pg_wchar lower = c | 0x20;
        if (!is_letter(c) || (lower != 'd' && lower != 'w' && lower != 's'))
            return false;
        at_++;
        *complement = c != lower;
        if (lower == 'd')
            add_ranges(set, digits, false);
        else if (lower == 'w')
            add_ranges(set, word, false);
        else
            add_ranges(set, space, false);
        return true;
    }

    /// The character that an escape stands for, after the backslash.
    pg_wchar character_escape() {
        pg_wchar c = in_[at_++];
        switch (c) {
        case 't':
            return '\t';
        case 'n':
            return '\n';
        case 'v':
            return '\v';
        case 'f':
            return '\f';
        case 'r':
            return '\r';
        case '0':
            if (at_ < end_ && is_digit(in_[at_]))
                fail("octal escapes are not allowed");
            return 0;
        case 'c':
            if (at_ == end_ || !is_letter(in_[at_]))
                fail("invalid control escape");
            return failed() ? 0 : in_[at_++] & 0x1F;
        case 'x':
            return hexadecimal(2);
        case 'u':
            return unicode();
        case 'p':
        case 'P':
            fail("Unicode properties are not supported", true);
            return 0;
        case 'k':
            fail("references by name are not supported", true);
            return 0;
        default:
            if (is_letter(c) || is_digit(c))
                fail(psprintf("invalid escape \\%c", static_cast<char>(c)));
            return c;
        }
    }

    pg_wchar hexadecimal(int count) {
        pg_wchar value = 0;
        for (int i = 0; i < count; i++) {
            int digit = at_ < end_ ? hex_value(in_[at_]) : -1;
            if (digit < 0) {
                fail("invalid hexadecimal escape");
                return 0;
            }
            at_++;
            value = value * 16 + digit;
        }
        return value;
    }

    /// \uHHHH, a pair of surrogates, or \u{H…}, after the u.
    pg_wchar unicode() {
        if (take('{')) {
            pg_wchar value = 0;
            int start = at_;
            while (at_ < end_ && hex_value(in_[at_]) >= 0 && value <= last_point)
                value = value * 16 + hex_value(in_[at_++]);
            if (at_ == start || value > last_point || !take('}'))
                fail("invalid Unicode escape");
            return value;
        }
        pg_wchar value = hexadecimal(4);
        if (failed() || value < 0xD800 || value > 0xDBFF || !next_are("\\u") || end_ - at_ < 6)
            return value;
        int after_high = at_;
        at_ += 2;
        pg_wchar low = 0;
        for (int i = 0; i < 4; i++) {
            int digit = hex_value(in_[at_++]);
            low = low * 16 + (digit < 0 ? 0x10000 : digit);
        }
        if (low >= 0xDC00 && low <= 0xDFFF)
            return 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
        at_ = after_high;
        return value;
    }

    void bracket() {
        at_++;
        bool complement = take('^');
        Growing<Range> set;
        while (!failed() && !take(']')) {
            if (at_ == end_)
                return fail("missing ]");
            pg_wchar first, last;
            bool is_class = class_atom(&set, &first);
            if (failed() || is_class)
                continue;
            last = first;
            if (next_is('-') && at_ + 1 < end_ && !next_is(']', 1)) {
                int hyphen = at_++;
                if (class_atom(&set, &last)) { // [a-\d]: the hyphen is one
                    set.add({first, first});
                    first = last = in_[hyphen];
                }
                if (!failed() && first > last)
                    return fail("range out of order in a class");
            }
            set.add({first, last});
        }
        if (!failed())
            emit_set(set, complement);
    }

    /// One member of a class: either adds what a class escape stands for to the set (true), or gives a character.
    bool class_atom(Growing<Range> *set, pg_wchar *character) {
        *character = in_[at_];
        if (!take('\\')) {
            at_++;
            return false;
        }
        if (at_ == end_) {
            fail("\\ at the end");
            return false;
        }
        pg_wchar c = in_[at_];
        switch (c) {
        case 'b':
            at_++;
            *character = '\b';
            return false;
        case 'D':
            add_ranges(set, digits, true);
            break;
        case 'W':
            add_ranges(set, word, true);
            break;
        case 'S':
            add_ranges(set, space, true);
            break;
        default: {
            bool complement;
            if (class_escape(set, &complement))
                return true;
            *character = character_escape();
            return false;
        }
        }
        at_++;
        return true;
    }

    /// A quantifier, if one is next; greed makes no difference to whether there is a match.
    bool quantifier(int *min, int *max) {
        if (at_ == end_)
            return false;
        if (take('*'))
            *min = 0, *max = unlimited;
        else if (take('+'))
            *min = 1, *max = unlimited;
        else if (take('?'))
            *min = 0, *max = 1;
        else if (next_is('{')) {
            int start = at_++;
            if (!number(min))
                return at_ = start, false; // just a brace
            *max = *min;
            if (take(',') && !number(max))
                *max = unlimited;
            if (!take('}'))
                return at_ = start, false;
            if (*max != unlimited && *max < *min)
                fail("numbers out of order in a quantifier");
        } else
            return false;
        take('?');
        return true;
    }

    bool number(int *value) {
        int start = at_;
        *value = 0;
        while (at_ < end_ && is_digit(in_[at_])) {
            *value = std::min(*value * 10 + static_cast<int>(in_[at_] - '0'), 1000000);
            at_++;
        }
        return at_ > start;
    }

    void repeat(int start, int min, int max) {
        int highest = std::max(min, max);
        if (out_.count >= longest)
            return;
        if (highest <= engine_limit)
            return emit_quantifier(min, max);
        // The engine repeats no more often than that, so it gets the product of two repetitions and the rest.
        if (refers_back_ || highest > engine_limit * engine_limit)
            return fail("repeated too often", true);
        Growing<pg_wchar> atom;
        for (int i = start; i < out_.count; i++)
            atom.add(out_[i]);
        out_.count = start;
        emit("(?:");
        emit_times(atom, min, true);
        if (max == unlimited) {
            emit_copy(atom);
            emit('*');
        } else
            emit_times(atom, max - min, false);
        emit(')');
    }

    /// Exactly, or at most, so many.
    void emit_times(const Growing<pg_wchar> &atom, int times, bool exactly) {
        auto most = [&](int n) { emit_copy(atom), emit_quantifier(exactly ? n : 0, n); };
        if (times >= engine_limit) {
            emit("(?:");
            most(engine_limit);
            emit(')');
            emit_quantifier(times / engine_limit, times / engine_limit);
        }
        if (times % engine_limit > 0)
            most(times % engine_limit);
    }
    void emit_copy(const Growing<pg_wchar> &atom) {
        for (pg_wchar c : atom)
            emit(c);
    }
    void emit_quantifier(int min, int max) {
        if (max == unlimited && min <= 1)
            emit(min == 0 ? '*' : '+');
        else if (min == 0 && max == 1)
            emit('?');
        else
            emit(max == unlimited ? psprintf("{%d,}", min) : psprintf("{%d,%d}", min, max));
    }

    const pg_wchar *in_;
    int at_ = 0;
    int end_;
    Growing<pg_wchar> out_;
    PatternProblem problem_ = {nullptr, false};
    bool refers_back_ = false, ignores_case_ = false, dot_is_all_ = false; // the last two by flags
    int looking_around_ = 0;
    int captures_open_ = 0;
    int captured_ = 0;         // groups written so far that capture
    Growing<int> groups_;      // by ECMA's number less 1: the engine's number, 0 if it does not capture
    Growing<int> certain_;     // groups (number less 1) that have taken part, whichever way was gone to here
    Growing<bool> is_certain_; // by group
    int sets_ = 0;             // ranges of characters
    bool looks_around_ = false;
    int divided_ = 0; // see PatternCost
    bool divided_inside_ = false;
};

} // namespace

PatternProblem translate_pattern(const pg_wchar *pattern, int length, Growing<pg_wchar> *result, PatternCost *cost) {
    Translator translator(pattern, length);
    return translator.run(result, cost);
}

} // namespace intd
