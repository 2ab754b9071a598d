#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sync/engine.h"

namespace ox::sync {

/// What the gate found before anything is read: which replicas take part, and whether what they
/// acknowledged can be believed.
struct Gate {
  std::vector<EngineReplica> replicas;  ///< those that may not take part have lost their provider
  bool rebase = false;
  std::string reason;  ///< why, for a person
  std::vector<state::Problem> problems;
  std::vector<std::string> held;  ///< an empty root that lacks its identity
};

/// Compares each root's identity, and how this run decides, with what the state expects of it.
Result<Gate> pass_gate(const state::RuleFacts& facts, const std::vector<EngineReplica>& replicas,
                       const std::string& mode, bool compares_bytes,
                       const std::vector<std::string>& approved, std::stop_token stop);

/// Lets the next epochs begin no lower than the clock and skip some by chance, so that no two
/// histories of one root have an epoch in common: after the state was lost or came back from an
/// older copy, counting alone would soon meet the numbers that a copy of the root bears, and a
/// clock may have been set back.
void raise_epochs(state::RuleFacts& facts, const std::vector<EngineReplica>& replicas,
                  Timestamp now, rt::Random& random);

/// Announces the next epoch: first in the state (with `extra`), then on every root that takes part.
/// A crash in between leaves both numbers valid. `make_room` may help a full root once. The answer
/// names the roots that did not take the mark: they keep their epoch and must take no part.
Result<std::map<ReplicaIndex, Error>> advance_epoch(
    state::Store& store, state::RuleFacts& facts, const std::vector<EngineReplica>& replicas,
    state::Commit extra, const std::function<bool(ReplicaIndex)>& make_room);

/// Mode and, where it has one, the source's address: a change of either means rebase.
std::string mode_key(const plan::Policy& policy, const state::RuleFacts& facts);

}  // namespace ox::sync
