#pragma once

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

/// Compares each root's identity with what the state expects of it.
Result<Gate> pass_gate(const state::RuleFacts& facts, const std::vector<EngineReplica>& replicas,
                       const std::string& mode, const std::vector<std::string>& approved,
                       std::stop_token stop);

/// A root that is full or takes no writes any more, so that its mark is still the one before.
struct Unmarked {
  ReplicaIndex replica = 0;
  Error error;
};

/// Announces the next epoch: first in the state (with `extra`), then on every root that takes part.
/// A crash in between leaves both numbers valid. Answers which roots stayed behind: to those
/// nothing may be acknowledged, or a restored disk would not be told from them.
Result<std::vector<Unmarked>> advance_epoch(state::Store& store, state::RuleFacts& facts,
                                            const std::vector<EngineReplica>& replicas,
                                            state::Commit extra);

/// Mode and, where it has one, the source's address: a change of either means rebase.
std::string mode_key(const plan::Policy& policy, const state::RuleFacts& facts);

}  // namespace ox::sync
