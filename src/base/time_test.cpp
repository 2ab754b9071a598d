#include "base/time.h"

#include <gtest/gtest.h>

#include <limits>

namespace ox {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(Time, BasicFormHasWholeSeconds) {
  EXPECT_EQ(to_basic_iso8601({0}), "19700101T000000Z");
  EXPECT_EQ(to_basic_iso8601({1'795'428'900 * kSecond}), "20261123T101500Z");
  EXPECT_EQ(to_basic_iso8601({1'795'428'900 * kSecond + 999'999'999}), "20261123T101500Z");
  EXPECT_EQ(to_basic_iso8601({951'782'400 * kSecond}), "20000229T000000Z") << "a leap day";
}

TEST(Time, RoundsDownBefore1970Too) {
  EXPECT_EQ(to_basic_iso8601({-1}), "19691231T235959Z");
  EXPECT_EQ(to_iso8601({-1}), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(to_basic_iso8601({-kSecond}), "19691231T235959Z");
  EXPECT_EQ(to_iso8601({-kSecond}), "1969-12-31T23:59:59Z");
}

TEST(Time, ExtendedFormShowsAFractionOnlyWhenThereIsOne) {
  EXPECT_EQ(to_iso8601({1'795'428'900 * kSecond}), "2026-11-23T10:15:00Z");
  EXPECT_EQ(to_iso8601({1'795'428'900 * kSecond + 123'456'789}), "2026-11-23T10:15:00.123456789Z");
  EXPECT_EQ(to_iso8601({1}), "1970-01-01T00:00:00.000000001Z");
}

TEST(Time, TheEndsOfTheRangeAreDates) {
  EXPECT_EQ(to_basic_iso8601({std::numeric_limits<std::int64_t>::max()}), "22620411T234716Z");
  EXPECT_EQ(to_basic_iso8601({std::numeric_limits<std::int64_t>::min()}), "16770921T001243Z");
}

TEST(Time, Compares) {
  EXPECT_LT(Timestamp{-1}, Timestamp{0});
  EXPECT_EQ(Timestamp{5}, Timestamp{5});
}

}  // namespace
}  // namespace ox
