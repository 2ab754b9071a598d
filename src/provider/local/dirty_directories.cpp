#include "provider/local/dirty_directories.h"

#include <utility>

namespace ox::provider {

Result<void> DirtyDirectories::note(const std::string& key,
                                    std::shared_ptr<fs::Directory> directory) {
  Handles full;
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

DirtyDirectories::Noted DirtyDirectories::take() {
  const rt::Lock lock(mutex_);
  return {.few = std::exchange(few_, {}), .many = std::exchange(many_, false)};
}

void DirtyDirectories::put_back(Noted noted) {
  const rt::Lock lock(mutex_);
  many_ = many_ || noted.many;
  few_.merge(noted.few);
}

Result<void> DirtyDirectories::sync(fs::Directory& opened_before) {
  Noted noted = take();
  const auto sync_all = [&]() -> Result<void> {
    if (noted.many) {
      return opened_before.sync_file_system();
    }
    for (const auto& [name, dirty] : noted.few) {
      TRY(dirty->sync());
    }
    return {};
  };
  auto synced = sync_all();
  if (!synced.ok()) {
    put_back(std::move(noted));
  }
  return synced;
}

}  // namespace ox::provider
