// Large files on their way to a real disk.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "crypto/digest.h"
#include "fs/os/descriptor.h"
#include "fs/os/direct_writes.h"
#include "fs/os/temporary_directory.h"
#include "provider/local/local_root_for_test.h"

namespace ox::provider {
namespace {

using conformance::at;
using conformance::kTrash;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kLarge = std::size_t{16} << 20U;

std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t state = 1;
  for (char& byte : bytes) {
    state = state * 6'364'136'223'846'793'005ULL + 1'442'695'040'888'963'407ULL;
    byte = static_cast<char>(state >> 56U);
  }
  return bytes;
}

std::size_t cached_pages(const std::string& path, std::size_t size) {
  const fs::Descriptor file(::open(path.c_str(), O_RDONLY));
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number(), 0);
  EXPECT_NE(MAP_FAILED, mapped);
  std::vector<unsigned char> resident((size + kPage - 1) / kPage);
  EXPECT_EQ(0, ::mincore(mapped, size, resident.data()));
  ::munmap(mapped, size);
  return static_cast<std::size_t>(
      std::ranges::count_if(resident, [](unsigned char page) { return (page & 1U) != 0; }));
}

class CopierTest : public testing::Test {
 protected:
  /// Publishes a file of `bytes` as `name` and returns how many of its pages are in the cache.
  std::size_t copy(const std::string& bytes, const std::string& name, std::string resume_key) {
    const auto batch = root_.provider().begin_batch().value();
    root_.write(at("source"), bytes);
    const auto source = root_.provider().open(at("source"), nullptr).value();
    StageRequest request;
    request.source = source.get();
    request.resume_key = std::move(resume_key);
    const auto staged = batch->stage(request, {});
    EXPECT_OK(staged);
    EXPECT_EQ(crypto::sha256(as_bytes_view(bytes)), staged->digest);
    EXPECT_OK(batch->publish(*staged, at(name), Precondition::absent(), kTrash));
    const std::size_t cached = cached_pages(where_ / name, bytes.size());
    EXPECT_TRUE(root_.read(at(name)) == bytes) << name;
    return cached;
  }

  fs::TemporaryDirectory where_;
  LocalTestRoot root_{[this] { return fs::open_os_directory(where_.path()).value(); }};
};

TEST_F(CopierTest, LargeFilesLeaveTheCacheToOthers) {
  const fs::Descriptor probe(::open((where_ / "probe").c_str(), O_RDWR | O_CREAT, 0600));
  const bool possible = fs::DirectWrites::of(probe.number(), kLarge).has_value();
  for (const std::string key : {"", "content-1"}) {
    const std::string bytes = noise(kLarge + 3 * kPage + 1234);
    const std::size_t cached = copy(bytes, "large" + key, key);
    if (possible) {
      EXPECT_LE(cached, 1U) << "no more than the page of the tail";
    }
  }
}

TEST_F(CopierTest, SmallerFilesStayInTheCache) {
  const std::string bytes = noise(kLarge - 1);
  EXPECT_GT(copy(bytes, "small", ""), kLarge / kPage / 2);
}

}  // namespace
}  // namespace ox::provider
