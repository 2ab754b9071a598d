#include <algorithm>
#include <tuple>

#include "base/expects.h"
#include "plan/axes.h"

namespace ox::plan {

void freeze(Work& work, NodeIndex n) {
  Node& node = work.nodes[n];
  node.frozen = true;
  node.next = node.agreed() ? node.record->agreed : std::nullopt;
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    work.side(n, i).target = Target::kIgnore;
  }
}

const tree::NodeValue* remembered_value(const Work& work, NodeIndex n,
                                        std::span<const ReplicaIndex> replicas) {
  const auto key = [](const tree::NodeValue& value) {
    return std::tie(value.parent, value.name, value.content.digest, value.content.link_target,
                    value.content.size, value.content.mtime, value.attributes.mode,
                    value.attributes.xattrs);
  };
  const tree::NodeValue* smallest = nullptr;
  for (const ReplicaIndex i : replicas) {
    const tree::Acknowledged* known = work.acknowledged(n, i);
    if (known != nullptr && (smallest == nullptr || key(known->value) < key(*smallest))) {
      smallest = &known->value;
    }
  }
  return smallest;
}

namespace {

struct Place {
  NodeId parent;
  std::string name;

  friend bool operator==(const Place&, const Place&) = default;
  friend auto operator<=>(const Place&, const Place&) = default;
};

/// Merges what every replica did, node by node, directories before what they hold.
class TwoWay {
 public:
  explicit TwoWay(Work& work) : work_(work), kept_by_rename_(work.nodes.size(), false) {}

  void run() {
    for (const NodeIndex n : by_depth()) {
      decide_node(n);
    }
  }

 private:
  struct Presence {
    bool present = false;
    bool unknown = false;
    bool excluded = false;
    bool taking_part = false;  ///< online and not excluded
    std::vector<ReplicaIndex> deleters;
    std::vector<ReplicaIndex> supporters;  ///< changed it in a way that opposes a delete
    bool moved = false;                    ///< some supporter moved it
    bool fresh_deleter = false;
    bool deleted_itself = false;  ///< somebody deleted just it, not the directory it was in
    bool assumed = false;
  };

  /// Directories before what they hold, else in the order of the nodes.
  std::vector<NodeIndex> by_depth() const {
    std::vector<std::uint32_t> depth(work_.nodes.size(), kNone);
    std::vector<std::vector<NodeIndex>> levels;
    std::vector<NodeIndex> chain;
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      NodeIndex at = n;
      while (at != kNone && depth[at] == kNone && work_.nodes[at].id != kRootNode) {
        chain.push_back(at);
        expects(chain.size() <= work_.nodes.size());
        const tree::NodeValue* value = base_value(at);
        at = value == nullptr ? kNone : work_.find(value->parent);
      }
      std::uint32_t above = at == kNone || work_.nodes[at].id == kRootNode ? 0 : depth[at];
      for (; !chain.empty(); chain.pop_back()) {
        depth[chain.back()] = ++above;
      }
      if (work_.nodes[n].id == kRootNode) {
        depth[n] = 0;
      }
      levels.resize(std::max<std::size_t>(levels.size(), depth[n] + 1));
      levels[depth[n]].push_back(n);
    }
    std::vector<NodeIndex> order;
    order.reserve(work_.nodes.size());
    for (const std::vector<NodeIndex>& level : levels) {
      order.insert(order.end(), level.begin(), level.end());
    }
    return order;
  }

  /// The value the axes start from: the agreed one, a pending delete's last one, a newcomer's.
  const tree::NodeValue* base_value(NodeIndex n) const {
    const Node& node = work_.nodes[n];
    if (node.agreed()) {
      return &*node.record->agreed;
    }
    if (node.record != nullptr) {
      for (const tree::ReplicaSide& side : node.record->sides) {
        if (side.acknowledged.has_value()) {
          return &side.acknowledged->value;
        }
      }
    }
    return node.next.has_value() ? &*node.next : nullptr;
  }

  Place seen_place(NodeIndex n, ReplicaIndex i) const {
    return {work_.nodes[work_.side(n, i).parent].id, work_.seen_name(n, i)};
  }

  bool attributes_changed(NodeIndex n, ReplicaIndex i) const {
    const tree::Acknowledged* known = work_.acknowledged(n, i);
    return known != nullptr && work_.seen_attributes(n, i) != known->value.attributes;
  }

  /// A replica that never acknowledged the node brings it along: that is no licence to delete it.
  bool opposes_delete(NodeIndex n, ReplicaIndex i) const {
    if (work_.acknowledged(n, i) == nullptr || moved_on(work_, n, i)) {
      return true;
    }
    if (work_.entry(n, i).kind == tree::Kind::kDirectory) {
      return false;
    }
    return work_.side(n, i).change != ContentChange::kSame || attributes_changed(n, i);
  }

  /// Had this replica acknowledged what is agreed now, so that its delete means this very version?
  bool saw_agreed(NodeIndex n, ReplicaIndex i) const {
    const tree::Acknowledged& known = *work_.acknowledged(n, i);
    const tree::NodeValue& agreed = *work_.nodes[n].record->agreed;
    return known.value.parent == agreed.parent && known.value.name == agreed.name &&
           (known.value.content == agreed.content ||
            same_bytes(known.value.content, agreed.content, work_.policy().compare,
                       time_step(work_)));
  }

  Presence presence(NodeIndex n) {
    Presence result;
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      const tree::Acknowledged* known = work_.acknowledged(n, i);
      switch (work_.side(n, i).status) {
        case Status::kOffline:
          continue;
        case Status::kExcluded:
          result.excluded = true;
          continue;
        case Status::kUnknown:
          result.unknown = true;
          break;
        case Status::kPresent:
          result.present = true;
          result.assumed =
              result.assumed || work_.side(n, i).doubted || (known != nullptr && known->assumed);
          if (opposes_delete(n, i)) {
            result.supporters.push_back(i);
            result.moved = result.moved || moved_on(work_, n, i);
          }
          break;
        case Status::kAbsent:
          if (known != nullptr) {
            result.deleters.push_back(i);
            if (const NodeIndex above = work_.find(known->value.parent);
                above != kNone && work_.present(above, i)) {
              result.deleted_itself = true;
            }
            result.assumed = result.assumed || known->assumed;
            result.fresh_deleter =
                result.fresh_deleter || (work_.nodes[n].agreed() && saw_agreed(n, i));
          }
          break;
      }
      result.taking_part = true;
    }
    return result;
  }

  /// After a rebase a node may be left that nobody shows and nobody remembers.
  bool known_to_anyone(NodeIndex n) const {
    return std::ranges::any_of(work_.nodes[n].record->sides, [](const tree::ReplicaSide& side) {
      return side.acknowledged.has_value() || side.waived.has_value();
    });
  }

  /// Nobody shows it, and nobody who can't be asked now remembers it: its bytes are nowhere, so
  /// even a stale delete holds.
  bool gone_everywhere(NodeIndex n) const {
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      const Status status = work_.side(n, i).status;
      const bool asked = status == Status::kPresent || status == Status::kAbsent;
      if (status == Status::kPresent || (!asked && work_.acknowledged(n, i) != nullptr) ||
          work_.nodes[n].record->sides[i].waived.has_value()) {
        return false;
      }
    }
    return true;
  }

  void decide_node(NodeIndex n) {
    Node& node = work_.nodes[n];
    if (node.id == kRootNode) {
      return;
    }
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      if (work_.side(n, i).status == Status::kExcluded) {
        work_.side(n, i).target = Target::kForget;
      } else if (work_.side(n, i).status == Status::kUnknown) {
        work_.side(n, i).target = Target::kIgnore;
      }
    }
    if (work_.frozen.contains(node.id)) {
      freeze(work_, n);
      return;
    }
    const Presence who = presence(n);
    if (node.agreed() && !who.present && (!known_to_anyone(n) || gone_everywhere(n))) {
      node.next = std::nullopt;
      node.known_delete = true;
      return;
    }
    if (!who.taking_part) {
      node.forget = who.excluded;
      node.next = node.agreed() && !node.forget ? node.record->agreed : std::nullopt;
      return;
    }
    if (node.agreed()) {
      decide_agreed(n, who);
    } else if (node.record == nullptr) {
      merge_axes(n);
    } else if (!who.supporters.empty()) {
      node.remembered = remembered_value(work_, n, who.supporters);
      node.next = *node.remembered;
      merge_axes(n);
    } else {
      node.next = std::nullopt;
      node.known_delete = true;
    }
  }

  void decide_agreed(NodeIndex n, const Presence& who) {
    Node& node = work_.nodes[n];
    const NodeIndex parent = work_.find(node.record->agreed->parent);
    const bool inherits = parent != kNone && kept_by_rename_[parent];
    const bool wanted_gone = !who.deleters.empty() && who.supporters.empty() && who.fresh_deleter;
    if (wanted_gone && who.unknown) {
      work_.report(std::nullopt, work_.known_path(n), "waiting",
                   "deleted on one replica, but another could not be read; the delete waits");
      freeze(work_, n);
      return;
    }
    if (wanted_gone && who.assumed && who.present &&
        node.record->agreed->kind == tree::Kind::kFile) {
      work_.report(std::nullopt, work_.known_path(n), "assumed_equal",
                   "not deleted elsewhere: the other copy was never compared byte by byte "
                   "(--compare without hash), so it is brought back");
    } else if (wanted_gone && (!inherits || who.deleted_itself || !who.present)) {
      node.next = std::nullopt;
      node.known_delete = true;
      return;
    }
    kept_by_rename_[n] = !who.deleters.empty() &&
                         node.record->agreed->kind == tree::Kind::kDirectory &&
                         (who.moved || inherits);
    merge_axes(n);
    if (!work_.nodes[n].frozen && !who.deleters.empty() && !who.supporters.empty() &&
        node.record->agreed->kind != tree::Kind::kDirectory) {
      work_.conflicts.push_back({.node = node.id,
                                 .copy = kNoNode,
                                 .path = {},
                                 .copy_path = {},
                                 .kind = "delete",
                                 .winner = label_of(work_, who.supporters),
                                 .loser = label_of(work_, who.deleters)});
    }
  }

  /// The only replica that shows it; none when several do or when it is known to the records.
  std::optional<ReplicaIndex> only_source(NodeIndex n) const {
    std::optional<ReplicaIndex> only;
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      if (work_.present(n, i)) {
        if (only.has_value()) {
          return std::nullopt;
        }
        only = i;
      }
    }
    return work_.nodes[n].record == nullptr ? only : std::nullopt;
  }

  /// There is nothing to merge with.
  void take_over(NodeIndex n, ReplicaIndex i) {
    tree::NodeValue& next = *work_.nodes[n].next;
    next.parent = work_.nodes[work_.side(n, i).parent].id;
    if (next.kind != tree::Kind::kDirectory) {
      next.content = work_.seen_content(n, i);
    }
    next.attributes = work_.seen_attributes(n, i);
  }

  void merge_axes(NodeIndex n) {
    if (const std::optional<ReplicaIndex> only = only_source(n)) {
      take_over(n, *only);
      return;
    }
    if (!merge_content(work_, n)) {
      work_.report(std::nullopt, work_.known_path(n), "waiting",
                   "the agreed version is only on a replica that is away; this waits for it");
      freeze(work_, n);
      return;
    }
    merge_place(n);
    merge_attributes(n);
  }

  void merge_place(NodeIndex n) {
    Node& node = work_.nodes[n];
    std::vector<AxisChange<Place>> changes;
    const bool known_place = node.agreed();
    const auto is_agreed_place = [&](const tree::NodeValue& value) {
      return known_place && value.parent == node.record->agreed->parent &&
             value.name == node.record->agreed->name;
    };
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      const tree::Acknowledged* known = work_.acknowledged(n, i);
      if (!work_.present(n, i) || (known == nullptr && known_place)) {
        continue;
      }
      if (known == nullptr || moved_on(work_, n, i)) {
        const bool fresh = known != nullptr && is_agreed_place(known->value);
        changes.push_back({.value = seen_place(n, i), .replica = i, .fresh = fresh});
      }
    }
    if (changes.empty()) {
      return;
    }
    std::optional<Place> agreed;
    if (known_place) {
      agreed = Place{node.record->agreed->parent, node.record->agreed->name};
    }
    const auto merged = merge_axis(work_.policy(), changes, agreed);
    if (!merged.has_value()) {
      return;
    }
    node.next->parent = merged->value.parent;
    node.next->name = merged->value.name;
    if (merged->conflict) {
      Conflict conflict{.node = node.id,
                        .copy = kNoNode,
                        .path = {},
                        .copy_path = {},
                        .kind = "place",
                        .winner = {},
                        .loser = {}};
      for (const auto& change : changes) {
        std::string& side = change.value == merged->value ? conflict.winner : conflict.loser;
        if (side.empty()) {
          side = work_.traits(change.replica).label;
        }
      }
      work_.conflicts.push_back(std::move(conflict));
    }
  }

  void merge_attributes(NodeIndex n) {
    using Value = std::pair<std::uint32_t, std::uint64_t>;
    Node& node = work_.nodes[n];
    std::vector<AxisChange<Value>> changes;
    std::optional<Value> agreed;
    if (node.agreed()) {
      const tree::Attributes& value = node.record->agreed->attributes;
      agreed = Value{value.mode, value.xattrs};
    }
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      if (!work_.present(n, i)) {
        continue;
      }
      const tree::Acknowledged* known = work_.acknowledged(n, i);
      const tree::Attributes seen = work_.seen_attributes(n, i);
      const bool unspecified = seen.mode == tree::kModeUnknown && seen.xattrs == 0;
      if ((known != nullptr && seen == known->value.attributes) ||
          (known == nullptr && unspecified)) {
        continue;
      }
      const bool fresh = known != nullptr && node.agreed() &&
                         known->value.attributes == node.record->agreed->attributes;
      changes.push_back({.value = Value{seen.mode, seen.xattrs}, .replica = i, .fresh = fresh});
    }
    if (const auto merged = merge_axis(work_.policy(), changes, agreed)) {
      node.next->attributes = {.mode = merged->value.first, .xattrs = merged->value.second};
    }
  }

  Work& work_;
  std::vector<bool> kept_by_rename_;
};

}  // namespace

void decide_two_way(Work& work) {
  TwoWay(work).run();
}

void decide(Work& work) {
  if (work.directional()) {
    decide_directional(work);
  } else {
    decide_two_way(work);
  }
}

}  // namespace ox::plan
