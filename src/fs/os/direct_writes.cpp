#include "fs/os/direct_writes.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace ox::fs {
namespace {

// What a copy that is broken off holds beyond its size, until it goes on or is swept.
constexpr std::uint64_t kRoomAhead = 128ULL << 20U;

bool gains_by_it(int file) {
  struct statfs facts = {};
  return ::fstatfs(file, &facts) == 0 &&
         (facts.f_type == EXT4_SUPER_MAGIC || facts.f_type == XFS_SUPER_MAGIC);
}

}  // namespace

std::optional<DirectWrites> DirectWrites::of(int file, std::uint64_t size) {
  struct statx facts = {};
  const int flags = ::fcntl(file, F_GETFL);
  if (flags < 0 || !gains_by_it(file) ||
      ::statx(file, "", AT_EMPTY_PATH, STATX_DIOALIGN, &facts) != 0 ||
      (facts.stx_mask & STATX_DIOALIGN) == 0 || facts.stx_dio_offset_align == 0 ||
      facts.stx_dio_mem_align == 0) {
    return std::nullopt;
  }
  DirectWrites writes;
  writes.size_ = size;
  writes.memory_alignment_ = facts.stx_dio_mem_align;
  // Whole blocks, for a part of one makes the file system read the rest.
  writes.offset_alignment_ = std::max(facts.stx_dio_offset_align, facts.stx_blksize);
  writes.flags_ = flags;
  return writes;
}

std::size_t DirectWrites::whole_blocks(std::uint64_t offset, BytesView from) const {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): only its lowest bits are asked for
  const auto address = reinterpret_cast<std::uintptr_t>(from.data());
  if (offset % offset_alignment_ != 0 || address % memory_alignment_ != 0) {
    return 0;
  }
  return from.size() - from.size() % offset_alignment_;
}

std::int64_t DirectWrites::write(int file, std::uint64_t offset, BytesView from) {
  make_room(file, offset, offset + from.size());
  if (::fcntl(file, F_SETFL, flags_ | O_DIRECT) != 0) {
    return -1;
  }
  const ssize_t put = ::pwrite(file, from.data(), from.size(), static_cast<off_t>(offset));
  const int error = errno;
  ::fcntl(file, F_SETFL, flags_);
  errno = error;
  return put;
}

void DirectWrites::make_room(int file, std::uint64_t from, std::uint64_t to) {
  if (to <= room_to_ || from >= size_) {
    return;
  }
  room_to_ = std::min(to + kRoomAhead, size_);
  if (::fallocate(file, FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
                  static_cast<off_t>(room_to_ - from)) != 0) {
    room_to_ = std::numeric_limits<std::uint64_t>::max();  // the writes tell what is wrong
  }
}

}  // namespace ox::fs
