#include "fs/memory/memory_fs.h"

#include <algorithm>
#include <atomic>

#include "fs/memory/disk.h"

namespace ox::fs {
namespace {

Error foreign() {
  return {Code::kInvalidArgument, "the other handle is not of the same file system"};
}

/// The part that files and directories share: an inode held open on a disk.
class Holder {
 public:
  Holder(std::shared_ptr<Disk> disk, Opened opened)
      : disk_(std::move(disk)), opened_(std::move(opened)) {}
  ~Holder() { disk_->close(opened_); }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  Disk& disk() const { return *disk_; }
  const std::shared_ptr<Disk>& shared_disk() const { return disk_; }
  const Opened& opened() const { return opened_; }

  std::atomic<bool> leased = false;

 private:
  std::shared_ptr<Disk> disk_;
  Opened opened_;
};
using HolderPtr = std::shared_ptr<Holder>;

class MemoryLease final : public ReadLease {
 public:
  MemoryLease(HolderPtr held, std::uint64_t breaks_at_start)
      : held_(std::move(held)), breaks_at_start_(breaks_at_start) {}
  ~MemoryLease() override {
    held_->disk().end_lease(held_->opened());
    held_->leased = false;
  }
  bool broken() const override {
    return held_->disk().lease_broken(held_->opened(), breaks_at_start_);
  }

 private:
  HolderPtr held_;
  std::uint64_t breaks_at_start_;
};

class MemoryFile final : public File {
 public:
  MemoryFile(const std::shared_ptr<Disk>& disk, Opened opened)
      : held_(std::make_shared<Holder>(disk, std::move(opened))) {}

  Result<Stat> stat() override { return disk().stat(opened(), std::nullopt); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    return disk().read(opened(), offset, into);
  }
  Result<void> write_at(std::uint64_t offset, BytesView from) override {
    return disk().write(opened(), offset, from);
  }
  Result<void> store_mapped(std::uint64_t offset, BytesView from) {
    return disk().store_mapped(opened(), offset, from);
  }
  Result<void> truncate(std::uint64_t size) override { return disk().truncate(opened(), size); }
  Result<void> sync_data() override { return disk().sync_data(opened()); }
  Result<void> sync() override { return disk().sync(opened()); }
  Result<void> set_mtime(Timestamp mtime) override {
    return disk().set_mtime(opened(), std::nullopt, mtime);
  }
  Result<void> set_mode(std::uint32_t mode) override {
    return disk().set_mode(opened(), std::nullopt, mode);
  }
  Result<std::vector<ExtendedAttribute>> extended_attributes() override {
    return disk().extended_attributes(opened(), std::nullopt);
  }
  Result<void> set_extended_attribute(const ExtendedAttribute& attribute) override {
    return disk().set_extended_attribute(opened(), attribute);
  }
  Result<void> remove_extended_attribute(std::string_view name) override {
    return disk().remove_extended_attribute(opened(), name);
  }
  Result<std::uint64_t> next_data(std::uint64_t offset) override {
    TRY_ASSIGN(const Stat now, stat());
    return std::min(offset, now.size);
  }
  Result<std::uint64_t> next_hole(std::uint64_t) override {
    TRY_ASSIGN(const Stat now, stat());
    return now.size;
  }
  Result<void> clone_from(File& source) override {
    TRY_ASSIGN(const MemoryFile* from, as_same(source));
    return disk().clone(opened(), from->opened());
  }
  Result<std::uint64_t> copy_range_from(File& source, std::uint64_t source_offset,
                                        std::uint64_t offset, std::uint64_t size) override {
    TRY_ASSIGN(const MemoryFile* from, as_same(source));
    return disk().copy_range(opened(), from->opened(), source_offset, offset, size);
  }
  Result<std::unique_ptr<ReadLease>> take_read_lease() override {
    TRY(stat());  // a dead handle first says that it is dead
    if (held_->leased.exchange(true)) {
      return Error(Code::kBusy, "this open file holds a lease already");
    }
    auto breaks = disk().take_lease(opened());
    if (!breaks.ok()) {
      held_->leased = false;
      return std::move(breaks).error();
    }
    return std::unique_ptr<ReadLease>(std::make_unique<MemoryLease>(held_, *breaks));
  }

 private:
  Disk& disk() const { return held_->disk(); }
  const Opened& opened() const { return held_->opened(); }
  Result<const MemoryFile*> as_same(const File& other) const {
    const auto* same = dynamic_cast<const MemoryFile*>(&other);
    if (same == nullptr || &same->disk() != &disk()) {
      return Error(Code::kUnsupported, "copy: the source is not of the same file system");
    }
    return same;
  }

  HolderPtr held_;  // shared with leases, which may outlive the file
};

class MemoryDirectory final : public Directory {
 public:
  MemoryDirectory(std::shared_ptr<Disk> disk, Opened opened)
      : held_(std::move(disk), std::move(opened)) {}

  Result<Stat> stat() override { return disk().stat(opened(), std::nullopt); }
  Result<std::vector<DirectoryItem>> list() override { return disk().list(opened()); }
  Result<Stat> stat(std::string_view name) override { return disk().stat(opened(), name); }
  Result<std::unique_ptr<Directory>> open_directory(std::string_view name) override {
    TRY_ASSIGN(Opened found, disk().open_directory(opened(), name));
    return std::unique_ptr<Directory>(
        std::make_unique<MemoryDirectory>(held_.shared_disk(), std::move(found)));
  }
  Result<std::unique_ptr<File>> open_file(std::string_view name, Access access) override {
    return to_file(disk().open_file(opened(), name, access));
  }
  Result<std::unique_ptr<File>> create_file(std::string_view name, std::uint32_t mode) override {
    return to_file(disk().create_file(opened(), name, mode));
  }
  Result<void> make_directory(std::string_view name, std::uint32_t mode) override {
    return disk().make_directory(opened(), name, mode);
  }
  Result<void> make_symlink(std::string_view name, std::string_view target) override {
    return disk().make_symlink(opened(), name, target);
  }
  Result<std::string> read_symlink(std::string_view name) override {
    return disk().read_symlink(opened(), name);
  }
  Result<void> link(std::string_view name, Directory& to, std::string_view to_name) override {
    TRY_ASSIGN(const MemoryDirectory* target, as_same(to));
    return disk().link(opened(), name, target->opened(), to_name);
  }
  Result<void> remove_file(std::string_view name) override {
    return disk().remove_file(opened(), name);
  }
  Result<void> remove_directory(std::string_view name) override {
    return disk().remove_directory(opened(), name);
  }
  Result<void> rename(std::string_view name, Directory& to, std::string_view to_name,
                      RenameMode mode) override {
    TRY_ASSIGN(const MemoryDirectory* target, as_same(to));
    return disk().rename(opened(), name, target->opened(), to_name, mode);
  }
  Result<void> set_mtime(std::string_view name, Timestamp mtime) override {
    return disk().set_mtime(opened(), name, mtime);
  }
  Result<void> set_mode(std::string_view name, std::uint32_t mode) override {
    return disk().set_mode(opened(), name, mode);
  }
  Result<std::vector<ExtendedAttribute>> extended_attributes(std::string_view name) override {
    return disk().extended_attributes(opened(), name);
  }
  Result<void> sync() override { return disk().sync(opened()); }
  Result<void> sync_file_system() override { return disk().sync_all(opened()); }
  Result<FileSystemInfo> info() override { return disk().info(opened()); }

 private:
  Disk& disk() const { return held_.disk(); }
  const Opened& opened() const { return held_.opened(); }
  Result<std::unique_ptr<File>> to_file(Result<Opened> found) const {
    TRY_ASSIGN(Opened opened_file, std::move(found));
    return std::unique_ptr<File>(
        std::make_unique<MemoryFile>(held_.shared_disk(), std::move(opened_file)));
  }
  Result<const MemoryDirectory*> as_same(const Directory& other) const {
    const auto* same = dynamic_cast<const MemoryDirectory*>(&other);
    if (same == nullptr) {
      return foreign();
    }
    if (&same->disk() != &disk()) {
      return Error(Code::kUnsupported, "the target is on another file system");
    }
    return same;
  }

  Holder held_;
};

}  // namespace

MemoryFileSystem::MemoryFileSystem(rt::Clock& clock, MemoryOptions options)
    : disk_(std::make_shared<Disk>(clock, std::move(options))) {}

std::unique_ptr<Directory> MemoryFileSystem::root() {
  return std::make_unique<MemoryDirectory>(disk_, disk_->open_root());
}

void MemoryFileSystem::power_cut(rt::Random& random) {
  disk_->power_cut(random);
}
void MemoryFileSystem::crash() {
  disk_->crash();
}
Result<void> MemoryFileSystem::store_mapped(File& file, std::uint64_t offset, BytesView from) {
  auto* const own = dynamic_cast<MemoryFile*>(&file);
  expects(own != nullptr);
  return own->store_mapped(offset, from);
}
void MemoryFileSystem::set_capacity(std::uint64_t bytes) {
  disk_->set_capacity(bytes);
}
void MemoryFileSystem::set_read_only(bool read_only) {
  disk_->set_read_only(read_only);
}
std::size_t MemoryFileSystem::unsynced_names() const {
  return disk_->unsynced_names();
}

}  // namespace ox::fs
