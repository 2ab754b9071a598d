#include "sync/retention.h"

#include <gtest/gtest.h>

#include "fs/memory/memory_fs.h"
#include "provider/memory/memory_provider.h"

namespace ox::sync {
namespace {

using namespace std::chrono_literals;

RelPath path(std::string_view text) {
  return RelPath::parse(text).value();
}

/// One replica whose trash the tests fill, and a clock they turn.
class RetentionTest : public ::testing::Test {
 protected:
  RetentionTest() {
    auto opened = state::Store::open({.os_path = {}, .directory = disk_.root(), .name = "state"},
                                     state::OpenMode::kReadWrite);
    store_ = std::move(opened).value();
    replicas_.push_back({.provider = &provider_, .label = "disk", .filter = &filter_});
    services_.clock = &clock_;
    services_.progress = &progress_;
  }

  /// Puts `bytes` into the trash as run `run` does, an hour after the one before.
  RelPath displace(const std::string& name, const std::string& bytes, std::uint64_t run) {
    clock_.advance(1h);
    EXPECT_TRUE(provider_.user_write(path(name), bytes).ok());
    const auto entry = provider_.look(path(name)).value();
    const auto trashed =
        provider_.remove(path(name), entry.fingerprint, {.name = "run-" + std::to_string(run)})
            .value()
            .value();
    state::Commit commit;
    commit.versions.push_back(
        {.run = RunId{run},
         .node = NodeId{7},
         .path = path(name),
         .trashed = trashed.path,
         .content = {.size = trashed.fingerprint.size, .mtime = trashed.fingerprint.mtime},
         .when = clock_.now()});
    EXPECT_TRUE(store_->commit(commit).ok());
    return trashed.path;
  }

  RetentionReport purge(const Retention& retention, std::uint64_t current) {
    return purge_trash(*store_, replicas_, retention, RunId{current}, services_, {}).value();
  }

  std::size_t recorded() { return store_->versions_in_trash(0).value().size(); }

  rt::ManualClock clock_{Timestamp{1'700'000'000'000'000'000}};
  fs::MemoryFileSystem disk_{clock_};
  provider::MemoryProvider provider_{{.clock = &clock_}};
  tree::Filter filter_;
  std::unique_ptr<state::Store> store_;
  std::vector<EngineReplica> replicas_;
  rt::NullProgress progress_;
  Services services_;
};

TEST_F(RetentionTest, WhatIsTooOldGoes) {
  const RelPath old = displace("old", "1", 1);
  clock_.advance(48h);
  displace("new", "2", 2);
  const RetentionReport report = purge({.age = 24h}, 3);
  EXPECT_EQ(report.purged, 1U);
  EXPECT_EQ(report.purged_bytes, 1U);
  EXPECT_TRUE(provider_.look_trashed(old).failed_with(Code::kNotFound));
  EXPECT_EQ(provider_.trash_contents().size(), 1U);
  EXPECT_EQ(recorded(), 1U);
}

TEST_F(RetentionTest, AboveTheLimitTheOldestGoFirst) {
  displace("a", std::string(100, 'a'), 1);
  displace("b", std::string(100, 'b'), 2);
  displace("c", std::string(100, 'c'), 3);
  const RetentionReport report = purge({.age = 24h * 30, .bytes = 250}, 9);
  EXPECT_EQ(report.purged, 1U);
  const auto left = provider_.trash_contents();
  ASSERT_EQ(left.size(), 2U);
  EXPECT_EQ(left.begin()->second.front(), 'b');
}

TEST_F(RetentionTest, TheCurrentRunsVersionsStay) {
  displace("a", std::string(100, 'a'), 5);
  EXPECT_EQ(purge({.age = 0h, .bytes = 0}, 5).purged, 0U);
  EXPECT_EQ(provider_.trash_contents().size(), 1U);
  EXPECT_EQ(purge({.age = 0h, .bytes = 0}, 6).purged, 1U);
}

TEST_F(RetentionTest, AVersionThatIsGoneIsForgotten) {
  const RelPath gone = displace("a", "a", 1);
  ASSERT_TRUE(provider_.purge_trashed(gone).ok());
  clock_.advance(48h);
  EXPECT_EQ(purge({.age = 24h}, 2).purged, 0U);
  EXPECT_EQ(recorded(), 0U);
}

TEST_F(RetentionTest, AReplicaThatIsAwayIsLeftAlone) {
  displace("a", "a", 1);
  clock_.advance(48h);
  replicas_[0].provider = nullptr;
  EXPECT_EQ(purge({.age = 24h}, 2).purged, 0U);
  EXPECT_EQ(recorded(), 1U);
}

/// A program that held the file open wrote on: the record tells another version than what is there.
class WrittenInTrash : public RetentionTest {
 protected:
  RelPath displace_and_write_on(std::uint64_t run) {
    const RelPath trashed = displace("dir/text.txt", "what the user wrote last", run);
    state::VersionRecord record = store_->versions_in_trash(0).value().front();
    record.content.size = 3;
    state::Commit commit;
    commit.purged_replica = 0;
    commit.purged_paths_of_replica = {trashed};
    EXPECT_TRUE(store_->commit(commit).ok());
    commit = {};
    commit.versions.push_back(record);
    EXPECT_TRUE(store_->commit(commit).ok());
    return trashed;
  }

  void expect_rescued(const RetentionReport& report) {
    ASSERT_EQ(report.rescued.size(), 1U);
    EXPECT_EQ(report.purged, 0U);
    const RelPath& copy = report.rescued.front().path;
    EXPECT_TRUE(copy.text().starts_with("dir/text.conflict-disk-")) << copy.text();
    EXPECT_TRUE(copy.text().ends_with(".txt")) << copy.text();
    EXPECT_EQ(provider_.content(copy), "what the user wrote last");
    EXPECT_TRUE(provider_.trash_contents().empty());
    EXPECT_EQ(recorded(), 0U);
  }
};

TEST_F(WrittenInTrash, ComesBackInsteadOfBeingPurged) {
  displace_and_write_on(1);
  clock_.advance(48h);
  expect_rescued(purge({.age = 24h}, 2));
}

TEST_F(WrittenInTrash, ComesBackAtTheEndOfTheRun) {
  displace_and_write_on(1);
  EXPECT_TRUE(recheck_displaced(*store_, replicas_, RunId{2}, services_).value().rescued.empty());
  expect_rescued(recheck_displaced(*store_, replicas_, RunId{1}, services_).value());
}

TEST_F(WrittenInTrash, ComesBackAfterARunThatEndedEarly) {
  displace_and_write_on(1);
  state::Commit commit;
  commit.runs.push_back({.id = RunId{1}, .outcome = state::RunOutcome::kInterrupted});
  commit.runs.push_back({.id = RunId{2}, .outcome = state::RunOutcome::kRunning});
  ASSERT_TRUE(store_->commit(commit).ok());
  expect_rescued(recheck_displaced(*store_, replicas_, RunId{2}, services_).value());
}

TEST_F(WrittenInTrash, EachComesBackUnderANameOfItsOwn) {
  displace_and_write_on(1);
  const auto first = recheck_displaced(*store_, replicas_, RunId{1}, services_).value();
  displace_and_write_on(1);
  const auto second = recheck_displaced(*store_, replicas_, RunId{1}, services_).value();
  ASSERT_EQ(second.rescued.size(), 1U);
  EXPECT_TRUE(provider_.content(first.rescued.front().path).has_value());
  EXPECT_TRUE(provider_.content(second.rescued.front().path).has_value());
}

}  // namespace
}  // namespace ox::sync
