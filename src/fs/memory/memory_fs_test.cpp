#include "fs/memory/memory_fs.h"

#include "fs/conformance.h"

namespace ox::fs {
namespace {

constexpr std::int64_t kStart = 1'700'000'000'123'456'789;

class MemoryFsTest : public testing::Test {
 protected:
  void make(MemoryOptions options) {
    file_system_ = std::make_unique<MemoryFileSystem>(clock_, std::move(options));
    root_ = file_system_->root();
  }
  void SetUp() override { make({}); }

  rt::ManualClock clock_{Timestamp{kStart}};
  std::unique_ptr<MemoryFileSystem> file_system_;
  std::unique_ptr<Directory> root_;
};

TEST_F(MemoryFsTest, ReusesNumbersAtOnceButNeverABirth) {
  write_file(*root_, "a", "");
  const Stat first = *root_->stat("a");
  ASSERT_TRUE(root_->remove_file("a").ok());
  write_file(*root_, "b", "");
  const Stat second = *root_->stat("b");
  EXPECT_EQ(second.inode, first.inode);
  EXPECT_NE(second.birth, first.birth) << "although the clock stands still";
}

TEST_F(MemoryFsTest, KeepsANumberWhileAHandleIsOpen) {
  auto file = *root_->create_file("a", 0644);
  const std::uint64_t number = file->stat()->inode;
  ASSERT_TRUE(root_->remove_file("a").ok());
  write_file(*root_, "b", "");
  EXPECT_NE(root_->stat("b")->inode, number);
  file.reset();
  write_file(*root_, "c", "");
  EXPECT_EQ(root_->stat("c")->inode, number);
}

TEST_F(MemoryFsTest, StampsByItsClockAndStep) {
  MemoryOptions options;
  options.time_step = std::chrono::seconds(2);
  make(options);
  write_file(*root_, "a", "");
  EXPECT_EQ(root_->stat("a")->mtime.ns, 1'700'000'000'000'000'000);
  EXPECT_EQ(root_->stat()->mtime.ns, 1'700'000'000'000'000'000);
  clock_.set_wall({-1});
  ASSERT_TRUE((*root_->open_file("a", Access::kReadWrite))->truncate(0).ok());
  EXPECT_EQ(root_->stat("a")->mtime.ns, -2'000'000'000);
}

TEST_F(MemoryFsTest, SupportsWhatItIsToldTo) {
  MemoryOptions options;
  options.rename_no_replace = options.rename_exchange = options.hard_links = options.symlinks =
      options.leases = options.birth_time = options.extended_attributes = Support::kNo;
  options.clone = Support::kYes;
  options.device = 77;
  options.uuid = "some-uuid";
  make(options);
  write_file(*root_, "a", "12345");
  write_file(*root_, "b", "");
  const auto rename = [&](std::string_view to, RenameMode mode) {
    return code_of(root_->rename("a", *root_, to, mode));
  };
  EXPECT_EQ(rename("c", RenameMode::kNoReplace), Code::kUnsupported);
  EXPECT_EQ(rename("b", RenameMode::kExchange), Code::kUnsupported);
  EXPECT_EQ(code_of(root_->link("a", *root_, "c")), Code::kUnsupported);
  EXPECT_EQ(code_of(root_->make_symlink("c", "a")), Code::kUnsupported);
  auto source = *root_->open_file("a", Access::kRead);
  EXPECT_EQ(code_of(source->take_read_lease()), Code::kUnsupported);
  EXPECT_EQ(code_of(source->set_extended_attribute({"user.x", {}})), Code::kUnsupported);
  EXPECT_EQ(root_->stat("a")->birth, std::nullopt);
  EXPECT_EQ(root_->stat("a")->device, 77U);
  EXPECT_EQ(root_->info()->uuid, "some-uuid");
  auto target = *root_->open_file("b", Access::kReadWrite);
  ASSERT_TRUE(target->write_at(0, as_bytes_view("longer than that")).ok());
  ASSERT_TRUE(target->clone_from(*source).ok());
  EXPECT_EQ(read_all(*target), "12345");
  EXPECT_EQ(names_in(*root_), (Names{"a", "b"}));
}

TEST_F(MemoryFsTest, TwoFileSystemsAreTwoDevices) {
  MemoryFileSystem other(clock_);
  auto other_root = other.root();
  write_file(*root_, "a", "x");
  write_file(*other_root, "b", "y");
  EXPECT_EQ(code_of(root_->rename("a", *other_root, "a", RenameMode::kReplace)),
            Code::kUnsupported);
  EXPECT_EQ(code_of(root_->link("a", *other_root, "a")), Code::kUnsupported);
  auto target = *root_->open_file("a", Access::kReadWrite);
  auto source = *other_root->open_file("b", Access::kRead);
  EXPECT_EQ(code_of(target->copy_range_from(*source, 0, 0, 1)), Code::kUnsupported);
}

TEST_F(MemoryFsTest, FillsUp) {
  MemoryOptions options;
  options.capacity_bytes = 10;
  make(options);
  auto file = *root_->create_file("a", 0644);
  ASSERT_TRUE(file->write_at(0, as_bytes_view("123456")).ok());
  EXPECT_EQ(root_->info()->free_bytes, 4U);
  EXPECT_EQ(code_of(file->write_at(6, as_bytes_view("789abcdef"))), Code::kNoSpace);
  EXPECT_EQ(read_all(*file), "123456789a") << "what fits is taken";
  EXPECT_EQ(code_of(file->truncate(11)), Code::kNoSpace);
  // Overwriting needs no space.
  EXPECT_TRUE(file->write_at(0, as_bytes_view("ABC")).ok());
  // Space comes back with the last of name and handle.
  ASSERT_TRUE(root_->remove_file("a").ok());
  EXPECT_EQ(root_->info()->free_bytes, 0U);
  file.reset();
  EXPECT_EQ(root_->info()->free_bytes, 10U);
  file_system_->set_capacity(1);
  write_file(*root_, "b", "x");
  EXPECT_EQ(root_->info()->free_bytes, 0U);
}

TEST_F(MemoryFsTest, ReadOnlyRefusesEveryChange) {
  write_file(*root_, "a", "x");
  auto file = *root_->open_file("a", Access::kReadWrite);
  file_system_->set_read_only(true);
  EXPECT_TRUE(root_->info()->read_only);
  EXPECT_EQ(code_of(file->write_at(0, as_bytes_view("y"))), Code::kReadOnly);
  EXPECT_EQ(code_of(file->set_mtime({})), Code::kReadOnly);
  EXPECT_EQ(code_of(root_->create_file("b", 0644)), Code::kReadOnly);
  EXPECT_EQ(code_of(root_->remove_file("a")), Code::kReadOnly);
  EXPECT_EQ(code_of(root_->rename("a", *root_, "b", RenameMode::kReplace)), Code::kReadOnly);
  EXPECT_EQ(code_of(root_->open_file("a", Access::kReadWrite)), Code::kReadOnly);
  EXPECT_EQ(read_file(*root_, "a"), "x");
}

TEST_F(MemoryFsTest, ACrashLosesNothingButHandles) {
  ASSERT_TRUE(root_->make_directory("d", 0755).ok());
  auto directory = *root_->open_directory("d");
  auto file = *directory->create_file("f", 0644);
  ASSERT_TRUE(file->write_at(0, as_bytes_view("volatile")).ok());
  write_file(*root_, "leased", "");
  auto reader = *root_->open_file("leased", Access::kRead);
  auto lease = *reader->take_read_lease();
  auto nameless = *root_->create_file("nameless", 0644);
  ASSERT_TRUE(nameless->write_at(0, Bytes(1000)).ok());
  ASSERT_TRUE(root_->remove_file("nameless").ok());
  const std::uint64_t number = nameless->stat()->inode;
  const std::uint64_t free = root_->info()->free_bytes;

  file_system_->crash();

  EXPECT_EQ(code_of(root_->list()), Code::kUnreachable);
  EXPECT_EQ(code_of(directory->create_file("g", 0644)), Code::kUnreachable);
  EXPECT_EQ(code_of(file->write_at(0, as_bytes_view("late"))), Code::kUnreachable);
  EXPECT_EQ(code_of(file->stat()), Code::kUnreachable);
  EXPECT_EQ(code_of(file->sync()), Code::kUnreachable);
  EXPECT_EQ(code_of(reader->take_read_lease()), Code::kUnreachable);
  EXPECT_TRUE(lease->broken());
  auto root = file_system_->root();
  EXPECT_EQ(read_file(**root->open_directory("d"), "f"), "volatile");
  // Dead writers and leases stand in nobody's way.
  EXPECT_TRUE(
      (*(*root->open_directory("d"))->open_file("f", Access::kRead))->take_read_lease().ok());
  EXPECT_TRUE(root->open_file("leased", Access::kReadWrite).ok());
  EXPECT_EQ(root->info()->free_bytes, free + 1000);
  write_file(*root, "new", "");
  EXPECT_EQ(root->stat("new")->inode, number);
  // Old handles closed late disturb no new ones.
  lease.reset();
  file.reset();
  auto writer = *root->open_file("leased", Access::kReadWrite);
  reader.reset();
  EXPECT_EQ(code_of((*root->open_file("leased", Access::kRead))->take_read_lease()), Code::kBusy);
}

TEST_F(MemoryFsTest, HandlesOutliveTheFileSystem) {
  auto file = *root_->create_file("a", 0644);
  file_system_.reset();
  EXPECT_TRUE(file->write_at(0, as_bytes_view("x")).ok());
  EXPECT_EQ(read_file(*root_, "a"), "x");
}

TEST_F(MemoryFsTest, ExchangeRefusesToPutADirectoryIntoItself) {
  ASSERT_TRUE(root_->make_directory("a", 0755).ok());
  auto a = *root_->open_directory("a");
  ASSERT_TRUE(a->make_directory("b", 0755).ok());
  auto b = *a->open_directory("b");
  write_file(*b, "f", "");
  for (const RenameMode mode : {RenameMode::kNoReplace, RenameMode::kReplace}) {
    EXPECT_FALSE(root_->rename("a", *b, "c", mode).ok());
  }
  EXPECT_EQ(code_of(root_->rename("a", *b, "f", RenameMode::kExchange)), Code::kUnsupported);
  EXPECT_EQ(code_of(b->rename("f", *root_, "a", RenameMode::kExchange)), Code::kUnsupported);
  EXPECT_EQ(names_in(*b), Names{"f"});
}

}  // namespace
}  // namespace ox::fs
