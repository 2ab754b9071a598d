#include "sync/new_trees.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fs/memory/memory_fs.h"
#include "provider/memory/memory_provider.h"
#include "sync/engine.h"

namespace ox::sync {
namespace {

using provider::MemoryEvent;

RelPath path(std::string_view text) {
  return RelPath::parse(text).value();
}

/// Two stores in one rule; what the second one is asked to publish is written down.
class NewTreesTest : public ::testing::Test {
 protected:
  NewTreesTest() {
    facts_.id = std::string(31, '0') + "1";
    for (std::size_t i = 0; i < 2; ++i) {
      stores_.push_back(std::make_unique<provider::MemoryProvider>(provider::MemoryOptions{
          .capabilities = provider::full_capabilities(), .clock = &clock_}));
      facts_.replicas.push_back({.address = i == 0 ? "/a" : "/b", .label = i == 0 ? "a" : "b"});
      replicas_.push_back(
          {.provider = stores_[i].get(), .label = facts_.replicas[i].label, .filter = &filter_});
      options_.policy.order.push_back(static_cast<ReplicaIndex>(i));
    }
    state_ = state::Store::open({.os_path = {}, .directory = disk_.root(), .name = "state"},
                                state::OpenMode::kReadWrite)
                 .value();
    stores_[1]->set_hook([this](const MemoryEvent& event) -> Result<void> {
      if (event.call == "publish" && event.when == MemoryEvent::When::kBeforeCall) {
        published_.push_back(event.path.text());
        if (const auto act = std::exchange(before_publish_, {})) {
          act();
        }
      }
      return {};
    });
  }

  RunReport sync() {
    const Services services{.pool = &pool_, .clock = &clock_, .progress = &progress_};
    clock_.advance(std::chrono::hours(1));
    auto report = run_rule(*state_, facts_, replicas_, options_, services, {});
    EXPECT_TRUE(report.ok()) << report.error().to_string();
    return report.ok() ? std::move(*report) : RunReport{};
  }
  void write(std::string_view where, std::string bytes) {
    clock_.advance(std::chrono::seconds(10));
    EXPECT_TRUE(stores_[0]->user_write(path(where), std::move(bytes)).ok());
  }
  void expect_same() {
    for (const auto& [where, entry] : stores_[0]->entries()) {
      EXPECT_EQ(stores_[0]->content(where), stores_[1]->content(where)) << where.text();
    }
    EXPECT_EQ(stores_[0]->entries().size(), stores_[1]->entries().size());
  }

  rt::ManualClock clock_{Timestamp{1'700'000'000'000'000'000}};
  fs::MemoryFileSystem disk_{clock_};
  rt::InlinePool pool_;
  rt::NullProgress progress_;
  tree::Filter filter_;
  state::RuleFacts facts_;
  std::vector<std::unique_ptr<provider::MemoryProvider>> stores_;
  std::vector<EngineReplica> replicas_;
  RunOptions options_;
  std::unique_ptr<state::Store> state_;
  std::vector<std::string> published_;
  std::function<void()> before_publish_;
};

TEST_F(NewTreesTest, ANewDirectoryAppearsByOnePublish) {
  write("album/one", "1");
  write("album/deep/er/two", "2");
  write("alone", "3");
  EXPECT_TRUE(stores_[0]->user_make_directory(path("album/empty/below")).ok());
  const RunReport report = sync();
  EXPECT_EQ(report.outcome, state::RunOutcome::kInSync);
  EXPECT_EQ(report.counts.created, 3U);
  EXPECT_EQ(report.counts.directories, 5U);
  std::ranges::sort(published_);
  EXPECT_EQ(published_, (std::vector<std::string>{"album", "alone"}));
  expect_same();
  published_.clear();
  EXPECT_EQ(sync().counts.scanned, report.counts.scanned * 2);
  EXPECT_TRUE(published_.empty()) << "all of it was acknowledged";
}

TEST_F(NewTreesTest, WhatGoesIntoAStandingDirectoryIsPublishedByItself) {
  write("album/one", "1");
  sync();
  published_.clear();
  write("album/two", "2");
  write("album/new/three", "3");
  sync();
  std::ranges::sort(published_);
  EXPECT_EQ(published_, (std::vector<std::string>{"album/new", "album/two"}));
  expect_same();
}

TEST_F(NewTreesTest, ADirectoryThatSomethingIsMovedIntoIsMadeFirst) {
  write("moved", std::string(5000, 'm'));
  sync();
  published_.clear();
  EXPECT_TRUE(stores_[0]->user_make_directory(path("new")).ok());
  EXPECT_TRUE(stores_[0]->user_rename(path("moved"), path("new/moved")).ok());
  write("new/beside/it", "1");
  const RunReport report = sync();
  EXPECT_EQ(report.counts.moved, 1U);
  EXPECT_EQ(published_, (std::vector<std::string>{"new/beside"}));
  expect_same();
}

TEST_F(NewTreesTest, ADirectoryInOneThatMovesOnIsMadeBefore) {
  write("b/one", "1");
  sync();
  // The old "b" goes to where a file stands that has to step aside first, and a new one comes.
  EXPECT_TRUE(stores_[0]->user_rename(path("b"), path("e")).ok());
  EXPECT_TRUE(stores_[0]->user_make_directory(path("e/b")).ok());
  write("b/two", "2");
  EXPECT_TRUE(stores_[1]->user_write(path("e"), "in the way").ok());
  EXPECT_EQ(sync().outcome, state::RunOutcome::kInSync);
  expect_same();
  EXPECT_TRUE(stores_[1]->entries().contains(path("e/b")));
  EXPECT_FALSE(stores_[1]->entries().contains(path("b/b")));
}

TEST_F(NewTreesTest, SomebodyMakesTheDirectoryMeanwhile) {
  write("album/one", "1");
  before_publish_ = [this] { EXPECT_TRUE(stores_[1]->user_write(path("album/theirs"), "t").ok()); };
  const RunReport report = sync();
  EXPECT_EQ(report.outcome, state::RunOutcome::kInSync);
  expect_same();
  EXPECT_EQ(stores_[0]->content(path("album/theirs")), "t");
}

/// Else a file that nobody ever saved so would stand under its final name.
TEST_F(NewTreesTest, AFileThatChangesWhileItIsReadIsNotInTheTree) {
  write("album/one", "first version");
  write("album/two", "2");
  bool changed = false;
  stores_[0]->set_hook([&](const MemoryEvent& event) -> Result<void> {
    const bool was_read = event.call == "verify_unchanged" && event.path.text() == "album/one";
    if (was_read && !std::exchange(changed, true)) {
      EXPECT_TRUE(stores_[0]->user_write(path("album/one"), "second one").ok());
    }
    return {};
  });
  std::optional<std::string> first_seen;
  stores_[1]->set_hook([&](const MemoryEvent& event) -> Result<void> {
    if (event.call == "publish" && event.when == MemoryEvent::When::kAfterEffect &&
        event.path.text() == "album") {
      first_seen = stores_[1]->content(path("album/one"));
    }
    return {};
  });
  const RunReport report = sync();
  EXPECT_TRUE(changed);
  EXPECT_NE(first_seen, "first version") << "it was not what stood there when it was published";
  EXPECT_EQ(report.outcome, state::RunOutcome::kInSync);
  expect_same();
  EXPECT_EQ(stores_[1]->content(path("album/one")), "second one");
}

}  // namespace
}  // namespace ox::sync
