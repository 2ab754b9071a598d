#include "app/settings.h"

#include <gtest/gtest.h>

namespace ox::app {
namespace {

using namespace std::chrono_literals;

TEST(Sizes, AreReadInPowersOf1024) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("500"), 500U);
  EXPECT_EQ(parse_size("1K"), 1024U);
  EXPECT_EQ(parse_size("1k"), 1024U);
  EXPECT_EQ(parse_size("1.5M"), 1536U * 1024);
  EXPECT_EQ(parse_size("2GiB"), 2ULL << 30U);
  EXPECT_EQ(parse_size("3MB"), 3U << 20U);
  EXPECT_EQ(parse_size("1T"), 1ULL << 40U);
  for (const char* wrong :
       {"", "K", "-1", "1X", "1KK", "1 K", "nan", "inf", "1e99", "9999999P", "M5", "1iB"}) {
    EXPECT_EQ(parse_size(wrong), std::nullopt) << wrong;
  }
}

TEST(Ages, AreReadWithTheirUnits) {
  EXPECT_EQ(parse_age("90s"), 90s);
  EXPECT_EQ(parse_age("15m"), 15min);
  EXPECT_EQ(parse_age("36h"), 36h);
  EXPECT_EQ(parse_age("30d"), 24h * 30);
  EXPECT_EQ(parse_age("30"), 24h * 30);
  EXPECT_EQ(parse_age("1.5d"), 36h);
  EXPECT_EQ(parse_age("2w"), 24h * 14);
  EXPECT_EQ(parse_age("0"), 0s);
  for (const char* wrong : {"", "d", "-1d", "1x", "1 d", "9999y", "1dd"}) {
    EXPECT_EQ(parse_age(wrong), std::nullopt) << wrong;
  }
}

TEST(Budgets, AreANumberAShareOrBoth) {
  EXPECT_EQ(parse_budget("100")->budget->max_nodes, 100U);
  EXPECT_EQ(parse_budget("100")->budget->max_fraction, 0);
  EXPECT_EQ(parse_budget("25%")->budget->max_nodes, 0U);
  EXPECT_EQ(parse_budget("25%")->budget->max_fraction, 0.25);
  EXPECT_EQ(parse_budget("10,5%")->budget->max_nodes, 10U);
  EXPECT_EQ(parse_budget("5%,10")->budget->max_fraction, 0.05);
  ASSERT_TRUE(parse_budget("none").has_value());
  EXPECT_FALSE(parse_budget("none")->budget.has_value());
  for (const char* wrong :
       {"", ",", "10,", "101%", "1,2", "1%,2%", "-1", "1.5", "many", "99999999999999999999"}) {
    EXPECT_FALSE(parse_budget(wrong).has_value()) << wrong;
  }
}

TEST(SettingsTest, WhatIsSetLaterWinsAndIgnoresAddUp) {
  Settings rule;
  rule.mode = plan::Mode::kOneWay;
  rule.transfers = 2;
  rule.ignores.push_back({.origin = "rule", .text = "a"});
  Settings typed;
  typed.transfers = 8;
  typed.ignores.push_back({.origin = "file", .text = "b"});
  const Settings both = rule.with(typed);
  EXPECT_EQ(both.mode, plan::Mode::kOneWay);
  EXPECT_EQ(both.transfers, 8U);
  EXPECT_EQ(both.ignores.size(), 2U);
  EXPECT_EQ(both.policy({1, 0}).order.front(), 1U);
}

TEST(SettingsTest, ContradictionsAreRefused) {
  Settings settings;
  EXPECT_TRUE(settings.check().ok());
  settings.keep_mode = plan::KeepMode::kNewer;
  EXPECT_TRUE(settings.check().ok());
  for (const plan::Mode mode : {plan::Mode::kCopy, plan::Mode::kMove}) {
    settings.mode = mode;
    EXPECT_TRUE(settings.check().failed_with(Code::kInvalidArgument));
  }
  settings = {};
  settings.mirror = true;
  EXPECT_TRUE(settings.check().failed_with(Code::kInvalidArgument));
  settings.mode = plan::Mode::kOneWay;
  EXPECT_TRUE(settings.check().ok());
}

TEST(SettingsTest, AgesBecomeTimesOfTheRun) {
  Settings settings;
  settings.min_age = 10s;
  settings.max_age = 60s;
  const tree::Limits limits = settings.limits(Timestamp{100'000'000'000});
  EXPECT_EQ(limits.max_mtime, Timestamp{90'000'000'000});
  EXPECT_EQ(limits.min_mtime, Timestamp{40'000'000'000});
}

TEST(SettingsTest, DefaultsAreTheEngines) {
  const sync::RunOptions options = Settings{}.run_options({0, 1});
  EXPECT_EQ(options.policy.mode, plan::Mode::kTwoWay);
  ASSERT_TRUE(options.policy.budget.has_value());
  EXPECT_EQ(options.policy.budget->max_nodes, 100U);
  EXPECT_EQ(options.retention.age, 24h * 30);
  EXPECT_FALSE(options.retention.bytes.has_value());
}

}  // namespace
}  // namespace ox::app
