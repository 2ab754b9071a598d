#include "sync/text_merge.h"

#include <gtest/gtest.h>

#include <string>

namespace ox::sync {
namespace {

/// The merged text; "conflict" when there is none.
std::string merged(std::string_view base, std::string_view ours, std::string_view theirs) {
  const auto result = merge_text(as_bytes_view(base), as_bytes_view(ours), as_bytes_view(theirs));
  EXPECT_TRUE(result.ok());
  if (!result.ok() || !result->has_value()) {
    return "conflict";
  }
  return std::string(as_text_view(**result));
}

TEST(TextMerge, TakesBothSidesChanges) {
  EXPECT_EQ(merged("1\n2\n3\n4\n5\n", "one\n2\n3\n4\n5\n", "1\n2\n3\n4\nfive\n"),
            "one\n2\n3\n4\nfive\n");
  EXPECT_EQ(merged("1\n2\n3\n", "1\n2\n3\n", "1\n3\n"), "1\n3\n");
}

TEST(TextMerge, TheSameChangeIsNoConflict) {
  EXPECT_EQ(merged("1\n2\n3\n", "1\ntwo\n3\n", "1\ntwo\n3\n"), "1\ntwo\n3\n");
}

TEST(TextMerge, TheSameLineChangedDifferentlyIsOne) {
  EXPECT_EQ(merged("1\n2\n3\n", "1\ntwo\n3\n", "1\nzwei\n3\n"), "conflict");
  EXPECT_EQ(merged("", "mine\n", "yours\n"), "conflict");
  EXPECT_EQ(merged("1\n2\n", "", "1\ntwo\n"), "conflict");
}

TEST(TextMerge, KeepsWindowsLineEnds) {
  EXPECT_EQ(merged("1\r\n2\r\n3\r\n4\r\n", "one\r\n2\r\n3\r\n4\r\n", "1\r\n2\r\n3\r\nfour\r\n"),
            "one\r\n2\r\n3\r\nfour\r\n");
}

TEST(TextMerge, KeepsAMissingLineFeedAtTheEnd) {
  EXPECT_EQ(merged("1\n2\n3\n4", "one\n2\n3\n4", "1\n2\n3\n4"), "one\n2\n3\n4");
  EXPECT_EQ(merged("1\n2\n3\n4", "one\n2\n3\n4", "1\n2\n3\nfour"), "one\n2\n3\nfour");
}

TEST(TextMerge, EmptyTexts) {
  EXPECT_EQ(merged("", "", ""), "");
  EXPECT_EQ(merged("", "", "new\n"), "new\n");
  EXPECT_EQ(merged("old\n", "old\n", ""), "");
}

TEST(TextMerge, BytesWithNulAreNoText) {
  const std::string_view binary("a\0b\n", 4);
  EXPECT_FALSE(is_text(as_bytes_view(binary)));
  EXPECT_TRUE(is_text({}));
  EXPECT_EQ(merged(binary, "a\n", "a\n"), "conflict");
  EXPECT_EQ(merged("a\n", binary, "a\n"), "conflict");
  EXPECT_EQ(merged("a\n", "a\n", binary), "conflict");
}

TEST(TextMerge, TextThatIsNoUtf8Merges) {
  EXPECT_EQ(merged("\xff\n2\n3\n4\n", "\xfe\n2\n3\n4\n", "\xff\n2\n3\n\xfd\n"),
            "\xfe\n2\n3\n\xfd\n");
}

}  // namespace
}  // namespace ox::sync
