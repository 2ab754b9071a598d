#pragma once

#include <map>
#include <vector>

#include "sync/engine.h"

namespace ox::sync {

/// What start-up has to say.
struct Settled {
  std::vector<state::Problem> problems;
  /// Replicas that hold something parked and do not give it back: nobody may look at them, or what
  /// they hold back would count as deleted.
  std::map<ReplicaIndex, Error> unusable;
};

/// Start-up after whatever happened: parked entries go back to where they stood, versions that a
/// crash left unrecorded in the trash are recorded, staged leftovers are swept, open batches
/// closed. What was done and not acknowledged is found by the following scan. With
/// `sources_may_be_gone` (a root or the state came back from an older copy) our own new version
/// that a crash left in a trash is kept there, for it may be the last of its kind.
Result<Settled> settle(state::Store& store, const std::vector<EngineReplica>& replicas,
                       const Services& services, bool sources_may_be_gone = false);

}  // namespace ox::sync
