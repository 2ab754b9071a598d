#pragma once

#include <string>

#include "fs/fs.h"
#include "fs/os/descriptor.h"
#include "rt/mutex.h"

namespace ox::fs {

/// A directory of the machine.
class OsDirectory final : public Directory {
 public:
  explicit OsDirectory(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  Result<Stat> stat() override;
  Result<std::vector<DirectoryItem>> list() override;
  Result<Stat> stat(std::string_view name) override;
  Result<std::unique_ptr<Directory>> open_directory(std::string_view name) override;
  Result<std::unique_ptr<Directory>> open_below(const RelPath& path) override;
  Result<std::unique_ptr<File>> open_file_below(const RelPath& path, Access access) override;
  Result<std::unique_ptr<File>> open_file(std::string_view name, Access access) override;
  Result<std::unique_ptr<File>> create_file(std::string_view name, std::uint32_t mode) override;
  Result<void> make_directory(std::string_view name, std::uint32_t mode) override;
  Result<void> make_symlink(std::string_view name, std::string_view target) override;
  Result<std::string> read_symlink(std::string_view name) override;
  Result<void> link(std::string_view name, Directory& to, std::string_view to_name) override;
  Result<void> remove_file(std::string_view name) override;
  Result<void> remove_directory(std::string_view name) override;
  Result<void> rename(std::string_view name, Directory& to, std::string_view to_name,
                      RenameMode mode) override;
  Result<void> set_mtime(std::string_view name, Timestamp mtime) override;
  Result<void> set_mode(std::string_view name, std::uint32_t mode) override;
  Result<std::vector<ExtendedAttribute>> extended_attributes(std::string_view name) override;
  Result<void> sync() override;
  Result<void> sync_file_system() override;
  Result<FileSystemInfo> info() override;

 private:
  int number() const { return descriptor_.number(); }

  Descriptor descriptor_;
  // The descriptor has one read position, so listings of one handle take turns.
  rt::Mutex listing_;
};

/// Facts of the file system that holds the directory `descriptor`.
Result<FileSystemInfo> describe_file_system(int descriptor);

}  // namespace ox::fs
