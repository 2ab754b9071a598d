#include "fs/faulty/faulty_fs.h"

#include <type_traits>
#include <utility>

namespace ox::fs {
namespace {

using PlanPtr = std::shared_ptr<FaultPlan>;

/// Carries `call` out as the plan says.
template <typename Call>
std::invoke_result_t<const Call&> run(FaultPlan& plan, CallClass call_class, std::string_view name,
                                      const Call& call) {
  auto fault = plan.next(call_class, name);
  if (!fault.has_value()) {
    return call();
  }
  if (fault->effect == Effect::kComplete) {
    // What it answers, and a handle it opened, is lost with the acknowledgement.
    ignore(call(), "the planned error takes its place");
  }
  return std::move(fault->error);
}

class FaultyFile final : public File {
 public:
  FaultyFile(std::unique_ptr<File> inner, PlanPtr plan)
      : inner_(std::move(inner)), plan_(std::move(plan)) {}

  Result<Stat> stat() override {
    return read("stat", [&] { return inner_->stat(); });
  }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    return read("read", [&] { return inner_->read_at(offset, into); });
  }
  Result<void> write_at(std::uint64_t offset, BytesView from) override {
    auto fault = plan_->next(CallClass::kWrite, "write");
    if (!fault.has_value()) {
      return inner_->write_at(offset, from);
    }
    if (fault->effect != Effect::kNone) {
      const std::size_t size = fault->effect == Effect::kHalf ? from.size() / 2 : from.size();
      ignore(inner_->write_at(offset, from.first(size)), "the planned error takes its place");
    }
    return std::move(fault->error);
  }
  Result<void> truncate(std::uint64_t size) override {
    return write("truncate", [&] { return inner_->truncate(size); });
  }
  Result<void> sync_data() override {
    return run(*plan_, CallClass::kSync, "fdatasync", [&] { return inner_->sync_data(); });
  }
  Result<void> sync() override {
    return run(*plan_, CallClass::kSync, "fsync", [&] { return inner_->sync(); });
  }
  Result<void> set_mtime(Timestamp mtime) override {
    return write("set_mtime", [&] { return inner_->set_mtime(mtime); });
  }
  Result<void> set_mode(std::uint32_t mode) override {
    return write("set_mode", [&] { return inner_->set_mode(mode); });
  }
  Result<std::vector<ExtendedAttribute>> extended_attributes() override {
    return read("extended_attributes", [&] { return inner_->extended_attributes(); });
  }
  Result<void> set_extended_attribute(const ExtendedAttribute& attribute) override {
    return write("set_extended_attribute",
                 [&] { return inner_->set_extended_attribute(attribute); });
  }
  Result<void> remove_extended_attribute(std::string_view name) override {
    return write("remove_extended_attribute",
                 [&] { return inner_->remove_extended_attribute(name); });
  }
  Result<std::uint64_t> next_data(std::uint64_t offset) override {
    return read("next_data", [&] { return inner_->next_data(offset); });
  }
  Result<std::uint64_t> next_hole(std::uint64_t offset) override {
    return read("next_hole", [&] { return inner_->next_hole(offset); });
  }
  Result<void> clone_from(File& source) override {
    return write("clone", [&] { return inner_->clone_from(unwrap(source)); });
  }
  Result<std::uint64_t> copy_range_from(File& source, std::uint64_t source_offset,
                                        std::uint64_t offset, std::uint64_t size) override {
    return write("copy_range", [&] {
      return inner_->copy_range_from(unwrap(source), source_offset, offset, size);
    });
  }
  Result<std::unique_ptr<ReadLease>> take_read_lease() override {
    return read("take_read_lease", [&] { return inner_->take_read_lease(); });
  }
  void advise_sequential() override { inner_->advise_sequential(); }
  void advise_written_once(std::uint64_t size) override { inner_->advise_written_once(size); }
  void advise_uncached() override { inner_->advise_uncached(); }

 private:
  template <typename Call>
  std::invoke_result_t<const Call&> read(std::string_view name, const Call& call) {
    return run(*plan_, CallClass::kRead, name, call);
  }
  template <typename Call>
  std::invoke_result_t<const Call&> write(std::string_view name, const Call& call) {
    return run(*plan_, CallClass::kWrite, name, call);
  }
  static File& unwrap(File& file) {
    auto* faulty = dynamic_cast<FaultyFile*>(&file);
    return faulty == nullptr ? file : *faulty->inner_;
  }

  std::unique_ptr<File> inner_;
  PlanPtr plan_;
};

class FaultyDirectory final : public Directory {
 public:
  FaultyDirectory(std::unique_ptr<Directory> inner, PlanPtr plan)
      : inner_(std::move(inner)), plan_(std::move(plan)) {}

  Result<Stat> stat() override {
    return read("stat", [&] { return inner_->stat(); });
  }
  Result<std::vector<DirectoryItem>> list() override {
    return read("list", [&] { return inner_->list(); });
  }
  Result<Stat> stat(std::string_view name) override {
    return read("stat", [&] { return inner_->stat(name); });
  }
  Result<std::unique_ptr<Directory>> open_directory(std::string_view name) override {
    TRY_ASSIGN(std::unique_ptr<Directory> opened,
               read("open_directory", [&] { return inner_->open_directory(name); }));
    return make_faulty(std::move(opened), plan_);
  }
  Result<std::unique_ptr<File>> open_file(std::string_view name, Access access) override {
    return wrap(read("open_file", [&] { return inner_->open_file(name, access); }));
  }
  Result<std::unique_ptr<File>> create_file(std::string_view name, std::uint32_t mode) override {
    return wrap(change("create_file", [&] { return inner_->create_file(name, mode); }));
  }
  Result<void> make_directory(std::string_view name, std::uint32_t mode) override {
    return change("make_directory", [&] { return inner_->make_directory(name, mode); });
  }
  Result<void> make_symlink(std::string_view name, std::string_view target) override {
    return change("make_symlink", [&] { return inner_->make_symlink(name, target); });
  }
  Result<std::string> read_symlink(std::string_view name) override {
    return read("read_symlink", [&] { return inner_->read_symlink(name); });
  }
  Result<void> link(std::string_view name, Directory& to, std::string_view to_name) override {
    return change("link", [&] { return inner_->link(name, unwrap(to), to_name); });
  }
  Result<void> remove_file(std::string_view name) override {
    return change("remove_file", [&] { return inner_->remove_file(name); });
  }
  Result<void> remove_directory(std::string_view name) override {
    return change("remove_directory", [&] { return inner_->remove_directory(name); });
  }
  Result<void> rename(std::string_view name, Directory& to, std::string_view to_name,
                      RenameMode mode) override {
    return change("rename", [&] { return inner_->rename(name, unwrap(to), to_name, mode); });
  }
  Result<void> set_mtime(std::string_view name, Timestamp mtime) override {
    return write("set_mtime", [&] { return inner_->set_mtime(name, mtime); });
  }
  Result<void> set_mode(std::string_view name, std::uint32_t mode) override {
    return write("set_mode", [&] { return inner_->set_mode(name, mode); });
  }
  Result<std::vector<ExtendedAttribute>> extended_attributes(std::string_view name) override {
    return read("extended_attributes", [&] { return inner_->extended_attributes(name); });
  }
  Result<void> sync() override {
    return run(*plan_, CallClass::kSync, "fsync_directory", [&] { return inner_->sync(); });
  }
  Result<void> sync_file_system() override {
    return run(*plan_, CallClass::kSync, "syncfs", [&] { return inner_->sync_file_system(); });
  }
  Result<FileSystemInfo> info() override {
    return read("info", [&] { return inner_->info(); });
  }

 private:
  template <typename Call>
  std::invoke_result_t<const Call&> read(std::string_view name, const Call& call) {
    return run(*plan_, CallClass::kRead, name, call);
  }
  template <typename Call>
  std::invoke_result_t<const Call&> write(std::string_view name, const Call& call) {
    return run(*plan_, CallClass::kWrite, name, call);
  }
  template <typename Call>
  std::invoke_result_t<const Call&> change(std::string_view name, const Call& call) {
    return run(*plan_, CallClass::kNameChange, name, call);
  }
  Result<std::unique_ptr<File>> wrap(Result<std::unique_ptr<File>> opened) const {
    TRY_ASSIGN(std::unique_ptr<File> file, std::move(opened));
    return std::unique_ptr<File>(std::make_unique<FaultyFile>(std::move(file), plan_));
  }
  static Directory& unwrap(Directory& directory) {
    auto* faulty = dynamic_cast<FaultyDirectory*>(&directory);
    return faulty == nullptr ? directory : *faulty->inner_;
  }

  std::unique_ptr<Directory> inner_;
  PlanPtr plan_;
};

}  // namespace

std::unique_ptr<Directory> make_faulty(std::unique_ptr<Directory> inner,
                                       std::shared_ptr<FaultPlan> plan) {
  return std::make_unique<FaultyDirectory>(std::move(inner), std::move(plan));
}

}  // namespace ox::fs
