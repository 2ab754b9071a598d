#include <algorithm>

#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

provider::Capabilities without_exchange() {
  provider::Capabilities can = provider::full_capabilities();
  can.exchange = false;
  return can;
}

/// Two names change places on `a`; `b` has to park one of them.
class Parked : public EngineLab {
 protected:
  void SetUp() override {
    add_replica();
    add_replica(without_exchange());
    write(0, "x", "bytes of x, long enough");
    write(0, "y", "bytes of y, which are others");
    run_clean();
    ASSERT_TRUE(stores_[0]->user_rename(at("x"), at("t")).ok());
    ASSERT_TRUE(stores_[0]->user_rename(at("y"), at("x")).ok());
    ASSERT_TRUE(stores_[0]->user_rename(at("t"), at("y")).ok());
  }

  std::vector<std::string> deeds(EventKind kind) const {
    std::vector<std::string> found;
    for (const Event& event : events_) {
      if (event.kind == kind) {
        found.push_back(event.action + " " + std::to_string(event.replica.value_or(9)) + " " +
                        event.from.text() + " " + event.path.text());
      }
    }
    std::ranges::sort(found);
    return found;
  }

  void expect_swapped() {
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(files(i), (std::map<std::string, std::string>{{"x", "bytes of y, which are others"},
                                                              {"y", "bytes of x, long enough"}}));
    }
    EXPECT_TRUE(stores_[1]->parked_contents().empty());
  }
};

TEST_F(Parked, ComesHomeInTheSameRunWhenUnparkFails) {
  fail_calls(1, "unpark", Code::kIo, 1);
  const Result<RunReport> report = run();
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(stores_[1]->parked_contents().empty());
  EXPECT_EQ(files(0).size(), 2U);
  EXPECT_EQ(files(1).size(), 2U);
  heal(1);
  run_clean();
  expect_swapped();
}

TEST_F(Parked, IsNotTakenForDeletedByTheNextPass) {
  // Somebody takes the place it was to go to, so this run looks again.
  bool done = false;
  stores_[1]->set_hook([&](const provider::MemoryEvent& event) -> Result<void> {
    if (!done && event.when == provider::MemoryEvent::When::kBeforeEffect &&
        event.call == "unpark") {
      done = true;
      return stores_[1]->user_write(event.path, "a newcomer");
    }
    return {};
  });
  const Result<RunReport> report = run();
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(done);
  EXPECT_TRUE(stores_[1]->parked_contents().empty());
  heal(1);
  ASSERT_TRUE(run().ok());
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<std::string> contents;
    for (const auto& [path, bytes] : files(i)) {
      contents.push_back(bytes);
    }
    std::ranges::sort(contents);
    EXPECT_EQ(contents, (std::vector<std::string>{"a newcomer", "bytes of x, long enough",
                                                  "bytes of y, which are others"}));
  }
  EXPECT_EQ(files(0), files(1));
}

TEST_F(Parked, ComesHomeWhenTheRunIsStopped) {
  std::stop_source stop;
  stores_[1]->set_hook([&](const provider::MemoryEvent& event) -> Result<void> {
    if (event.when == provider::MemoryEvent::When::kAfterEffect && event.call == "park") {
      stop.request_stop();
    }
    return {};
  });
  EXPECT_TRUE(run(stop.get_token()).failed_with(Code::kCancelled));
  EXPECT_TRUE(stores_[1]->parked_contents().empty());
  EXPECT_EQ(files(1).size(), 2U);
  heal(1);
  run_clean();
  expect_swapped();
}

TEST_F(Parked, AReplicaThatDoesNotGiveItBackIsNotLookedAtAgainInThisRun) {
  fail_calls(1, "unpark", Code::kIo);
  const Result<RunReport> report = run();
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_NE(report->outcome, state::RunOutcome::kInSync);
  EXPECT_EQ(stores_[1]->parked_contents().size(), 1U);
  EXPECT_EQ(files(0).size(), 2U);
  heal(1);
  run_clean();
  expect_swapped();
  EXPECT_FALSE(files(1).contains("recovered-2"));
}

/// A dry run after a crash tells what the run that follows does, and changes nothing.
TEST_F(Parked, IsSeenAtItsHomeByADryRun) {
  fail_calls(1, "unpark", Code::kIo);
  ASSERT_TRUE(run().ok());
  heal(1);
  ASSERT_EQ(stores_[1]->parked_contents().size(), 1U);
  const auto before = stores_[1]->entries();
  options_.dry_run = true;
  const RunReport told = run().value();
  EXPECT_EQ(told.outcome, state::RunOutcome::kInSync);
  EXPECT_TRUE(has_problem(told, "stands_aside"));
  const std::vector<std::string> planned = deeds(EventKind::kPlanned);
  EXPECT_EQ(stores_[1]->parked_contents().size(), 1U);
  EXPECT_EQ(stores_[1]->entries(), before);

  options_.dry_run = false;
  run_clean();
  EXPECT_EQ(planned, deeds(EventKind::kDone));
  expect_swapped();
}

}  // namespace
}  // namespace ox::sync
