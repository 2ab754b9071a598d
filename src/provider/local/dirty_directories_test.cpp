#include "provider/local/dirty_directories.h"

#include <gtest/gtest.h>

#include "fs/faulty/faulty_fs.h"
#include "fs/memory/memory_fs.h"

namespace ox::provider {
namespace {

/// So many directories get a name each on a disk whose next sync fails, and are synced once more.
class DirtyDirectoriesTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    for (std::size_t number = 0; number < GetParam(); ++number) {
      ASSERT_TRUE(disk_.root()->make_directory(name(number), 0755).ok());
    }
    ASSERT_TRUE(disk_.root()->sync_file_system().ok());
  }

  static std::string name(std::size_t number) { return "directory " + std::to_string(number); }

  /// True: both syncs answered as they should.
  bool fails_once_and_is_synced_then() {
    const auto plan = std::make_shared<fs::FaultPlan>();
    const auto root = fs::make_faulty(disk_.root(), plan);
    DirtyDirectories dirty(true);
    for (std::size_t number = 0; number < GetParam(); ++number) {
      std::shared_ptr<fs::Directory> directory = root->open_directory(name(number)).value();
      EXPECT_TRUE(directory->create_file("new", 0644).ok());
      EXPECT_TRUE(dirty.note(name(number), std::move(directory)).ok());
    }
    plan->clear();
    plan->fail_call(1, Error(Code::kIo, "planned"));
    return dirty.sync(*root).failed_with(Code::kIo) && dirty.sync(*root).ok();
  }

  rt::ManualClock clock_{Timestamp{1'700'000'000'000'000'000}};
  fs::MemoryFileSystem disk_{clock_};
};

TEST_P(DirtyDirectoriesTest, WhoseSyncFailedAreSyncedTheNextTime) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ASSERT_TRUE(fails_once_and_is_synced_then());
    rt::SeededRandom random(seed);
    disk_.power_cut(random);
    for (std::size_t number = 0; number < GetParam(); ++number) {
      const auto directory = disk_.root()->open_directory(name(number)).value();
      ASSERT_TRUE(directory->remove_file("new").ok()) << "lost, though it was said to be durable";
    }
    ASSERT_TRUE(disk_.root()->sync_file_system().ok());
  }
}

INSTANTIATE_TEST_SUITE_P(Of, DirtyDirectoriesTest,
                         ::testing::Values(1U, DirtyDirectories::kFew + 1),
                         [](const auto& count) { return std::to_string(count.param); });

}  // namespace
}  // namespace ox::provider
