#include "provider/local/local_provider.h"

#include <utility>

#include "provider/local/local_identity.h"
#include "provider/local/local_replica.h"
#include "provider/local/local_root.h"
#include "provider/local/local_sweep.h"
#include "provider/local/probe.h"

namespace ox::provider {
namespace {

struct OwnFolders {
  std::shared_ptr<fs::Directory> own;
  std::shared_ptr<fs::Directory> stage;
  std::unique_ptr<fs::File> clock_file;
};

Result<std::shared_ptr<fs::Directory>> open_or_make(fs::Directory& parent, std::string_view name) {
  auto opened = parent.open_directory(name);
  if (opened.failed_with(Code::kNotFound)) {
    if (auto made = parent.make_directory(name, 0700);
        !made.ok() && !made.failed_with(Code::kExists)) {
      return std::move(made).error();
    }
    opened = parent.open_directory(name);
  }
  if (!opened.ok()) {
    return std::move(opened).error();
  }
  return std::shared_ptr<fs::Directory>(std::move(opened).value());
}

Result<OwnFolders> open_own_folders(fs::Directory& root, const std::string& rule) {
  OwnFolders folders;
  TRY_ASSIGN(folders.own, open_or_make(root, kOwnFolder));
  TRY_ASSIGN(const fs::Stat root_stat, root.stat());
  TRY_ASSIGN(const fs::Stat own_stat, folders.own->stat());
  if (root_stat.device != own_stat.device) {
    return Error(Code::kNotADirectory, "our folder is a mount point").with_context(kOwnFolder);
  }
  TRY_ASSIGN(const auto stages, open_or_make(*folders.own, "stage"));
  TRY_ASSIGN(folders.stage, open_or_make(*stages, rule));
  auto clock = folders.stage->open_file(kClockName, fs::Access::kReadWrite);
  if (clock.failed_with(Code::kNotFound)) {
    clock = folders.stage->create_file(kClockName, 0600);
  }
  TRY_ASSIGN(folders.clock_file, std::move(clock));
  return folders;
}

bool means_read_only(const Error& error) {
  return error.code() == Code::kReadOnly || error.code() == Code::kPermissionDenied;
}

std::string probe_prefix(rt::Random& random) {
  return "probe-" + std::to_string(random.next() % 1'000'000'000) + "-";
}

}  // namespace

Result<std::unique_ptr<Provider>> make_local_provider(LocalOptions options) {
  expects(options.root != nullptr);
  if (!is_rule(options.rule)) {
    return Error(Code::kInvalidArgument, "not a rule").with_context(options.rule);
  }
  if (options.clock == nullptr) {
    options.clock = &rt::system_clock();
  }
  if (options.random == nullptr) {
    options.random = &rt::system_random();
  }
  std::shared_ptr<fs::Directory> root = std::move(options.root);
  TRY_ASSIGN(const fs::FileSystemInfo info, root->info());
  TRY_ASSIGN(const fs::Stat root_stat, root->stat());
  RootFacts facts = guess_file_system(*root, info);
  OwnFolders folders;
  if (options.opening == LocalOpening::kProbe) {
    auto opened = info.read_only ? Result<OwnFolders>(Error(Code::kReadOnly, "mounted read-only"))
                                 : open_own_folders(*root, options.rule);
    if (opened.ok()) {
      folders = std::move(opened).value();
      TRY_ASSIGN(facts, probe_file_system(*folders.stage, info, probe_prefix(*options.random),
                                          *options.clock));
    } else if (means_read_only(opened.error())) {
      make_read_only(facts.capabilities);
    } else {
      return std::move(opened).error();
    }
  }
  facts.device = root_stat.device;
  facts.capabilities.durability_domain = info.sync_whole ? root_stat.device : 0;
  facts.capabilities.durable_by_path = !info.sync_whole;
  return std::unique_ptr<Provider>(std::make_unique<LocalProvider>(std::make_unique<LocalRoot>(
      std::move(options), std::move(facts), std::move(root), std::move(folders.own),
      std::move(folders.stage), std::move(folders.clock_file))));
}

}  // namespace ox::provider
