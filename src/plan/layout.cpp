#include "plan/layout.h"

#include <algorithm>

#include "base/expects.h"

namespace ox::plan {

Layout::Layout(const Work& work, ReplicaIndex replica)
    : work_(work),
      replica_(replica),
      folds_(work.traits(replica).names.case_rule != tree::CaseRule::kSensitive ||
             work.traits(replica).names.normalization != tree::NormalizationRule::kBytes),
      places_(work.nodes.size()),
      moved_(work.nodes.size(), false),
      removed_(work.nodes.size(), false) {
  const Replica& seen = work.input().replicas[replica];
  if (seen.entries.empty()) {
    return;
  }
  places_[work.find(kRootNode)].stands = true;
  for (EntryIndex e = 1; e < seen.entries.size(); ++e) {
    const NodeIndex parent = work.node_of_entry[replica][seen.entries[e].parent];
    const NodeIndex n = work.node_of_entry[replica][e];
    if (parent != kNone && n != kNone) {
      put_down(n, parent, seen.entries[e].entry.name);
    }
  }
}

void Layout::index_occupants() {
  if (occupants_indexed_) {
    return;
  }
  occupants_indexed_ = true;
  const Replica& seen = work_.input().replicas[replica_];
  occupants_.reserve(seen.entries.size());
  for (EntryIndex e = 1; e < seen.entries.size(); ++e) {
    const NodeIndex parent = work_.node_of_entry[replica_][seen.entries[e].parent];
    if (parent != kNone && work_.node_of_entry[replica_][e] == kNone) {
      occupy(parent, seen.entries[e].entry.name, kBlocker);
    }
  }
  for (const Hidden& hidden : seen.hidden) {
    if (const NodeIndex parent = work_.node_of_entry[replica_][hidden.parent]; parent != kNone) {
      occupy(parent, hidden.name, kBlocker);
    }
  }
  // What is ours goes before what is not.
  for (NodeIndex n = 0; n < places_.size(); ++n) {
    if (stands(n) && places_[n].parent != kNone) {
      occupy(places_[n].parent, places_[n].name, n);
    }
  }
}

/// Is this how the replica spells `wanted`? One that normalises can't do otherwise.
bool Layout::is_spelled(std::string_view stands, std::string_view wanted) const {
  if (stands == wanted ||
      work_.traits(replica_).names.normalization == tree::NormalizationRule::kBytes) {
    return stands == wanted;
  }
  tree::NameRules rules = work_.traits(replica_).names;
  rules.case_rule = tree::CaseRule::kSensitive;
  return rules.collision_key(stands) == rules.collision_key(wanted);
}

NodeIndex Layout::occupant(NodeIndex parent, std::string_view name) const {
  return folds_ ? occupants_.find(parent, work_.traits(replica_).names.collision_key(name))
                : occupants_.find(parent, name);
}

void Layout::occupy(NodeIndex parent, std::string_view name, NodeIndex n) {
  if (!occupants_indexed_) {
    return;
  }
  if (folds_) {
    name = occupants_.keep(work_.traits(replica_).names.collision_key(name));
  }
  occupants_.set(parent, name, n);
}

void Layout::put_down(NodeIndex n, NodeIndex parent, std::string_view name) {
  last_parent_ = kNone;
  Place& place = places_[n];
  place.stands = true;
  place.parent = parent;
  place.name = name;
  place.previous = kNone;
  place.next = places_[parent].first_inside;
  if (place.next != kNone) {
    places_[place.next].previous = n;
  }
  places_[parent].first_inside = n;
  occupy(parent, name, n);
}

void Layout::pick_up(NodeIndex n) {
  last_parent_ = kNone;
  Place& place = places_[n];
  if (occupants_indexed_ && occupant(place.parent, place.name) == n) {
    occupy(place.parent, place.name, kNone);
  }
  (place.previous == kNone ? places_[place.parent].first_inside : places_[place.previous].next) =
      place.next;
  if (place.next != kNone) {
    places_[place.next].previous = place.previous;
  }
  place.stands = false;
}

RelPath Layout::path(NodeIndex n) const {
  if (work_.nodes[n].id == kRootNode) {
    return {};
  }
  expects(stands(n));
  const Place& place = places_[n];
  if (place.parent != last_parent_) {
    last_parent_path_ = path_of_directory(place.parent);
    last_parent_ = place.parent;
  }
  return last_parent_path_.child(place.name);
}

RelPath Layout::path_of_directory(NodeIndex n) const {
  std::vector<std::string_view> names;
  for (NodeIndex at = n; work_.nodes[at].id != kRootNode;) {
    expects(stands(at));
    names.push_back(places_[at].name);
    at = places_[at].parent;
  }
  return RelPath::of_names(names);
}

bool Layout::reachable(NodeIndex n) const {
  for (NodeIndex at = n; at != kNone; at = places_[at].parent) {
    if (!stands(at)) {
      return false;
    }
    if (work_.nodes[at].id == kRootNode) {
      return true;
    }
  }
  return false;
}

/// Below `directory`, or it itself.
bool Layout::inside(NodeIndex n, NodeIndex directory) const {
  for (NodeIndex at = n; at != directory; at = places_[at].parent) {
    if (work_.nodes[at].id == kRootNode || !stands(at)) {
      return false;
    }
  }
  return true;
}

bool Layout::leaving(NodeIndex n) const {
  return stands(n) && work_.side(n, replica_).target == Target::kFollow &&
         !work_.nodes[n].next.has_value();
}

bool Layout::wanted(NodeIndex n) const {
  const Node& node = work_.nodes[n];
  return node.next.has_value() && node.id != kRootNode &&
         (!node.only.has_value() || *node.only == replica_) &&
         work_.side(n, replica_).target == Target::kFollow &&
         work_.side(n, replica_).status != Status::kOffline;
}

std::vector<NodeIndex> Layout::pending(const std::vector<NodeIndex>& by_path) const {
  std::vector<NodeIndex> nodes;
  for (const NodeIndex n : by_path) {
    if (!wanted(n)) {
      continue;
    }
    const bool at_place = stands(n) && places_[n].parent == work_.next_parent(n) &&
                          work_.seen_name(n, replica_) == work_.nodes[n].next->name;
    if (!at_place) {
      nodes.push_back(n);
    }
  }
  return nodes;
}

Operation Layout::operation(OperationKind kind, NodeIndex n) const {
  Operation result{.kind = kind, .replica = replica_, .node = work_.nodes[n].id};
  if (work_.present(n, replica_)) {
    work_.expect(result, n);
  }
  if (work_.nodes[n].next.has_value()) {
    result.value = *work_.nodes[n].next;
  }
  return result;
}

void Layout::arrange(std::vector<Operation>& operations, Work& work,
                     const std::vector<NodeIndex>& by_path) {
  std::vector<NodeIndex> waiting = pending(by_path);
  if (!waiting.empty()) {
    index_occupants();
  }
  while (!waiting.empty()) {
    std::vector<NodeIndex> still;
    bool progress = false;
    for (const NodeIndex n : waiting) {
      const Step step = place(n, operations);
      progress = progress || step != Step::kWaits;
      if (step == Step::kWaits) {
        still.push_back(n);
      } else if (step == Step::kImpossible) {
        leave_where_it_stands(n, work);
      }
    }
    waiting = std::move(still);
    if (!progress && !break_cycle(waiting, operations)) {
      for (const NodeIndex n : waiting) {
        work.side(n, replica_).target = Target::kIgnore;
        work.report(replica_, work.next_path(n), "waiting", "its directory is not there yet");
      }
      break;
    }
  }
}

void Layout::leave_where_it_stands(NodeIndex n, Work& work) const {
  work.side(n, replica_).target = work.present(n, replica_) ? Target::kLeave : Target::kForget;
  work.report(replica_, work.next_path(n), "in_the_way",
              "not kept on " + work.traits(replica_).label +
                  ": something that has to stay stands in its place");
}

Layout::Step Layout::place(NodeIndex n, std::vector<Operation>& operations) {
  const tree::NodeValue& value = *work_.nodes[n].next;
  const NodeIndex parent = work_.next_parent(n);
  if (stands(n) && places_[n].parent == parent && is_spelled(places_[n].name, value.name)) {
    return Step::kDone;
  }
  if (!reachable(parent) || (stands(n) && (!reachable(n) || inside(parent, n)))) {
    return Step::kWaits;
  }
  if (const NodeIndex other = occupant(parent, value.name); other != kNone && other != n) {
    if (other == kBlocker) {
      return Step::kImpossible;
    }
    const Step freed = free_name(other, operations);
    if (freed != Step::kDone) {
      return freed;
    }
  }
  if (stands(n) && occupant(parent, value.name) == n) {
    // Its own name stands in its way: a rename from one case to another is no change to some file
    // systems, and to others both names are one entry that is there already.
    park(n, operations);
  }
  if (parked_.contains(n)) {
    Operation back = operation(OperationKind::kUnpark, n);
    back.parked = parked_.at(n);
    parked_.erase(n);
    put_down(n, parent, value.name);
    back.path = path(n);
    operations.push_back(std::move(back));
    return Step::kDone;
  }
  if (stands(n)) {
    Operation move = operation(OperationKind::kMove, n);
    move.from = path(n);
    pick_up(n);
    put_down(n, parent, value.name);
    move.path = path(n);
    moved_[n] = true;
    operations.push_back(std::move(move));
    return Step::kDone;
  }
  put_down(n, parent, value.name);
  if (value.kind == tree::Kind::kDirectory) {
    Operation make = operation(OperationKind::kMakeDirectory, n);
    make.path = path(n);
    make.expected = std::nullopt;
    operations.push_back(std::move(make));
  }
  return Step::kDone;
}

/// Makes room: what is to go anyway goes now; what is to move elsewhere is waited for.
Layout::Step Layout::free_name(NodeIndex other, std::vector<Operation>& operations) {
  if (leaving(other)) {
    std::vector<NodeIndex> subtree;
    if (!subtree_leaves(other, subtree)) {
      return Step::kWaits;
    }
    for (const NodeIndex n : subtree) {
      remove(n, operations);
    }
    return Step::kDone;
  }
  if (!wanted(other)) {
    return Step::kImpossible;
  }
  const bool moves_on = places_[other].parent != work_.next_parent(other) ||
                        !is_spelled(places_[other].name, work_.nodes[other].next->name);
  return moves_on ? Step::kWaits : Step::kImpossible;
}

/// Collects `n` and all below it, deepest first. False when something in it is not leaving.
bool Layout::subtree_leaves(NodeIndex n, std::vector<NodeIndex>& subtree) const {
  if (!leaving(n)) {
    return false;
  }
  std::vector<NodeIndex> children;
  for (NodeIndex child = places_[n].first_inside; child != kNone; child = places_[child].next) {
    children.push_back(child);
  }
  std::ranges::sort(children);
  for (const NodeIndex child : children) {
    if (!subtree_leaves(child, subtree)) {
      return false;
    }
  }
  subtree.push_back(n);
  return true;
}

void Layout::remove(NodeIndex n, std::vector<Operation>& operations) {
  Operation gone = operation(OperationKind::kRemove, n);
  gone.path = path(n);
  gone.value = tree::NodeValue{.kind = work_.entry(n, replica_).kind};
  pick_up(n);
  removed_[n] = true;
  operations.push_back(std::move(gone));
}

bool Layout::break_cycle(const std::vector<NodeIndex>& waiting,
                         std::vector<Operation>& operations) {
  for (const NodeIndex n : waiting) {
    if (!stands(n) || !reachable(n) || !reachable(work_.next_parent(n))) {
      continue;
    }
    const NodeIndex parent = work_.next_parent(n);
    const NodeIndex other = occupant(parent, work_.nodes[n].next->name);
    const bool swaps =
        other != kNone && other != kBlocker && other != n && stands(other) && wanted(other) &&
        !inside(parent, n) && work_.next_parent(other) == places_[n].parent &&
        work_.nodes[other].next->name == places_[n].name && !inside(places_[n].parent, other);
    if (swaps && work_.traits(replica_).exchange) {
      Operation swap = operation(OperationKind::kExchange, n);
      swap.other = work_.nodes[other].id;
      swap.other_expected = work_.entry(other, replica_).fingerprint;
      swap.from = path(n);
      swap.path = path(other);
      if (work_.present(other, replica_)) {
        swap.other_expected = work_.entry(other, replica_).fingerprint;
      }
      const Place mine = places_[n];
      const Place its = places_[other];
      pick_up(n);
      pick_up(other);
      put_down(n, its.parent, its.name);
      put_down(other, mine.parent, mine.name);
      moved_[n] = true;
      moved_[other] = true;
      operations.push_back(std::move(swap));
      return true;
    }
  }
  for (const NodeIndex n : waiting) {
    if (!stands(n) || !reachable(n)) {
      continue;
    }
    park(n, operations);
    return true;
  }
  return false;
}

void Layout::park(NodeIndex n, std::vector<Operation>& operations) {
  Operation park = operation(OperationKind::kPark, n);
  park.path = path(n);
  park.parked = std::to_string(work_.nodes[n].id.value);
  pick_up(n);
  parked_[n] = park.parked;
  moved_[n] = true;
  operations.push_back(std::move(park));
}

std::vector<NodeIndex> Layout::impossible() const {
  std::vector<NodeIndex> nodes;
  for (const auto& [n, name] : parked_) {
    nodes.push_back(n);
  }
  for (NodeIndex directory = 0; directory < places_.size(); ++directory) {
    bool keeps = false;
    if (leaving(directory)) {
      for (NodeIndex n = places_[directory].first_inside; n != kNone; n = places_[n].next) {
        keeps = keeps || !leaving(n);
      }
    }
    if (keeps) {
      nodes.push_back(directory);
    }
  }
  return nodes;
}

void Layout::clear(std::vector<Operation>& operations, const Work& work) {
  std::vector<std::pair<std::string, NodeIndex>> ordered;
  for (NodeIndex n = 0; n < work.nodes.size(); ++n) {
    if (leaving(n)) {
      ordered.emplace_back(path(n).text(), n);
    }
  }
  std::ranges::sort(ordered, std::greater{});
  for (const auto& [text, n] : ordered) {
    remove(n, operations);
  }
}

}  // namespace ox::plan
