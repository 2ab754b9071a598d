#include "fs/os/descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <limits>

#include "base/rel_path.h"

namespace ox::fs {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

// File systems keep instants beyond the years 1677 to 2262 that 64 bits of nanoseconds can tell.
Timestamp to_timestamp(const struct statx_timestamp& raw) {
  std::int64_t ns = 0;
  if (__builtin_mul_overflow(raw.tv_sec, kNanosecondsPerSecond, &ns) ||
      __builtin_add_overflow(ns, static_cast<std::int64_t>(raw.tv_nsec), &ns)) {
    return {raw.tv_sec < 0 ? std::numeric_limits<std::int64_t>::min()
                           : std::numeric_limits<std::int64_t>::max()};
  }
  return {ns};
}

NodeType to_node_type(unsigned mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return NodeType::kFile;
    case S_IFDIR:
      return NodeType::kDirectory;
    case S_IFLNK:
      return NodeType::kSymlink;
    default:
      return NodeType::kOther;
  }
}

}  // namespace

const unsigned kStatMask = STATX_BASIC_STATS | STATX_BTIME;

Descriptor::~Descriptor() {
  if (number_ >= 0) {
    ::close(number_);
  }
}

Error last_error(std::string_view action, std::string_view name) {
  const int number = errno;
  switch (number) {
    case EFBIG:
    case EMLINK:
    case ENXIO:
      return Error(Code::kUnsupported, Error::from_errno(number, action, name).message())
          .with_context(name);
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Error(Code::kIo, Error::from_errno(number, action, name).message(), Retry::kLater)
          .with_context(name);
    default:
      return Error::from_errno(number, action, name);
  }
}

Result<void> check_name(std::string_view name) {
  if (!is_valid_name(name)) {
    return Error(Code::kInvalidArgument, "not the name of a directory entry").with_context(name);
  }
  return {};
}

Stat to_stat(const struct statx& raw) {
  Stat stat;
  stat.type = to_node_type(raw.stx_mode);
  stat.device = makedev(raw.stx_dev_major, raw.stx_dev_minor);
  stat.inode = raw.stx_ino;
  stat.size = raw.stx_size;
  stat.allocated_bytes = raw.stx_blocks * 512;
  stat.mode = raw.stx_mode & 07777U;
  stat.link_count = raw.stx_nlink;
  stat.mtime = to_timestamp(raw.stx_mtime);
  stat.ctime = to_timestamp(raw.stx_ctime);
  if ((raw.stx_mask & STATX_BTIME) != 0) {
    stat.birth = to_timestamp(raw.stx_btime);
  }
  return stat;
}

Result<Stat> stat_at(int directory, const char* name) {
  struct statx raw;
  const int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;
  if (retry_interrupted([&] { return ::statx(directory, name, flags, kStatMask, &raw); }) != 0) {
    return last_error("stat", name);
  }
  return to_stat(raw);
}

namespace {

struct timespec to_timespec(Timestamp time) {
  std::int64_t seconds = time.ns / kNanosecondsPerSecond;
  std::int64_t rest = time.ns % kNanosecondsPerSecond;
  if (rest < 0) {
    rest += kNanosecondsPerSecond;
    --seconds;
  }
  return {.tv_sec = seconds, .tv_nsec = rest};
}

}  // namespace

// Some FUSE servers (bindfs) set neither time when one is left out, so the atime is always said.

Result<void> set_mtime_at(int directory, const char* name, Timestamp mtime) {
  std::array<struct timespec, 2> times{};
  struct statx now;
  if (::statx(directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_ATIME, &now) == 0) {
    times[0].tv_sec = now.stx_atime.tv_sec;
    times[0].tv_nsec = now.stx_atime.tv_nsec;
  } else {
    times[0].tv_nsec = UTIME_OMIT;
  }
  times[1] = to_timespec(mtime);
  if (::utimensat(directory, name, times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
    return last_error("set mtime", name);
  }
  return {};
}

Result<void> set_mtime_of(int file, Timestamp mtime) {
  std::array<struct timespec, 2> times{};
  ::clock_gettime(CLOCK_REALTIME, times.data());
  times[1] = to_timespec(mtime);
  if (::futimens(file, times.data()) != 0) {
    return last_error("set mtime", "");
  }
  return {};
}

}  // namespace ox::fs
