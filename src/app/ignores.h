#pragma once

#include <string>
#include <utility>
#include <vector>

#include "app/rule.h"
#include "base/digest.h"
#include "provider/provider.h"
#include "state/store.h"
#include "sync/engine.h"
#include "tree/filter.h"

namespace ox::app {

/// Where the agreed tree holds `.syncignore` files, and their content's digests, in path order.
Result<std::vector<std::pair<RelPath, Digest>>> agreed_ignore_files(state::Store& store);

/// The agreed ignore files of one store, found again only after a run that may have changed them;
/// what was found is kept beside the store, because finding it means reading the whole state.
/// Not thread-safe.
class IgnoreIndex {
 public:
  /// `cache_path`: none when empty.
  explicit IgnoreIndex(std::string cache_path) : cache_path_(std::move(cache_path)) {}

  Result<std::vector<std::pair<RelPath, Digest>>> find(state::Store& store);

 private:
  bool load(const std::string& key);
  void save() const;

  std::string cache_path_;
  std::string key_;  ///< the run that was the last one when they were looked for
  std::vector<std::pair<RelPath, Digest>> files_;
};

/// One text of patterns, where it applies and whom it binds.
struct IgnoreSource {
  RelPath base;
  std::string origin;  ///< for a person
  std::string text;
  std::optional<ReplicaIndex> only;  ///< none: every replica
  std::optional<RelPath> file = {};  ///< the `.syncignore` it is; none: a person's own setting
};

/// All patterns that hold for the next run: of the rule, of its replicas, and of the agreed
/// `.syncignore` files. Before the first run path1's own `.syncignore` at its root stands for the
/// agreed ones. What can't be used is told in `problems`.
Result<std::vector<IgnoreSource>> find_ignores(state::Store& store, const Rule& rule,
                                               const std::vector<sync::EngineReplica>& replicas,
                                               IgnoreIndex& index,
                                               std::vector<state::Problem>& problems);

/// One filter a replica. kInvalidArgument for patterns a person gave that can't be read; those of
/// `.syncignore` files are left out and told in `problems`.
Result<std::vector<tree::Filter>> make_filters(const Rule& rule,
                                               const std::vector<IgnoreSource>& ignores,
                                               Timestamp now,
                                               std::vector<state::Problem>& problems);

}  // namespace ox::app
