#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <limits>
#include <thread>

#include "fs/fs.h"
#include "fs/os/descriptor.h"
#include "fs/os/temporary_directory.h"
#include "rt/pool.h"

namespace ox::fs {
namespace {

class OsDirectoryTest : public testing::Test {
 protected:
  std::unique_ptr<File> make_file(const std::string& name, std::string_view text) {
    auto file = root_->create_file(name, 0644);
    EXPECT_TRUE(file.ok());
    EXPECT_TRUE((*file)->write_at(0, as_bytes_view(text)).ok());
    return std::move(*file);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Directory> root_ = *open_os_directory(directory_.path());
};

TEST_F(OsDirectoryTest, OpensOnlyAbsoluteDirectories) {
  EXPECT_TRUE(open_os_directory("relative").failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(open_os_directory("").failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(open_os_directory(std::string("/\0tmp", 5)).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(open_os_directory(directory_ / "none").failed_with(Code::kNotFound));
  make_file("file", "");
  EXPECT_TRUE(open_os_directory(directory_ / "file").failed_with(Code::kNotADirectory));
  // The root alone may be named through a symlink.
  ASSERT_TRUE(root_->make_directory("real", 0755).ok());
  ASSERT_TRUE(root_->make_symlink("alias", "real").ok());
  const auto alias = open_os_directory(directory_ / "alias");
  ASSERT_TRUE(alias.ok());
  EXPECT_EQ((*alias)->stat()->inode, root_->stat("real")->inode);
}

TEST_F(OsDirectoryTest, SpecialFilesNeitherHangNorOpen) {
  ASSERT_EQ(::mkfifo((directory_ / "fifo").c_str(), 0600), 0);
  EXPECT_TRUE(root_->open_file("fifo", Access::kRead).failed_with(Code::kUnsupported));
  EXPECT_TRUE(root_->open_file("fifo", Access::kReadWrite).failed_with(Code::kUnsupported));
  EXPECT_EQ(root_->stat("fifo")->type, NodeType::kOther);
  EXPECT_EQ(root_->list()->at(0).stat.type, NodeType::kOther);
  EXPECT_TRUE(root_->remove_file("fifo").ok());
  const auto devices = open_os_directory("/dev");
  ASSERT_TRUE(devices.ok());
  EXPECT_TRUE((*devices)->open_file("null", Access::kRead).failed_with(Code::kUnsupported));
}

TEST_F(OsDirectoryTest, HandlesFollowTheirDirectoryNotItsPath) {
  ASSERT_TRUE(root_->make_directory("before", 0755).ok());
  auto inside = *root_->open_directory("before");
  ASSERT_TRUE(root_->rename("before", *root_, "after", RenameMode::kReplace).ok());
  ASSERT_TRUE(root_->make_symlink("before", "/").ok());
  ASSERT_TRUE(inside->create_file("f", 0600).ok());
  EXPECT_TRUE(std::filesystem::exists(directory_ / "after/f"));
}

TEST_F(OsDirectoryTest, ListsFromSeveralThreads) {
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(
        root_->create_file("file with a name of some length " + std::to_string(i), 0600).ok());
  }
  std::array<std::size_t, 4> counts{};
  {
    rt::ThreadPool pool(counts.size());
    for (std::size_t& count : counts) {
      pool.submit([&] {
        for (int round = 0; round < 5; ++round) {
          count += root_->list()->size();
        }
      });
    }
  }
  for (const std::size_t count : counts) {
    EXPECT_EQ(count, 10'000U);
  }
}

TEST_F(OsDirectoryTest, DescribesTheFileSystem) {
  const auto info = root_->info();
  ASSERT_TRUE(info.ok());
  EXPECT_FALSE(info->read_only);
  if (info->type == "ext4" || info->type == "xfs" || info->type == "btrfs") {
    EXPECT_TRUE(info->sync_whole);
    EXPECT_TRUE(root_->stat()->birth.has_value());
    // Kernels before 6.9 tell it through udev only, which a container may lack.
    if (!info->uuid.empty()) {
      EXPECT_EQ(info->uuid.size(), 36U);
      EXPECT_EQ(std::ranges::count(info->uuid, '-'), 4);
      EXPECT_EQ(info->uuid, (*open_os_directory(directory_.path()))->info()->uuid);
    }
  }
  const auto processes = open_os_directory("/proc");
  ASSERT_TRUE(processes.ok());
  EXPECT_FALSE((*processes)->info()->sync_whole) << "of an unknown type nothing is trusted";
}

TEST_F(OsDirectoryTest, OtherFileSystemsAreUnsupportedTargets) {
  const auto memory = open_os_directory("/dev/shm");
  if (!memory.ok() || (*memory)->stat()->device == root_->stat()->device) {
    GTEST_SKIP() << "no other file system here";
  }
  make_file("f", "");
  const std::string name = "syncoxiders-test-" + std::to_string(::getpid());
  EXPECT_TRUE(root_->link("f", **memory, name).failed_with(Code::kUnsupported));
  EXPECT_TRUE(
      root_->rename("f", **memory, name, RenameMode::kReplace).failed_with(Code::kUnsupported));
}

TEST_F(OsDirectoryTest, FindsHolesInSparseFiles) {
  auto file = make_file("sparse", "head");
  constexpr std::uint64_t kFar = std::uint64_t{64} << 20U;
  ASSERT_TRUE(file->write_at(kFar, as_bytes_view("tail")).ok());
  const Stat stat = *file->stat();
  EXPECT_EQ(stat.size, kFar + 4);
  ASSERT_LT(stat.allocated_bytes, kFar) << "this file system keeps no holes";
  const std::uint64_t hole = *file->next_hole(0);
  EXPECT_GE(hole, 4U);
  EXPECT_LT(hole, kFar);
  EXPECT_EQ(*file->next_data(0), 0U);
  EXPECT_EQ(*file->next_data(hole), kFar);
  EXPECT_EQ(*file->next_hole(kFar), kFar + 4);
  ASSERT_TRUE(file->truncate(kFar + 100'000'000).ok());
  EXPECT_EQ(*file->next_data(kFar + 50'000'000), kFar + 100'000'000) << "no data to the end";
}

TEST_F(OsDirectoryTest, ClonesOrSaysThatItCannot) {
  auto source = make_file("source", "shared extents");
  auto target = make_file("target", "");
  const auto cloned = target->clone_from(*source);
  if (cloned.ok()) {
    Bytes bytes(14);
    EXPECT_EQ(*target->read_at(0, bytes), 14U);
    EXPECT_EQ(as_text_view(bytes), "shared extents");
  } else {
    EXPECT_EQ(cloned.error().code(), Code::kUnsupported);
  }
}

TEST_F(OsDirectoryTest, RefusesOffsetsThatNoFileHas) {
  auto file = make_file("f", "x");
  Bytes one(1);
  const std::uint64_t beyond = std::numeric_limits<std::uint64_t>::max();
  EXPECT_TRUE(file->read_at(beyond, one).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(file->write_at(beyond, one).failed_with(Code::kInvalidArgument));
  EXPECT_TRUE(file->truncate(beyond).failed_with(Code::kInvalidArgument));
  EXPECT_EQ(file->stat()->size, 1U);
}

TEST_F(OsDirectoryTest, ReadsManyExtendedAttributes) {
  auto file = make_file("f", "");
  std::vector<std::string> names;
  // More names than the first, small buffer holds, within what one ext4 block can.
  for (int i = 0; i < 14; ++i) {
    names.push_back("user." + std::string(100, static_cast<char>('a' + i)));
    ASSERT_TRUE(file->set_extended_attribute({names.back(), {1, 2, 3}}).ok());
  }
  const auto all = root_->extended_attributes("f");
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ((*all)[i].name, names[i]);
    EXPECT_EQ((*all)[i].value, (Bytes{1, 2, 3}));
  }
}

TEST_F(OsDirectoryTest, LeaseSeesWritersThatStayedThroughAMapping) {
  make_file("f", "mapped bytes");
  void* mapping = nullptr;
  {
    const Descriptor writer(::open((directory_ / "f").c_str(), O_RDWR | O_CLOEXEC));
    mapping = ::mmap(nullptr, 12, PROT_READ | PROT_WRITE, MAP_SHARED, writer.number(), 0);
    ASSERT_NE(mapping, MAP_FAILED);
  }
  auto file = *root_->open_file("f", Access::kRead);
  EXPECT_TRUE(file->take_read_lease().failed_with(Code::kBusy));
  ASSERT_EQ(::munmap(mapping, 12), 0);
  EXPECT_TRUE(file->take_read_lease().ok());
}

TEST_F(OsDirectoryTest, ABlockedWriterBreaksTheLeaseAndGoesOnAfterIt) {
  make_file("f", "x");
  auto file = *root_->open_file("f", Access::kRead);
  auto lease = *file->take_read_lease();
  // A writer that does not ask for O_NONBLOCK waits until the lease ends; the signal that tells of
  // it must not end this process.
  auto writer = std::make_unique<rt::ThreadPool>(1);
  writer->submit([&] {
    const Descriptor opened(::open((directory_ / "f").c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    EXPECT_TRUE(opened.is_open());
  });
  while (!lease->broken()) {
    std::this_thread::yield();
  }
  EXPECT_EQ(file->stat()->size, 1U) << "the writer waits for the lease to end";
  lease.reset();
  writer.reset();  // waits for it
  EXPECT_EQ(file->stat()->size, 0U);
}

TEST_F(OsDirectoryTest, FarInstantsSaturate) {
  make_file("f", "");
  std::array<struct timespec, 2> times{};
  times[1].tv_sec = 9'500'000'000;  // the year 2271: more nanoseconds than 63 bits hold
  ASSERT_EQ(::utimensat(AT_FDCWD, (directory_ / "f").c_str(), times.data(), 0), 0);
  struct stat raw{};
  ASSERT_EQ(::stat((directory_ / "f").c_str(), &raw), 0);
  if (raw.st_mtim.tv_sec == times[1].tv_sec) {
    EXPECT_EQ(root_->stat("f")->mtime.ns, std::numeric_limits<std::int64_t>::max());
  }
}

// In a process of its own, because giving up privileges can't be taken back.
int look_without_privileges(const std::string& path) {
  if (::geteuid() == 0 && (::setegid(65534) != 0 || ::seteuid(65534) != 0)) {
    return 1;
  }
  const auto root = open_os_directory(path);
  if (!root.ok()) {
    return 2;
  }
  const auto file = (*root)->open_file("secret", Access::kRead);
  if (!file.failed_with(Code::kPermissionDenied)) {
    return 3;
  }
  if (!(*root)->open_directory("closed").failed_with(Code::kPermissionDenied)) {
    return 4;
  }
  // Readable but not searchable: names can be read, entries not looked at.
  const auto blind = (*root)->open_directory("blind");
  if (!blind.ok() || !(*blind)->list().failed_with(Code::kPermissionDenied)) {
    return 5;
  }
  // A lease is for the owner; whoever may only read is told that it can't work.
  const auto open_to_all = (*root)->open_file("public", Access::kRead);
  if (::geteuid() == 65534 && !(*open_to_all)->take_read_lease().failed_with(Code::kUnsupported)) {
    return 6;
  }
  return 0;
}

TEST_F(OsDirectoryTest, TellsWhatIsNotPermitted) {
  // The temporary directory may stand below what only its owner enters.
  TemporaryDirectory open_to_all("/tmp");
  auto root = *open_os_directory(open_to_all.path());
  ASSERT_EQ(::chmod(open_to_all.path().c_str(), 0755), 0);
  ASSERT_TRUE(root->create_file("secret", 0000).ok());
  ASSERT_TRUE(root->create_file("public", 0644).ok());
  ASSERT_TRUE(root->set_mode("public", 0644).ok());
  ASSERT_TRUE(root->make_directory("closed", 0000).ok());
  ASSERT_TRUE(root->make_directory("blind", 0755).ok());
  ASSERT_TRUE((*root->open_directory("blind"))->create_file("f", 0644).ok());
  ASSERT_TRUE(root->set_mode("blind", 0444).ok());
  EXPECT_EXIT(std::_Exit(look_without_privileges(open_to_all.path())), testing::ExitedWithCode(0),
              "");
  ASSERT_TRUE(root->set_mode("blind", 0755).ok());
  ASSERT_TRUE(root->set_mode("closed", 0755).ok());
}

}  // namespace
}  // namespace ox::fs
