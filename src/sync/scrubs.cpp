#include "sync/scrubs.h"

#include <algorithm>
#include <chrono>

namespace ox::sync {

std::vector<bool> due_scrubs(const RunOptions& options, const std::vector<EngineReplica>& replicas,
                             std::span<const state::ReplicaFacts> facts, Timestamp now) {
  std::vector<bool> due(replicas.size(), false);
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    const auto since = std::chrono::nanoseconds(now.ns - facts[i].scrubbed.ns);
    const bool wanted =
        options.scrub || (options.scrub_every.has_value() && since >= *options.scrub_every);
    due[i] = wanted && facts[i].scrubbed != now && replicas[i].provider != nullptr;
  }
  return due;
}

void note_scrubs(const std::vector<bool>& done, std::span<state::ReplicaFacts> facts,
                 Timestamp now) {
  for (std::size_t i = 0; i < done.size(); ++i) {
    if (done[i]) {
      facts[i].scrubbed = now;
    }
  }
}

bool has_scrubbed(std::span<const state::ReplicaFacts> facts, Timestamp now) {
  return std::ranges::any_of(
      facts, [&](const state::ReplicaFacts& replica) { return replica.scrubbed == now; });
}

}  // namespace ox::sync
