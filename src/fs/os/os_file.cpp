#include "fs/os/os_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <limits>

#include "fs/os/extended_attributes.h"

namespace ox::fs {
namespace {

Result<off_t> to_offset(std::uint64_t offset) {
  if (offset > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
    return Error(Code::kInvalidArgument, "offset beyond what a file can have");
  }
  return static_cast<off_t>(offset);
}

// A lease belongs to the open file description, so it ends by hand, not with a descriptor.
class OsReadLease final : public ReadLease {
 public:
  explicit OsReadLease(std::shared_ptr<OsFile::Open> open) : open_(std::move(open)) {}
  ~OsReadLease() override {
    // Where nobody else holds the file any more, closing it ends the lease.
    if (open_.use_count() > 1) {
      ::fcntl(open_->descriptor.number(), F_SETLEASE, F_UNLCK);
      open_->leased = false;
    }
  }
  bool broken() const override {
    return ::fcntl(open_->descriptor.number(), F_GETLEASE) != F_RDLCK;
  }

 private:
  std::shared_ptr<OsFile::Open> open_;
};

}  // namespace

OsFile::OsFile(Descriptor descriptor, Access access)
    : open_(std::make_shared<Open>(std::move(descriptor))), access_(access) {}

Result<void> OsFile::check_writable() const {
  if (access_ != Access::kReadWrite) {
    return Error(Code::kInvalidArgument, "the file was opened for reading only");
  }
  return {};
}

Result<Stat> OsFile::stat() {
  return stat_at(number(), "");
}

Result<std::size_t> OsFile::read_at(std::uint64_t offset, std::span<std::uint8_t> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    TRY_ASSIGN(const off_t at, to_offset(offset + done));
    const ssize_t got = retry_interrupted(
        [&] { return ::pread(number(), into.data() + done, into.size() - done, at); });
    if (got < 0) {
      return last_error("read", "");
    }
    if (got == 0) {
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<void> OsFile::write_at(std::uint64_t offset, BytesView from) {
  TRY(check_writable());
  while (!from.empty()) {
    TRY(to_offset(offset));
    const std::int64_t put = retry_interrupted([&] { return write_some(offset, from); });
    if (put < 0) {
      return last_error("write", "");
    }
    if (put == 0) {
      return Error(Code::kIo, "write: nothing was taken");
    }
    offset += static_cast<std::uint64_t>(put);
    from = from.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

std::int64_t OsFile::write_some(std::uint64_t offset, BytesView from) {
  const std::size_t whole = direct_.has_value() ? direct_->whole_blocks(offset, from) : 0;
  if (whole > 0) {
    const std::int64_t put = direct_->write(number(), offset, from.first(whole));
    if (put >= 0 || errno != EINVAL) {
      return put;
    }
    direct_.reset();  // the file system promised more than it does
  }
  return ::pwrite(number(), from.data(), from.size(), static_cast<off_t>(offset));
}

Result<void> OsFile::truncate(std::uint64_t size) {
  TRY(check_writable());
  TRY_ASSIGN(const off_t length, to_offset(size));
  if (retry_interrupted([&] { return ::ftruncate(number(), length); }) != 0) {
    return last_error("truncate", "");
  }
  return {};
}

Result<void> OsFile::sync_data() {
  if (retry_interrupted([&] { return ::fdatasync(number()); }) != 0) {
    return last_error("fdatasync", "");
  }
  return {};
}

Result<void> OsFile::sync() {
  if (retry_interrupted([&] { return ::fsync(number()); }) != 0) {
    return last_error("fsync", "");
  }
  return {};
}

Result<void> OsFile::set_mtime(Timestamp mtime) {
  return set_mtime_of(number(), mtime);
}

Result<void> OsFile::set_mode(std::uint32_t mode) {
  if (retry_interrupted([&] { return ::fchmod(number(), mode & 07777U); }) != 0) {
    return last_error("set mode", "");
  }
  return {};
}

Result<std::vector<ExtendedAttribute>> OsFile::extended_attributes() {
  return read_extended_attributes(number());
}

Result<void> OsFile::set_extended_attribute(const ExtendedAttribute& attribute) {
  return write_extended_attribute(number(), attribute);
}

Result<void> OsFile::remove_extended_attribute(std::string_view name) {
  return erase_extended_attribute(number(), name);
}

Result<std::uint64_t> OsFile::seek(std::uint64_t offset, int whence,
                                   std::uint64_t when_unsupported) {
  TRY_ASSIGN(const Stat now, stat());
  if (offset >= now.size) {
    return now.size;
  }
  const off_t found = ::lseek(number(), static_cast<off_t>(offset), whence);
  if (found >= 0) {
    return static_cast<std::uint64_t>(found);
  }
  if (errno == ENXIO) {
    return now.size;
  }
  if (errno == EINVAL || errno == EOPNOTSUPP) {
    return std::min(when_unsupported, now.size);
  }
  return last_error("seek", "");
}

Result<std::uint64_t> OsFile::next_data(std::uint64_t offset) {
  return seek(offset, SEEK_DATA, offset);
}

Result<std::uint64_t> OsFile::next_hole(std::uint64_t offset) {
  return seek(offset, SEEK_HOLE, std::numeric_limits<std::uint64_t>::max());
}

Result<void> OsFile::clone_from(File& source) {
  TRY(check_writable());
  auto* from = dynamic_cast<OsFile*>(&source);
  if (from == nullptr) {
    return Error(Code::kUnsupported, "clone: the source is not a file of this machine");
  }
  if (retry_interrupted([&] { return ::ioctl(number(), FICLONE, from->number()); }) != 0) {
    return last_error("clone", "");
  }
  return {};
}

Result<std::uint64_t> OsFile::copy_range_from(File& source, std::uint64_t source_offset,
                                              std::uint64_t offset, std::uint64_t size) {
  TRY(check_writable());
  auto* from = dynamic_cast<OsFile*>(&source);
  if (from == nullptr) {
    return Error(Code::kUnsupported, "copy range: the source is not a file of this machine");
  }
  TRY_ASSIGN(off64_t source_at, to_offset(source_offset));
  TRY_ASSIGN(off64_t at, to_offset(offset));
  const ssize_t copied = retry_interrupted(
      [&] { return ::copy_file_range(from->number(), &source_at, number(), &at, size, 0); });
  if (copied < 0) {
    return last_error("copy range", "");
  }
  return static_cast<std::uint64_t>(copied);
}

Result<std::unique_ptr<ReadLease>> OsFile::take_read_lease() {
  if (open_->leased.exchange(true)) {
    return Error(Code::kBusy, "this open file holds a lease already");
  }
  // The default signal of a lease kills a process; SIGURG is ignored unless somebody asks for it.
  if (::fcntl(number(), F_SETSIG, SIGURG) != 0 || ::fcntl(number(), F_SETLEASE, F_RDLCK) != 0) {
    Error error = last_error("lease", "");
    open_->leased = false;
    // EACCES: only the owner of a file may lease it.
    if (error.code() == Code::kPermissionDenied) {
      return Error(Code::kUnsupported, error.message());
    }
    return error;
  }
  return std::unique_ptr<ReadLease>(std::make_unique<OsReadLease>(open_));
}

void OsFile::advise_sequential() {
  ::posix_fadvise(number(), 0, 0, POSIX_FADV_SEQUENTIAL);
  ::posix_fadvise(number(), 0, 0, POSIX_FADV_NOREUSE);
}

void OsFile::advise_written_once(std::uint64_t size) {
  if (access_ == Access::kReadWrite) {
    direct_ = DirectWrites::of(number(), size);
  }
}

void OsFile::advise_uncached() {
  ::posix_fadvise(number(), 0, 0, POSIX_FADV_DONTNEED);
}

}  // namespace ox::fs
