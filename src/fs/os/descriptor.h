#pragma once

#include <cerrno>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "fs/fs.h"

struct statx;

/// What the files of this room share: an owned file descriptor and the kernel's words in ours.
namespace ox::fs {

/// An owned file descriptor; -1 is none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

/// Repeats a system call as long as a signal interrupts it.
template <typename Call>
auto retry_interrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) {
      return result;
    }
  }
}

/// `errno` as an Error. `action` is the verb, `name` what it was done to.
Error last_error(std::string_view action, std::string_view name);

/// kInvalidArgument unless `name` is a single component.
Result<void> check_name(std::string_view name);

/// The statx fields that Stat is made of.
extern const unsigned kStatMask;
Stat to_stat(const struct statx& raw);

/// Looks at `name` inside `directory` without following it; an empty name is the descriptor itself.
Result<Stat> stat_at(int directory, const char* name);

/// Tells `name` inside `directory` its new mtime; the atime is kept. As utimensat(2).
Result<void> set_mtime_at(int directory, const char* name, Timestamp mtime);
/// The same for an open file; the atime becomes the present time.
Result<void> set_mtime_of(int file, Timestamp mtime);

}  // namespace ox::fs
