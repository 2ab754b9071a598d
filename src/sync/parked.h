#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "state/store.h"
#include "sync/placeholder.h"

/// Entries that were moved to a private place to break a cycle of moves. They must stand in the
/// tree again before anybody looks at it: a listing without them reads like a delete.
namespace ox::sync {

/// Where a parked entry came from and where it was to go.
struct ParkedWay {
  RelPath home;
  std::optional<RelPath> destination;
};

struct ParkedWays {
  std::map<std::string, ParkedWay> by_name;
  /// Private name and place: an earlier start may have died while it put it there.
  std::set<std::pair<std::string, RelPath>> announced;
};

/// Adds what `actions` meant to park on `replica`.
void add_parked_ways(ParkedWays& ways, ReplicaIndex replica,
                     const std::vector<state::Action>& actions);

/// Where the newest runs meant to park something, the newest counting.
Result<ParkedWays> parked_ways(state::Store& store, ReplicaIndex replica);

/// A parked entry that stands in the tree again.
struct BroughtHome {
  std::string name;
  RelPath path;
  tree::Entry entry;
  bool beside = false;  ///< neither where it came from nor where it was to go
};

struct Homecoming {
  ReplicaIndex replica = 0;
  Announce announce;
  /// At start-up: what an earlier one may have left at a place is taken away through this trash.
  std::optional<provider::TrashFolder> clear_through = {};
};

/// Puts all that is parked back where it came from; where that place is taken or gone, where it was
/// to go; where that is impossible too, beside its old place or at the root, as "….recovered-….".
/// An error: something is parked still.
Result<std::vector<BroughtHome>> bring_parked_home(provider::Provider& provider,
                                                   const ParkedWays& ways,
                                                   const Homecoming& homecoming);

/// Lets the replica be seen as it will be once all is home; for who looks and changes nothing.
/// Answers with the places.
Result<std::vector<RelPath>> show_parked_home(state::Store& store, provider::Provider& provider,
                                              ReplicaIndex replica);

/// What to tell a person of one that stands beside its place.
state::Problem recovered(ReplicaIndex replica, const BroughtHome& one);

}  // namespace ox::sync
