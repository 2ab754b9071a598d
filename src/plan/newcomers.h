#pragma once

#include <vector>

#include "plan/work.h"

namespace ox::plan {

enum class Newcomers : std::uint8_t {
  kBecomeNodes,
  kJoinOthers,  ///< only where another replica has brought the same path and kind
};

/// Gives the unmatched entries nodes, one for the same path and kind on several replicas.
void add_newcomers(Work& work, const std::vector<ReplicaIndex>& replicas, Newcomers what);

}  // namespace ox::plan
