#pragma once

#include <optional>
#include <string>

#include "provider/local/local_root.h"
#include "provider/local/local_trash.h"

namespace ox::provider {

/// An entry of our own, in our own folder.
struct OwnEntry {
  fs::Directory& directory;
  std::string name;
  fs::NodeType type = fs::NodeType::kFile;
};

struct Displaced {
  Trashed trashed;
  bool as_expected = true;
  TrashSlot slot;  ///< whose directories are to be made durable
};

/// Puts `own` in the place of the file or symlink that `expected` names and moves that one to the
/// trash, as safely as the file system can:
/// - exchange: `own` is renamed to its name in the trash and then swapped with the target, so the
///   displaced version is never anywhere but in one of both places;
/// - hard links: the old version gets its name in the trash, then `own` is renamed over it;
/// - else the old version is renamed into the trash and `own` to the free name.
/// kPreconditionFailed and kBusy change nothing, and `own` is where it was.
Result<Displaced> swap_in(LocalRoot& root, LocalTrash& trash, const OwnEntry& own,
                          const Place& place, const RelPath& path,
                          const tree::Fingerprint& expected, const TrashFolder& folder);

/// Moves the file or symlink that `expected` names to the trash.
Result<Displaced> move_to_trash(LocalRoot& root, LocalTrash& trash, const Place& place,
                                const RelPath& path, const tree::Fingerprint& expected,
                                const TrashFolder& folder);

/// The inode at `place`, which must be the expected version: kPreconditionFailed.
Result<fs::Stat> check_expected(LocalRoot& root, const Place& place,
                                const tree::Fingerprint& expected);

/// Keeps writers away while it lives; none where leases don't work or can't be had. kBusy when
/// somebody holds the file open for writing.
Result<std::unique_ptr<fs::ReadLease>> lease_against_writers(LocalRoot& root, const Place& place,
                                                             fs::NodeType type);

/// The same inode with the same bytes, as far as a rename lets one tell (it moves ctime).
bool same_after_rename(const LocalRoot& root, const fs::Stat& before, const fs::Stat& after);

}  // namespace ox::provider
