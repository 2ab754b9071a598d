#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "provider/provider.h"
#include "state/journal.h"

/// Entries that were moved to a private place to break a cycle of moves. They must stand in the
/// tree again before anybody looks at it: a listing without them reads like a delete.
namespace ox::sync {

/// Where a parked entry came from and where it was to go.
struct ParkedWay {
  RelPath home;
  std::optional<RelPath> destination;
};

/// By private name.
using ParkedWays = std::map<std::string, ParkedWay>;

/// Adds what `actions` meant to park on `replica`.
void add_parked_ways(ParkedWays& ways, ReplicaIndex replica,
                     const std::vector<state::Action>& actions);

/// A parked entry that stands in the tree again.
struct BroughtHome {
  std::string name;
  RelPath path;
  tree::Entry entry;
  bool beside = false;  ///< neither where it came from nor where it was to go
};

/// Puts all that is parked back where it came from; where that place is taken or gone, where it was
/// to go; where that is impossible too, beside its old place or at the root, as "….recovered-….".
/// An error: something is parked still.
Result<std::vector<BroughtHome>> bring_parked_home(provider::Provider& provider,
                                                   const ParkedWays& ways);

/// What to tell a person of one that stands beside its place.
state::Problem recovered(ReplicaIndex replica, const BroughtHome& one);

}  // namespace ox::sync
