#include "provider/local/dirty_directories.h"

#include <utility>

namespace ox::provider {

Result<void> DirtyDirectories::note(const std::string& key,
                                    std::shared_ptr<fs::Directory> directory) {
  std::map<std::string, std::shared_ptr<fs::Directory>> full;
  {
    const rt::Lock lock(mutex_);
    if (many_) {
      return {};
    }
    few_.try_emplace(key, std::move(directory));
    if (few_.size() <= kFew) {
      return {};
    }
    many_ = sync_whole_;
    full.swap(few_);
  }
  if (sync_whole_) {
    return {};
  }
  for (const auto& [name, dirty] : full) {
    TRY(dirty->sync());
  }
  return {};
}

Result<void> DirtyDirectories::sync(fs::Directory& opened_before) {
  std::map<std::string, std::shared_ptr<fs::Directory>> few;
  bool many = false;
  {
    const rt::Lock lock(mutex_);
    few.swap(few_);
    many = std::exchange(many_, false);
  }
  const auto sync_all = [&]() -> Result<void> {
    if (many) {
      return opened_before.sync_file_system();
    }
    for (const auto& [name, dirty] : few) {
      TRY(dirty->sync());
    }
    return {};
  };
  auto synced = sync_all();
  if (!synced.ok()) {
    const rt::Lock lock(mutex_);
    many_ = many_ || many;
    few_.merge(few);
  }
  return synced;
}

}  // namespace ox::provider
