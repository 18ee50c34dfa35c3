// Types of integration: properties by name, and the units in which they move.
#include "chain.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace intd::test {
namespace {

int unit(const Type &type, std::string_view name) {
    return type.shape().properties()[type.shape().find(name)].unit;
}
bool grouped(const Type &type, std::string_view name) {
    return type.shape().properties()[type.shape().find(name)].grouped;
}

TEST(Shape, PropertiesAreSortedByTheirBytes) {
    Type type({{"url"}, {"Url"}, {"a"}, {"a_b"}, {"é"}});
    std::string names;
    for (const Property &property : type.shape().properties())
        names += std::string(property.name) + " ";
    EXPECT_EQ(names, "Url a a_b url é ");
}

TEST(Shape, FindsWholeNamesOnly) {
    Type type({{"url"}, {"token"}});
    EXPECT_GE(type.shape().find("url"), 0);
    for (std::string_view other : {"", "ur", "urls", "URL", "zzz"})
        EXPECT_EQ(type.shape().find(other), -1) << other;
    EXPECT_EQ(Type({}).shape().find("url"), -1);
}

TEST(Shape, KeepsFallbacksAndSecrets) {
    Type type({{"url", "https://a"}, {"token", nullptr, true}});
    const auto &properties = type.shape().properties();
    EXPECT_EQ(text(properties[type.shape().find("url")].fallback), "https://a");
    EXPECT_FALSE(properties[type.shape().find("url")].secret);
    EXPECT_EQ(properties[type.shape().find("token")].fallback, nullptr);
    EXPECT_TRUE(properties[type.shape().find("token")].secret);
}

TEST(Shape, APropertyStandsAloneUntilItIsJoined) {
    Type type({{"a"}, {"b"}, {"c"}}, {{"a", "c"}});
    EXPECT_EQ(unit(type, "a"), unit(type, "c"));
    EXPECT_NE(unit(type, "a"), unit(type, "b"));
    EXPECT_TRUE(grouped(type, "a"));
    EXPECT_TRUE(grouped(type, "c"));
    EXPECT_FALSE(grouped(type, "b"));
}

TEST(Shape, AGroupOfOneChangesNothing) {
    for (const auto &group : {std::vector<std::string_view>{"a"}, {"a", "a"}, {}}) {
        Type type({{"a"}, {"b"}}, {group});
        EXPECT_FALSE(grouped(type, "a"));
        EXPECT_NE(unit(type, "a"), unit(type, "b"));
    }
}

TEST(Shape, GroupsThatShareAMemberBecomeOne) {
    // a-b and d-e are joined by b-d, whichever comes first; c stays alone.
    std::vector<std::vector<std::string_view>> groups = {{"a", "b"}, {"b", "d"}, {"d", "e"}};
    std::sort(groups.begin(), groups.end());
    do {
        Type type({{"a"}, {"b"}, {"c"}, {"d"}, {"e"}}, groups);
        for (std::string_view member : {"b", "d", "e"}) {
            EXPECT_EQ(unit(type, member), unit(type, "a"));
            EXPECT_TRUE(grouped(type, member));
        }
        EXPECT_NE(unit(type, "c"), unit(type, "a"));
        EXPECT_FALSE(grouped(type, "c"));
    } while (std::next_permutation(groups.begin(), groups.end()));
}

TEST(Shape, GroupsWithoutACommonMemberStayApart) {
    Type type({{"a"}, {"b"}, {"c"}, {"d"}}, {{"a", "b"}, {"c", "d"}});
    EXPECT_NE(unit(type, "a"), unit(type, "c"));
}

TEST(Shape, JoiningAnUnknownNameIsToldToTheCaller) {
    Shape shape(std::pmr::new_delete_resource());
    shape.add("url", nullptr, false);
    shape.seal();
    EXPECT_FALSE(shape.join({"url", "token"}));
    EXPECT_TRUE(shape.join({"url"}));
}

} // namespace
} // namespace intd::test
