#pragma once

#include <map>

#include "base/result.h"
#include "plan/plan.h"

/// The records of a rule, kept as the real store would: by updates before, and acknowledgements
/// after, each operation.
namespace ox::toy {

class ToyStore {
 public:
  explicit ToyStore(std::size_t replicas) : replicas_(replicas) {}

  const std::map<NodeId, tree::NodeRecord>& records() const { return records_; }
  const tree::NodeRecord* find(NodeId id) const;
  NodeId next_node() const { return next_node_; }
  void set_next_node(NodeId id) { next_node_ = id; }
  std::size_t replicas() const { return replicas_; }

  /// Commits an update; an Error when what it takes for granted is not so.
  Result<void> apply(const plan::RecordUpdate& update);

  /// The acknowledged side of a node; made when there is none.
  tree::ReplicaSide* side(NodeId id, ReplicaIndex replica);
  void drop_if_empty(NodeId id);

  /// Another replica joins: nobody acknowledged anything there.
  void add_replica();
  /// Replaces all records (after a rebase).
  void replace(const std::vector<tree::NodeRecord>& records);

  /// Every record's parents are records, and agreed places are unique.
  Result<void> check() const;

 private:
  void forget_below(NodeId id);

  std::size_t replicas_;
  std::map<NodeId, tree::NodeRecord> records_;
  NodeId next_node_{2};
};

}  // namespace ox::toy
