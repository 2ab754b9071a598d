#include "rt/clock.h"

#include <gtest/gtest.h>

#include <set>

#include "rt/random.h"

namespace ox::rt {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ManualClock, SleepingMovesBothClocks) {
  ManualClock clock(Timestamp{1000});
  clock.sleep_for(seconds(2));
  EXPECT_EQ(clock.now().ns, 2'000'001'000);
  EXPECT_EQ(clock.monotonic(), seconds(2));
}

TEST(ManualClock, SettingTheWallDoesNotMoveTheMonotonicClock) {
  ManualClock clock(Timestamp{5000});
  clock.advance(milliseconds(1));
  clock.set_wall(Timestamp{-7});
  EXPECT_EQ(clock.now().ns, -7);
  EXPECT_EQ(clock.monotonic(), milliseconds(1));
  clock.advance(milliseconds(1));
  EXPECT_EQ(clock.now().ns, 999'993);
}

TEST(SystemClock, ASleepLastsAtLeastAsLongAsAsked) {
  Clock& clock = system_clock();
  const auto begin = clock.monotonic();
  clock.sleep_for(milliseconds(2));
  EXPECT_GE(clock.monotonic() - begin, milliseconds(2));
}

TEST(SystemClock, TellsUnixTime) {
  const std::int64_t year_2020 = 1'577'836'800;
  const std::int64_t year_2200 = 7'258'118'400;
  EXPECT_GT(system_clock().now().ns, year_2020 * 1'000'000'000);
  EXPECT_LT(system_clock().now().ns, year_2200 * 1'000'000'000);
}

TEST(SeededRandom, GivesThePublishedSequence) {
  // SplitMix64 from seed 1234567, as in the reference implementation's usual test vector.
  SeededRandom random(1'234'567);
  EXPECT_EQ(random.next(), 6457827717110365317U);
  EXPECT_EQ(random.next(), 3203168211198807973U);
  EXPECT_EQ(random.next(), 9817491932198370423U);
  EXPECT_EQ(random.next(), 4593380528125082431U);
  EXPECT_EQ(random.next(), 16408922859458223821U);
}

TEST(SeededRandom, BelowStaysBelowAndReachesAll) {
  SeededRandom random(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    seen.insert(random.below(7));
  }
  EXPECT_EQ(seen.size(), 7U);
  EXPECT_EQ(*seen.rbegin(), 6U);
}

TEST(SystemRandom, DoesNotRepeat) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    seen.insert(system_random().next());
  }
  EXPECT_EQ(seen.size(), 1000U);
}

}  // namespace
}  // namespace ox::rt
