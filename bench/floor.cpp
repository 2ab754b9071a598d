// What the machine itself takes for the work of a sync, so that programs can be held against it.
//
//   floor walk A B   getdents64 and fstatat of every entry of both trees
//   floor copy A B   copies A into the empty B: read, SHA-256, write into a stage folder of B's
//   file
//                    system, syncfs, rename into place, syncfs
//
// Both work on two threads.

#include <dirent.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crew.h"

namespace ox::bench {
namespace {

constexpr std::size_t kThreads = 2;
constexpr std::size_t kBufferSize = 1UL << 20U;
constexpr const char* kStage = ".floor-stage";

struct Totals {
  std::atomic<std::uint64_t> entries = 0;
  std::atomic<std::uint64_t> bytes = 0;
  std::atomic<std::uint64_t> mixed_digest = 0;  ///< so that no digest can be left out as unused
};

void walk(Crew& crew, Totals& totals, const std::string& path) {
  const Descriptor directory(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  for (const Item& item : items_in(directory, path)) {
    struct stat look{};
    if (::fstatat(directory.get(), item.name.c_str(), &look, AT_SYMLINK_NOFOLLOW) != 0) {
      fail("stat", path + "/" + item.name);
    }
    ++entries;
    if (S_ISDIR(look.st_mode)) {
      crew.add([&crew, &totals, below = path + "/" + item.name] { walk(crew, totals, below); });
    } else {
      bytes += static_cast<std::uint64_t>(look.st_size);
    }
  }
  totals.entries += entries;
  totals.bytes += bytes;
}

/// One digest context and one buffer a thread.
struct Desk {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                  &EVP_MD_CTX_free};
  std::vector<unsigned char> buffer = std::vector<unsigned char>(kBufferSize);
};

void copy_bytes(Desk& desk, int from, int to, std::uint64_t size, const std::string& path) {
  std::uint64_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(from, desk.buffer.data(), std::min(size - done, kBufferSize));
    if (got <= 0) {
      fail("read", path);
    }
    const auto count = static_cast<std::size_t>(got);
    EVP_DigestUpdate(desk.context.get(), desk.buffer.data(), count);
    if (::write(to, desk.buffer.data(), count) != got) {
      fail("write", path);
    }
    done += count;
  }
}

void copy_file(Totals& totals, int from_directory, int to_directory, const std::string& name) {
  thread_local Desk desk;
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  const Descriptor from(from_directory, name, O_RDONLY | O_NOFOLLOW);
  struct stat look{};
  if (::fstat(from.get(), &look) != 0) {
    fail("stat", name);
  }
  const Descriptor to(to_directory, name, O_WRONLY | O_CREAT | O_EXCL, look.st_mode & 07777U);
  EVP_DigestInit_ex2(desk.context.get(), kSha256, nullptr);
  copy_bytes(desk, from.get(), to.get(), static_cast<std::uint64_t>(look.st_size), name);
  unsigned char digest[EVP_MAX_MD_SIZE];
  EVP_DigestFinal_ex(desk.context.get(), digest, nullptr);
  const timespec times[2] = {look.st_mtim, look.st_mtim};
  if (::futimens(to.get(), times) != 0) {
    fail("set times of", name);
  }
  totals.mixed_digest ^= digest[0];
  totals.bytes += static_cast<std::uint64_t>(look.st_size);
}

void copy_symlink(int from_directory, int to_directory, const std::string& name) {
  char target[4096];
  const ssize_t size = ::readlinkat(from_directory, name.c_str(), target, sizeof(target) - 1);
  if (size < 0) {
    fail("read link", name);
  }
  target[size] = '\0';
  if (::symlinkat(target, to_directory, name.c_str()) != 0) {
    fail("make link", name);
  }
}

/// A directory with both its ends open, shared by the jobs for its large files.
struct Pair {
  Pair(const std::string& from_path, const std::string& to_path)
      : from(AT_FDCWD, from_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
        to(AT_FDCWD, to_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) {}
  Descriptor from;
  Descriptor to;
};

/// A large file is a job of its own, or one thread would copy a folder of them alone.
bool is_large(int directory, const std::string& name) {
  struct stat look{};
  if (::fstatat(directory, name.c_str(), &look, AT_SYMLINK_NOFOLLOW) != 0) {
    fail("stat", name);
  }
  return static_cast<std::uint64_t>(look.st_size) > kBufferSize;
}

void copy_directory(Crew& crew, Totals& totals, const std::string& from, const std::string& to) {
  const auto pair = std::make_shared<Pair>(from, to);
  for (const Item& item : items_in(pair->from, from)) {
    ++totals.entries;
    if (item.type == DT_DIR) {
      if (::mkdirat(pair->to.get(), item.name.c_str(), 0777) != 0) {
        fail("make directory", item.name);
      }
      crew.add([&crew, &totals, source = from + "/" + item.name, target = to + "/" + item.name] {
        copy_directory(crew, totals, source, target);
      });
    } else if (item.type == DT_LNK) {
      copy_symlink(pair->from.get(), pair->to.get(), item.name);
    } else if (item.type == DT_REG && is_large(pair->from.get(), item.name)) {
      crew.add([&totals, pair, name = item.name] {
        copy_file(totals, pair->from.get(), pair->to.get(), name);
      });
    } else if (item.type == DT_REG) {
      copy_file(totals, pair->from.get(), pair->to.get(), item.name);
    }
  }
}

void make_durable(const Descriptor& root) {
  if (::syncfs(root.get()) != 0) {
    fail("syncfs", "");
  }
}

void copy_tree(Totals& totals, const std::string& from, const std::string& to) {
  // Opened before the first write, or a failed write-back would go unreported.
  const Descriptor root(AT_FDCWD, to, O_RDONLY | O_DIRECTORY);
  if (::mkdirat(root.get(), kStage, 0777) != 0) {
    fail("make directory", kStage);
  }
  Crew crew;
  const std::string stage = to + "/" + kStage;
  crew.add([&] { copy_directory(crew, totals, from, stage); });
  crew.run(kThreads);
  make_durable(root);
  const Descriptor staged(root.get(), kStage, O_RDONLY | O_DIRECTORY);
  for (const Item& item : items_in(staged, stage)) {
    if (::renameat(staged.get(), item.name.c_str(), root.get(), item.name.c_str()) != 0) {
      fail("rename", item.name);
    }
  }
  if (::unlinkat(root.get(), kStage, AT_REMOVEDIR) != 0) {
    fail("remove", kStage);
  }
  make_durable(root);
}

void walk_trees(Totals& totals, const std::string& first, const std::string& second) {
  Crew crew;
  crew.add([&] { walk(crew, totals, first); });
  crew.add([&] { walk(crew, totals, second); });
  crew.run(kThreads);
}

int run(std::string_view command, const std::string& first, const std::string& second) {
  Totals totals;
  if (command == "walk") {
    walk_trees(totals, first, second);
  } else if (command == "copy") {
    copy_tree(totals, first, second);
  } else {
    return 2;
  }
  std::printf("%llu entries, %llu bytes, %llx\n",
              static_cast<unsigned long long>(totals.entries.load()),
              static_cast<unsigned long long>(totals.bytes.load()),
              static_cast<unsigned long long>(totals.mixed_digest.load()));
  return 0;
}

}  // namespace
}  // namespace ox::bench

int main(int argc, char** argv) {
  const int result = argc == 4 ? ox::bench::run(argv[1], argv[2], argv[3]) : 2;
  if (result == 2) {
    std::fputs("usage: floor walk|copy A B\n", stderr);
  }
  return result;
}
