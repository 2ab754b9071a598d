#include "sync/undo_versions.h"

#include <gtest/gtest.h>

namespace ox::sync {
namespace {

// 2026-11-23T10:15:00Z, the minute before, and the day before.
std::vector<Version> versions() {
  std::vector<Version> all;
  for (const std::int64_t second : {1'795'428'900, 1'795'428'840, 1'795'342'500}) {
    Version& version = all.emplace_back();
    version.number = all.size();
    version.record.when = {second * 1'000'000'000};
  }
  return all;
}

std::size_t number_of(std::string_view wanted) {
  const auto chosen = choose_version(versions(), wanted);
  return chosen.ok() ? chosen->number : 0;
}

TEST(ChooseVersion, ByNumberOrTheBeginningOfTheTime) {
  EXPECT_EQ(number_of(""), 1U);
  EXPECT_EQ(number_of("2"), 2U);
  EXPECT_EQ(number_of("20261123"), 1U);
  EXPECT_EQ(number_of("2026-11-23T10:14"), 2U);
  EXPECT_EQ(number_of("2026-11-22"), 3U);
}

TEST(ChooseVersion, WhatFitsNoneChoosesNone) {
  for (const char* wanted : {"0", "4", "999999", "2025-01-01", "-", ":-", "T", "Z"}) {
    EXPECT_TRUE(choose_version(versions(), wanted).failed_with(Code::kNotFound)) << wanted;
  }
  EXPECT_TRUE(choose_version({}, "").failed_with(Code::kNotFound));
}

}  // namespace
}  // namespace ox::sync
