// The bytes of files. Every change is logged with the bytes it replaced.
#include <algorithm>

#include "fs/memory/disk.h"

namespace ox::fs {
namespace {

// Beyond this the older half has been written back, as a kernel does by itself.
constexpr std::size_t kMostUnsyncedChanges = 4096;

}  // namespace

Result<std::size_t> Disk::read(const Opened& opened, std::uint64_t offset,
                               std::span<std::uint8_t> into) {
  const rt::Lock lock(mutex_);
  TRY(check_alive(opened));
  const Bytes& content = opened.inode->content;
  if (offset >= content.size()) {
    return std::size_t{0};
  }
  const std::size_t size = std::min<std::size_t>(into.size(), content.size() - offset);
  std::copy_n(content.data() + offset, size, into.data());
  return size;
}

void Disk::log_content(const InodePtr& inode, ContentChange change, Stamps stamps) {
  if (stamps == Stamps::kMove) {
    keep_attributes(inode);
    inode->attributes.mtime = inode->attributes.ctime = now();
  }
  list_dirty(inode);
  change.version = inode->version;
  change.size_after = inode->content.size();
  std::vector<ContentChange>& log = inode->unsynced_content;
  log.push_back(std::move(change));
  if (log.size() > kMostUnsyncedChanges) {
    log.erase(log.begin(), log.begin() + kMostUnsyncedChanges / 2);
  }
}

Result<void> Disk::write_locked(const InodePtr& inode, std::uint64_t offset, BytesView from,
                                Stamps stamps) {
  Bytes& content = inode->content;
  const std::uint64_t old_size = content.size();
  const std::uint64_t free =
      options_.capacity_bytes - std::min(used_bytes_, options_.capacity_bytes);
  // A full disk takes what fits.
  const std::uint64_t largest = old_size + free;
  const BytesView fits =
      from.first(offset >= largest ? 0 : std::min<std::uint64_t>(from.size(), largest - offset));
  if (!fits.empty()) {
    const std::uint64_t end = offset + fits.size();
    ContentChange change;
    change.offset = offset;
    change.length = fits.size();
    change.size_before = old_size;
    if (offset < old_size) {
      const auto begin = content.begin() + static_cast<std::ptrdiff_t>(offset);
      change.replaced.assign(
          begin, content.begin() + static_cast<std::ptrdiff_t>(std::min(end, old_size)));
    }
    if (offset == old_size) {
      content.insert(content.end(), fits.begin(), fits.end());
    } else {
      content.resize(std::max(old_size, end));
      std::ranges::copy(fits, content.begin() + static_cast<std::ptrdiff_t>(offset));
    }
    used_bytes_ += content.size() - old_size;
    log_content(inode, std::move(change), stamps);
  }
  if (fits.size() < from.size()) {
    return Error(Code::kNoSpace, "write: no space left");
  }
  return {};
}

Result<void> Disk::write(const Opened& opened, std::uint64_t offset, BytesView from) {
  const rt::Lock lock(mutex_);
  TRY(check_writable(opened));
  if (from.empty()) {
    return {};
  }
  return write_locked(opened.inode, offset, from, Stamps::kMove);
}

Result<void> Disk::store_mapped(const Opened& opened, std::uint64_t offset, BytesView from) {
  const rt::Lock lock(mutex_);
  TRY(check_writable(opened));
  const std::uint64_t size = opened.inode->content.size();
  if (offset > size || from.size() > size - offset) {
    return Error(Code::kInvalidArgument, "a mapping ends with its file");
  }
  return write_locked(opened.inode, offset, from, Stamps::kStay);
}

Result<void> Disk::truncate_locked(const InodePtr& inode, std::uint64_t size) {
  Bytes& content = inode->content;
  const std::uint64_t old_size = content.size();
  if (size > old_size &&
      size - old_size > options_.capacity_bytes - std::min(used_bytes_, options_.capacity_bytes)) {
    return Error(Code::kNoSpace, "truncate: no space left");
  }
  ContentChange change;
  change.offset = size;
  change.size_before = old_size;
  if (size == 0) {
    change.replaced.swap(content);
  } else if (size < old_size) {
    change.replaced.assign(content.begin() + static_cast<std::ptrdiff_t>(size), content.end());
  }
  content.resize(size);
  used_bytes_ = used_bytes_ + size - old_size;
  log_content(inode, std::move(change), Stamps::kMove);
  return {};
}

Result<void> Disk::truncate(const Opened& opened, std::uint64_t size) {
  const rt::Lock lock(mutex_);
  TRY(check_writable(opened));
  return truncate_locked(opened.inode, size);
}

Result<void> Disk::clone(const Opened& opened, const Opened& source) {
  const rt::Lock lock(mutex_);
  TRY(check_writable(opened));
  TRY(check_alive(source));
  if (options_.clone == Support::kNo) {
    return Error(Code::kUnsupported, "clone: not on this file system");
  }
  if (opened.inode == source.inode) {
    return {};
  }
  TRY(truncate_locked(opened.inode, source.inode->content.size()));
  return write_locked(opened.inode, 0, source.inode->content, Stamps::kMove);
}

Result<std::uint64_t> Disk::copy_range(const Opened& opened, const Opened& source,
                                       std::uint64_t source_offset, std::uint64_t offset,
                                       std::uint64_t size) {
  const rt::Lock lock(mutex_);
  TRY(check_writable(opened));
  TRY(check_alive(source));
  const Bytes& content = source.inode->content;
  if (source_offset >= content.size() || size == 0) {
    return std::uint64_t{0};
  }
  const BytesView part = BytesView(content).subspan(
      source_offset, std::min<std::uint64_t>(size, content.size() - source_offset));
  // A copy inside one file would read what it is moving.
  const Bytes own = opened.inode == source.inode ? Bytes(part.begin(), part.end()) : Bytes();
  TRY(write_locked(opened.inode, offset, own.empty() ? part : BytesView(own), Stamps::kMove));
  return static_cast<std::uint64_t>(part.size());
}

}  // namespace ox::fs
