#pragma once

#include <functional>
#include <vector>

#include "plan/plan.h"
#include "plan/toy_replica.h"
#include "plan/toy_store.h"

/// Looks at the replicas and makes the planner's input, as the scanner would.
namespace ox::toy {

enum class Shortcuts : std::uint8_t { kListAll, kSkipUnchanged };
enum class ListingOrder : std::uint8_t { kByName, kReversed };

using Filter = std::function<bool(ReplicaIndex, const RelPath&, bool is_directory)>;

struct Scan {
  plan::Input input;
  std::vector<std::vector<const Object*>> objects;  ///< of each entry of each replica
};

Scan scan(const std::vector<ToyReplica>& replicas, const ToyStore& store,
          const plan::Policy& policy, const Filter& filter, Timestamp now, Shortcuts shortcuts,
          ListingOrder order);

}  // namespace ox::toy
