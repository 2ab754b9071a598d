#pragma once

#include <span>
#include <vector>

#include "sync/engine.h"

namespace ox::sync {

/// Per replica: is every file of it to be read again in a run that begins `now`? Not where it can't
/// be looked at: its turn comes when it is back.
std::vector<bool> due_scrubs(const RunOptions& options, const std::vector<EngineReplica>& replicas,
                             std::span<const state::ReplicaFacts> facts, Timestamp now);

/// The run that began `now` has read them.
void note_scrubs(const std::vector<bool>& done, std::span<state::ReplicaFacts> facts,
                 Timestamp now);

/// Has it read those of any replica?
bool has_scrubbed(std::span<const state::ReplicaFacts> facts, Timestamp now);

}  // namespace ox::sync
