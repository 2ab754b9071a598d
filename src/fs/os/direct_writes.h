#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace ox::fs {

/// Writing one file past the page cache, in order, each byte once. What a large copy writes is read
/// by nobody soon: through the cache it would push out what people work with, cost a copy and a
/// fresh page for each 4 KiB, and leave all the writing for the sync at the end. Not thread-safe.
class DirectWrites {
 public:
  /// Nothing where the file system can't do it for this file, or where files would lose by it:
  /// btrfs compresses only what goes through the cache, and network file systems gather there.
  /// `size`: bytes that the file is going to have.
  static std::optional<DirectWrites> of(int file, std::uint64_t size);

  /// How many bytes at the front of `from` are whole blocks that may go directly to `offset`.
  std::size_t whole_blocks(std::uint64_t offset, BytesView from) const;
  /// As pwrite(2), for no more than whole_blocks() says. Sets room aside ahead of what it writes,
  /// so that files written at the same time don't lie interleaved.
  std::int64_t write(int file, std::uint64_t offset, BytesView from);

 private:
  DirectWrites() = default;
  void make_room(int file, std::uint64_t from, std::uint64_t to);

  std::uint64_t size_ = 0;
  std::uint64_t room_to_ = 0;  ///< up to here the file system has been asked for blocks
  std::uint32_t memory_alignment_ = 0;
  std::uint32_t offset_alignment_ = 0;
  int flags_ = 0;  ///< of the open file, without O_DIRECT
};

}  // namespace ox::fs
