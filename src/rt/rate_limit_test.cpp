#include "rt/rate_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace ox::rt {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

/// A clock on which sleeping costs no real time, and that tells about every sleep.
class WatchedClock final : public Clock {
 public:
  Timestamp now() override { return inner_.now(); }
  nanoseconds monotonic() override { return inner_.monotonic(); }
  void sleep_for(nanoseconds pause) override {
    longest_sleep = std::max(longest_sleep, pause);
    inner_.sleep_for(pause);
    if (on_sleep) {
      on_sleep();
    }
  }
  void advance(nanoseconds by) { inner_.advance(by); }

  nanoseconds longest_sleep{0};
  std::function<void()> on_sleep;

 private:
  ManualClock inner_{Timestamp{}};
};

TEST(RateLimit, NoLimitNeverSleeps) {
  WatchedClock clock;
  RateLimit limit(clock, 0);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(limit.acquire(std::uint64_t{1} << 40, {}).ok());
  }
  EXPECT_EQ(clock.monotonic(), nanoseconds(0));
}

TEST(RateLimit, ManyPiecesTakeTheTimeThatTheRateAsksFor) {
  WatchedClock clock;
  RateLimit limit(clock, 1'000'000);
  for (int i = 0; i < 1001; ++i) {
    ASSERT_TRUE(limit.acquire(10'000, {}).ok());
  }
  // The first piece passes at once, the thousand behind it cost 10 ms each.
  EXPECT_GE(clock.monotonic(), milliseconds(9'999));
  EXPECT_LE(clock.monotonic(), milliseconds(10'001));
}

TEST(RateLimit, APieceLargerThanASecondPassesAndIsPaidForAfterwards) {
  WatchedClock clock;
  RateLimit limit(clock, 1000);
  ASSERT_TRUE(limit.acquire(5000, {}).ok());
  EXPECT_EQ(clock.monotonic(), nanoseconds(0));
  ASSERT_TRUE(limit.acquire(1, {}).ok());
  EXPECT_GE(clock.monotonic(), milliseconds(4'999));
  EXPECT_LE(clock.monotonic(), milliseconds(5'001));
}

TEST(RateLimit, AnIdleLineSavesUpATenthOfASecondAndNoMore) {
  WatchedClock clock;
  RateLimit limit(clock, 1000);
  clock.advance(seconds(3600));
  const nanoseconds begin = clock.monotonic();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(limit.acquire(1, {}).ok());
  }
  EXPECT_EQ(clock.monotonic(), begin);
  for (int i = 0; i < 1001; ++i) {
    ASSERT_TRUE(limit.acquire(1, {}).ok());
  }
  EXPECT_GE(clock.monotonic() - begin, milliseconds(999));
  EXPECT_LE(clock.monotonic() - begin, milliseconds(1'001));
}

TEST(RateLimit, AStopActsWithinATenthOfASecondAndUsesNothingUp) {
  WatchedClock clock;
  RateLimit limit(clock, 1000);
  ASSERT_TRUE(limit.acquire(1'000'000, {}).ok());
  std::stop_source source;
  clock.on_sleep = [&source] { source.request_stop(); };
  const nanoseconds begin = clock.monotonic();
  EXPECT_TRUE(limit.acquire(500'000, source.get_token()).failed_with(Code::kCancelled));
  EXPECT_LE(clock.monotonic() - begin, milliseconds(100));
  EXPECT_LE(clock.longest_sleep, milliseconds(100));
  EXPECT_TRUE(limit.acquire(0, source.get_token()).failed_with(Code::kCancelled));

  ASSERT_TRUE(limit.acquire(1, {}).ok());
  EXPECT_LE(clock.monotonic(), milliseconds(1'000'001)) << "the stopped request was given back";
  EXPECT_GE(clock.monotonic(), milliseconds(999'999));
}

TEST(RateLimit, AStoppedCallerIsRefusedEvenWithoutALimit) {
  WatchedClock clock;
  RateLimit limit(clock, 0);
  std::stop_source source;
  source.request_stop();
  EXPECT_TRUE(limit.acquire(1, source.get_token()).failed_with(Code::kCancelled));
}

TEST(RateLimit, ANewRateReachesThoseThatWait) {
  WatchedClock clock;
  RateLimit limit(clock, 1);
  ASSERT_TRUE(limit.acquire(1'000'000, {}).ok());
  clock.on_sleep = [&limit] { limit.set_rate(1'000'000); };
  ASSERT_TRUE(limit.acquire(1, {}).ok());
  EXPECT_LE(clock.monotonic(), milliseconds(1'101));
  EXPECT_GE(clock.monotonic(), milliseconds(999)) << "what has passed is still paid for";
  EXPECT_EQ(limit.rate(), 1'000'000U);
}

TEST(RateLimit, LiftingTheLimitFreesThoseThatWait) {
  WatchedClock clock;
  RateLimit limit(clock, 1);
  ASSERT_TRUE(limit.acquire(1'000'000, {}).ok());
  clock.on_sleep = [&limit] { limit.set_rate(0); };
  ASSERT_TRUE(limit.acquire(1'000'000, {}).ok());
  EXPECT_LE(clock.monotonic(), milliseconds(100));
  clock.on_sleep = nullptr;
  limit.set_rate(1000);
  ASSERT_TRUE(limit.acquire(1, {}).ok());
  EXPECT_LE(clock.monotonic(), milliseconds(100)) << "nothing is owed from before";
}

TEST(RateLimit, ThreadsTogetherStayBelowTheRate) {
  ManualClock clock(Timestamp{});
  RateLimit limit(clock, 1'000'000);
  constexpr int kThreads = 8;
  constexpr int kPieces = 500;
  {
    std::vector<std::jthread> threads;
    threads.reserve(kThreads);
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&limit] {
        for (int piece = 0; piece < kPieces; ++piece) {
          EXPECT_TRUE(limit.acquire(1000, {}).ok());
        }
      });
    }
  }
  // Only a lower bound: the sleeps of several threads all move this clock.
  const std::int64_t passed = std::int64_t{kThreads} * kPieces * 1000;
  EXPECT_GE(clock.monotonic(), nanoseconds((passed - 1000 - 100'000) * 1000));
}

TEST(RateLimit, WhoAsksFirstIsServedFirst) {
  // While the second request sleeps, a third one asks; it must not pass before the second.
  WatchedClock clock;
  RateLimit limit(clock, 1'000'000);
  ASSERT_TRUE(limit.acquire(20'000, {}).ok());
  std::optional<nanoseconds> third_passed;
  bool third_asked = false;
  clock.on_sleep = [&] {
    if (std::exchange(third_asked, true)) {
      return;
    }
    ASSERT_TRUE(limit.acquire(1, {}).ok());
    third_passed = clock.monotonic();
  };
  ASSERT_TRUE(limit.acquire(30'000, {}).ok());
  ASSERT_TRUE(third_passed.has_value());
  EXPECT_GE(*third_passed, nanoseconds(49'999'000)) << "20 ms for the first, 30 ms for the second";
}

}  // namespace
}  // namespace ox::rt
