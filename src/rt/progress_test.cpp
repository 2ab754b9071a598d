#include "rt/progress.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace ox::rt {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(CountingProgress, SumsWhatManyThreadsTell) {
  CountingProgress progress;
  progress.enter(Phase::kTransferring);
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&progress] {
        for (int round = 0; round < 1000; ++round) {
          progress.add_total({.files = 1, .bytes = 20});
          progress.set_current("docs/a");
          progress.add_done({.files = 0, .bytes = 15});
          progress.add_done({.files = 0, .bytes = -5});
          (void)progress.snapshot();
        }
      });
    }
  }
  EXPECT_EQ(progress.snapshot(), (ProgressSnapshot{.phase = Phase::kTransferring,
                                                   .total = {.files = 4000, .bytes = 80'000},
                                                   .done = {.files = 0, .bytes = 40'000},
                                                   .current = "docs/a"}));
}

TEST(Phase, HasAStableName) {
  EXPECT_EQ(name_of(Phase::kWaiting), "waiting");
  EXPECT_EQ(name_of(Phase::kScanning), "scanning");
  EXPECT_EQ(name_of(Phase::kPlanning), "planning");
  EXPECT_EQ(name_of(Phase::kTransferring), "transferring");
  EXPECT_EQ(name_of(Phase::kVerifying), "verifying");
  EXPECT_EQ(name_of(Phase::kFinished), "finished");
}

TEST(RateEstimator, KnowsNothingBeforeTwoSamples) {
  RateEstimator rate;
  EXPECT_EQ(rate.bytes_per_second(), 0);
  EXPECT_EQ(rate.time_left(1), std::nullopt);
  EXPECT_EQ(rate.time_left(0), seconds(0)) << "nothing left takes no time";
  rate.sample(seconds(5), 1000);
  EXPECT_EQ(rate.bytes_per_second(), 0);
  rate.sample(seconds(5), 2000);
  EXPECT_EQ(rate.bytes_per_second(), 0) << "two samples at one instant are no speed";
}

TEST(RateEstimator, ASteadyFlowGivesItsRate) {
  RateEstimator rate;
  for (int i = 0; i <= 300; ++i) {
    rate.sample(milliseconds(100 * i), std::int64_t{100} * i);
  }
  EXPECT_NEAR(rate.bytes_per_second(), 1000, 1e-6);
  EXPECT_EQ(rate.time_left(5000), seconds(5));
}

TEST(RateEstimator, OldSpeedLeavesTheWindow) {
  RateEstimator rate(seconds(10));
  std::int64_t bytes = 0;
  for (int i = 0; i <= 100; ++i) {
    rate.sample(milliseconds(100 * i), bytes += 1'000'000);
  }
  for (int i = 101; i <= 250; ++i) {
    rate.sample(milliseconds(100 * i), bytes += 10);
  }
  EXPECT_NEAR(rate.bytes_per_second(), 100, 1);
}

TEST(RateEstimator, AStallFallsToNothing) {
  RateEstimator rate(seconds(10));
  rate.sample(seconds(0), 0);
  rate.sample(seconds(1), 1'000'000);
  EXPECT_GT(rate.bytes_per_second(), 0);
  for (int i = 2; i <= 30; ++i) {
    rate.sample(seconds(i), 1'000'000);
  }
  EXPECT_EQ(rate.bytes_per_second(), 0);
  EXPECT_EQ(rate.time_left(1), std::nullopt);
}

TEST(RateEstimator, WorkTakenBackIsNoNegativeSpeed) {
  RateEstimator rate;
  rate.sample(seconds(1), 1000);
  rate.sample(seconds(2), 100);
  EXPECT_EQ(rate.bytes_per_second(), 0);
}

TEST(RateEstimator, ASampleFromThePastCountsForNothing) {
  RateEstimator rate;
  rate.sample(seconds(1), 0);
  rate.sample(seconds(3), 2000);
  rate.sample(seconds(2), 1'000'000);
  EXPECT_NEAR(rate.bytes_per_second(), 1000, 1e-6);
}

TEST(RateEstimator, SamplingVeryOftenChangesNothing) {
  RateEstimator rate(seconds(10));
  for (int i = 0; i <= 1'000'000; ++i) {
    rate.sample(std::chrono::microseconds(20 * i), i);
  }
  EXPECT_NEAR(rate.bytes_per_second(), 50'000, 1);
}

TEST(RateEstimator, AnEndlessRestIsClamped) {
  RateEstimator rate;
  rate.sample(seconds(0), 0);
  rate.sample(seconds(10), 1);
  const auto left = rate.time_left(std::int64_t{1} << 62);
  ASSERT_TRUE(left.has_value());
  EXPECT_GT(*left, std::chrono::hours(24 * 365 * 99));
}

}  // namespace
}  // namespace ox::rt
