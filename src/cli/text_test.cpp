#include "cli/text.h"

#include <gtest/gtest.h>

namespace ox::cli {
namespace {

TEST(Shown, LeavesPrintableTextAlone) {
  EXPECT_EQ(shown("a b/c.txt"), "a b/c.txt");
  EXPECT_EQ(shown("é 漢 😀"), "é 漢 😀");
}

TEST(Shown, MakesWhatCommandsATerminalVisible) {
  EXPECT_EQ(shown("a\nb\tc\x1b[31m\x7f"), "a\\x0ab\\x09c\\x1b[31m\\x7f");
  EXPECT_EQ(shown("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(shown("\xc2\x9b"
                  "1m"),
            "\\xc2\\x9b1m");
  EXPECT_EQ(shown("x\u202etxt"), "x\\xe2\\x80\\xaetxt");
}

TEST(Base64, IsAsItsStandardSays) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xff\xfe\xfd"), "//79");
}

TEST(Sizes, ReadWell) {
  EXPECT_EQ(shown_size(0), "0 bytes");
  EXPECT_EQ(shown_size(1), "1 byte");
  EXPECT_EQ(shown_size(1023), "1023 bytes");
  EXPECT_EQ(shown_size(1536), "1.5 KiB");
  EXPECT_EQ(shown_size(3ULL << 30U), "3.0 GiB");
}

TEST(Times, AreWholeSecondsOfUtc) {
  EXPECT_EQ(shown_time(Timestamp{1'600'000'000'123'456'789}), "2020-09-13 12:26:40Z");
  EXPECT_EQ(shown_time(Timestamp{-1}), "1969-12-31 23:59:59Z");
  EXPECT_EQ(shown_time(Timestamp{INT64_MIN}), "1677-09-21 00:12:43Z");
  EXPECT_EQ(shown_duration(5), "5s");
  EXPECT_EQ(shown_duration(65), "1m 05s");
  EXPECT_EQ(shown_duration(3900), "1h 05m");
}

TEST(Errors, KeepOurLinesAndNotThoseOfNames) {
  const Error error =
      Error(Code::kNotFound, "pick one:\n  a\n  b").with_context(std::string("odd\nname"));
  EXPECT_EQ(shown_error(error), "pick one:\n  a\n  b: odd\\x0aname");
}

}  // namespace
}  // namespace ox::cli
