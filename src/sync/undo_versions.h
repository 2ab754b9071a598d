#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "sync/engine.h"

namespace ox::sync {

/// An earlier version of one path that can be had back.
struct Version {
  std::size_t number = 0;  ///< 1 is the one displaced last
  state::VersionRecord record;
  /// Replicas in whose trash these bytes are, with the place there.
  struct Holder {
    ReplicaIndex replica = 0;
    RelPath trashed;
  };
  std::vector<Holder> holders;
};

/// Earlier versions of `path`, newest first. Copies of one version in several trashes count once;
/// what is gone from a trash is left out, as is what stands on a replica that is away.
Result<std::vector<Version>> list_versions(state::Store& store,
                                           const std::vector<EngineReplica>& replicas,
                                           const RelPath& path);

/// Picks by number ("2") or by the beginning of the time it was displaced ("20261123T10" or
/// "2026-11-23T10:15"); nothing said means the newest. kNotFound when none fits.
Result<Version> choose_version(const std::vector<Version>& versions, std::string_view wanted);

struct RestoreReport {
  RunId id;
  ReplicaIndex replica = 0;  ///< where it stands now; a sync spreads it
  tree::Entry entry;
  std::optional<RelPath> displaced;  ///< where in the trash the version before it is
};

/// Puts a copy of `version` at `path`; what stands there goes to the trash first. `target` says on
/// which replica; none: on one that holds the version. The caller holds the rule's lock.
Result<RestoreReport> restore_version(state::Store& store,
                                      const std::vector<EngineReplica>& replicas,
                                      const RelPath& path, const Version& version,
                                      std::optional<ReplicaIndex> target, const Services& services,
                                      std::stop_token stop);

}  // namespace ox::sync
