#include <filesystem>

#include "fs/memory/memory_fs.h"
#include "fs/os/temporary_directory.h"
#include "provider/local/local_root_for_test.h"

namespace ox::provider {
namespace {

using fs::Support;

// Holds what the root stands on and is destroyed after it.
template <typename Ground>
class Standing final : public conformance::Root {
 public:
  Standing(std::shared_ptr<Ground> ground, LocalTestRoot::Open open)
      : ground_(std::move(ground)), root_(std::move(open)) {}
  Provider& provider() override { return root_.provider(); }
  void reopen() override { root_.reopen(); }
  void write(const RelPath& path, const std::string& bytes) override { root_.write(path, bytes); }
  void save(const RelPath& path, const std::string& bytes) override { root_.save(path, bytes); }
  void make_directory(const RelPath& path) override { root_.make_directory(path); }
  void make_symlink(const RelPath& path, const std::string& target) override {
    root_.make_symlink(path, target);
  }
  void remove(const RelPath& path) override { root_.remove(path); }
  void rename(const RelPath& from, const RelPath& to) override { root_.rename(from, to); }
  void set_user_attribute(const RelPath& path, const std::string& name,
                          const std::string& value) override {
    root_.set_user_attribute(path, name, value);
  }
  std::optional<std::string> read(const RelPath& path) override { return root_.read(path); }

 private:
  std::shared_ptr<Ground> ground_;
  LocalTestRoot root_;
};

std::unique_ptr<conformance::Root> os_root(const std::filesystem::path& where) {
  if (!std::filesystem::is_directory(where)) {
    return nullptr;
  }
  auto ground = std::make_shared<fs::TemporaryDirectory>(where);
  const std::string path = ground->path();
  return std::make_unique<Standing<fs::TemporaryDirectory>>(
      std::move(ground), [path] { return fs::open_os_directory(path).value(); });
}

bool run_on_memory(const std::string& name, const fs::MemoryOptions& options) {
  return conformance::register_conformance(name, [options]() -> std::unique_ptr<conformance::Root> {
    auto ground = std::make_shared<fs::MemoryFileSystem>(rt::system_clock(), options);
    fs::MemoryFileSystem* const disk = ground.get();
    return std::make_unique<Standing<fs::MemoryFileSystem>>(std::move(ground),
                                                            [disk] { return disk->root(); });
  });
}

fs::MemoryOptions with(const std::function<void(fs::MemoryOptions&)>& change) {
  fs::MemoryOptions options;
  change(options);
  return options;
}

const bool kSuites[] = {
    conformance::register_conformance("LocalDisk",
                                      [] { return os_root(std::filesystem::current_path()); }),
    conformance::register_conformance("LocalTmpfs", [] { return os_root("/dev/shm"); }),
    run_on_memory("LocalMemory", {}),
    run_on_memory("LocalNoExchange",
                  with([](fs::MemoryOptions& options) { options.rename_exchange = Support::kNo; })),
    run_on_memory("LocalPlainRename", with([](fs::MemoryOptions& options) {
                    options.rename_exchange = options.rename_no_replace = Support::kNo;
                  })),
    run_on_memory("LocalNoLinks", with([](fs::MemoryOptions& options) {
                    options.rename_exchange = options.hard_links = Support::kNo;
                  })),
    run_on_memory("LocalBarest", with([](fs::MemoryOptions& options) {
                    options.rename_exchange = options.rename_no_replace = Support::kNo;
                    options.hard_links = options.symlinks = options.leases = Support::kNo;
                    options.birth_time = options.extended_attributes = Support::kNo;
                    options.sync_whole = Support::kNo;
                    options.time_step = std::chrono::seconds(2);
                  })),
    run_on_memory("LocalNoLeases",
                  with([](fs::MemoryOptions& options) { options.leases = Support::kNo; })),
    run_on_memory("LocalClones",
                  with([](fs::MemoryOptions& options) { options.clone = Support::kYes; })),
};

}  // namespace
}  // namespace ox::provider
