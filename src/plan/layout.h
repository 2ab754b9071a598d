#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plan/work.h"

namespace ox::plan {

/// One replica's tree while its operations are being put in order: starts as observed, and changes
/// as operations are emitted, so that each carries the path that is true at its turn.
class Layout {
 public:
  Layout(const Work& work, ReplicaIndex replica);

  /// Emits makes, moves and the removals that free a name, in an order in which each is possible.
  /// `by_path`: the nodes of C′ in the order of their paths there.
  void arrange(std::vector<Operation>& operations, Work& work,
               const std::vector<NodeIndex>& by_path);
  /// Emits the remaining removals, deepest first.
  void clear(std::vector<Operation>& operations, const Work& work);

  /// What can't be done as it was arranged: nodes put aside that found no way back, and directories
  /// that are to go though something in them stays.
  std::vector<NodeIndex> impossible() const;
  /// Something that has to stay stands in its place.
  void leave_where_it_stands(NodeIndex n, Work& work) const;

  bool stands(NodeIndex n) const { return places_[n].stands; }
  /// Stands, and so do all directories above it (none is parked).
  bool reachable(NodeIndex n) const;
  RelPath path(NodeIndex n) const;
  /// The node that has this name; kNone when there is none, or something that is not ours has it.
  NodeIndex node_at(NodeIndex parent, std::string_view name) {
    index_occupants();
    const NodeIndex found = occupant(parent, name);
    return found == kBlocker ? kNone : found;
  }
  bool was_moved(NodeIndex n) const { return moved_[n]; }
  bool was_removed(NodeIndex n) const { return removed_[n]; }

 private:
  /// Where a node stands, in the list of what stands in the same directory.
  struct Place {
    NodeIndex parent = kNone;
    bool stands = false;
    std::string_view name;  ///< of the input or of C′, neither of which changes meanwhile
    NodeIndex next = kNone;
    NodeIndex previous = kNone;
    NodeIndex first_inside = kNone;
  };
  enum class Step : std::uint8_t { kDone, kWaits, kImpossible };
  static constexpr NodeIndex kBlocker = kNone - 1;

  void index_occupants();
  NodeIndex occupant(NodeIndex parent, std::string_view name) const;
  void occupy(NodeIndex parent, std::string_view name, NodeIndex n);
  bool is_spelled(std::string_view stands, std::string_view wanted) const;
  void put_down(NodeIndex n, NodeIndex parent, std::string_view name);
  void pick_up(NodeIndex n);
  bool inside(NodeIndex n, NodeIndex directory) const;
  bool leaving(NodeIndex n) const;
  bool wanted(NodeIndex n) const;
  std::vector<NodeIndex> pending(const std::vector<NodeIndex>& by_path) const;
  Step place(NodeIndex n, std::vector<Operation>& operations);
  Step free_name(NodeIndex occupant, std::vector<Operation>& operations);
  bool subtree_leaves(NodeIndex n, std::vector<NodeIndex>& subtree) const;
  void remove(NodeIndex n, std::vector<Operation>& operations);
  bool break_cycle(const std::vector<NodeIndex>& waiting, std::vector<Operation>& operations);
  void park(NodeIndex n, std::vector<Operation>& operations);
  Operation operation(OperationKind kind, NodeIndex n) const;
  RelPath path_of_directory(NodeIndex n) const;

  const Work& work_;
  ReplicaIndex replica_;
  bool folds_;                 ///< several spellings are one name here
  std::vector<Place> places_;  ///< by node
  PlaceTable occupants_;       ///< who has a name; only where something is to be moved or made
  bool occupants_indexed_ = false;
  std::map<NodeIndex, std::string> parked_;
  std::vector<bool> moved_;
  std::vector<bool> removed_;
  /// Paths are asked for one directory after the other. Forgotten when anything moves.
  mutable NodeIndex last_parent_ = kNone;
  mutable RelPath last_parent_path_;
};

}  // namespace ox::plan
