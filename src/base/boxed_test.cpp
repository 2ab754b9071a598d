#include "base/boxed.h"

#include <gtest/gtest.h>

#include <tuple>

namespace ox {
namespace {

TEST(Boxed, IsNothingUntilItIsGivenAValue) {
  Boxed<std::string> box;
  EXPECT_FALSE(box.has_value());
  EXPECT_EQ(box, Boxed<std::string>(std::nullopt));
  box = std::string("value");
  ASSERT_TRUE(box.has_value());
  EXPECT_EQ(*box, "value");
  EXPECT_EQ(box->size(), 5U);
  box.reset();
  EXPECT_FALSE(box.has_value());
}

TEST(Boxed, CopiesAreTheirOwn) {
  Boxed<std::string> first{std::string("one")};
  Boxed<std::string> second = first;
  EXPECT_EQ(first, second);
  *second = "two";
  EXPECT_EQ(*first, "one");
  EXPECT_NE(first, second);
  first = second;
  EXPECT_EQ(*first, "two");
  const Boxed<std::string>& same = first;
  first = same;
  EXPECT_EQ(*first, "two");
  first = Boxed<std::string>();
  EXPECT_FALSE(first.has_value());
  EXPECT_NE(first, second);
}

TEST(RareText, EmptyIsNothing) {
  EXPECT_EQ(sizeof(RareText), sizeof(void*));
  EXPECT_TRUE(RareText().empty());
  EXPECT_TRUE(RareText("").empty());
  EXPECT_EQ(RareText(std::string()), RareText());
  EXPECT_EQ(RareText().view(), "");
  EXPECT_EQ(RareText().text(), "");
}

TEST(RareText, IsATextLikeOthers) {
  RareText text = std::string("target\0with a nul", 17);
  EXPECT_EQ(text.size(), 17U);
  EXPECT_EQ(text.view(), std::string_view("target\0with a nul", 17));
  const RareText copy = text;
  text = "other";
  EXPECT_EQ(text, "other");
  EXPECT_NE(copy, text);
  EXPECT_LT(text, copy);
  EXPECT_LT(RareText(), text);
  EXPECT_LT(std::tuple(1, RareText("a")), std::tuple(1, RareText("b")));
}

}  // namespace
}  // namespace ox
