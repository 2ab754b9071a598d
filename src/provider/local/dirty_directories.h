#pragma once

#include <map>
#include <memory>
#include <string>

#include "fs/fs.h"
#include "rt/mutex.h"

namespace ox::provider {

/// Directories whose names have changed and are not durable yet. A few are remembered and synced
/// one by one; more than that is one syncfs, or, where that can't be trusted, syncs on the way.
/// Safe for concurrent calls.
class DirtyDirectories {
 public:
  static constexpr std::size_t kFew = 16;

  explicit DirtyDirectories(bool sync_whole) : sync_whole_(sync_whole) {}

  /// `key` names the directory; the handle is kept until it is synced.
  Result<void> note(const std::string& key, std::shared_ptr<fs::Directory> directory);
  /// Makes all noted names durable. `opened_before` is a handle older than any of the changes.
  Result<void> sync(fs::Directory& opened_before);

  using Handles = std::map<std::string, std::shared_ptr<fs::Directory>>;
  struct Noted {
    Handles few;
    bool many = false;
  };
  /// Forgets what was noted so far, for a caller who syncs the whole file system anyway; put_back()
  /// when that failed.
  Noted take();
  void put_back(Noted noted);

 private:
  const bool sync_whole_;
  rt::Mutex mutex_;
  Handles few_ OX_GUARDED_BY(mutex_);
  bool many_ OX_GUARDED_BY(mutex_) = false;
};

}  // namespace ox::provider
