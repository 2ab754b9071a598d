#pragma once

#include <map>

#include "base/rel_path.h"
#include "tree/entry.h"

namespace ox::sync {

/// Is `now` the version that `then` was? Bytes are judged by size and mtime: ctime moves with our
/// own renames, and a version that an undo put back is another file with the same bytes. A changed
/// mode is a change. Of directories only the identity and the mode count.
bool is_still(const tree::Entry& then, const tree::Entry& now);

/// Do both hold the same bytes as far as size and mtime tell, whichever file they are?
bool has_same_content(const tree::Entry& then, const tree::Entry& now);

/// Where `path`, which is `from` or below it, stands once `from` stands at `to`.
RelPath moved_path(const RelPath& path, const RelPath& from, const RelPath& to);

/// What an undo itself has put where, on one replica: its own changes are no edits.
class UndoPlaces {
 public:
  const tree::Entry* find(const RelPath& path) const;
  void put(const RelPath& path, const tree::Entry& entry);
  /// Forgets the path and all below it.
  void drop(const RelPath& path);
  /// What stood at and below `from` stands at `to` now.
  void move(const RelPath& from, const RelPath& to, const tree::Entry& entry);
  void exchange(const RelPath& a, const RelPath& b, const tree::Entry& at_a,
                const tree::Entry& at_b);

 private:
  std::map<RelPath, tree::Entry> take(const RelPath& path);
  void settle_below(const RelPath& from, const RelPath& to, std::map<RelPath, tree::Entry> taken);

  std::map<RelPath, tree::Entry> entries_;
};

}  // namespace ox::sync
