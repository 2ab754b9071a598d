#pragma once

#include <optional>
#include <vector>

#include "tree/entry.h"

namespace ox::tree {

/// What one replica last acknowledged of a node (Sᵢ).
struct Acknowledged {
  NodeValue value;
  Fingerprint fingerprint;
  /// Equality with the other replicas was taken from size and time alone, nobody compared bytes.
  /// Such equality never licenses a delete.
  bool assumed = false;

  friend bool operator==(const Acknowledged&, const Acknowledged&) = default;
};

/// One replica's side of a node.
struct ReplicaSide {
  std::optional<Acknowledged> acknowledged;
  /// The replica knowingly differs from this agreed content (modes copy and one-way: a
  /// destination's own delete or a win of its drift) and is left alone until the agreed content is
  /// another.
  Boxed<Content> waived;

  friend bool operator==(const ReplicaSide&, const ReplicaSide&) = default;
};

/// All that the state keeps of a node: the agreed value (C), and each replica's side.
/// `sides` has one element a replica, in the rule's stored order.
struct NodeRecord {
  NodeId id;
  std::optional<NodeValue> agreed;  ///< none: deleted in C, but some replica has yet to follow
  std::vector<ReplicaSide> sides;

  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

}  // namespace ox::tree
