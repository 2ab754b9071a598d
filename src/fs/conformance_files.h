#pragma once

// The part of the suite of conformance.h about open files, attributes and leases.

#include "fs/conformance.h"

namespace ox::fs {

TEST_P(FileSystemConformance, ReadsAndWritesAnywhere) {
  auto file = *root_->create_file("f", 0644);
  ASSERT_TRUE(file->write_at(0, as_bytes_view("hello world")).ok());
  ASSERT_TRUE(file->write_at(6, as_bytes_view("there, you")).ok());
  EXPECT_EQ(read_all(*file), "hello there, you");
  Bytes part(5);
  EXPECT_EQ(*file->read_at(12, part), 4U);
  EXPECT_EQ(as_text_view(BytesView(part).first(4)), " you");
  EXPECT_EQ(*file->read_at(16, part), 0U);
  EXPECT_EQ(*file->read_at(1'000'000, part), 0U);
  ASSERT_TRUE(file->write_at(3, {}).ok());
  EXPECT_EQ(file->stat()->size, 16U);
}

TEST_P(FileSystemConformance, FillsGapsWithZeros) {
  auto file = *root_->create_file("f", 0644);
  ASSERT_TRUE(file->write_at(3, as_bytes_view("x")).ok());
  EXPECT_EQ(read_all(*file), std::string("\0\0\0x", 4));
  ASSERT_TRUE(file->truncate(6).ok());
  EXPECT_EQ(read_all(*file), std::string("\0\0\0x\0\0", 6));
  ASSERT_TRUE(file->truncate(2).ok());
  ASSERT_TRUE(file->truncate(5).ok());
  EXPECT_EQ(read_all(*file), std::string(5, '\0'));
  ASSERT_TRUE(file->truncate(0).ok());
  EXPECT_EQ(read_all(*file), "");
}

TEST_P(FileSystemConformance, ReadOnlyHandlesChangeNoContent) {
  write_file(*root_, "f", "fixed");
  write_file(*root_, "other", "other");
  auto file = *root_->open_file("f", Access::kRead);
  auto other = *root_->open_file("other", Access::kRead);
  EXPECT_EQ(code_of(file->write_at(0, as_bytes_view("x"))), Code::kInvalidArgument);
  EXPECT_EQ(code_of(file->truncate(0)), Code::kInvalidArgument);
  EXPECT_EQ(code_of(file->clone_from(*other)), Code::kInvalidArgument);
  EXPECT_EQ(code_of(file->copy_range_from(*other, 0, 0, 5)), Code::kInvalidArgument);
  EXPECT_EQ(read_all(*file), "fixed");
}

TEST_P(FileSystemConformance, StampsChangesAsLinuxDoes) {
  write_file(*root_, "f", "1");
  const Stat first = *root_->stat("f");
  const Stat directory_first = *root_->stat();
  sandbox_->tick();
  auto file = *root_->open_file("f", Access::kReadWrite);
  EXPECT_EQ(root_->stat("f")->mtime, first.mtime);
  EXPECT_EQ(root_->stat("f")->ctime, first.ctime);

  ASSERT_TRUE(file->write_at(0, as_bytes_view("2")).ok());
  const Stat written = *root_->stat("f");
  EXPECT_GT(written.mtime, first.mtime);
  EXPECT_EQ(written.mtime, written.ctime);
  EXPECT_EQ(written.birth, first.birth);
  EXPECT_EQ(root_->stat()->mtime, directory_first.mtime);

  sandbox_->tick();
  ASSERT_TRUE(file->set_mode(0600).ok());
  const Stat chmodded = *root_->stat("f");
  EXPECT_EQ(chmodded.mtime, written.mtime);
  EXPECT_GT(chmodded.ctime, written.ctime);

  sandbox_->tick();
  ASSERT_TRUE(root_->rename("f", *root_, "g", RenameMode::kReplace).ok());
  const Stat renamed = *root_->stat("g");
  EXPECT_EQ(renamed.mtime, written.mtime);
  EXPECT_GT(renamed.ctime, chmodded.ctime);
  EXPECT_GT(root_->stat()->mtime, directory_first.mtime);

  sandbox_->tick();
  ASSERT_TRUE(root_->link("g", *root_, "h").ok());
  const Stat linked = *root_->stat("g");
  EXPECT_GT(linked.ctime, renamed.ctime);
  sandbox_->tick();
  ASSERT_TRUE(root_->remove_file("h").ok());
  EXPECT_GT(root_->stat("g")->ctime, linked.ctime);
  EXPECT_EQ(root_->stat("g")->mtime, written.mtime);
}

TEST_P(FileSystemConformance, SetsMtimeToTheNanosecond) {
  write_file(*root_, "f", "");
  ASSERT_TRUE(root_->make_directory("d", 0755).ok());
  ASSERT_TRUE(root_->make_symlink("l", "f").ok());
  for (const std::int64_t ns : {std::int64_t{1'700'000'000'123'456'789}, std::int64_t{0},
                                std::int64_t{-1}, std::int64_t{-1'500'000'001}}) {
    for (const std::string_view name : {"f", "d", "l"}) {
      const Stat before = *root_->stat(name);
      sandbox_->tick();
      ASSERT_TRUE(root_->set_mtime(name, {ns}).ok());
      EXPECT_EQ(root_->stat(name)->mtime.ns, ns) << name;
      EXPECT_GT(root_->stat(name)->ctime, before.ctime) << name;
    }
  }
  auto file = *root_->open_file("f", Access::kRead);
  ASSERT_TRUE(file->set_mtime({987'654'321}).ok());
  EXPECT_EQ(file->stat()->mtime.ns, 987'654'321);
}

TEST_P(FileSystemConformance, SetsPermissionBits) {
  write_file(*root_, "f", "");
  ASSERT_TRUE(root_->make_directory("d", 0755).ok());
  ASSERT_TRUE(root_->set_mode("f", 0750).ok());
  EXPECT_EQ(root_->stat("f")->mode, 0750U);
  ASSERT_TRUE(root_->set_mode("d", 01700).ok());
  EXPECT_EQ(root_->stat("d")->mode, 01700U);
  auto file = *root_->open_file("f", Access::kRead);
  ASSERT_TRUE(file->set_mode(0400).ok());
  EXPECT_EQ(file->stat()->mode, 0400U);
}

TEST_P(FileSystemConformance, KeepsExtendedAttributes) {
  write_file(*root_, "f", "");
  auto file = *root_->open_file("f", Access::kReadWrite);
  EXPECT_TRUE(file->extended_attributes()->empty());
  const Bytes binary{0, 255, 10};
  ASSERT_TRUE(file->set_extended_attribute({"user.b", binary}).ok());
  ASSERT_TRUE(file->set_extended_attribute({"user.a", {}}).ok());
  ASSERT_TRUE(file->set_extended_attribute({"user.c", {1}}).ok());
  ASSERT_TRUE(file->set_extended_attribute({"user.c", {2}}).ok());
  for (const auto& read : {file->extended_attributes(), root_->extended_attributes("f")}) {
    ASSERT_TRUE(read.ok());
    ASSERT_EQ(read->size(), 3U);
    EXPECT_EQ((*read)[0].name, "user.a");
    EXPECT_TRUE((*read)[0].value.empty());
    EXPECT_EQ((*read)[1].name, "user.b");
    EXPECT_EQ((*read)[1].value, binary);
    EXPECT_EQ((*read)[2].value, Bytes{2});
  }
  ASSERT_TRUE(file->remove_extended_attribute("user.b").ok());
  EXPECT_EQ(code_of(file->remove_extended_attribute("user.b")), Code::kNotFound);
  EXPECT_EQ(file->extended_attributes()->size(), 2U);
  EXPECT_EQ(code_of(file->set_extended_attribute({"security.x", {}})), Code::kInvalidArgument);
  EXPECT_EQ(code_of(file->set_extended_attribute({"user.", {}})), Code::kInvalidArgument);
  EXPECT_EQ(code_of(file->set_extended_attribute({"user.big", Bytes(70'000)})), Code::kNoSpace);
  ASSERT_TRUE(root_->make_symlink("l", "f").ok());
  EXPECT_TRUE(root_->extended_attributes("l")->empty());
}

TEST_P(FileSystemConformance, CopiesRanges) {
  write_file(*root_, "source", "0123456789");
  auto source = *root_->open_file("source", Access::kRead);
  auto target = *root_->create_file("target", 0644);
  EXPECT_EQ(*target->copy_range_from(*source, 2, 1, 4), 4U);
  EXPECT_EQ(read_all(*target), std::string("\0", 1) + "2345");
  EXPECT_EQ(*target->copy_range_from(*source, 8, 0, 100), 2U);
  EXPECT_EQ(*target->copy_range_from(*source, 10, 0, 100), 0U);
  EXPECT_EQ(read_all(*target), "89345");
}

TEST_P(FileSystemConformance, FindsDataAndHoles) {
  write_file(*root_, "f", "0123456789");
  auto file = *root_->open_file("f", Access::kRead);
  EXPECT_EQ(*file->next_data(0), 0U);
  EXPECT_EQ(*file->next_data(4), 4U);
  EXPECT_EQ(*file->next_hole(0), 10U);
  EXPECT_EQ(*file->next_data(10), 10U);
  EXPECT_EQ(*file->next_data(99), 10U);
  EXPECT_EQ(*file->next_hole(99), 10U);
}

TEST_P(FileSystemConformance, LeaseKeepsWritersKnown) {
  write_file(*root_, "f", "x");
  auto reader = *root_->open_file("f", Access::kRead);
  {
    auto writer = *root_->open_file("f", Access::kReadWrite);
    EXPECT_EQ(code_of(reader->take_read_lease()), Code::kBusy);
    EXPECT_EQ(code_of(writer->take_read_lease()), Code::kBusy);
  }
  auto lease = reader->take_read_lease();
  ASSERT_TRUE(lease.ok()) << lease.error().to_string();
  EXPECT_FALSE((*lease)->broken());
  EXPECT_EQ(code_of(reader->take_read_lease()), Code::kBusy);
  EXPECT_TRUE(root_->open_file("f", Access::kRead).ok());
  EXPECT_FALSE((*lease)->broken());
  const auto busy = root_->open_file("f", Access::kReadWrite);
  EXPECT_EQ(code_of(busy), Code::kBusy);
  EXPECT_EQ(busy.error().retry(), Retry::kLater);
  EXPECT_TRUE((*lease)->broken());
  lease->reset();
  EXPECT_TRUE(root_->open_file("f", Access::kReadWrite).ok());
  // Both ends of the lease are free again.
  EXPECT_TRUE(reader->take_read_lease().ok());
}

TEST_P(FileSystemConformance, LeasesOutliveTheirFile) {
  write_file(*root_, "f", "x");
  auto lease = (*root_->open_file("f", Access::kRead))->take_read_lease();
  ASSERT_TRUE(lease.ok());
  EXPECT_FALSE((*lease)->broken());
  EXPECT_EQ(code_of(root_->open_file("f", Access::kReadWrite)), Code::kBusy);
  EXPECT_TRUE((*lease)->broken());
}

TEST_P(FileSystemConformance, SyncsFilesAndDirectories) {
  auto file = *root_->create_file("f", 0644);
  ASSERT_TRUE(file->write_at(0, as_bytes_view("x")).ok());
  EXPECT_TRUE(file->sync_data().ok());
  EXPECT_TRUE(file->sync().ok());
  EXPECT_TRUE(root_->sync().ok());
  file->advise_sequential();
  file->advise_uncached();
  EXPECT_EQ(read_all(*file), "x");
}

TEST_P(FileSystemConformance, WrittenOnceOrNotTheBytesAreTheSame) {
  struct alignas(4096) Piece {
    std::array<std::uint8_t, std::size_t{64} << 10U> bytes;
  };
  const auto piece = std::make_unique<Piece>();
  std::uint32_t state = 1;
  for (std::uint8_t& byte : piece->bytes) {
    state = state * 1'103'515'245U + 12'345U;
    byte = static_cast<std::uint8_t>(state >> 16U);
  }
  // Whole blocks, a tail, one behind the tail, one from an address that no device takes, and more
  // than was told.
  struct Write {
    std::size_t from;
    std::size_t size;
  };
  constexpr std::array kWrites = {Write{0, 65'536}, Write{4096, 10'001}, Write{0, 8192},
                                  Write{3, 18'671}, Write{0, 65'536},    Write{0, 12'345}};
  auto file = *root_->create_file("f", 0644);
  file->advise_written_once(150'000);
  Bytes expected;
  for (const Write& write : kWrites) {
    const BytesView bytes = BytesView(piece->bytes).subspan(write.from, write.size);
    ASSERT_TRUE(file->write_at(expected.size(), bytes).ok());
    expected.insert(expected.end(), bytes.begin(), bytes.end());
    ASSERT_EQ(file->stat()->size, expected.size());
  }
  EXPECT_EQ(read_all(*file), as_text_view(expected));
  auto again = *root_->open_file("f", Access::kRead);
  again->advise_written_once(1);
  EXPECT_EQ(read_all(*again), as_text_view(expected));
}

TEST_P(FileSystemConformance, ReusedNumbersHaveAnotherBirth) {
  std::set<std::pair<std::uint64_t, std::int64_t>> seen;
  for (int i = 0; i < 20; ++i) {
    write_file(*root_, "f", "");
    const Stat stat = *root_->stat("f");
    ASSERT_TRUE(stat.birth.has_value());
    EXPECT_TRUE(seen.insert({stat.inode, stat.birth->ns}).second);
    ASSERT_TRUE(root_->remove_file("f").ok());
    sandbox_->tick();
  }
}

}  // namespace ox::fs
