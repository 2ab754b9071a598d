#include <algorithm>
#include <span>
#include <string_view>
#include <unordered_map>

#include "base/expects.h"
#include "plan/axes.h"

/// What each replica can hold of C′: names it refuses or folds, kinds it lacks, places that
/// something else occupies. What it cannot hold is left out there and reported, renamed nowhere and
/// deleted nowhere.
namespace ox::plan {

namespace {

/// A filter keeps this replica from having it where it is to stand.
bool is_excluded(const Work& work, NodeIndex n, ReplicaIndex replica) {
  return work.input().excluded &&
         work.input().excluded(replica, work.next_path(n),
                               work.nodes[n].next->kind == tree::Kind::kDirectory);
}

class ReplicaTarget {
 public:
  ReplicaTarget(Work& work, ReplicaIndex replica) : work_(work), replica_(replica) {}

  void run() {
    collect();
    for (const NodeIndex directory : by_depth_) {
      settle_directory(directory);
    }
    if (is_mirror(work_, replica_) && work_.online(work_.source())) {
      give_up_all();
    }
    keep_local_directories();
  }

 private:
  const Traits& can() const { return work_.traits(replica_); }
  Side& side(NodeIndex n) { return work_.side(n, replica_); }
  bool present(NodeIndex n) const { return work_.present(n, replica_); }

  void collect() {
    const auto takes_part = [this](NodeIndex n) {
      const Node& node = work_.nodes[n];
      return node.next.has_value() && (!node.only.has_value() || *node.only == replica_);
    };
    // As they are now; nodes that are added meanwhile are this replica's alone.
    children_ = Children(work_.nodes.size(), [&](NodeIndex n) {
      return takes_part(n) && work_.nodes[n].id != kRootNode ? work_.next_parent(n) : kNone;
    });
    std::vector<std::vector<NodeIndex>> levels;
    std::vector<std::uint32_t> depths(work_.nodes.size(), kNone);
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      if (takes_part(n) && work_.nodes[n].next->kind == tree::Kind::kDirectory) {
        const std::uint32_t level = depth(n, depths);
        levels.resize(std::max<std::size_t>(levels.size(), level + 1));
        levels[level].push_back(n);
      }
    }
    for (const std::vector<NodeIndex>& directories : levels) {
      by_depth_.insert(by_depth_.end(), directories.begin(), directories.end());
    }
  }

  /// Steps up to the root; `depths` remembers those of the directories.
  std::uint32_t depth(NodeIndex n, std::vector<std::uint32_t>& depths) const {
    std::vector<NodeIndex> chain;
    NodeIndex at = n;
    for (; work_.nodes[at].id != kRootNode && depths[at] == kNone; at = work_.next_parent(at)) {
      chain.push_back(at);
    }
    std::uint32_t steps = work_.nodes[at].id == kRootNode ? 0 : depths[at];
    for (; !chain.empty(); chain.pop_back()) {
      depths[chain.back()] = ++steps;
    }
    return steps;
  }

  /// Will this directory stand here once the plan is done?
  bool stands(NodeIndex directory) {
    if (work_.nodes[directory].id == kRootNode) {
      return true;
    }
    const Side& here = side(directory);
    return here.target == Target::kFollow || present(directory);
  }

  void settle_directory(NodeIndex directory) {
    std::unordered_map<std::string, NodeIndex> taken;
    const bool folds = can().names.case_rule != tree::CaseRule::kSensitive ||
                       can().names.normalization != tree::NormalizationRule::kBytes;
    for (const NodeIndex n : in_order_of_claims(directory)) {
      if (side(n).status == Status::kOffline || side(n).target == Target::kForget) {
        continue;
      }
      if (side(n).target == Target::kIgnore || work_.nodes[n].frozen) {
        continue;
      }
      if (side(n).target == Target::kLeave && !present(n)) {
        continue;
      }
      if (!may_stand(n, directory)) {
        continue;
      }
      if (folds) {
        const auto [standing, first] =
            taken.emplace(can().names.collision_key(work_.nodes[n].next->name), n);
        if (!first) {
          leave_out(n, "name_collision",
                    "not kept on " + can().label + ": it cannot tell this name from '" +
                        work_.nodes[standing->second].next->name + "'; rename one of them");
        }
      }
    }
  }

  /// What stands here already goes before what would come, else the smaller name.
  std::vector<NodeIndex> in_order_of_claims(NodeIndex directory) const {
    struct Claim {
      bool comes;
      std::string_view name;
      NodeIndex node;
    };
    std::vector<Claim> claims;
    for (const NodeIndex n : children_[directory]) {
      claims.push_back({.comes = !at_home(n), .name = work_.nodes[n].next->name, .node = n});
    }
    std::ranges::sort(claims, {},
                      [](const Claim& claim) { return std::pair(claim.comes, claim.name); });
    std::vector<NodeIndex> nodes;
    nodes.reserve(claims.size());
    for (const Claim& claim : claims) {
      nodes.push_back(claim.node);
    }
    return nodes;
  }

  /// Already stands here under its final name.
  bool at_home(NodeIndex n) const {
    return present(n) && work_.side(n, replica_).parent == work_.next_parent(n) &&
           work_.seen_name(n, replica_) == work_.nodes[n].next->name;
  }

  /// A directory of this replica becomes one that has not been listed on another.
  bool joins_unseen(NodeIndex n) const {
    if (work_.nodes[n].next->kind != tree::Kind::kDirectory ||
        work_.acknowledged(n, replica_) != nullptr) {
      return false;
    }
    for (ReplicaIndex j = 0; j < work_.replica_count(); ++j) {
      if (work_.present(n, j) &&
          work_.input().replicas[j].entries[work_.side(n, j).entry].coverage ==
              Coverage::kUnchanged) {
        return true;
      }
    }
    return false;
  }

  bool may_stand(NodeIndex n, NodeIndex directory) {
    if (is_excluded(work_, n, replica_)) {
      // It lags behind in sight, and is nobody's from now on: the next plan takes it for new.
      work_.look_again = work_.look_again || present(n);
      side(n).target = Target::kForget;
      return false;
    }
    if (!stands(directory)) {
      const bool declined = side(directory).target == Target::kLeave && !present(n);
      if (!declined || !bring_back(directory)) {
        side(n).target = present(n) ? Target::kLeave : Target::kForget;
        return false;
      }
    }
    if (at_home(n)) {
      // What others hold in it, as they did before, is known to the plan after that one.
      work_.look_again = work_.look_again || joins_unseen(n);
      return true;
    }
    const tree::NodeValue& value = *work_.nodes[n].next;
    if (value.kind == tree::Kind::kSymlink && !can().symlinks) {
      leave_out(n, "symlinks_unsupported", "not kept on " + can().label + ": it has no symlinks");
      return false;
    }
    if (const auto refusal = can().names.refusal(value.name)) {
      leave_out(n, "name_refused", "not kept on " + can().label + ": " + *refusal);
      return false;
    }
    return place_is_free(n, directory);
  }

  /// A directory that the destination had deleted comes back for a new child.
  bool bring_back(NodeIndex directory) {
    if (work_.nodes[directory].id == kRootNode || present(directory) ||
        side(directory).target == Target::kFollow) {
      return true;
    }
    const NodeIndex above = work_.next_parent(directory);
    if (side(directory).target != Target::kLeave || !bring_back(above) ||
        !place_is_free(directory, above)) {
      return false;
    }
    side(directory).target = Target::kFollow;
    side(directory).waive = false;
    return true;
  }

  bool place_is_free(NodeIndex n, NodeIndex directory) {
    if (!present(directory)) {
      return true;
    }
    const EntryIndex e = side(directory).entry;
    if (work_.input().replicas[replica_].hidden.empty() && foreign_children(e).empty()) {
      return true;
    }
    const std::string key = can().names.collision_key(work_.nodes[n].next->name);
    if (hidden_keys(e).contains(key)) {
      leave_out(n, "in_the_way",
                "not kept on " + can().label + ": something that is not synced stands there");
      return false;
    }
    for (const EntryIndex child : foreign_children(e)) {
      const tree::Entry& entry = work_.entry_at(replica_, child);
      if (can().names.collision_key(entry.name) != key) {
        continue;
      }
      if (is_mirror(work_, replica_) && nothing_to_keep(child)) {
        give_up(child, directory);
        return true;
      }
      if (work_.input().unseen_newcomers && holds_unseen(child)) {
        side(n).target = Target::kIgnore;
        return false;
      }
      if (entry.kind == tree::Kind::kDirectory || !work_.directional()) {
        leave_out(n, "in_the_way",
                  "not kept on " + can().label + ": a local directory of that name stands there");
        return false;
      }
      move_foreign_aside(child, directory);
      return true;
    }
    return true;
  }

  /// Not ours, or no longer.
  bool is_foreign(EntryIndex e) const {
    const NodeIndex n = work_.node_of_entry[replica_][e];
    return n == kNone ||
           (!work_.nodes[n].next.has_value() && work_.side(n, replica_).target == Target::kForget);
  }

  /// Another plan will say who gets the place.
  bool holds_unseen(EntryIndex e) const {
    return work_.input().replicas[replica_].entries[e].coverage == Coverage::kUnknown ||
           std::ranges::any_of(work_.children_of_entry[replica_][e],
                               [this](EntryIndex child) { return holds_unseen(child); });
  }

  bool nothing_to_keep(EntryIndex e) {
    const Observed& seen = work_.input().replicas[replica_].entries[e];
    return is_foreign(e) && !is_held(e) && seen.coverage == Coverage::kListed &&
           hidden_keys(e).empty() &&
           std::ranges::all_of(work_.children_of_entry[replica_][e],
                               [this](EntryIndex child) { return nothing_to_keep(child); });
  }

  /// By the budget.
  bool is_held(EntryIndex e) const {
    return !work_.frozen_own.empty() &&
           work_.frozen_own.contains({replica_, work_.entry_path(replica_, e)});
  }

  /// Mode one-way with --mirror: what stands in the way goes, with all that is in it.
  void give_up(EntryIndex e, NodeIndex directory) {
    const NodeIndex n = adopt_foreign(e, directory);
    for (const EntryIndex child : work_.children_of_entry[replica_][e]) {
      give_up(child, n);
    }
  }

  NodeIndex adopt_foreign(EntryIndex e, NodeIndex directory) {
    if (const NodeIndex old = work_.node_of_entry[replica_][e]; old != kNone) {
      side(old) = Side{.status = Status::kAbsent, .target = Target::kForget, .moved_out = true};
    }
    Node node{.id = work_.new_id()};
    node.only = replica_;
    const NodeIndex n = work_.add_node(std::move(node));
    Side& here = side(n);
    here.status = Status::kPresent;
    here.change = ContentChange::kChanged;
    here.entry = e;
    here.parent = directory;
    work_.node_of_entry[replica_][e] = n;
    return n;
  }

  const std::set<std::string>& hidden_keys(EntryIndex directory) {
    if (!hidden_indexed_) {
      hidden_indexed_ = true;
      for (const Hidden& hidden : work_.input().replicas[replica_].hidden) {
        hidden_keys_[hidden.parent].insert(can().names.collision_key(hidden.name));
      }
    }
    return hidden_keys_[directory];
  }

  const std::vector<EntryIndex>& foreign_children(EntryIndex directory) {
    const auto [found, fresh] = foreign_.try_emplace(directory);
    if (fresh) {
      for (const EntryIndex child : work_.children_of_entry[replica_][directory]) {
        if (is_foreign(child)) {
          found->second.push_back(child);
        }
      }
    }
    return found->second;
  }

  /// A destination's own file where the source has something of another kind: it keeps its bytes
  /// under a conflict name, on this destination alone.
  void move_foreign_aside(EntryIndex e, NodeIndex directory) {
    const tree::Entry& entry = work_.entry_at(replica_, e);
    const NodeIndex n = adopt_foreign(e, directory);
    work_.nodes[n].next = tree::NodeValue{.parent = work_.nodes[directory].id,
                                          .name = entry.name,
                                          .kind = entry.kind,
                                          .content = entry.content,
                                          .attributes = entry.attributes};
    if (entry.kind == tree::Kind::kFile && !entry.content.digest.has_value()) {
      work_.need_digest(replica_, e);
      return;
    }
    work_.nodes[n].next->name = free_conflict_name(n, directory, entry.content);
    foreign_.erase(side(directory).entry);
    work_.conflicts.push_back({.node = work_.nodes[directory].id,
                               .copy = work_.nodes[n].id,
                               .path = work_.entry_path(replica_, e),
                               .copy_path = work_.next_path(n),
                               .kind = "kind",
                               .winner = work_.traits(work_.source()).label,
                               .loser = can().label});
  }

  std::string free_conflict_name(NodeIndex n, NodeIndex directory, const tree::Content& content) {
    const Claim claim{.holders = {replica_}, .label = can().label};
    std::string name = conflict_name_for(work_, n, content, claim, false);
    for (int attempt = 0; attempt < 8 && is_taken(directory, name); ++attempt) {
      name = conflict_name_for(work_, n, content, claim, true);
      work_.nodes[n].next->name = name;
    }
    return name;
  }

  /// Something of this name stands in the directory or is to stand there.
  bool is_taken(NodeIndex directory, const std::string& name) {
    const std::string key = can().names.collision_key(name);
    const EntryIndex e = side(directory).entry;
    return hidden_keys(e).contains(key) ||
           std::ranges::any_of(work_.children_of_entry[replica_][e],
                               [&](EntryIndex child) {
                                 const std::string& other = work_.entry_at(replica_, child).name;
                                 return can().names.collision_key(other) == key;
                               }) ||
           std::ranges::any_of(children_[directory], [&](NodeIndex child) {
             return can().names.collision_key(work_.nodes[child].next->name) == key;
           });
  }

  /// What stands here already is acknowledged as it is: whatever its user changed has been merged,
  /// and is not to be merged again.
  void leave_out(NodeIndex n, std::string_view code, std::string message) {
    side(n).target = present(n) ? Target::kLeave : Target::kForget;
    work_.report(replica_, work_.next_path(n), code, std::move(message));
  }

  // Directories that must stay ------------------------------------------------------------------

  void keep_local_directories() {
    do {
      keep_directories_of_what_stays();
    } while (keep_directories_of_what_was_there());
  }

  /// A directory that is deleted elsewhere but still holds something of this replica's own stays
  /// here, and is no longer ours.
  void keep_directories_of_what_stays() {
    const auto count = static_cast<EntryIndex>(work_.node_of_entry[replica_].size());
    std::vector<bool> holds_own(count, false);   // what is none of ours
    std::vector<bool> holds_ours(count, false);  // what is ours and can't follow
    for (const Hidden& hidden : work_.input().replicas[replica_].hidden) {
      holds_own[hidden.parent] = true;
    }
    for (EntryIndex e = count; e-- > 1;) {
      const NodeIndex n = work_.node_of_entry[replica_][e];
      const EntryIndex parent = work_.input().replicas[replica_].entries[e].parent;
      if (n == kNone) {
        holds_own[parent] = true;
        continue;
      }
      Target& target = side(n).target;
      if (goes(n)) {
        // Records name the directories they are in: one that holds ours is not forgotten.
        target = holds_ours[e] ? Target::kIgnore : (holds_own[e] ? Target::kForget : target);
      }
      if (target == Target::kForget) {
        holds_own[parent] = true;
      } else if (target != Target::kFollow) {
        holds_ours[parent] = true;
      }
    }
  }

  bool goes(NodeIndex n) const {
    return work_.side(n, replica_).target == Target::kFollow && !work_.nodes[n].next.has_value();
  }

  /// What its user moved and what has to wait is still known where it was: that directory waits,
  /// too. True when there was one.
  bool keep_directories_of_what_was_there() {
    bool any = false;
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      const tree::Acknowledged* known = work_.acknowledged(n, replica_);
      if (known == nullptr || !present(n) || side(n).target != Target::kIgnore) {
        continue;
      }
      const NodeIndex directory = work_.find(known->value.parent);
      if (directory != kNone && present(directory) && goes(directory)) {
        side(directory).target = Target::kIgnore;
        any = true;
      }
    }
    return any;
  }

  /// Mode one-way with --mirror: all that only this destination has is to go, but for what the
  /// source could not be asked about.
  void give_up_all() {
    const auto count = static_cast<EntryIndex>(work_.node_of_entry[replica_].size());
    for (EntryIndex e = 1; e < count; ++e) {
      const Observed& seen = work_.input().replicas[replica_].entries[e];
      const NodeIndex above = work_.node_of_entry[replica_][seen.parent];
      if (work_.node_of_entry[replica_][e] == kNone && above != kNone && !is_held(e) &&
          seen.coverage != Coverage::kUnknown &&
          !out_of_sight_at_source(work_, replica_, above, seen.entry.name)) {
        adopt_foreign(e, above);
      }
    }
  }

  Work& work_;
  ReplicaIndex replica_;
  Children children_;
  std::vector<NodeIndex> by_depth_;
  bool hidden_indexed_ = false;
  std::unordered_map<EntryIndex, std::set<std::string>> hidden_keys_;
  std::unordered_map<EntryIndex, std::vector<EntryIndex>> foreign_;
};

/// What somebody moved out of an excluded place is new where it is to stand now.
void leave_excluded_places(Work& work) {
  for (NodeIndex n = 0; n < work.nodes.size(); ++n) {
    const Node& node = work.nodes[n];
    for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
      const bool concerns_it = !node.only.has_value() || *node.only == i;
      if (node.next.has_value() && !node.frozen && concerns_it && work.online(i) &&
          work.side(n, i).status == Status::kExcluded && !is_excluded(work, n, i)) {
        work.side(n, i).target = Target::kFollow;
      }
    }
  }
}

/// Bytes that nobody who is online holds cannot be delivered in this run.
void wait_for_bytes(Work& work) {
  for (NodeIndex n = 0; n < work.nodes.size(); ++n) {
    const Node& node = work.nodes[n];
    if (!node.next.has_value() || node.next->kind != tree::Kind::kFile || node.merged ||
        node.bytes_from != kNone) {
      continue;
    }
    bool supplied = false;
    for (ReplicaIndex i = 0; i < work.replica_count() && !supplied; ++i) {
      supplied = holds_next_bytes(work, n, i);
    }
    if (supplied) {
      continue;
    }
    bool reported = false;
    for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
      Side& side = work.side(n, i);
      if (side.status == Status::kOffline || side.target != Target::kFollow) {
        continue;
      }
      side.target = Target::kIgnore;
      if (!reported && !node.frozen) {
        work.report(i, work.next_path(n), "waiting",
                    "the newest version is only on a replica that is away; this waits for it");
        reported = true;
      }
    }
  }
}

}  // namespace

void target(Work& work) {
  leave_excluded_places(work);
  wait_for_bytes(work);
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    if (work.online(i)) {
      ReplicaTarget(work, i).run();
    }
  }
}

}  // namespace ox::plan
