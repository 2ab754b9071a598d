#pragma once

#include <vector>

#include "sync/scan.h"

namespace ox::sync {

/// Commits that these versions need not be looked behind any more. What a replica can't make
/// durable first, or what the state knows otherwise by now, stays as it is.
Result<void> renew_fingerprints(state::Store& store, const std::vector<EngineReplica>& replicas,
                                const std::vector<SettledVersion>& versions);

}  // namespace ox::sync
