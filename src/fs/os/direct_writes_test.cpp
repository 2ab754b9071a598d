// What goes past the page cache, and what it leaves on the disk.
#include "fs/os/direct_writes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "fs/fs.h"
#include "fs/os/descriptor.h"
#include "fs/os/temporary_directory.h"

namespace ox::fs {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kPiece = std::size_t{1} << 20U;
constexpr std::uint64_t kRoom = 128ULL << 20U;

struct alignas(kPage) Piece {
  std::array<std::uint8_t, kPiece> bytes;
};

class DirectWritesTest : public testing::Test {
 protected:
  void SetUp() override {
    piece_->bytes.fill(0x5A);
    const Descriptor probe(::open((directory_ / "probe").c_str(), O_RDWR | O_CREAT, 0600));
    if (!DirectWrites::of(probe.number(), 1).has_value()) {
      GTEST_SKIP() << "nothing goes past the cache on this file system";
    }
  }

  static void write_pieces(File& file, const Piece& piece, std::size_t first, std::size_t count) {
    for (std::size_t i = first; i < first + count; ++i) {
      ASSERT_TRUE(file.write_at(i * kPiece, piece.bytes).ok());
    }
  }

  /// How many pages of the file the kernel keeps.
  std::size_t cached_pages(const std::string& name, std::size_t size) const {
    const Descriptor file(::open((directory_ / name).c_str(), O_RDONLY));
    void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number(), 0);
    EXPECT_NE(mapped, MAP_FAILED);
    std::vector<unsigned char> resident((size + kPage - 1) / kPage);
    EXPECT_EQ(::mincore(mapped, size, resident.data()), 0);
    ::munmap(mapped, size);
    return static_cast<std::size_t>(
        std::ranges::count_if(resident, [](unsigned char page) { return (page & 1U) != 0; }));
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Directory> root_ = *open_os_directory(directory_.path());
  std::unique_ptr<Piece> piece_ = std::make_unique<Piece>();
};

TEST_F(DirectWritesTest, OnlyWhatIsSaidToBeWrittenOncePassesByTheCache) {
  for (const bool told : {false, true}) {
    const std::string name = told ? "told" : "untold";
    const auto file = *root_->create_file(name, 0644);
    if (told) {
      file->advise_written_once(4 * kPiece);
    }
    write_pieces(*file, *piece_, 0, 4);
    EXPECT_EQ(cached_pages(name, 4 * kPiece), told ? 0 : 4 * kPiece / kPage);
  }
}

TEST_F(DirectWritesTest, SetsRoomAsideButNeverMoreThanTheFileNeeds) {
  const auto file = *root_->create_file("f", 0644);
  constexpr std::size_t kPieces = 140;
  file->advise_written_once(kPieces * kPiece);
  write_pieces(*file, *piece_, 0, 1);
  EXPECT_EQ(file->stat()->size, kPiece);
  EXPECT_GE(file->stat()->allocated_bytes, kRoom);
  EXPECT_LT(file->stat()->allocated_bytes, kPieces * kPiece);
  write_pieces(*file, *piece_, 1, kPieces - 1);
  EXPECT_EQ(file->stat()->size, kPieces * kPiece);
  // The blocks of a file's own extent tree come on top.
  EXPECT_NEAR(static_cast<double>(file->stat()->allocated_bytes),
              static_cast<double>(kPieces * kPiece), 64.0 * 1024);
}

TEST_F(DirectWritesTest, GivesTheRoomBackWithATruncation) {
  const auto file = *root_->create_file("f", 0644);
  file->advise_written_once(100 * kPiece);
  write_pieces(*file, *piece_, 0, 2);
  ASSERT_GE(file->stat()->allocated_bytes, 100 * kPiece);
  ASSERT_TRUE(file->truncate(2 * kPiece).ok());
  EXPECT_LT(file->stat()->allocated_bytes, 3 * kPiece);
  EXPECT_EQ(file->stat()->size, 2 * kPiece);
}

TEST_F(DirectWritesTest, TakesWholeBlocksAtBlockBoundaries) {
  const auto file = ::open((directory_ / "f").c_str(), O_RDWR | O_CREAT, 0600);
  const Descriptor closed_at_the_end(file);
  const auto writes = DirectWrites::of(file, kPiece);
  ASSERT_TRUE(writes.has_value());
  const BytesView bytes(piece_->bytes);
  EXPECT_EQ(writes->whole_blocks(0, bytes), kPiece);
  EXPECT_EQ(writes->whole_blocks(kPiece, bytes.first(kPiece - 1)), kPiece - kPage);
  EXPECT_EQ(writes->whole_blocks(0, bytes.first(kPage - 1)), 0U);
  EXPECT_EQ(writes->whole_blocks(1, bytes), 0U);
  EXPECT_EQ(writes->whole_blocks(0, bytes.subspan(1)), 0U);
}

TEST_F(DirectWritesTest, LeavesTheOpenFileAsItWas) {
  const auto file = ::open((directory_ / "f").c_str(), O_RDWR | O_CREAT, 0600);
  const Descriptor closed_at_the_end(file);
  const int before = ::fcntl(file, F_GETFL);
  auto writes = DirectWrites::of(file, kPiece);
  ASSERT_TRUE(writes.has_value());
  EXPECT_EQ(writes->write(file, 0, piece_->bytes), static_cast<std::int64_t>(kPiece));
  EXPECT_EQ(::fcntl(file, F_GETFL), before);
}

TEST(DirectWrites, AreNothingWhereTheyCannotBe) {
  EXPECT_FALSE(DirectWrites::of(-1, 1).has_value());
  const Descriptor memory(::open("/dev/shm", O_TMPFILE | O_RDWR, 0600));
  if (memory.number() >= 0) {
    EXPECT_FALSE(DirectWrites::of(memory.number(), 1).has_value());
  }
}

}  // namespace
}  // namespace ox::fs
