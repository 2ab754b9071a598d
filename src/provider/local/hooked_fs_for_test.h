#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "fs/fs.h"

namespace ox::provider {

/// Any file system, with somebody else's hand in the gaps: `before` is told each change of names
/// just before it is made.
class HookedDirectory final : public fs::Directory {
 public:
  using Before = std::function<void(std::string_view call, std::string_view name)>;

  HookedDirectory(std::unique_ptr<fs::Directory> inner, std::shared_ptr<Before> before)
      : inner_(std::move(inner)), before_(std::move(before)) {}

  Result<fs::Stat> stat() override { return inner_->stat(); }
  Result<std::vector<fs::DirectoryItem>> list() override { return inner_->list(); }
  Result<fs::Stat> stat(std::string_view name) override { return inner_->stat(name); }
  Result<std::unique_ptr<fs::Directory>> open_directory(std::string_view name) override {
    TRY_ASSIGN(auto opened, inner_->open_directory(name));
    return std::unique_ptr<fs::Directory>(
        std::make_unique<HookedDirectory>(std::move(opened), before_));
  }
  Result<std::unique_ptr<fs::File>> open_file(std::string_view name, fs::Access access) override {
    return inner_->open_file(name, access);
  }
  Result<std::unique_ptr<fs::File>> create_file(std::string_view name,
                                                std::uint32_t mode) override {
    return inner_->create_file(name, mode);
  }
  Result<void> make_directory(std::string_view name, std::uint32_t mode) override {
    return inner_->make_directory(name, mode);
  }
  Result<void> make_symlink(std::string_view name, std::string_view target) override {
    return inner_->make_symlink(name, target);
  }
  Result<std::string> read_symlink(std::string_view name) override {
    return inner_->read_symlink(name);
  }
  Result<void> link(std::string_view name, fs::Directory& to, std::string_view to_name) override {
    tell("link", name);
    return inner_->link(name, unwrap(to), to_name);
  }
  Result<void> remove_file(std::string_view name) override {
    tell("remove", name);
    return inner_->remove_file(name);
  }
  Result<void> remove_directory(std::string_view name) override {
    return inner_->remove_directory(name);
  }
  Result<void> rename(std::string_view name, fs::Directory& to, std::string_view to_name,
                      fs::RenameMode mode) override {
    tell(mode == fs::RenameMode::kExchange ? "exchange" : "rename", to_name);
    return inner_->rename(name, unwrap(to), to_name, mode);
  }
  Result<void> set_mtime(std::string_view name, Timestamp mtime) override {
    return inner_->set_mtime(name, mtime);
  }
  Result<void> set_mode(std::string_view name, std::uint32_t mode) override {
    return inner_->set_mode(name, mode);
  }
  Result<std::vector<fs::ExtendedAttribute>> extended_attributes(std::string_view name) override {
    return inner_->extended_attributes(name);
  }
  Result<void> sync() override { return inner_->sync(); }
  Result<void> sync_file_system() override { return inner_->sync_file_system(); }
  Result<fs::FileSystemInfo> info() override { return inner_->info(); }

 private:
  static fs::Directory& unwrap(fs::Directory& directory) {
    auto* hooked = dynamic_cast<HookedDirectory*>(&directory);
    return hooked != nullptr ? *hooked->inner_ : directory;
  }
  void tell(std::string_view call, std::string_view name) {
    if (*before_) {
      (*before_)(call, name);
    }
  }

  std::unique_ptr<fs::Directory> inner_;
  std::shared_ptr<Before> before_;
};

}  // namespace ox::provider
