// The one resolution rule, sentence by sentence: defaults, custom settings, overrides, `active`.
#include "chain.hpp"

#include <gtest/gtest.h>

namespace intd::test {
namespace {

const Type &chat() {
    static const Type type({{"channel"}, {"color", "green"}, {"notify", "all"}, {"webhook"}});
    return type;
}

// ---- 1. start from the schema's defaults -----------------------------------------------------------------------

TEST(Fold, NothingIsSetActiveOrLockedAtTheStart) {
    Chain chain(chat());
    EXPECT_EQ(chain["color"], "green");
    EXPECT_EQ(chain.from("color"), "-");
    EXPECT_EQ(chain["webhook"], "-");
    EXPECT_FALSE(chain.active());
    EXPECT_EQ(chain.active_from(), "-");
    EXPECT_EQ(chain.active_locked_by(), "-");
    for (const Resolved &field : chain.fold().fields())
        EXPECT_EQ(chain.fold().lock_of(field), nullptr);
}

TEST(Fold, NotConfiguredIfNoRowSetsSomething) {
    Chain chain(chat());
    EXPECT_FALSE(chain.fold().configured());
    chain.instance(override_with().lock({"webhook"})); // a row may do nothing but lock
    EXPECT_FALSE(chain.fold().configured());
    chain.group("1", override_with().off());
    EXPECT_TRUE(chain.fold().configured());
    EXPECT_EQ(chain.nearest(), "group 1");
}

TEST(Fold, EachOfCustomFieldsAndActiveSetsSomething) {
    EXPECT_EQ(Chain(chat()).instance(custom()).nearest(), "instance");
    EXPECT_EQ(Chain(chat()).instance(override_with({{"color", "red"}})).nearest(), "instance");
    EXPECT_EQ(Chain(chat()).instance(override_with().on()).nearest(), "instance");
    EXPECT_EQ(Chain(chat()).instance(override_with().off()).nearest(), "instance");
}

// ---- 2. custom settings ----------------------------------------------------------------------------------------

TEST(Fold, TheInstanceDefaultReachesWhatHasNoRow) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "a"}}));
    EXPECT_EQ(chain["webhook"], "a");
    EXPECT_EQ(chain["color"], "green");
    EXPECT_TRUE(chain.active());
    EXPECT_EQ(chain.nearest(), "instance");
}

TEST(Fold, CustomReplacesAllThatItWouldInherit) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "a"}, {"color", "red"}, {"channel", "x"}}))
        .project("7", custom({{"webhook", "b"}}));
    EXPECT_EQ(chain["webhook"], "b");
    EXPECT_EQ(chain["color"], "green"); // back to the schema's default, not the instance's red
    EXPECT_EQ(chain["channel"], "-");
    EXPECT_EQ(chain.from("color"), "-");
    EXPECT_EQ(chain.from("webhook"), "project 7");
}

TEST(Fold, CustomForgetsActiveToo) {
    Chain chain(chat());
    chain.instance(custom()).project("7", {true, std::nullopt, {}, {}});
    EXPECT_FALSE(chain.active());
    EXPECT_EQ(chain.active_from(), "-");
}

TEST(Fold, AGroupDefaultBeatsTheInstanceAndTheNearestGroupWins) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "i"}}))
        .group("1", custom({{"webhook", "g1"}}))
        .group("2", custom({{"webhook", "g2"}}));
    EXPECT_EQ(chain["webhook"], "g2");
    EXPECT_EQ(chain.nearest(), "group 2");
}

TEST(Fold, NearestWinsWhetherItIsActiveOrNot) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "i"}})).group("1", custom({{"webhook", "g"}}).off());
    EXPECT_FALSE(chain.active());
    EXPECT_EQ(chain["webhook"], "g");
    EXPECT_EQ(chain.active_from(), "group 1");
}

TEST(Fold, ARowThatGoesLetsTheNextOneAboveThrough) {
    // reset, and use the default: the same chain without that row
    Chain with(chat()), without(chat());
    with.instance(custom({{"webhook", "i"}})).group("1", custom({{"webhook", "g"}}).off());
    without.instance(custom({{"webhook", "i"}}));
    EXPECT_EQ(with["webhook"], "g");
    EXPECT_EQ(without["webhook"], "i");
    EXPECT_TRUE(without.active());
}

// ---- 2. overrides ----------------------------------------------------------------------------------------------

TEST(Fold, AnOverrideTakesOnlyTheFieldsThatItHas) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "i"}, {"channel", "x"}})).project("7", override_with({{"channel", "y"}}));
    EXPECT_EQ(chain["webhook"], "i");
    EXPECT_EQ(chain.from("webhook"), "instance");
    EXPECT_EQ(chain["channel"], "y");
    EXPECT_EQ(chain.from("channel"), "project 7");
    EXPECT_TRUE(chain.active());
    EXPECT_EQ(chain.active_from(), "instance");
    EXPECT_EQ(chain.nearest(), "project 7");
}

TEST(Fold, AnOverrideOfActiveAloneKeepsTheFields) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "i"}})).project("7", override_with().off());
    EXPECT_FALSE(chain.active());
    EXPECT_EQ(chain.active_from(), "project 7");
    EXPECT_EQ(chain["webhook"], "i");
}

TEST(Fold, AnOverrideBelowAnOverrideBelowCustom) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "i"}, {"channel", "i"}, {"color", "i"}}))
        .group("1", override_with({{"channel", "g"}, {"color", "g"}}))
        .project("7", override_with({{"color", "p"}}));
    EXPECT_EQ(chain["webhook"] + chain["channel"] + chain["color"], "igp");
    EXPECT_EQ(chain["notify"], "all");
}

TEST(Fold, AnOverrideAboveNothingStillCounts) {
    Chain chain(chat());
    chain.group("1", override_with({{"channel", "g"}}));
    EXPECT_TRUE(chain.fold().configured());
    EXPECT_FALSE(chain.active());
    EXPECT_EQ(chain["channel"], "g");
}

TEST(Fold, JsonNullIsAValueAndStopsInheritance) {
    Chain chain(chat());
    chain.instance(custom({{"color", "red"}})).project("7", override_with({{"color", "null"}}));
    EXPECT_EQ(chain["color"], "null");
    EXPECT_EQ(chain.from("color"), "project 7");
}

TEST(Fold, AValueEqualToTheInheritedOneIsAPin) {
    Chain before(chat()), after(chat());
    before.instance(custom({{"channel", "x"}})).project("7", override_with({{"channel", "x"}}));
    after.instance(custom({{"channel", "y"}})).project("7", override_with({{"channel", "x"}}));
    EXPECT_EQ(before.from("channel"), "project 7");
    EXPECT_EQ(after["channel"], "x");
}

TEST(Fold, AValueEqualToTheSchemasDefaultIsAPinToo) {
    Chain chain(chat());
    chain.instance(custom({{"color", "red"}})).project("7", override_with({{"color", "green"}}));
    EXPECT_EQ(chain["color"], "green");
    EXPECT_EQ(chain.from("color"), "project 7");
}

// ---- fields that the schema does not have ----------------------------------------------------------------------

TEST(Fold, KeysUnknownToTheSchemaAreInheritedLikeOthers) {
    Chain chain(chat());
    chain.instance(custom({{"zeta", "1"}, {"alpha", "2"}})).group("1", override_with({{"alpha", "3"}}));
    EXPECT_EQ(chain["zeta"], "1");
    EXPECT_EQ(chain["alpha"], "3");
    // the schema's by name, then others in the order in which they were met
    std::string names;
    for (const Resolved &field : chain.fold().fields())
        names += std::string(field.name) + " ";
    EXPECT_EQ(names, "channel color notify webhook zeta alpha ");
    chain.project("7", custom());
    EXPECT_EQ(chain["zeta"], "-");
}

TEST(Fold, ATypeWithoutPropertiesWorks) {
    Type any({});
    Chain chain(any);
    chain.instance(custom({{"a", "1"}})).project("7", override_with({{"b", "2"}}));
    EXPECT_EQ(chain["a"] + chain["b"], "12");
}

// ---- one fold, many branches -----------------------------------------------------------------------------------

TEST(Fold, BranchesOfACopyDoNotTouchEachOther) {
    Chain group(chat());
    group.instance(custom({{"webhook", "i"}}).lock({"color"})).group("1", override_with({{"channel", "g"}}));
    Chain one(group), two(group), three(group);
    one.project("1", custom({{"webhook", "p1"}, {"extra", "e"}}));
    two.project("2", override_with({{"channel", "p2"}}).off());
    EXPECT_EQ(one["webhook"] + one["channel"] + one["extra"], "p1-e");
    EXPECT_EQ(two["webhook"] + two["channel"] + two["extra"], "ip2-");
    EXPECT_EQ(three["webhook"] + three["channel"], "ig");
    EXPECT_EQ(group["webhook"] + group["channel"], "ig");
    EXPECT_FALSE(two.active());
    EXPECT_TRUE(group.active());
    EXPECT_EQ(group.nearest(), "group 1");
    EXPECT_EQ(one.locked_by("color"), "instance");
}

TEST(Fold, ADeepChainKeepsWhatTheTopSaid) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "top"}, {"channel", "top"}}));
    std::deque<std::string> ids;
    for (int depth = 0; depth < 5000; depth++)
        chain.group(ids.emplace_back(std::to_string(depth)), override_with({{"channel", "down"}}));
    EXPECT_EQ(chain["webhook"], "top");
    EXPECT_EQ(chain.from("channel"), "group 4999");
}

// ---- a result that is one row as it stands ---------------------------------------------------------------------

TEST(SoleSource, ARowThatSuppliesEverythingIsTheResult) {
    Type plain({{"a"}, {"b"}});
    EXPECT_EQ(Chain(plain).instance(custom({{"a", "1"}, {"x", "2"}})).sole_source(), "instance");
    EXPECT_EQ(Chain(plain).instance(custom({{"a", "1"}})).project("7", override_with().off()).sole_source(),
              "instance");
    EXPECT_EQ(Chain(plain).instance(override_with({{"a", "1"}})).group("1", override_with({{"a", "2"}})).sole_source(),
              "group 1");
}

TEST(SoleSource, ThereIsNoneWhereSeveralTakePart) {
    Type plain({{"a"}, {"b"}}), with_default({{"a"}, {"b", "0"}});
    EXPECT_EQ(Chain(plain).sole_source(), "-");
    EXPECT_EQ(Chain(with_default).instance(custom({{"a", "1"}})).sole_source(), "-");
    EXPECT_EQ(Chain(plain).instance(custom({{"a", "1"}})).project("7", override_with({{"b", "2"}})).sole_source(), "-");
    EXPECT_EQ(
        Chain(plain).instance(override_with().lock({"a"})).project("7", custom({{"a", "1"}, {"b", "2"}})).sole_source(),
        "-");
}

} // namespace
} // namespace intd::test
