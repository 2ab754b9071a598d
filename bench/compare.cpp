// Says whether two trees hold the same, so that no program wins a benchmark by leaving work undone.
//
//   compare [--times] A B
//
// Compares names, kinds, sizes, bytes and link targets, with --times the files' modification times
// too (in seconds, as some programs keep no finer ones). Folders named .syncoxiders are left out.
// Prints the first differences and ends with 1 when there is any.

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "crew.h"

namespace ox::bench {
namespace {

constexpr std::size_t kThreads = 2;
constexpr std::size_t kBufferSize = 1UL << 20U;
constexpr int kMostReported = 10;

enum class Times { kIgnored, kCompared };

class Comparison {
 public:
  Comparison(std::string first, std::string second, Times times)
      : first_(std::move(first)), second_(std::move(second)), times_(times) {}

  int run() {
    crew_.add([this] { compare_directories(""); });
    crew_.run(kThreads);
    std::printf("%d differences\n", differences_.load());
    return differences_ == 0 ? 0 : 1;
  }

 private:
  void differ(const std::string& path, const char* how) {
    if (++differences_ <= kMostReported) {
      std::printf("%s: %s\n", path.c_str(), how);
    }
  }

  static std::vector<Item> sorted_items(const std::string& path) {
    const Descriptor directory(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    std::vector<Item> items = items_in(directory, path);
    std::erase_if(items, [](const Item& item) { return item.name == ".syncoxiders"; });
    std::ranges::sort(items, {}, &Item::name);
    return items;
  }

  void compare_directories(const std::string& below) {
    const std::vector<Item> ours = sorted_items(first_ + below);
    const std::vector<Item> theirs = sorted_items(second_ + below);
    auto left = ours.begin();
    auto right = theirs.begin();
    while (left != ours.end() || right != theirs.end()) {
      if (right == theirs.end() || (left != ours.end() && left->name < right->name)) {
        differ(below + "/" + (left++)->name, "only in the first tree");
      } else if (left == ours.end() || right->name < left->name) {
        differ(below + "/" + (right++)->name, "only in the second tree");
      } else {
        compare_entries(below + "/" + left->name);
        ++left;
        ++right;
      }
    }
  }

  void compare_entries(const std::string& path) {
    const struct stat ours = look(first_ + path);
    const struct stat theirs = look(second_ + path);
    if ((ours.st_mode & S_IFMT) != (theirs.st_mode & S_IFMT)) {
      differ(path, "another kind");
    } else if (S_ISDIR(ours.st_mode)) {
      crew_.add([this, path] { compare_directories(path); });
    } else if (S_ISLNK(ours.st_mode)) {
      if (link_target(first_ + path) != link_target(second_ + path)) {
        differ(path, "another link target");
      }
    } else if (S_ISREG(ours.st_mode)) {
      compare_files(path, ours, theirs);
    }
  }

  void compare_files(const std::string& path, const struct stat& ours, const struct stat& theirs) {
    if (ours.st_size != theirs.st_size) {
      differ(path, "another size");
    } else if (times_ == Times::kCompared && ours.st_mtim.tv_sec != theirs.st_mtim.tv_sec) {
      differ(path, "another modification time");
    } else if (!same_bytes(path)) {
      differ(path, "other bytes");
    }
  }

  bool same_bytes(const std::string& path) const {
    thread_local std::vector<char> ours(kBufferSize);
    thread_local std::vector<char> theirs(kBufferSize);
    const Descriptor left(AT_FDCWD, first_ + path, O_RDONLY | O_NOFOLLOW);
    const Descriptor right(AT_FDCWD, second_ + path, O_RDONLY | O_NOFOLLOW);
    while (true) {
      const ssize_t size = ::read(left.get(), ours.data(), kBufferSize);
      if (size < 0 || ::read(right.get(), theirs.data(), kBufferSize) != size) {
        return false;
      }
      if (size == 0) {
        return true;
      }
      if (std::memcmp(ours.data(), theirs.data(), static_cast<std::size_t>(size)) != 0) {
        return false;
      }
    }
  }

  static struct stat look(const std::string& path) {
    struct stat result{};
    if (::lstat(path.c_str(), &result) != 0) {
      fail("stat", path);
    }
    return result;
  }

  static std::string link_target(const std::string& path) {
    char target[4096];
    const ssize_t size = ::readlink(path.c_str(), target, sizeof(target));
    if (size < 0) {
      fail("read link", path);
    }
    return {target, static_cast<std::size_t>(size)};
  }

  std::string first_;
  std::string second_;
  Times times_;
  std::atomic<int> differences_ = 0;
  Crew crew_;
};

}  // namespace
}  // namespace ox::bench

int main(int argc, char** argv) {
  using ox::bench::Times;
  const bool with_times = argc > 1 && std::string_view(argv[1]) == "--times";
  const int paths = with_times ? 2 : 1;
  if (argc != paths + 2) {
    std::fputs("usage: compare [--times] A B\n", stderr);
    return 2;
  }
  const Times times = with_times ? Times::kCompared : Times::kIgnored;
  return ox::bench::Comparison(argv[paths], argv[paths + 1], times).run();
}
