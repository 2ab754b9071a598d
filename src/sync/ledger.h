#pragma once

#include <map>
#include <unordered_map>
#include <vector>

#include "plan/plan.h"
#include "state/store.h"

namespace ox::sync {

/// The records a run works on and what of them is yet to be committed. One thread.
class Ledger {
 public:
  Ledger(state::Store& store, RunId run) : store_(store), run_(run) {}

  RunId run() const { return run_; }
  /// Records as the store has them; forgets those of an earlier pass.
  void load(std::vector<tree::NodeRecord> records);
  /// Replaces a record's sides before any plan is applied (rebase).
  void replace(const tree::NodeRecord& record);

  /// Queues a planned change. `digest` fills a content that has none yet.
  void apply(const plan::RecordUpdate& update);
  const tree::NodeRecord* find(NodeId id) const;
  /// What this replica acknowledged of the node; null: nothing, or there is no such record.
  const tree::Acknowledged* acknowledged(NodeId id, ReplicaIndex replica) const;

  /// A replica holds the node as agreed now (digest and all).
  void acknowledge_all(NodeId id, ReplicaIndex replica, const tree::Fingerprint& fingerprint);
  /// The fingerprint is only renewed when the version that was moved (`before`) is the acknowledged
  /// one; else the edit it carries would be taken for known.
  void acknowledge_place(NodeId id, ReplicaIndex replica, const tree::Fingerprint& before,
                         const tree::Fingerprint& after);
  /// As acknowledge_all, for bytes that were right already: how their equality is known stays.
  /// A side that is new counts as `assumed_if_new`.
  void acknowledge_attributes(NodeId id, ReplicaIndex replica, const tree::Fingerprint& fingerprint,
                              bool assumed_if_new);
  void acknowledge_removed(NodeId id, ReplicaIndex replica);
  /// Drops the node from the agreed tree and all sides (mode move: the source is gone).
  void forget(NodeId id);

  /// Queues actions as intended (open); returns the number of their batch.
  std::uint64_t intend(std::vector<state::Action> actions);
  /// The actions of an open batch, to be completed and closed.
  std::vector<state::Action>& actions(std::uint64_t batch);
  void close(std::uint64_t batch);
  /// What is done of an open batch goes with the next commit; the next start settles the rest.
  void keep_open(std::uint64_t batch) { dirty_batches_.push_back(batch); }

  /// Commits everything queued, and `extra`, in one transaction. Keeps the queue on failure.
  Result<void> commit(state::Commit extra = {});
  bool has_changes() const { return !touched_.empty() || !dirty_batches_.empty(); }
  /// The agreed values changed since load(), for merge bases.
  const std::vector<NodeId>& changed_files() const { return changed_files_; }

 private:
  struct Touched {
    tree::NodeRecord* record = nullptr;     ///< in live_
    std::optional<tree::NodeValue> stored;  ///< the agreed value in the store
  };

  tree::NodeRecord& touch(NodeId id, std::size_t sides);
  Result<void> forget_below(NodeId directory, state::Commit& commit);

  state::Store& store_;
  RunId run_;
  std::unordered_map<NodeId, tree::NodeRecord> live_;
  std::map<NodeId, Touched> touched_;
  std::vector<NodeId> forgotten_directories_;
  std::map<std::uint64_t, state::ActionBatch> batches_;
  std::vector<std::uint64_t> dirty_batches_;
  std::uint64_t next_batch_ = 0;
  std::vector<NodeId> changed_files_;
};

}  // namespace ox::sync
