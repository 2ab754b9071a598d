#pragma once

#include <string>

#include "provider/provider.h"
#include "sync/placeholder.h"

/// A version that was put aside and is not the one that was to go comes back into the tree.
namespace ox::sync {

/// Who is to get something back, and how a name is announced there before it is taken.
struct Rescuer {
  provider::Provider& provider;
  ReplicaIndex replica = 0;
  const std::string& label;
  Announce announce;

  /// At `path`, where nothing may stand.
  Result<tree::Entry> put_back(const RelPath& trashed, const RelPath& path) const;
  /// Beside `path`, under the name of a conflict copy, which is the answer. `digest` only tells
  /// names apart.
  Result<RelPath> put_beside(const RelPath& trashed, const RelPath& path, Timestamp mtime,
                             const Digest& digest) const;
};

/// Zeros where it can't be read.
Digest digest_of_trashed(provider::Provider& provider, const RelPath& trashed,
                         std::stop_token stop);

}  // namespace ox::sync
