#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "fs/fs.h"
#include "fs/os/descriptor.h"
#include "fs/os/direct_writes.h"

namespace ox::fs {

/// A regular file of the machine. Holds no position: every call says where.
class OsFile final : public File {
 public:
  OsFile(Descriptor descriptor, Access access);

  Result<Stat> stat() override;
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override;
  Result<void> write_at(std::uint64_t offset, BytesView from) override;
  Result<void> truncate(std::uint64_t size) override;
  Result<void> sync_data() override;
  Result<void> sync() override;
  Result<void> set_mtime(Timestamp mtime) override;
  Result<void> set_mode(std::uint32_t mode) override;
  Result<std::vector<ExtendedAttribute>> extended_attributes() override;
  Result<void> set_extended_attribute(const ExtendedAttribute& attribute) override;
  Result<void> remove_extended_attribute(std::string_view name) override;
  Result<std::uint64_t> next_data(std::uint64_t offset) override;
  Result<std::uint64_t> next_hole(std::uint64_t offset) override;
  Result<void> clone_from(File& source) override;
  Result<std::uint64_t> copy_range_from(File& source, std::uint64_t source_offset,
                                        std::uint64_t offset, std::uint64_t size) override;
  Result<std::unique_ptr<ReadLease>> take_read_lease() override;
  void advise_sequential() override;
  void advise_written_once(std::uint64_t size) override;
  void advise_uncached() override;

  /// Shared, so that a lease may outlive the file it was taken on.
  struct Open {
    explicit Open(Descriptor opened) : descriptor(std::move(opened)) {}
    Descriptor descriptor;
    std::atomic<bool> leased = false;
  };

 private:
  int number() const { return open_->descriptor.number(); }
  Result<void> check_writable() const;
  std::int64_t write_some(std::uint64_t offset, BytesView from);  ///< as pwrite(2)
  Result<std::uint64_t> seek(std::uint64_t offset, int whence, std::uint64_t when_unsupported);

  std::shared_ptr<Open> open_;
  Access access_;
  std::optional<DirectWrites> direct_;
};

}  // namespace ox::fs
