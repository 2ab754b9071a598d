#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "plan/work.h"

/// The axes of a node that are merged independently: place, content, attributes.
namespace ox::plan {

/// One replica's change of one axis.
template <typename Value>
struct AxisChange {
  Value value;
  ReplicaIndex replica = 0;
  bool fresh = true;  ///< the replica had acknowledged the agreed value when it changed it
};

template <typename Value>
struct AxisMerge {
  Value value;
  bool conflict = false;
  std::vector<Value> losers;
};

/// Candidates: the changers' values, and the agreed one when some changer had not seen it and none
/// had. Several different: path1 or path2 when the policy names one that is among them, else path1,
/// else the smallest value.
template <typename Value>
std::optional<AxisMerge<Value>> merge_axis(const Policy& policy,
                                           std::vector<AxisChange<Value>> changes,
                                           const std::optional<Value>& agreed) {
  std::erase_if(changes, [&](const auto& change) { return agreed == change.value; });
  if (changes.empty()) {
    return std::nullopt;
  }
  std::vector<Value> candidates;
  const auto add = [&](const Value& value) {
    if (std::ranges::find(candidates, value) == candidates.end()) {
      candidates.push_back(value);
    }
  };
  for (const auto& change : changes) {
    add(change.value);
  }
  const bool seen_by_one = std::ranges::any_of(changes, [](const auto& c) { return c.fresh; });
  if (agreed.has_value() && !seen_by_one) {
    add(*agreed);
  }
  const auto value_of = [&](ReplicaIndex replica) -> std::optional<Value> {
    for (const auto& change : changes) {
      if (change.replica == replica) {
        return change.value;
      }
    }
    return std::nullopt;
  };
  std::optional<Value> winner;
  if (policy.keep_mode == KeepMode::kPath2 && policy.order.size() > 1) {
    winner = value_of(policy.order[1]);
  }
  if (!winner.has_value() &&
      (policy.keep_mode == KeepMode::kPath1 || policy.keep_mode == KeepMode::kPath2)) {
    winner = value_of(policy.order[0]);
  }
  if (!winner.has_value()) {
    winner = *std::ranges::min_element(candidates);
  }
  AxisMerge<Value> merged{.value = *winner, .conflict = candidates.size() > 1, .losers = {}};
  for (const Value& candidate : candidates) {
    if (!(candidate == *winner)) {
      merged.losers.push_back(candidate);
    }
  }
  return merged;
}

/// Merges the content of a file or symlink that is to exist into Node::next, queues the losers.
/// False: it has to wait (bytes that only an offline replica holds).
bool merge_content(Work& work, NodeIndex n);

/// The candidates' text as one, when there is an answer that merges and an order of folding that
/// takes nobody's lines back. Asks where there is no answer yet. `agreed`: none when it is not
/// known or void.
std::optional<tree::Content> merged_text(Work& work, NodeIndex n,
                                         std::span<const Candidate> candidates,
                                         const std::optional<tree::Content>& agreed);

/// C's own content, its digest completed from a replica that holds it.
std::optional<tree::Content> agreed_content(const Work& work, NodeIndex n);

/// Largest distance of equal time stamps over all replicas.
std::int64_t time_step(const Work& work);

/// Equal bytes? Where bytes are needed to tell, asks for the digest of what `n` shows on the
/// holders and says false for now.
bool equal_or_ask(Work& work, NodeIndex n, const Candidate& a, const Candidate& b);

/// Makes sure the digest of `candidate` is known or asked for. False: nobody online holds the
/// bytes.
bool digest_or_ask(Work& work, NodeIndex n, const Candidate& candidate);

/// Two-way: everything every replica did.
void decide_two_way(Work& work);
/// One-way, copy, move: what the source did.
void decide_directional(Work& work);

/// What `replicas` acknowledged of a node that is agreed no more. Nobody can tell which of several
/// values is the newest, so it is the smallest: the order of the replicas must not matter. Null:
/// none of them acknowledged it.
const tree::NodeValue* remembered_value(const Work& work, NodeIndex n,
                                        std::span<const ReplicaIndex> replicas);

/// Nothing happens to this node in this run.
void freeze(Work& work, NodeIndex n);

/// The smallest label among replicas (so that their order does not matter).
std::string label_of(const Work& work, const std::vector<ReplicaIndex>& replicas);

}  // namespace ox::plan
