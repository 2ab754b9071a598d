#pragma once

#include <map>
#include <vector>

#include "sync/content.h"

namespace ox::sync {

/// Directories that are new on a replica are staged whole with what goes into them, where the
/// replica can: one rename instead of one for each file, and nobody sees a half-filled directory
/// of a small tree.
class NewTrees {
 public:
  NewTrees(const Execution& execution, const plan::Plan& plan);

  /// Per replica: what is left to be made, moved and removed one by one.
  const std::vector<std::vector<plan::Operation>>& structure() const { return structure_; }

  /// Gives `batch` the new directories on the way to its files that no batch before it has, and the
  /// files their places in them.
  void claim(ContentBatch& batch);

 private:
  using Makes = std::map<RelPath, const plan::Operation*>;
  using Places = std::map<RelPath, RelPath>;  ///< of directories: final path → staged place

  void choose(ReplicaIndex replica, const plan::Plan& plan);
  void claim_directory(ReplicaIndex replica, const RelPath& path, Places& places,
                       ContentBatch& batch);

  std::vector<std::vector<plan::Operation>> structure_;
  std::vector<Makes> unclaimed_;  ///< per replica: directories that some content goes into …
  std::vector<std::map<RelPath, std::vector<RelPath>>> empty_children_;  ///< … and those none does
  std::uint64_t next_number_ = 0;
};

}  // namespace ox::sync
