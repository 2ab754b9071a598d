#include "base/rel_path.h"

#include <gtest/gtest.h>

#include <string>

namespace ox {
namespace {

RelPath path_of(std::string_view text) {
  return RelPath::parse(text).value();
}

TEST(Name, IsOneComponentOfAPath) {
  for (const std::string_view good :
       {"a", "...", ".a", "a.", " ", "\n", "\xff\xfe", "a\\b", "-", "~"}) {
    EXPECT_TRUE(is_valid_name(good)) << good;
  }
  for (const std::string_view bad :
       {std::string_view(""), std::string_view("."), std::string_view(".."),
        std::string_view("a/b"), std::string_view("/"), std::string_view("a\0b", 3),
        std::string_view("\0", 1)}) {
    EXPECT_FALSE(is_valid_name(bad)) << bad;
  }
  EXPECT_TRUE(is_valid_name(std::string(4096, 'x')));
  EXPECT_FALSE(is_valid_name(std::string(4097, 'x')));
}

TEST(RelPath, HasExactlyOneSpelling) {
  for (const std::string_view good : {"", "a", "a/b", "a/b.c/d", "...", "a/.../b", "\xff/\xfe"}) {
    const auto path = RelPath::parse(good);
    ASSERT_TRUE(path.ok()) << good;
    EXPECT_EQ(path->text(), good);
  }
  for (const std::string_view bad : {"/", "/a", "a/", "a//b", "//", ".", "..", "./a", "a/.",
                                     "a/./b", "../a", "a/..", "a/../b"}) {
    EXPECT_TRUE(RelPath::parse(bad).failed_with(Code::kInvalidArgument)) << bad;
  }
  EXPECT_FALSE(RelPath::parse(std::string_view("a\0", 2)).ok());
  EXPECT_FALSE(RelPath::parse("a/" + std::string(4097, 'x')).ok());
}

TEST(RelPath, NameAndParent) {
  EXPECT_EQ(path_of("a/b/c").name(), "c");
  EXPECT_EQ(path_of("a/b/c").parent(), path_of("a/b"));
  EXPECT_EQ(path_of("a").name(), "a");
  EXPECT_TRUE(path_of("a").parent().is_root());
  EXPECT_EQ(RelPath().name(), "");
  EXPECT_TRUE(RelPath().parent().is_root());
}

TEST(RelPath, ChildAndJoinBuildWhatParseReads) {
  EXPECT_EQ(RelPath().child("a"), path_of("a"));
  EXPECT_EQ(path_of("a").child("b"), path_of("a/b"));
  EXPECT_EQ(RelPath::of_names({}), RelPath());
  EXPECT_EQ(RelPath::of_names(std::vector<std::string_view>{"c", "b", "a"}), path_of("a/b/c"));
  EXPECT_EQ(path_of("a").join(path_of("b/c")), path_of("a/b/c"));
  EXPECT_EQ(RelPath().join(path_of("b")), path_of("b"));
  EXPECT_EQ(path_of("b").join(RelPath()), path_of("b"));
  EXPECT_TRUE(RelPath().join(RelPath()).is_root());
}

TEST(RelPath, ContainsComparesWholeComponents) {
  EXPECT_TRUE(path_of("a").contains(path_of("a")));
  EXPECT_TRUE(path_of("a").contains(path_of("a/b")));
  EXPECT_FALSE(path_of("a").contains(path_of("ab")));
  EXPECT_FALSE(path_of("a").contains(path_of("ab/c")));
  EXPECT_FALSE(path_of("a/b").contains(path_of("a")));
  EXPECT_TRUE(RelPath().contains(path_of("a")));
  EXPECT_TRUE(RelPath().contains(RelPath()));
  EXPECT_FALSE(path_of("a").contains(RelPath()));
}

TEST(RelPath, FirstAndTheRestPutTogetherAreThePath) {
  EXPECT_EQ(path_of("a/b/c").first(), "a");
  EXPECT_EQ(path_of("a/b/c").after_first(), path_of("b/c"));
  EXPECT_EQ(path_of("a").first(), "a");
  EXPECT_TRUE(path_of("a").after_first().is_root());
}

TEST(RelPath, OrdersAndHashesByBytes) {
  EXPECT_LT(path_of("a"), path_of("b"));
  EXPECT_LT(path_of("a.b"), path_of("a/b"));
  EXPECT_LT(path_of("z"), path_of("\xc3\xa9"));
  EXPECT_EQ(std::hash<RelPath>{}(path_of("a/b")), std::hash<RelPath>{}(path_of("a").child("b")));
}

TEST(RelPathDeathTest, AChildThatIsNoNameIsABug) {
  EXPECT_DEATH((void)RelPath().child(".."), "contract violated");
  EXPECT_DEATH((void)RelPath().child("a/b"), "contract violated");
  EXPECT_DEATH((void)RelPath::of_names(std::vector<std::string_view>{"a", ".."}), "contract");
  EXPECT_DEATH((void)RelPath().first(), "contract violated");
}

}  // namespace
}  // namespace ox
