#pragma once

#include <stop_token>
#include <vector>

#include "sync/engine.h"

namespace ox::sync {

struct RetentionReport {
  std::uint64_t purged = 0;
  std::uint64_t purged_bytes = 0;
  /// Versions that were written to after they had been put aside (by a program that had them open):
  /// they stand again beside the current one, under a conflict name.
  std::vector<state::Problem> rescued;
};

/// Looks again at what run `run` put aside, and what runs before it that did not come to their end
/// did: a program that held a file open may have gone on writing to it. A version that changed goes
/// back into the tree as a conflict copy, which the next run spreads. The caller holds the rule's
/// lock.
Result<RetentionReport> recheck_displaced(state::Store& store,
                                          const std::vector<EngineReplica>& replicas, RunId run,
                                          const Services& services);

/// Removes versions from the trash of every replica that is there: those older than `retention.age`
/// and, oldest first, those above `retention.bytes` of one replica; never those of run `current`.
/// Each is looked at once more before it goes. The caller holds the rule's lock.
Result<RetentionReport> purge_trash(state::Store& store, const std::vector<EngineReplica>& replicas,
                                    const Retention& retention, RunId current,
                                    const Services& services, std::stop_token stop);

}  // namespace ox::sync
