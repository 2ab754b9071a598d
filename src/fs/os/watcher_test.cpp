#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>

#include "fs/fs.h"
#include "fs/os/temporary_directory.h"
#include "rt/pool.h"

namespace ox::fs {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::Not;
namespace files = std::filesystem;

class WatcherTest : public testing::Test {
 protected:
  void watch() {
    auto watcher =
        watch_os_directory(root_, [](std::string_view path) { return path == ".syncoxiders"; });
    ASSERT_TRUE(watcher.ok()) << watcher.error().to_string();
    watcher_ = std::move(*watcher);
  }
  void make_directory(const std::string& path) { files::create_directories(root_ + "/" + path); }
  void write(const std::string& path, std::string_view text = "x") {
    std::ofstream(root_ + "/" + path, std::ios::app) << text;
  }
  void rename(const std::string& from, const std::string& to) {
    files::rename(root_ + "/" + from, root_ + "/" + to);
  }

  /// All that was changed so far. The kernel queues an event within the call that causes it.
  std::set<std::string> changed() {
    auto events = watcher_->wait(milliseconds(0));
    EXPECT_TRUE(events.ok());
    std::set<std::string> paths;
    for (const WatchEvent& event : *events) {
      EXPECT_EQ(event.what, WatchEvent::What::kChanged);
      EXPECT_TRUE(paths.insert(event.path).second) << "told twice: " << event.path;
    }
    return paths;
  }
  using Paths = std::set<std::string>;

  TemporaryDirectory outside_;
  TemporaryDirectory directory_;
  std::string root_ = directory_ / "root";
  bool made_ = files::create_directory(root_);
  std::unique_ptr<Watcher> watcher_;
};

TEST_F(WatcherTest, ToleratesNoNonsense) {
  const auto none = [](std::string_view) { return false; };
  EXPECT_TRUE(watch_os_directory("relative", none).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(watch_os_directory(root_ + "/none", none).failed_with(Code::kNotFound));
  write("file");
  EXPECT_TRUE(watch_os_directory(root_ + "/file", none).failed_with(Code::kNotADirectory));
  EXPECT_TRUE(watch_os_directory(root_, nullptr).ok());
}

TEST_F(WatcherTest, IsQuietWhenNothingHappens) {
  make_directory("a/b");
  watch();
  EXPECT_EQ(changed(), Paths{});
  // Looking is no change.
  std::ifstream(root_ + "/a/f").get();
  for ([[maybe_unused]] const auto& entry : files::recursive_directory_iterator(root_)) {
  }
  EXPECT_EQ(changed(), Paths{});
}

TEST_F(WatcherTest, NamesTheDirectoryOfEachChange) {
  make_directory("a/b");
  make_directory("c");
  write("c/old");
  watch();
  write("top");
  EXPECT_EQ(changed(), Paths{""});
  write("a/b/new");
  EXPECT_EQ(changed(), Paths{"a/b"});
  write("c/old");
  EXPECT_EQ(changed(), Paths{"c"});
  files::permissions(root_ + "/c/old", files::perms::owner_read);
  EXPECT_EQ(changed(), Paths{"c"});
  rename("a/b/new", "c/new");
  EXPECT_EQ(changed(), (Paths{"a/b", "c"}));
  files::remove(root_ + "/c/new");
  files::create_symlink("nowhere", root_ + "/a/link");
  EXPECT_EQ(changed(), (Paths{"a", "c"}));
  EXPECT_EQ(changed(), Paths{});
}

TEST_F(WatcherTest, FollowsNewDirectories) {
  watch();
  make_directory("new/deep/er");
  write("new/deep/er/early");
  // What came before the watch stood is told as well.
  EXPECT_THAT(changed(), testing::IsSupersetOf(Paths{"", "new", "new/deep", "new/deep/er"}));
  write("new/deep/er/late");
  EXPECT_EQ(changed(), Paths{"new/deep/er"});
}

TEST_F(WatcherTest, FollowsDirectoriesMovedIn) {
  files::create_directories(outside_ / "tree/sub");
  watch();
  files::rename(outside_ / "tree", root_ + "/tree");
  EXPECT_EQ(changed(), (Paths{"", "tree", "tree/sub"}));
  write("tree/sub/f");
  EXPECT_EQ(changed(), Paths{"tree/sub"});
}

TEST_F(WatcherTest, RenamedDirectoriesHaveTheirNewPath) {
  make_directory("a/sub/deep");
  make_directory("ab");
  make_directory("c");
  watch();
  rename("a", "c/moved");
  EXPECT_EQ(changed(), (Paths{"", "c", "c/moved", "c/moved/sub", "c/moved/sub/deep"}));
  write("c/moved/sub/deep/f");
  EXPECT_EQ(changed(), Paths{"c/moved/sub/deep"});
  // A name with the same beginning is not below it.
  write("ab/f");
  EXPECT_EQ(changed(), Paths{"ab"});
  make_directory("a/sub/deep");
  changed();
  write("a/sub/deep/f");
  write("c/moved/sub/deep/g");
  EXPECT_EQ(changed(), (Paths{"a/sub/deep", "c/moved/sub/deep"}));
}

TEST_F(WatcherTest, RenamesSeenLateStillEndRight) {
  make_directory("a/x");
  make_directory("b/y");
  watch();
  // All of it is queued before the watcher looks once.
  rename("a", "t");
  rename("b", "a");
  rename("t", "b");
  make_directory("a/y/new");
  changed();
  write("b/x/f");
  EXPECT_EQ(changed(), Paths{"b/x"});
  write("a/y/new/f");
  EXPECT_EQ(changed(), Paths{"a/y/new"});
}

TEST_F(WatcherTest, ExchangedDirectoriesAreBothWatched) {
  make_directory("a/x");
  make_directory("b/y");
  watch();
  auto root = *open_os_directory(root_);
  ASSERT_TRUE(root->rename("a", *root, "b", RenameMode::kExchange).ok());
  EXPECT_EQ(changed(), (Paths{"", "a", "a/y", "b", "b/x"}));
  write("a/y/f");
  write("b/x/f");
  EXPECT_EQ(changed(), (Paths{"a/y", "b/x"}));
}

TEST_F(WatcherTest, DirectoriesMovedOutAreForgotten) {
  make_directory("a/sub");
  watch();
  rename("a", "../gone");
  EXPECT_EQ(changed(), Paths{""});
  std::ofstream(directory_ / "gone/sub/f") << "x";
  EXPECT_EQ(changed(), Paths{});
}

TEST_F(WatcherTest, RemovedAndMadeAgain) {
  make_directory("a/sub");
  watch();
  files::remove_all(root_ + "/a");
  make_directory("a/sub");
  changed();
  write("a/sub/f");
  EXPECT_EQ(changed(), Paths{"a/sub"});
}

TEST_F(WatcherTest, SkipsWhatItIsTold) {
  make_directory(".syncoxiders/stage");
  make_directory("a/.syncoxiders");
  watch();
  write(".syncoxiders/stage/f");
  files::permissions(root_ + "/.syncoxiders", files::perms::owner_all);
  EXPECT_EQ(changed(), Paths{});
  // Only the path is meant, not the name.
  write("a/.syncoxiders/f");
  EXPECT_EQ(changed(), Paths{"a/.syncoxiders"});
  rename(".syncoxiders/stage/f", "f");
  EXPECT_EQ(changed(), Paths{""});
  files::remove_all(root_ + "/.syncoxiders");
  make_directory(".syncoxiders/stage");
  write(".syncoxiders/stage/f");
  EXPECT_EQ(changed(), Paths{});
}

TEST_F(WatcherTest, NeverFollowsSymlinks) {
  files::create_directories(outside_ / "sub");
  files::create_directory_symlink(outside_.path(), root_ + "/link");
  watch();
  files::create_directory_symlink(outside_.path(), root_ + "/late");
  EXPECT_EQ(changed(), Paths{""});
  std::ofstream(outside_ / "sub/f") << "x";
  EXPECT_EQ(changed(), Paths{});
}

TEST_F(WatcherTest, OddNamesAndLongPaths) {
  watch();
  std::string path = "line\nbreak\xff";
  make_directory(path);
  // Deeper than one system call can name.
  files::path walked = root_ + "/" + path;
  const std::string name(200, 'n');
  const auto start = files::current_path();
  files::current_path(walked);
  for (int i = 0; i < 25; ++i) {
    files::create_directory(name);
    files::current_path(name);
    path += "/" + name;
  }
  EXPECT_THAT(changed(), Contains(path));
  std::ofstream("f") << "x";
  EXPECT_EQ(changed(), Paths{path});
  files::current_path(start);
}

TEST_F(WatcherTest, TellsTheEndOfTheRoot) {
  watch();
  files::rename(root_, directory_ / "elsewhere");
  const auto moved = watcher_->wait(milliseconds(0));
  ASSERT_TRUE(moved.ok());
  ASSERT_EQ(moved->size(), 1U);
  EXPECT_EQ(moved->at(0).what, WatchEvent::What::kGone);
}

TEST_F(WatcherTest, TellsTheRemovalOfTheRoot) {
  make_directory("a");
  watch();
  files::remove_all(root_);
  const auto removed = watcher_->wait(milliseconds(0));
  ASSERT_TRUE(removed.ok());
  ASSERT_EQ(removed->size(), 1U);
  EXPECT_EQ(removed->at(0).what, WatchEvent::What::kGone);
}

TEST_F(WatcherTest, InterruptEndsAWait) {
  watch();
  auto other = std::make_unique<rt::ThreadPool>(1);
  other->submit([&] { watcher_->interrupt(); });
  // Without the interrupt this would take longer than any test may.
  const auto events = watcher_->wait(std::chrono::hours(24));
  ASSERT_TRUE(events.ok());
  EXPECT_TRUE(events->empty());
  other.reset();
  // It woke one wait, not the next.
  write("f");
  EXPECT_EQ(changed(), Paths{""});
}

TEST_F(WatcherTest, WaitsForAnEvent) {
  watch();
  rt::ThreadPool other(1);
  other.submit([&] { write("f"); });
  std::set<std::string> seen;
  while (!seen.contains("")) {
    const auto events = watcher_->wait(std::chrono::hours(24));
    ASSERT_TRUE(events.ok());
    for (const WatchEvent& event : *events) {
      seen.insert(event.path);
    }
  }
}

std::size_t queue_limit() {
  std::size_t limit = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> limit;
  return limit;
}

TEST_F(WatcherTest, AfterAnOverflowEverythingIsWatched) {
  const std::size_t limit = queue_limit();
  if (limit == 0 || limit > 200'000) {
    GTEST_SKIP() << "the queue is too long to overflow";
  }
  make_directory("a");
  watch();
  write("a/one");
  write("a/two");
  // Two names by turns, as the kernel folds events that repeat.
  for (std::size_t i = 0; i <= limit / 2; ++i) {
    files::permissions(root_ + "/a/one", files::perms::owner_all);
    files::permissions(root_ + "/a/two", files::perms::owner_all);
  }
  // These events are lost.
  rename("a", "b");
  make_directory("c/deep");
  const auto events = watcher_->wait(milliseconds(0));
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(events->size(), 1U);
  EXPECT_EQ(events->at(0).what, WatchEvent::What::kOverflow);
  EXPECT_EQ(changed(), Paths{});
  write("b/f");
  write("c/deep/f");
  EXPECT_EQ(changed(), (Paths{"b", "c/deep"}));
}

TEST_F(WatcherTest, AnOverflowDoesNotHideTheEndOfTheRoot) {
  const std::size_t limit = queue_limit();
  if (limit == 0 || limit > 200'000) {
    GTEST_SKIP() << "the queue is too long to overflow";
  }
  watch();
  write("one");
  write("two");
  for (std::size_t i = 0; i <= limit / 2; ++i) {
    files::permissions(root_ + "/one", files::perms::owner_all);
    files::permissions(root_ + "/two", files::perms::owner_all);
  }
  files::rename(root_, directory_ / "elsewhere");
  files::create_directory(root_);
  const auto events = watcher_->wait(milliseconds(0));
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(events->size(), 1U);
  EXPECT_EQ(events->at(0).what, WatchEvent::What::kGone);
}

TEST_F(WatcherTest, SeesEveryDirectoryOfATreeThatGrowsMeanwhile) {
  watch();
  std::set<std::string> expected;
  std::set<std::string> seen;
  std::atomic<bool> grown = false;
  rt::ThreadPool grower(1);
  grower.submit([&] {
    for (int i = 0; i < 360; ++i) {
      const std::string path = "d" + std::to_string(i / 6) + "/e" + std::to_string(i);
      make_directory(path);
      write(path + "/f");
      expected.insert(path);
    }
    grown = true;
  });
  while (!grown) {
    seen.merge(changed());
  }
  for (auto rest = changed(); !rest.empty(); rest = changed()) {
    seen.merge(rest);
  }
  EXPECT_THAT(seen, testing::IsSupersetOf(expected));
  for (const std::string& path : expected) {
    write(path + "/late");
  }
  EXPECT_EQ(changed(), expected);
}

}  // namespace
}  // namespace ox::fs
