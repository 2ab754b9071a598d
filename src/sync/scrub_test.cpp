#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

constexpr std::string_view kPath = "dir/file";
constexpr std::string_view kRight = "right bytes";
constexpr std::string_view kOther = "other bytes";

/// Bytes that change while size, times and id stay: damage, or a store through an old mapping.
class ScrubLab : public EngineLab {
 protected:
  void begin_in_sync(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      add_replica();
    }
    write(0, kPath, std::string(kRight));
    write(0, "dir/quiet", "quiet");
    write(0, "large", std::string(5U << 20U, 'x'));
    run_clean();
    run_clean();
  }

  void decay(std::size_t replica) {
    ASSERT_TRUE(stores_[replica]->decay(at(kPath), std::string(kOther)).ok());
  }

  RunReport scrub() {
    options_.scrub = true;
    Result<RunReport> report = run();
    options_.scrub = false;
    EXPECT_TRUE(report.ok());
    return report.ok() ? std::move(*report) : RunReport{};
  }

  void expect_everywhere(std::string_view bytes) const {
    for (std::size_t i = 0; i < stores_.size(); ++i) {
      EXPECT_EQ(files(i).at(std::string(kPath)), bytes) << "replica " << i;
    }
  }

  bool is_in_the_trash_of(std::size_t replica, std::string_view bytes) const {
    return std::ranges::any_of(stores_[replica]->trash_contents(),
                               [&](const auto& kept) { return kept.second == bytes; });
  }
};

class Scrub : public ScrubLab, public ::testing::WithParamInterface<OneOf> {};

TEST_P(Scrub, FindsWhatNoTimeStampTells) {
  begin_in_sync(GetParam().replicas);
  decay(GetParam().which);
  EXPECT_EQ(run_clean().counts.updated, 0U);

  const RunReport report = scrub();
  EXPECT_EQ(report.outcome, state::RunOutcome::kInSync);
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_EQ(report.problems.front().code, "changed_unseen");
  EXPECT_EQ(report.problems.front().replica, GetParam().which);
  EXPECT_EQ(report.problems.front().path, at(kPath));
  EXPECT_EQ(report.counts.updated, GetParam().replicas - 1);
  EXPECT_EQ(report.counts.read_again, 3 * GetParam().replicas - 1);
  expect_everywhere(kOther);
  for (std::size_t i = 0; i < GetParam().replicas; ++i) {
    EXPECT_EQ(is_in_the_trash_of(i, kRight), i != GetParam().which) << "replica " << i;
  }
  EXPECT_TRUE(scrub().problems.empty());
  run_clean();
}

INSTANTIATE_TEST_SUITE_P(Changed, Scrub, ::testing::ValuesIn(each_of_two_to_five()), name_of_one);

using Scrubs = ScrubLab;

TEST_F(Scrubs, DifferentChangesOnTwoSidesAreAConflict) {
  begin_in_sync(2);
  decay(0);
  ASSERT_TRUE(stores_[1]->decay(at(kPath), "third bytes").ok());
  const RunReport report = scrub();
  EXPECT_EQ(report.conflicts.size(), 1U);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto found = files(i);
    for (const std::string_view bytes : {kOther, std::string_view("third bytes")}) {
      EXPECT_TRUE(
          std::ranges::any_of(found, [&](const auto& file) { return file.second == bytes; }))
          << bytes << " on replica " << i;
    }
  }
}

TEST_F(Scrubs, WhenAllIsRightNothingIsWritten) {
  begin_in_sync(3);
  const auto changes = stores_[1]->counters().changes;
  const RunReport report = scrub();
  EXPECT_EQ(report.counts.read_again, 9U);
  EXPECT_TRUE(report.problems.empty());
  EXPECT_EQ(report.id.value, 0U);
  EXPECT_EQ(stores_[1]->counters().changes, changes);
}

TEST_F(Scrubs, AlsoInADirectoryThatIsLookedAtWhole) {
  begin_in_sync(2);
  decay(1);
  ASSERT_TRUE(stores_[0]->user_remove(at("dir/quiet")).ok());
  fail_calls(1, "remove", Code::kPermissionDenied);
  ASSERT_TRUE(run().ok());  // leaves a delete that the other side has yet to follow
  ASSERT_EQ(files(1).size(), 3U);
  scrub();
  expect_everywhere(kOther);
}

TEST_F(Scrubs, WhatCanNotBeReadIsTold) {
  begin_in_sync(2);
  stores_[1]->set_hook([](const provider::MemoryEvent& event) -> Result<void> {
    if (event.call == "open" && event.path == at(kPath)) {
      return Error(Code::kIo, "a bad sector");
    }
    return {};
  });
  const RunReport report = scrub();
  EXPECT_TRUE(has_problem(report, "unreadable"));
  EXPECT_EQ(report.outcome, state::RunOutcome::kPartly);
  heal(1);
  expect_everywhere(kRight);
}

TEST_F(Scrubs, ComeWhenTheyAreDue) {
  begin_in_sync(2);
  options_.scrub_every = std::chrono::hours(24 * 30);
  EXPECT_EQ(run_clean().counts.read_again, 6U);  // there was none yet
  decay(1);
  clock_.advance(std::chrono::hours(24 * 29));
  EXPECT_EQ(run_clean().counts.read_again, 0U);
  clock_.advance(std::chrono::hours(24 * 1));
  EXPECT_TRUE(run().ok());
  expect_everywhere(kOther);
  decay(0);
  clock_.advance(std::chrono::hours(24 * 29));
  EXPECT_EQ(run_clean().counts.read_again, 0U);
}

TEST_F(Scrubs, OfAReplicaThatWasAwayComesWhenItIsBack) {
  begin_in_sync(3);
  options_.scrub_every = std::chrono::hours(24 * 30);
  run_clean();
  decay(2);
  clock_.advance(std::chrono::hours(24 * 30));
  replicas_[2].provider = nullptr;
  Result<RunReport> report = run();
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->counts.read_again, 6U);
  replicas_[2].provider = stores_[2].get();
  report = run();
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(has_problem(*report, "changed_unseen"));
  EXPECT_EQ(report->counts.read_again, 2U) << "the others have had their turn";
  expect_everywhere(kOther);
  EXPECT_EQ(run_clean().counts.read_again, 0U);
}

TEST_F(Scrubs, FollowARebaseWhichReadsNothingThatSeemsUnchanged) {
  begin_in_sync(2);
  decay(1);
  options_.policy.mode = plan::Mode::kCopy;
  options_.policy.order = {1, 0};
  const RunReport report = scrub();
  EXPECT_TRUE(report.rebased);
  EXPECT_TRUE(has_problem(report, "changed_unseen"));
  expect_everywhere(kOther);
}

TEST_F(Scrubs, ADryRunTellsAndIsNone) {
  begin_in_sync(2);
  decay(1);
  options_.dry_run = true;
  options_.scrub_every = std::chrono::hours(24);
  for (int repeat = 0; repeat < 2; ++repeat) {
    const Result<RunReport> told = run();
    ASSERT_TRUE(told.ok());
    EXPECT_EQ(told->counts.updated, 1U);
    EXPECT_TRUE(has_problem(*told, "changed_unseen"));
  }
  EXPECT_EQ(files(0).at(std::string(kPath)), kRight);
}

}  // namespace
}  // namespace ox::sync
