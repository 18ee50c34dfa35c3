// Random chains against the rule told the other way round: not from the top down, but for each field from the
// bottom up. Both must give the same answer, and neither order within a row nor copying may change it.
#include "chain.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace intd::test {
namespace {

const std::vector<std::string_view> properties = {"a", "b", "c", "d", "e", "f"};
const std::vector<std::string_view> all_names = {"a", "b", "c", "d", "e", "f", "x", "y", "z"};

struct Case {
    std::vector<Type::Given> given;
    std::vector<std::vector<std::string_view>> atomic;
    std::vector<Set> sets; // the first is the instance's
};

class Random {
  public:
    explicit Random(unsigned seed) : engine_(seed) {}
    bool chance(int percent) { return below(100) < percent; }
    int below(int limit) { return static_cast<int>(engine_() % static_cast<unsigned>(limit)); }
    template <class T>
    void shuffle(std::vector<T> &of) {
        std::shuffle(of.begin(), of.end(), engine_);
    }

    Case make_case() {
        Case made;
        static const char *const values[] = {"1", "2", "3", "null"};
        for (std::string_view name : properties)
            if (chance(85))
                made.given.push_back({name, chance(30) ? "default" : nullptr, chance(20)});
        for (int i = below(4); i > 0; i--) {
            std::vector<std::string_view> group;
            for (const Type::Given &property : made.given)
                if (chance(35))
                    group.push_back(property.name);
            made.atomic.push_back(group);
        }
        for (int depth = 1 + below(6); depth > 0; depth--) {
            Set set;
            set.custom = chance(40);
            if (chance(set.custom ? 85 : 30))
                set.active = chance(60);
            for (std::string_view name : all_names) {
                if (chance(30))
                    set.fields.push_back({name, values[below(4)]});
                if (chance(8))
                    set.locks.push_back(name);
            }
            if (chance(6))
                set.locks.push_back("*");
            if (chance(10))
                set.locks.push_back("active");
            shuffle(set.fields);
            shuffle(set.locks);
            made.sets.push_back(set);
        }
        return made;
    }

  private:
    std::mt19937 engine_;
};

Chain fold(const Type &type, const Case &made) {
    Chain chain(type);
    static const std::string_view ids[] = {"0", "1", "2", "3", "4", "5", "6", "7"};
    for (size_t i = 0; i < made.sets.size(); i++)
        chain.apply({i == 0 ? Level::instance : Level::group, i == 0 ? "" : ids[i]}, made.sets[i]);
    return chain;
}

/// The names that move with this one, itself among them.
std::set<std::string_view> unit_of(const Case &made, std::string_view name) {
    std::set<std::string_view> unit = {name};
    for (size_t round = 0; round <= made.atomic.size(); round++)
        for (const auto &group : made.atomic)
            if (std::any_of(group.begin(), group.end(), [&](auto member) { return unit.count(member) > 0; }))
                unit.insert(group.begin(), group.end());
    return unit;
}

std::string place(int row) {
    return row < 0 ? "-" : row == 0 ? "instance" : "group " + std::to_string(row);
}

/// The first row, from the top, that locks one of these names; -1 if none does.
int lock_row(const Case &made, const std::set<std::string_view> &names) {
    for (size_t i = 0; i < made.sets.size(); i++)
        for (std::string_view lock : made.sets[i].locks)
            if (lock == "*" || names.count(lock) > 0)
                return static_cast<int>(i);
    return -1;
}

struct Answer {
    std::string value, source, lock;
};

/// The nearest row, not below the lock, that is custom or has one of the unit's fields decides.
Answer field_answer(const Case &made, std::string_view name) {
    auto unit = unit_of(made, name);
    int lock = lock_row(made, unit);
    std::string fallback = "-";
    for (const Type::Given &property : made.given)
        if (property.name == name && property.fallback)
            fallback = property.fallback;
    for (int i = lock >= 0 ? lock : static_cast<int>(made.sets.size()) - 1; i >= 0; i--) {
        bool decides = made.sets[i].custom;
        for (const auto &[key, given] : made.sets[i].fields) {
            if (key == name)
                return {given, place(i), place(lock)};
            decides = decides || unit.count(key) > 0;
        }
        if (decides)
            break;
    }
    return {fallback, "-", place(lock)};
}

Answer active_answer(const Case &made) {
    int lock = lock_row(made, {"active"});
    for (int i = lock >= 0 ? lock : static_cast<int>(made.sets.size()) - 1; i >= 0; i--) {
        if (made.sets[i].active.has_value())
            return {*made.sets[i].active ? "on" : "off", place(i), place(lock)};
        if (made.sets[i].custom)
            break;
    }
    return {"off", "-", place(lock)};
}

std::string describe(const Case &made) {
    std::string out = "schema:";
    for (const auto &property : made.given)
        out += " " + std::string(property.name) + (property.fallback ? "=default" : "");
    for (const auto &group : made.atomic) {
        out += "; atomic";
        for (auto name : group)
            out += " " + std::string(name);
    }
    for (const Set &set : made.sets) {
        out += set.custom ? "\ncustom  " : "\noverride";
        out += !set.active ? "" : *set.active ? " on" : " off";
        for (const auto &[name, given] : set.fields)
            out += " " + std::string(name) + "=" + given;
        for (auto name : set.locks)
            out += " lock:" + std::string(name);
    }
    return out + "\n";
}

void compare(const Chain &chain, const Case &made) {
    for (std::string_view name : all_names) {
        Answer expected = field_answer(made, name);
        EXPECT_EQ(chain[name], expected.value) << name << " in " << describe(made);
        EXPECT_EQ(chain.from(name), expected.source) << name << " in " << describe(made);
        EXPECT_EQ(chain.locked_by(name), expected.lock) << name << " in " << describe(made);
    }
    Answer active = active_answer(made);
    EXPECT_EQ(chain.active() ? "on" : "off", active.value) << describe(made);
    EXPECT_EQ(chain.active_from(), active.source) << describe(made);
    EXPECT_EQ(chain.active_locked_by(), active.lock) << describe(made);

    int nearest = -1;
    for (size_t i = 0; i < made.sets.size(); i++)
        if (made.sets[i].custom || made.sets[i].active.has_value() || !made.sets[i].fields.empty())
            nearest = static_cast<int>(i);
    EXPECT_EQ(chain.nearest(), place(nearest)) << describe(made);

    // The row that is said to be the result as it stands is.
    std::set<std::pair<std::string, std::string>> result, row;
    for (const Resolved &field : chain.fold().fields())
        if (field.value != nullptr)
            result.emplace(field.name, text(field.value));
    if (const Scope *sole = chain.fold().sole_source()) {
        const Set &set = made.sets[sole->level == Level::instance ? 0 : sole->id[0] - '0'];
        for (const auto &[name, given] : set.fields)
            row.emplace(name, given);
        EXPECT_EQ(result, row) << describe(made);
    }
}

TEST(FoldRandom, TopDownEqualsBottomUp) {
    Random random(20260715);
    int sole = 0;
    for (int round = 0; round < 20000 && !testing::Test::HasFailure(); round++) {
        Case made = random.make_case();
        Type type(made.given, made.atomic);
        Chain chain = fold(type, made);
        compare(chain, made);
        sole += chain.fold().sole_source() != nullptr;
    }
    EXPECT_GT(sole, 500); // the shortcut was met often enough to be tested
}

TEST(FoldRandom, OrderWithinARowDoesNotMatter) {
    Random random(7);
    for (int round = 0; round < 3000 && !testing::Test::HasFailure(); round++) {
        Case made = random.make_case();
        Type type(made.given, made.atomic);
        Chain before = fold(type, made);
        Case turned = made;
        random.shuffle(turned.given);
        random.shuffle(turned.atomic);
        for (auto &group : turned.atomic)
            random.shuffle(group);
        for (Set &set : turned.sets) {
            random.shuffle(set.fields);
            random.shuffle(set.locks);
        }
        Type same(turned.given, turned.atomic);
        Chain after = fold(same, turned);
        for (std::string_view name : all_names) {
            EXPECT_EQ(before[name], after[name]) << describe(made);
            EXPECT_EQ(before.from(name), after.from(name)) << describe(made);
        }
        EXPECT_EQ(before.active(), after.active()) << describe(made);
    }
}

TEST(FoldRandom, ACopyGoesOnLikeTheOriginal) {
    Random random(11);
    for (int round = 0; round < 3000 && !testing::Test::HasFailure(); round++) {
        Case made = random.make_case();
        Type type(made.given, made.atomic);
        Case above = made;
        above.sets.pop_back();
        Chain group = fold(type, above);
        Chain copy(group);
        int last = static_cast<int>(made.sets.size()) - 1;
        std::string id = std::to_string(last);
        copy.apply({last == 0 ? Level::instance : Level::group, last == 0 ? std::string_view() : id}, made.sets[last]);
        compare(copy, made);
        compare(group, above);
    }
}

} // namespace
} // namespace intd::test
