#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

/// Shared by the programs that the benchmarks are held against. Independent of the project's own
/// rooms on purpose: a floor that used them could not show what they cost.
namespace ox::bench {

/// Runs jobs, which may add further jobs, on a few threads until none is left.
class Crew {
 public:
  /// Safe from any thread, and from inside a job.
  void add(std::function<void()> job);
  /// Works on `threads` threads and returns when every job has ended.
  void run(std::size_t threads);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  std::size_t unfinished_ = 0;
};

/// Prints `what`, the path and errno's text, and ends the program with exit code 1.
[[noreturn]] void fail(std::string_view what, const std::string& path);

/// A file descriptor that closes itself.
class Descriptor {
 public:
  /// openat(2); ends the program when that fails.
  Descriptor(int at, const std::string& path, int flags, unsigned mode = 0);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return number_; }

 private:
  int number_;
};

struct Item {
  std::string name;
  unsigned char type;  ///< DT_REG and the like
};

/// The names in an open directory by getdents64, without "." and "..".
std::vector<Item> items_in(const Descriptor& directory, const std::string& path);

}  // namespace ox::bench
