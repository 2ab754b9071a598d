#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "rt/random.h"
#include "state/store.h"
#include "state/store_model.h"
#include "state/temporary_directory.h"

namespace ox::state {
namespace {

using rt::SeededRandom;

/// Stores in real files, where other processes may look on.
class StoreFile : public testing::Test {
 protected:
  StoreLocation location() const { return {.os_path = path(), .directory = {}, .name = {}}; }
  std::string path() const { return directory_.path() + "/state"; }

  Result<std::unique_ptr<Store>> open(OpenMode mode = OpenMode::kReadWrite) const {
    return Store::open(location(), mode);
  }

  void run_sql(const char* sql) const {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(path().c_str(), &raw), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(raw, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(raw);
  }

  Bytes read_file() const {
    std::ifstream in(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void write_file(BytesView bytes) const {
    std::ofstream out(path(), std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
  }

  TemporaryDirectory directory_;
};

Commit held(const char* name) {
  Commit commit;
  commit.held = {name};
  return commit;
}

TEST_F(StoreFile, AnotherFileIsRefusedAndLeftAlone) {
  Bytes text(5'000, 'x');
  write_file(text);
  EXPECT_TRUE(open().failed_with(Code::kCorrupt));
  EXPECT_TRUE(open(OpenMode::kReadOnly).failed_with(Code::kCorrupt));
  EXPECT_EQ(read_file(), text);
}

TEST_F(StoreFile, AnotherDatabaseIsRefusedAndLeftAlone) {
  run_sql("CREATE TABLE mine(x); INSERT INTO mine VALUES(1)");
  const Bytes before = read_file();
  EXPECT_TRUE(open().failed_with(Code::kCorrupt));
  EXPECT_EQ(read_file(), before);
}

TEST_F(StoreFile, ANewerStoreIsRefused) {
  ASSERT_TRUE(open().ok());
  run_sql("PRAGMA user_version=2");
  EXPECT_TRUE(open().failed_with(Code::kUnsupported));
  EXPECT_TRUE(open(OpenMode::kReadOnly).failed_with(Code::kUnsupported));
}

TEST_F(StoreFile, AMissingStoreOrDirectoryIsNotFound) {
  EXPECT_TRUE(open(OpenMode::kReadOnly).failed_with(Code::kNotFound));
  EXPECT_NE(::access(path().c_str(), F_OK), 0);
  StoreLocation nowhere = location();
  nowhere.os_path = directory_.path() + "/none/state";
  EXPECT_TRUE(Store::open(nowhere, OpenMode::kReadWrite).failed_with(Code::kNotFound));
}

TEST_F(StoreFile, AnEmptyFileBecomesAStore) {
  write_file({});
  EXPECT_TRUE(open(OpenMode::kReadOnly).failed_with(Code::kNotFound));
  EXPECT_TRUE(open().ok());
  EXPECT_TRUE(open(OpenMode::kReadOnly).ok());
}

TEST_F(StoreFile, AWriterInTheWayMeansLocked) {
  auto store = open();
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE((*store)->commit(held("before")).ok());
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path().c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const auto done = (*store)->commit(held("after"));
  ASSERT_TRUE(done.failed_with(Code::kLocked));
  EXPECT_EQ(done.error().retry(), Retry::kLater);
  EXPECT_EQ(*(*store)->held(), std::vector<std::string>{"before"});
  sqlite3_close(raw);
  EXPECT_TRUE((*store)->commit(held("after")).ok());
  EXPECT_EQ(*(*store)->held(), std::vector<std::string>{"after"});
}

/// What the other process found, as its exit status.
int look_on(const StoreLocation& location, int commits_seen_from, int ready) {
  auto store = Store::open(location, OpenMode::kReadOnly);
  if (!store.ok() || ::write(ready, "r", 1) != 1) {
    return 10;
  }
  std::uint64_t last = static_cast<std::uint64_t>(commits_seen_from);
  for (int look = 0; look < 1'000'000 && last < 200; ++look) {
    const auto runs = (*store)->runs(1);
    const auto facts = (*store)->facts();
    if (!runs.ok() || runs->empty() || !facts.ok() || !*facts) {
      return 11;
    }
    const std::uint64_t now = runs->front().id.value;
    // Facts are read later, so they can only be newer than the run.
    if (now < last || (*facts)->next_node < now) {
      return 12;
    }
    last = now;
  }
  return last == 200 ? 0 : 13;
}

TEST_F(StoreFile, AnotherProcessReadsWhileThisOneWrites) {
  const auto numbered = [](std::uint64_t number) {
    Commit commit;
    commit.runs.push_back({.id = RunId{number}, .started = {}, .finished = {}, .command = {}});
    commit.facts = RuleFacts{};
    commit.facts->next_node = number;
    commit.merge_bases.emplace_back(Digest{}, Bytes(100'000, static_cast<std::uint8_t>(number)));
    commit.merge_bases.back().first.bytes[0] = static_cast<std::uint8_t>(number);
    commit.durable = false;
    return commit;
  };
  {
    auto store = open();
    ASSERT_TRUE(store.ok());
    ASSERT_TRUE((*store)->commit(numbered(1)).ok());
  }
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  // Forked before this process opens the store again: a connection must not cross a fork.
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::_exit(look_on(location(), 1, ready[1]));
  }
  auto store = open();
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_TRUE(store.ok());
  for (std::uint64_t number = 2; number <= 200; ++number) {
    const auto done = (*store)->commit(numbered(number));
    ASSERT_TRUE(done.ok()) << done.error().to_string();
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(StoreFile, DamageNeverCrashesAndNeverPassesForARecord) {
  SeededRandom random(61);
  StoreModel model;
  {
    auto store = open();
    ASSERT_TRUE(store.ok());
    ASSERT_TRUE((*store)->commit(model.change(random, 60, 60)).ok());
  }
  const Bytes whole = read_file();
  std::vector<std::vector<tree::NodeRecord>> truth;
  {
    auto store = open(OpenMode::kReadOnly);
    ASSERT_TRUE(store.ok());
    for (std::uint64_t directory = 0; directory < 30; ++directory) {
      truth.push_back(*(*store)->children(NodeId{directory}));
    }
  }
  int noticed = 0;
  for (int round = 0; round < 300; ++round) {
    Bytes bent = whole;
    for (std::uint64_t flips = 1 + random.below(8); flips > 0; --flips) {
      bent[random.below(bent.size())] ^= static_cast<std::uint8_t>(1U << random.below(8));
    }
    write_file(bent);
    auto store = open(OpenMode::kReadOnly);
    if (!store.ok()) {
      ++noticed;
      continue;
    }
    for (std::uint64_t directory = 0; directory < 30; ++directory) {
      const auto children = (*store)->children(NodeId{directory});
      if (!children.ok()) {
        ++noticed;
        continue;
      }
      // A lost row can't be seen, but what is told is true.
      for (const tree::NodeRecord& child : *children) {
        const auto& known = truth[directory];
        ASSERT_NE(std::find(known.begin(), known.end(), child), known.end());
      }
    }
    const auto unsettled = (*store)->unsettled();
    noticed += unsettled.ok() ? 0 : 1;
  }
  EXPECT_GT(noticed, 30);
}

}  // namespace
}  // namespace ox::state
