// Locks and atomic groups: rules 3 and 4, and what they do to each other.
#include "chain.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace intd::test {
namespace {

const Type &chat() {
    static const Type type({{"channel"}, {"color", "green"}, {"webhook"}});
    return type;
}

/// url and token move together; so do a, b and c, which two overlapping groups make.
const Type &jira() {
    static const Type type(
        {{"url", "https://default"}, {"token", nullptr, true}, {"project"}, {"a"}, {"b", "B"}, {"c"}},
        {{"url", "token"}, {"a", "b"}, {"b", "c"}});
    return type;
}

// ---- locks -----------------------------------------------------------------------------------------------------

TEST(Lock, BindsWhatIsBelowAndNotItself) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "i"}}).lock({"webhook"}));
    EXPECT_EQ(chain["webhook"], "i");
    EXPECT_EQ(chain.locked_by("webhook"), "instance"); // for whatever comes next
    chain.group("1", override_with({{"webhook", "g"}, {"channel", "g"}}));
    EXPECT_EQ(chain["webhook"], "i");
    EXPECT_EQ(chain["channel"], "g");
    EXPECT_EQ(chain.from("webhook"), "instance");
}

TEST(Lock, OneThatSetsAndLocksSuppliesItsOwnValueFirst) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "i"}}))
        .group("1", override_with({{"webhook", "g"}}).lock({"webhook"}))
        .project("7", override_with({{"webhook", "p"}}));
    EXPECT_EQ(chain["webhook"], "g");
    EXPECT_EQ(chain.locked_by("webhook"), "group 1");
}

TEST(Lock, CustomRowsAreBoundToo) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "i"}, {"channel", "i"}}).lock({"webhook"}))
        .project("7", custom({{"webhook", "p"}, {"channel", "p"}}));
    EXPECT_EQ(chain["webhook"], "i");
    EXPECT_EQ(chain["channel"], "p");
    EXPECT_EQ(chain.locked_by("webhook"), "instance"); // custom forgets neither the value nor the lock
    EXPECT_EQ(chain.nearest(), "project 7");
}

TEST(Lock, CustomThatLacksALockedFieldKeepsItsValue) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "i"}}).lock({"webhook"})).project("7", custom());
    EXPECT_EQ(chain["webhook"], "i");
}

TEST(Lock, AFieldLockedWhileNotSetStaysNotSet) {
    Chain chain(chat());
    chain.instance(override_with().lock({"webhook", "color"}))
        .project("7", custom({{"webhook", "p"}, {"color", "red"}}));
    EXPECT_EQ(chain["webhook"], "-");
    EXPECT_EQ(chain["color"], "green");
}

TEST(Lock, TheHighestLockWins) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "i"}}).lock({"webhook"}))
        .group("1", override_with({{"webhook", "g"}}).lock({"webhook"}))
        .project("7", override_with({{"webhook", "p"}}));
    EXPECT_EQ(chain["webhook"], "i");
    EXPECT_EQ(chain.locked_by("webhook"), "instance");
}

TEST(Lock, ALowerLockIsDormantAndWakesWhenTheHigherGoes) {
    Chain chain(chat());
    chain
        .instance(custom({{"webhook", "i"}})) // its lock is gone
        .group("1", override_with({{"webhook", "g"}}).lock({"webhook"}))
        .project("7", override_with({{"webhook", "p"}}));
    EXPECT_EQ(chain["webhook"], "g");
    EXPECT_EQ(chain.locked_by("webhook"), "group 1");
}

TEST(Lock, WhatALockShadowsComesBackWhenItGoes) {
    Set project = custom({{"webhook", "p"}});
    EXPECT_EQ(Chain(chat()).instance(custom({{"webhook", "i"}}).lock({"webhook"})).project("7", project)["webhook"],
              "i");
    EXPECT_EQ(Chain(chat()).instance(custom({{"webhook", "i"}})).project("7", project)["webhook"], "p");
}

TEST(Lock, ActiveCanBeLockedLikeAField) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "i"}}).lock({"active"}))
        .group("1", override_with().off())
        .project("7", custom().off());
    EXPECT_TRUE(chain.active());
    EXPECT_EQ(chain.active_from(), "instance");
    EXPECT_EQ(chain.active_locked_by(), "instance");
    EXPECT_EQ(chain["webhook"], "-"); // the fields are not locked
    EXPECT_EQ(chain.nearest(), "project 7");
}

TEST(Lock, InactiveCanBeLockedToo) {
    Chain chain(chat());
    chain.instance(override_with().lock({"active"})).project("7", custom({{"webhook", "p"}}).on());
    EXPECT_FALSE(chain.active());
    EXPECT_EQ(chain["webhook"], "p");
    EXPECT_TRUE(chain.fold().configured());
}

TEST(Lock, TheHighestLockOfActiveWins) {
    Chain chain(chat());
    chain.instance(custom().lock({"active"}))
        .group("1", override_with().off().lock({"active"}))
        .project("7", custom().off());
    EXPECT_TRUE(chain.active());
    EXPECT_EQ(chain.active_locked_by(), "instance");
}

TEST(Lock, StarLocksEverythingAndActive) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "i"}}).lock({"*"}))
        .project("7", custom({{"webhook", "p"}, {"channel", "p"}}).off());
    EXPECT_EQ(chain["webhook"], "i");
    EXPECT_EQ(chain["channel"], "-");
    EXPECT_TRUE(chain.active());
    EXPECT_EQ(chain.locked_by("color"), "instance");
    EXPECT_EQ(chain.active_locked_by(), "instance");
}

TEST(Lock, StarCoversFieldsThatAreMetLater) {
    Chain chain(chat());
    chain.instance(custom({{"old", "i"}}).lock({"*"})).group("1", override_with({{"new", "g"}, {"old", "g"}}));
    EXPECT_EQ(chain["old"], "i");
    EXPECT_EQ(chain["new"], "-");
    EXPECT_EQ(chain.locked_by("new"), "instance");
    EXPECT_EQ(chain.locked_by("never met"), "instance");
}

TEST(Lock, StarBelowANamedLockLeavesThatOneToItsHolder) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "i"}}).lock({"webhook"}))
        .group("1", override_with({{"channel", "g"}}).lock({"*"}));
    EXPECT_EQ(chain.locked_by("webhook"), "instance");
    EXPECT_EQ(chain.locked_by("channel"), "group 1");
    EXPECT_EQ(chain.active_locked_by(), "group 1");
}

TEST(Lock, ANameThatTheSchemaLacksCanBeLocked) {
    // the schema of a stored lock may have lost the field
    Chain chain(chat());
    chain.instance(custom({{"gone", "i"}}).lock({"gone"})).project("7", override_with({{"gone", "p"}}));
    EXPECT_EQ(chain["gone"], "i");
    EXPECT_EQ(chain.locked_by("gone"), "instance");
}

TEST(Lock, AShadowedRowIsStillTheNearest) {
    Chain chain(chat());
    chain.instance(custom({{"webhook", "i"}}).lock({"*"})).project("7", override_with({{"webhook", "p"}}));
    EXPECT_EQ(chain["webhook"], "i");
    EXPECT_EQ(chain.nearest(), "project 7");
}

// ---- atomic groups ---------------------------------------------------------------------------------------------

TEST(Atomic, ARowThatHasOneFieldDecidesAll) {
    Chain chain(jira());
    chain.instance(custom({{"url", "https://i"}, {"token", "secret"}, {"project", "X"}}))
        .project("7", override_with({{"url", "https://evil"}}));
    EXPECT_EQ(chain["url"], "https://evil");
    EXPECT_EQ(chain["token"], "-"); // never sent to the overridden URL
    EXPECT_EQ(chain.from("token"), "-");
    EXPECT_EQ(chain["project"], "X");
}

TEST(Atomic, WhatTheRowLacksFallsBackToTheSchemasDefault) {
    Chain chain(jira());
    chain.instance(custom({{"url", "https://i"}, {"token", "secret"}}))
        .project("7", override_with({{"token", "mine"}}));
    EXPECT_EQ(chain["token"], "mine");
    EXPECT_EQ(chain["url"], "https://default");
    EXPECT_EQ(chain.from("url"), "-");
}

TEST(Atomic, JsonNullDecidesTheGroupAsWell) {
    Chain chain(jira());
    chain.instance(custom({{"url", "https://i"}, {"token", "secret"}}))
        .project("7", override_with({{"token", "null"}}));
    EXPECT_EQ(chain["token"], "null");
    EXPECT_EQ(chain["url"], "https://default");
}

TEST(Atomic, ThreeLayersEachDecideTheWholeGroup) {
    Chain chain(jira());
    chain.instance(custom({{"url", "i"}, {"token", "i"}}))
        .group("1", override_with({{"url", "g"}, {"token", "g"}}))
        .project("7", override_with({{"url", "p"}}));
    EXPECT_EQ(chain["url"] + chain["token"], "p-");
    Chain other(jira());
    other.instance(custom({{"url", "i"}, {"token", "i"}}))
        .group("1", override_with({{"url", "g"}}))
        .project("7", override_with({{"token", "p"}}));
    EXPECT_EQ(other["url"] + other["token"], "https://defaultp");
}

TEST(Atomic, ARowWithoutAnyOfThemInheritsAll) {
    Chain chain(jira());
    chain.instance(custom({{"url", "i"}, {"token", "t"}}))
        .group("1", override_with({{"project", "g"}}))
        .project("7", override_with().off());
    EXPECT_EQ(chain["url"] + chain["token"] + chain["project"], "itg");
}

TEST(Atomic, OverlappingGroupsMoveAsOne) {
    Chain chain(jira());
    chain.instance(custom({{"a", "1"}, {"b", "2"}, {"c", "3"}})).project("7", override_with({{"a", "x"}}));
    EXPECT_EQ(chain["a"] + chain["b"] + chain["c"], "xB-");
}

TEST(Atomic, ALockOnOneIsALockOnAll) {
    Chain chain(jira());
    chain.instance(custom({{"url", "i"}, {"token", "t"}, {"a", "1"}}).lock({"url", "c"}))
        .project("7", custom({{"token", "p"}, {"a", "x"}, {"project", "p"}}));
    EXPECT_EQ(chain["url"] + chain["token"], "it");
    EXPECT_EQ(chain["a"] + chain["b"], "1B");
    EXPECT_EQ(chain["project"], "p");
    for (std::string_view name : {"url", "token", "a", "b", "c"})
        EXPECT_EQ(chain.locked_by(name), "instance") << name;
    EXPECT_EQ(chain.locked_by("project"), "-");
}

TEST(Atomic, TwoLocksOnOneGroupAreTheHighest) {
    Chain chain(jira());
    chain.instance(custom({{"url", "i"}}).lock({"token"})).group("1", override_with({{"url", "g"}}).lock({"url"}));
    EXPECT_EQ(chain["url"], "i");
    EXPECT_EQ(chain.locked_by("url"), "instance");
}

TEST(Atomic, ALockedGroupIsNotTakenApartFromBelow) {
    // the row's field is not taken, so it does not put the rest of the group back either
    Chain chain(jira());
    chain.instance(custom({{"url", "i"}, {"token", "t"}}).lock({"token"})).project("7", override_with({{"url", "p"}}));
    EXPECT_EQ(chain["url"] + chain["token"], "it");
    EXPECT_EQ(chain.from("token"), "instance");
}

TEST(Atomic, TheOrderOfARowsFieldsDoesNotMatter) {
    for (bool turned : {false, true}) {
        Fields fields = {{"a", "x"}, {"project", "p"}, {"c", "z"}, {"b", "y"}};
        if (turned)
            std::reverse(fields.begin(), fields.end());
        Chain chain(jira());
        chain.instance(custom({{"a", "1"}, {"b", "2"}, {"c", "3"}})).project("7", override_with(fields));
        EXPECT_EQ(chain["a"] + chain["b"] + chain["c"] + chain["project"], "xyzp");
    }
}

TEST(Atomic, AGroupThatWasTakenOnceIsTakenAnewByTheNextRow) {
    Chain above(jira());
    above.instance(custom({{"url", "i"}, {"token", "i"}}));
    Chain one(above), two(above);
    one.project("1", override_with({{"url", "p1"}}));
    two.project("2", override_with({{"token", "p2"}}));
    EXPECT_EQ(one["url"] + one["token"], "p1-");
    EXPECT_EQ(two["url"] + two["token"], "https://defaultp2");
}

TEST(Atomic, SoleSourceSeesWhatAGroupTookAway) {
    Type type({{"url"}, {"token"}, {"x"}}, {{"url", "token"}});
    EXPECT_EQ(Chain(type)
                  .instance(custom({{"url", "i"}, {"token", "t"}}))
                  .project("7", override_with({{"url", "p"}}))
                  .sole_source(),
              "project 7");
    EXPECT_EQ(Chain(type)
                  .instance(custom({{"url", "i"}, {"x", "t"}}))
                  .project("7", override_with({{"url", "p"}}))
                  .sole_source(),
              "-");
}

} // namespace
} // namespace intd::test
