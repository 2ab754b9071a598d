#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "plan/work.h"

namespace ox::plan {

/// One replica's tree while its operations are being put in order: starts as observed, and changes
/// as operations are emitted, so that each carries the path that is true at its turn.
class Layout {
 public:
  Layout(const Work& work, ReplicaIndex replica);

  /// Emits makes, moves and the removals that free a name, in an order in which each is possible.
  void arrange(std::vector<Operation>& operations, Work& work);
  /// Emits the remaining removals, deepest first.
  void clear(std::vector<Operation>& operations, const Work& work);

  /// What can't be done as it was arranged: nodes put aside that found no way back, and directories
  /// that are to go though something in them stays.
  std::vector<NodeIndex> impossible() const;
  /// Something that has to stay stands in its place.
  void leave_where_it_stands(NodeIndex n, Work& work) const;

  bool stands(NodeIndex n) const { return places_.contains(n); }
  /// Stands, and so do all directories above it (none is parked).
  bool reachable(NodeIndex n) const;
  RelPath path(NodeIndex n) const;
  /// The node that has this name; kNone when there is none, or something that is not ours has it.
  NodeIndex node_at(NodeIndex parent, const std::string& name) const {
    const NodeIndex found = occupant(parent, name);
    return found == kBlocker ? kNone : found;
  }
  bool was_moved(NodeIndex n) const { return moved_.contains(n); }
  bool was_removed(NodeIndex n) const { return removed_.contains(n); }

 private:
  struct Place {
    NodeIndex parent = kNone;
    std::string name;
  };
  enum class Step : std::uint8_t { kDone, kWaits, kImpossible };
  static constexpr NodeIndex kBlocker = kNone - 1;

  std::string key(std::string_view name) const;
  NodeIndex occupant(NodeIndex parent, const std::string& name) const;
  bool is_spelled(const std::string& stands, const std::string& wanted) const;
  void put_down(NodeIndex n, NodeIndex parent, const std::string& name);
  void pick_up(NodeIndex n);
  bool inside(NodeIndex n, NodeIndex directory) const;
  bool leaving(NodeIndex n) const;
  bool wanted(NodeIndex n) const;
  std::vector<NodeIndex> pending() const;
  Step place(NodeIndex n, std::vector<Operation>& operations);
  Step free_name(NodeIndex occupant, std::vector<Operation>& operations);
  bool subtree_leaves(NodeIndex n, std::vector<NodeIndex>& subtree) const;
  void remove(NodeIndex n, std::vector<Operation>& operations);
  bool break_cycle(const std::vector<NodeIndex>& waiting, std::vector<Operation>& operations);
  void park(NodeIndex n, std::vector<Operation>& operations);
  Operation operation(OperationKind kind, NodeIndex n) const;

  const Work& work_;
  ReplicaIndex replica_;
  std::unordered_map<NodeIndex, Place> places_;
  std::unordered_map<PlaceKey, NodeIndex, PlaceKeyHash> occupants_;
  std::unordered_map<NodeIndex, std::set<NodeIndex>> inside_;
  std::unordered_map<NodeIndex, std::string> parked_;
  std::unordered_set<NodeIndex> moved_;
  std::unordered_set<NodeIndex> removed_;
};

}  // namespace ox::plan
