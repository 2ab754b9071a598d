#include "state/store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "fs/memory/memory_fs.h"
#include "rt/clock.h"
#include "rt/pool.h"
#include "state/samples.h"

namespace ox::state {
namespace {

using rt::SeededRandom;

RelPath path_of(std::string_view text) {
  return RelPath::parse(text).value();
}

/// A store in memory that can be closed and opened again.
class StoreTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }

  StoreLocation location() { return {.os_path = {}, .directory = memory_.root(), .name = "state"}; }

  void reopen(OpenMode mode = OpenMode::kReadWrite) {
    store_.reset();
    auto opened = Store::open(location(), mode);
    ASSERT_TRUE(opened.ok()) << opened.error().to_string();
    store_ = *std::move(opened);
  }

  void commit(const Commit& commit) {
    const auto done = store_->commit(commit);
    ASSERT_TRUE(done.ok()) << done.error().to_string();
  }

  rt::ManualClock clock_{Timestamp{1}};
  fs::MemoryFileSystem memory_{clock_};
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, ANewStoreIsEmpty) {
  EXPECT_FALSE(store_->facts()->has_value());
  EXPECT_FALSE(store_->root()->has_value());
  EXPECT_TRUE(store_->children(kRootNode)->empty());
  EXPECT_TRUE(store_->pages(kRootNode)->empty());
  EXPECT_TRUE(store_->unsettled()->empty());
  EXPECT_EQ(*store_->node_count(), 0U);
  EXPECT_TRUE(store_->open_batches()->empty());
  EXPECT_TRUE(store_->runs(10)->empty());
  EXPECT_FALSE(store_->find_run(RunId{1})->has_value());
  EXPECT_TRUE(store_->conflicts()->empty());
  EXPECT_TRUE(store_->problems()->empty());
  EXPECT_TRUE(store_->held()->empty());
  EXPECT_TRUE(store_->approved()->empty());
  EXPECT_FALSE(store_->merge_base(Digest{})->has_value());
}

TEST_F(StoreTest, FactsAndNamesAreReplaced) {
  RuleFacts facts;
  facts.id = "00112233445566778899aabbccddeeff";
  facts.mode = "two-way";
  facts.replicas.push_back({.address = "/a", .label = "a", .epoch = 3, .file_system = {}});
  Commit first;
  first.facts = facts;
  first.held = {"x", "y"};
  first.approved = {"x"};
  commit(first);
  reopen();
  EXPECT_EQ(*store_->facts(), facts);
  EXPECT_EQ(*store_->held(), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(*store_->approved(), std::vector<std::string>{"x"});
  facts.next_node = 77;
  Commit second;
  second.facts = facts;
  second.held.emplace();
  commit(second);
  reopen();
  EXPECT_EQ(*store_->facts(), facts);
  EXPECT_TRUE(store_->held()->empty());
  EXPECT_EQ(*store_->approved(), std::vector<std::string>{"x"});
}

TEST_F(StoreTest, BatchesAreReplacedByRunAndNumber) {
  SeededRandom random(1);
  Commit first;
  for (std::uint64_t number = 0; number < 3; ++number) {
    ActionBatch batch{.run = RunId{4}, .number = number, .open = true, .actions = {}};
    for (int count = 0; count < 20; ++count) {
      batch.actions.push_back(samples::any_action(random));
    }
    first.batches.push_back(batch);
  }
  first.batches.push_back({.run = RunId{5}, .number = 0, .open = true, .actions = {}});
  commit(first);
  reopen();
  EXPECT_EQ(*store_->open_batches(), first.batches);
  Commit second;
  second.batches.push_back(first.batches[1]);
  second.batches[0].open = false;
  second.batches[0].actions[3].done = true;
  commit(second);
  reopen();
  const auto open = store_->open_batches();
  ASSERT_EQ(open->size(), 3U);
  EXPECT_EQ((*open)[1], first.batches[2]);
  const auto of_run = store_->batches(RunId{4});
  ASSERT_EQ(of_run->size(), 3U);
  EXPECT_EQ((*of_run)[1], second.batches[0]);
  EXPECT_TRUE(store_->batches(RunId{6})->empty());
}

TEST_F(StoreTest, RunsComeNewestFirst) {
  for (std::uint64_t id = 1; id <= 12; ++id) {
    Commit one;
    one.runs.push_back({.id = RunId{id}, .started = {5}, .finished = {}, .command = "sync"});
    commit(one);
  }
  Commit replaced;
  replaced.runs.push_back({.id = RunId{12},
                           .started = {5},
                           .finished = Timestamp{9},
                           .command = "sync",
                           .outcome = RunOutcome::kInSync});
  commit(replaced);
  reopen();
  const auto runs = store_->runs(3);
  ASSERT_EQ(runs->size(), 3U);
  EXPECT_EQ((*runs)[0], replaced.runs[0]);
  EXPECT_EQ((*runs)[1].id, RunId{11});
  EXPECT_EQ(store_->runs(UINT64_MAX)->size(), 12U);
  EXPECT_EQ(store_->find_run(RunId{3})->value().id, RunId{3});
}

TEST_F(StoreTest, ConflictsAreAddedAndProblemsReplaced) {
  Commit first;
  first.conflicts.push_back({.run = RunId{1},
                             .node = NodeId{2},
                             .copy = NodeId{3},
                             .path = path_of("a"),
                             .copy_path = path_of("a.conflict"),
                             .kind = "content",
                             .winner = "one",
                             .loser = "two",
                             .when = {4}});
  first.problems = {{.replica = 1, .path = path_of("b"), .code = "busy", .message = "open"},
                    {.replica = {}, .path = {}, .code = "held", .message = "wait"}};
  commit(first);
  Commit second;
  second.conflicts = first.conflicts;
  second.conflicts[0].run = RunId{2};
  commit(second);
  reopen();
  const auto conflicts = store_->conflicts();
  ASSERT_EQ(conflicts->size(), 2U);
  EXPECT_EQ((*conflicts)[0], first.conflicts[0]);
  EXPECT_EQ((*conflicts)[1], second.conflicts[0]);
  EXPECT_EQ(*store_->problems(), *first.problems);
  Commit third;
  third.problems.emplace();
  commit(third);
  EXPECT_TRUE(store_->problems()->empty());
}

VersionRecord version(std::uint64_t node, std::string_view path, std::string_view trashed,
                      std::int64_t when) {
  return {.run = RunId{1},
          .node = NodeId{node},
          .replica = 0,
          .path = path_of(path),
          .trashed = path_of(trashed),
          .content = {},
          .when = {when}};
}

TEST_F(StoreTest, VersionsAreFoundByPathNodeAndTrash) {
  Commit first;
  first.versions = {version(2, "a", "1/a", 10), version(2, "b", "2/b", -30),
                    version(3, "a", "3/a", 20)};
  first.versions[2].replica = 1;
  commit(first);
  reopen();
  const auto& made = first.versions;
  EXPECT_EQ(*store_->versions(path_of("a")), (std::vector<VersionRecord>{made[2], made[0]}));
  EXPECT_EQ(*store_->versions_of(NodeId{2}), (std::vector<VersionRecord>{made[0], made[1]}));
  EXPECT_EQ(*store_->versions_in_trash(1), std::vector<VersionRecord>{made[2]});
  EXPECT_TRUE(store_->versions(path_of("c"))->empty());

  Commit purge;
  purge.purged_replica = 0;
  purge.purged_paths_of_replica = {path_of("1/a"), path_of("3/a"), path_of("none")};
  commit(purge);
  reopen();
  // "3/a" is in the trash of the other replica and stays.
  EXPECT_EQ(*store_->versions(path_of("a")), std::vector<VersionRecord>{made[2]});
  EXPECT_EQ(*store_->versions_in_trash(0), std::vector<VersionRecord>{made[1]});

  Commit nameless;
  nameless.purged_paths_of_replica = {path_of("3/a")};
  EXPECT_TRUE(store_->commit(nameless).failed_with(Code::kInvalidArgument));
}

TEST_F(StoreTest, TheSameTrashPathIsOneVersion) {
  Commit first;
  first.versions = {version(2, "a", "1/a", 10)};
  commit(first);
  first.versions[0].node = NodeId{4};
  commit(first);
  EXPECT_EQ(*store_->versions_in_trash(0), first.versions);
  EXPECT_TRUE(store_->versions_of(NodeId{2})->empty());
}

TEST_F(StoreTest, MergeBasesStayUntilTheyAreNotKept) {
  std::vector<Digest> digests(5);
  Commit all;
  for (std::size_t number = 0; number < digests.size(); ++number) {
    digests[number].bytes[31] = static_cast<std::uint8_t>(number);
    all.merge_bases.emplace_back(digests[number], Bytes(number * 30'000, 5));
  }
  commit(all);
  commit(all);
  reopen();
  EXPECT_EQ(*store_->merge_base(digests[0]), Bytes());
  EXPECT_EQ(*store_->merge_base(digests[4]), Bytes(120'000, 5));
  EXPECT_EQ(store_->merge_base_digests()->size(), digests.size());
  ASSERT_TRUE(store_->keep_merge_bases({digests[3], digests[1]}).ok());
  reopen();
  for (std::size_t number = 0; number < digests.size(); ++number) {
    EXPECT_EQ(store_->merge_base(digests[number])->has_value(), number == 1 || number == 3);
  }
}

TEST_F(StoreTest, ReadingOnlyReadsAndChangesNothing) {
  Commit first;
  first.held = {"x"};
  commit(first);
  reopen(OpenMode::kReadOnly);
  EXPECT_EQ(*store_->held(), std::vector<std::string>{"x"});
  EXPECT_TRUE(store_->commit(first).failed_with(Code::kReadOnly));
  EXPECT_TRUE(store_->keep_merge_bases({}).failed_with(Code::kReadOnly));
}

TEST_F(StoreTest, ReadingOnlyDoesNotCreate) {
  StoreLocation elsewhere = location();
  elsewhere.name = "other";
  EXPECT_TRUE(Store::open(elsewhere, OpenMode::kReadOnly).failed_with(Code::kNotFound));
  EXPECT_TRUE(memory_.root()->stat("other").failed_with(Code::kNotFound));
}

TEST_F(StoreTest, APlaceIsNeeded) {
  EXPECT_TRUE(Store::open({}, OpenMode::kReadWrite).failed_with(Code::kInvalidArgument));
  StoreLocation bad = location();
  bad.name = "a/b";
  EXPECT_TRUE(Store::open(bad, OpenMode::kReadWrite).failed_with(Code::kInvalidArgument));
}

TEST_F(StoreTest, TwoStoresInOneDirectoryAreTwo) {
  StoreLocation other_place = location();
  other_place.name = "other";
  auto other = Store::open(other_place, OpenMode::kReadWrite);
  ASSERT_TRUE(other.ok());
  Commit one;
  one.held = {"mine"};
  commit(one);
  one.held = {"yours"};
  ASSERT_TRUE((*other)->commit(one).ok());
  EXPECT_EQ(*store_->held(), std::vector<std::string>{"mine"});
  EXPECT_EQ(*(*other)->held(), std::vector<std::string>{"yours"});
}

TEST_F(StoreTest, ManyNodesInOneCommitFillTheirPages) {
  Commit bulk;
  for (std::uint64_t number = 0; number < 20'000; ++number) {
    tree::NodeRecord record;
    record.id = NodeId{2 + number};
    auto& value = record.agreed.emplace();
    value.parent = kRootNode;
    value.name = "file" + std::to_string(1'000'000 + number);
    bulk.nodes.push_back({record.id, {}, record});
  }
  commit(bulk);
  EXPECT_EQ(store_->pages(kRootNode)->size(), (20'000U + 255U) / 256U);
  EXPECT_EQ(*store_->node_count(), 20'000U);
  EXPECT_EQ(store_->find_child(kRootNode, "file1012345")->value().id, NodeId{12'347});
}

TEST_F(StoreTest, ReadersBesideAWriterSeeWholeCommits) {
  // Two nodes change together, so no reader may ever see them differ.
  const auto pair_of = [](std::uint64_t size, bool stands) {
    Commit commit;
    for (std::uint64_t id = 2; id <= 3; ++id) {
      tree::NodeRecord record;
      record.id = NodeId{id};
      auto& value = record.agreed.emplace();
      value.parent = kRootNode;
      value.name = std::to_string(id);
      value.content.size = size;
      commit.nodes.push_back({record.id, {}, record});
      if (stands) {
        commit.nodes.back().stored = value;
      }
    }
    commit.durable = false;
    return commit;
  };
  commit(pair_of(0, false));
  std::atomic<bool> stop = false;
  std::atomic<int> torn = 0;
  {
    rt::ThreadPool pool(2);
    for (int reader = 0; reader < 2; ++reader) {
      pool.submit([&] {
        while (!stop) {
          const auto children = store_->children(kRootNode);
          if (!children.ok() || children->size() != 2 ||
              (*children)[0].agreed->content.size != (*children)[1].agreed->content.size) {
            ++torn;
          }
        }
      });
    }
    for (std::uint64_t size = 1; size <= 200; ++size) {
      EXPECT_TRUE(store_->commit(pair_of(size, true)).ok());
    }
    stop = true;
  }
  EXPECT_EQ(torn, 0);
}

}  // namespace
}  // namespace ox::state
