#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "fs/fs.h"

namespace ox::state {

struct VfsState;

/// Lets SQLite work in a directory of ours, so that its reads, writes and syncs meet the faults and
/// power cuts of that directory. It has no locks and no shared memory: one connection at a time,
/// with locking_mode EXCLUSIVE set before the first read.
///
/// Registered with SQLite under a name of its own while the object lives. Threading: as the
/// connection that uses it, one call at a time.
class DirectoryVfs {
 public:
  static Result<std::unique_ptr<DirectoryVfs>> make(std::shared_ptr<fs::Directory> directory);
  ~DirectoryVfs();
  DirectoryVfs(const DirectoryVfs&) = delete;
  DirectoryVfs& operator=(const DirectoryVfs&) = delete;

  /// What sqlite3_open_v2 is to be told.
  const std::string& name() const;
  /// The last failure of the directory since the last call: SQLite itself keeps only a number.
  std::optional<Error> take_error();

 private:
  explicit DirectoryVfs(std::unique_ptr<VfsState> state);
  std::unique_ptr<VfsState> state_;
};

}  // namespace ox::state
