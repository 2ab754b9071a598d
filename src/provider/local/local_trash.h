#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "provider/local/local_root.h"
#include "provider/local/placing.h"

namespace ox::provider {

/// A directory of the trash and the name that a version is to have there.
struct TrashSlot {
  std::shared_ptr<fs::Directory> directory;
  RelPath directory_path;  ///< "<folder>/…" below the trash
  std::string name;        ///< before any "~2"
  /// Directories that got a new child by making the slot: not durable yet.
  std::vector<std::pair<RelPath, std::shared_ptr<fs::Directory>>> changed;
};

/// `.syncoxiders/trash`. Safe for concurrent calls.
class LocalTrash {
 public:
  explicit LocalTrash(LocalRoot& root) : root_(root) {}

  /// Makes the directories for trash/<folder>/<path>. A file that stands where a directory is
  /// needed is stepped around ("a~2/b").
  Result<TrashSlot> make_slot(const TrashFolder& folder, const RelPath& path);
  /// Moves an entry into the slot under the first free name, which it returns.
  Result<std::string> put(const TrashSlot& slot, Whose whose, fs::NodeType type,
                          fs::Directory& from, const std::string& from_name);
  Result<Trashed> describe(const TrashSlot& slot, const std::string& name);

  /// The directory and name of a trashed version; kNotFound.
  Result<Place> find(const RelPath& trash_path);
  Result<void> purge(const RelPath& trash_path);
  /// Removes the directories above a version that has left, as far as they are empty.
  void prune_above(const RelPath& trash_path);
  Result<std::vector<Provider::TrashItem>> list();

 private:
  Result<void> list_below(fs::Directory& directory, const RelPath& path,
                          std::vector<Provider::TrashItem>& items);

  LocalRoot& root_;
};

/// Removes a directory of ours with all that is in it, never following symlinks; directories that
/// refuse are made writable first. Returns how many entries went.
Result<std::uint64_t> remove_tree(fs::Directory& parent, const std::string& name);

}  // namespace ox::provider
