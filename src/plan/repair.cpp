#include <algorithm>
#include <unordered_map>

#include "base/expects.h"
#include "crypto/digest.h"
#include "plan/axes.h"

/// Makes C′ a tree again: conflict copies get their nodes, survivors their directories, moves that
/// would make a cycle are dropped, and no two nodes share a name.
namespace ox::plan {

std::string conflict_name_for(const Work& work, NodeIndex n, const tree::Content& content,
                              const Claim& claim, bool with_digest) {
  const Node& node = work.nodes[n];
  std::size_t longest = SIZE_MAX;
  bool has_mtime = true;
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    longest = std::min(longest, work.traits(i).names.max_name_bytes);
  }
  for (const ReplicaIndex i : claim.holders) {
    has_mtime = has_mtime && work.traits(i).has_mtime;
  }
  Digest digest{};
  std::optional<Timestamp> mtime;
  if (node.next->kind == tree::Kind::kDirectory) {
    digest = crypto::sha256(as_bytes_view(std::to_string(node.id.value)));
  } else {
    if (node.next->kind == tree::Kind::kSymlink || content.digest.has_value()) {
      digest = digest_of(content, node.next->kind);
    }
    if (has_mtime) {
      mtime = content.mtime;
    }
  }
  return tree::conflict_name(node.next->name, claim.label, mtime, digest, with_digest, longest);
}

namespace {

class Repair {
 public:
  explicit Repair(Work& work) : work_(work) {}

  void run() {
    restore_spine();
    drop_cycles();
    resolve_collisions();
    add_losers();
    restore_spine();
    finish_conflicts();
  }

 private:
  struct Standing {
    NodeIndex node;
    std::string name;
  };

  /// Names are kept by the table, for nodes are renamed while it is used.
  PlaceTable next_places() const {
    PlaceTable places;
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      if (in_tree(n)) {
        places.add(work_.next_parent(n), places.keep(work_.nodes[n].next->name), n);
      }
    }
    return places;
  }

  bool in_tree(NodeIndex n) const {
    const Node& node = work_.nodes[n];
    return node.next.has_value() && !node.only.has_value() && node.id != kRootNode;
  }

  // Spine ---------------------------------------------------------------------------------------

  void restore_spine() {
    for (const bool waiting : {false, true}) {
      for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
        if (work_.nodes[n].next.has_value() && work_.nodes[n].frozen == waiting) {
          restore_above(n);
        }
      }
    }
  }

  void restore_above(NodeIndex n) {
    for (NodeIndex at = n; work_.nodes[at].id != kRootNode;) {
      const NodeIndex parent = work_.next_parent(at);
      expects(parent != kNone);
      if (work_.nodes[parent].next.has_value()) {
        at = parent;
        if (work_.nodes[parent].record == nullptr || work_.nodes[parent].agreed()) {
          break;
        }
        continue;
      }
      if (work_.nodes[at].frozen && work_.nodes[parent].agreed()) {
        freeze(work_, parent);  // its delete waits with that of what is in it
      } else {
        revive(parent);
      }
      at = parent;
    }
  }

  void revive(NodeIndex n) {
    Node& node = work_.nodes[n];
    node.known_delete = false;
    if (node.agreed()) {
      node.next = node.record->agreed;
      return;
    }
    std::vector<ReplicaIndex> all;
    std::vector<ReplicaIndex> holders;
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      all.push_back(i);
      if (work_.present(n, i)) {
        holders.push_back(i);
      }
    }
    // Where it still stands it may be known better than where it is gone.
    const tree::NodeValue* known = remembered_value(work_, n, holders);
    if (known == nullptr) {
      known = remembered_value(work_, n, all);
    }
    if (known != nullptr) {
      node.next = *known;
      return;
    }
    for (const ReplicaIndex i : holders) {
      const tree::Entry& entry = work_.entry(n, i);
      tree::NodeValue shown{.parent = work_.nodes[work_.side(n, i).parent].id,
                            .name = entry.name,
                            .kind = entry.kind,
                            .attributes = entry.attributes};
      if (!node.next.has_value() ||
          std::tie(shown.parent, shown.name, shown.attributes.mode) <
              std::tie(node.next->parent, node.next->name, node.next->attributes.mode)) {
        node.next = std::move(shown);
      }
    }
    expects(node.next.has_value());
  }

  // Cycles --------------------------------------------------------------------------------------

  /// Of each cycle the move of the youngest directory is undone, until none is left.
  void drop_cycles() {
    for (std::vector<NodeIndex> cycle = find_cycle(); !cycle.empty(); cycle = find_cycle()) {
      NodeIndex last = kNone;
      for (const NodeIndex n : cycle) {
        const Node& node = work_.nodes[n];
        const bool moved = node.agreed() && node.record->agreed->parent != node.next->parent;
        if (moved && (last == kNone || work_.nodes[last].id < node.id)) {
          last = n;
        }
      }
      expects(last != kNone);
      put_back(last);
    }
  }

  /// The directories of one cycle of C′; empty when there is none.
  std::vector<NodeIndex> find_cycle() const {
    std::vector<NodeIndex> seen_from(work_.nodes.size(), kNone);
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      NodeIndex at = n;
      while (at != kNone && in_tree(at) && seen_from[at] == kNone) {
        seen_from[at] = n;
        at = work_.next_parent(at);
      }
      if (at == kNone || !in_tree(at) || seen_from[at] != n) {
        continue;
      }
      std::vector<NodeIndex> cycle{at};
      for (NodeIndex next = work_.next_parent(at); next != at; next = work_.next_parent(next)) {
        cycle.push_back(next);
      }
      return cycle;
    }
    return {};
  }

  void put_back(NodeIndex n) {
    Node& node = work_.nodes[n];
    node.next->parent = node.record->agreed->parent;
    node.next->name = node.record->agreed->name;
    restore_spine();
    work_.conflicts.push_back({.node = node.id,
                               .copy = kNoNode,
                               .path = {},
                               .copy_path = {},
                               .kind = "place",
                               .winner = {},
                               .loser = {}});
  }

  // Collisions ----------------------------------------------------------------------------------

  void resolve_collisions() {
    for (std::size_t rounds = 0; any_collide(); ++rounds) {
      expects(rounds <= work_.nodes.size() + 2);
      PlaceTable places;
      for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
        if (!in_tree(n)) {
          continue;
        }
        // As it was when it was looked at: the name may change later in this round.
        const std::string_view name = places.keep(work_.nodes[n].next->name);
        if (const NodeIndex standing = places.add(work_.next_parent(n), name, n); standing != n) {
          resolve(standing, n);
        }
      }
      restore_spine();
    }
  }

  bool any_collide() const {
    PlaceTable places;
    places.reserve(work_.nodes.size());
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      if (in_tree(n) && places.add(work_.next_parent(n), work_.nodes[n].next->name, n) != n) {
        return true;
      }
    }
    return false;
  }

  bool is_new(NodeIndex n) const { return work_.nodes[n].record == nullptr; }
  tree::Kind kind_of(NodeIndex n) const { return work_.nodes[n].next->kind; }

  void resolve(NodeIndex a, NodeIndex b) {
    const bool a_frozen = work_.nodes[a].frozen;
    if (a_frozen || work_.nodes[b].frozen) {
      defer(a_frozen ? b : a);
      return;
    }
    const bool a_directory = kind_of(a) == tree::Kind::kDirectory;
    const bool b_directory = kind_of(b) == tree::Kind::kDirectory;
    if (a_directory && b_directory) {
      resolve_directories(a, b);
    } else if (a_directory || b_directory) {
      rename_aside(a_directory ? b : a, a_directory ? a : b, "kind");
    } else if (kind_of(a) != kind_of(b)) {
      const bool a_file = kind_of(a) == tree::Kind::kFile;
      rename_aside(a_file ? b : a, a_file ? a : b, "kind");
    } else {
      resolve_files(a, b);
    }
  }

  /// What can't have its name while something held stands there waits, with all that is in it.
  void defer(NodeIndex n) {
    // All of them are found before the first is frozen: that may take it out of the tree, and then
    // what is deeper would not be found below it any more and would bring the directories back.
    std::vector<NodeIndex> waiting{n};
    for (NodeIndex inside = 0; inside < work_.nodes.size(); ++inside) {
      if (inside != n && in_tree(inside) && is_below(inside, n)) {
        waiting.push_back(inside);
      }
    }
    for (const NodeIndex node : waiting) {
      freeze(work_, node);
    }
  }

  bool is_below(NodeIndex inside, NodeIndex n) const {
    NodeIndex at = inside;
    while (at != kNone && at != n && work_.nodes[at].next && work_.nodes[at].id != kRootNode) {
      at = work_.next_parent(at);
    }
    return at == n;
  }

  void resolve_directories(NodeIndex a, NodeIndex b) {
    if (is_new(a) || is_new(b)) {
      const NodeIndex loser = is_new(b) ? b : a;
      const NodeIndex keeper = loser == b ? a : b;
      for (Node& node : work_.nodes) {
        if (node.next.has_value() && node.next->parent == work_.nodes[loser].id) {
          node.next->parent = work_.nodes[keeper].id;
        }
      }
      absorb(keeper, loser);
      return;
    }
    const Node& first = work_.nodes[a];
    const Node& second = work_.nodes[b];
    const bool keep_a = first.stays() != second.stays() ? first.stays() : first.id < second.id;
    rename_aside(keep_a ? b : a, keep_a ? a : b, "place");
  }

  /// `loser` is the same thing as `keeper`: where only the loser stands, the keeper stands.
  void absorb(NodeIndex keeper, NodeIndex loser) {
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      if (!work_.present(loser, i) || work_.present(keeper, i) ||
          work_.side(keeper, i).target != Target::kFollow) {
        continue;
      }
      move_side(loser, keeper, i);
    }
    work_.nodes[loser].next = std::nullopt;
    work_.nodes[loser].known_delete = true;
    absorbed_by_.emplace(loser, keeper);
  }

  /// The node that stands for `n` now: what lost against `n` lost against that one.
  NodeIndex keeper_of(NodeIndex n) const {
    for (auto found = absorbed_by_.find(n); found != absorbed_by_.end();
         found = absorbed_by_.find(n)) {
      n = found->second;
    }
    return n;
  }

  void move_side(NodeIndex from, NodeIndex to, ReplicaIndex i) {
    work_.moved_content[{to, i}] = work_.seen_content(from, i);
    Side& old_side = work_.side(from, i);
    Side& new_side = work_.side(to, i);
    new_side.moved_in = true;
    new_side.status = Status::kPresent;
    new_side.target = Target::kFollow;
    new_side.change = ContentChange::kChanged;
    new_side.entry = old_side.entry;
    new_side.parent = old_side.parent;
    work_.node_of_entry[i][old_side.entry] = to;
    old_side = Side{.status = Status::kAbsent, .moved_out = true};
    if (work_.entry(to, i).kind != tree::Kind::kDirectory) {
      return;
    }
    for (const EntryIndex child : work_.children_of_entry[i][new_side.entry]) {
      if (const NodeIndex n = work_.node_of_entry[i][child]; n != kNone) {
        work_.side(n, i).parent = to;
      }
    }
  }

  std::vector<ReplicaIndex> holders_of(NodeIndex n) const {
    std::vector<ReplicaIndex> holders = holders_of_next_bytes(work_, n);
    if (holders.empty()) {
      for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
        if (work_.present(n, i)) {
          holders.push_back(i);
        }
      }
    }
    return holders;
  }

  /// Whose it is in its place: who moved it there; who has its bytes when nobody did.
  Claim claim_of(NodeIndex n) const {
    const bool moved = work_.nodes[n].agreed() && !work_.nodes[n].stays();
    std::vector<ReplicaIndex> placed;
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      if (moved && work_.present(n, i) && work_.side(n, i).parent == work_.next_parent(n) &&
          work_.entry(n, i).name == work_.nodes[n].next->name) {
        placed.push_back(i);
      }
    }
    std::vector<ReplicaIndex> holders = holders_of(n);
    std::string label = label_of(work_, placed.empty() ? holders : placed);
    return {.holders = std::move(holders), .label = std::move(label)};
  }

  bool stand_together(NodeIndex a, NodeIndex b) const {
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      if (work_.present(a, i) && work_.present(b, i)) {
        return true;
      }
    }
    return false;
  }

  void resolve_files(NodeIndex a, NodeIndex b) {
    const Candidate first{.content = work_.nodes[a].next->content, .holders = holders_of(a)};
    const Candidate second{.content = work_.nodes[b].next->content, .holders = holders_of(b)};
    const Equality equality =
        compare_content(first.content, second.content, work_.policy().compare, time_step(work_));
    // Where both stand, one of them goes: equality that nobody proved is no licence for that.
    const bool proven = first.content.digest.has_value() && second.content.digest.has_value();
    const bool enough = proven || kind_of(a) != tree::Kind::kFile || !stand_together(a, b);
    if (equality == Equality::kNeedBytes || (equality == Equality::kEqual && !enough)) {
      digest_or_ask(work_, a, first);
      digest_or_ask(work_, b, second);
    }
    if (equality == Equality::kEqual && enough && (is_new(a) || is_new(b))) {
      is_new(b) ? absorb(a, b) : absorb(b, a);
      return;
    }
    const std::vector<Candidate> both{first, second};
    const bool keep_first = choose_winner(work_, both) == 0;
    rename_aside(keep_first ? b : a, keep_first ? a : b, "place");
  }

  void rename_aside(NodeIndex loser, NodeIndex keeper, std::string_view kind) {
    const Claim claim = claim_of(loser);
    const std::string winner = claim_of(keeper).label;
    const tree::Content content = work_.nodes[loser].next->content;
    const bool timed = std::ranges::all_of(
        claim.holders, [&](ReplicaIndex i) { return work_.traits(i).has_mtime; });
    if (!timed) {
      digest_or_ask(work_, loser, {.content = content, .holders = claim.holders});
    }
    const PlaceTable places = next_places();
    std::string name = conflict_name_for(work_, loser, content, claim, false);
    if (places.contains(work_.next_parent(loser), name)) {
      digest_or_ask(work_, loser, {.content = content, .holders = claim.holders});
      name = conflict_name_for(work_, loser, content, claim, true);
    }
    if (places.contains(work_.next_parent(loser), name)) {
      work_.nodes[loser].next->name = name;
      name = conflict_name_for(work_, loser, content, claim, true);
    }
    work_.nodes[loser].next->name = name;
    work_.conflicts.push_back({.node = work_.nodes[keeper].id,
                               .copy = work_.nodes[loser].id,
                               .path = {},
                               .copy_path = {},
                               .kind = std::string(kind),
                               .winner = winner,
                               .loser = claim.label});
  }

  // Conflict copies -----------------------------------------------------------------------------

  void add_losers() {
    if (work_.losers.empty()) {
      return;
    }
    std::ranges::sort(work_.losers, [&](const Loser& a, const Loser& b) {
      return std::tie(a.node, a.content.digest, a.content.link_target, a.only) <
             std::tie(b.node, b.content.digest, b.content.link_target, b.only);
    });
    PlaceTable places = next_places();
    for (const Loser& loser : work_.losers) {
      const NodeIndex winner = keeper_of(loser.node);
      if (work_.nodes[winner].next.has_value() && !work_.nodes[winner].frozen) {
        add_loser(loser, winner, places);
      }
    }
  }

  void add_loser(const Loser& loser, NodeIndex winner_node, PlaceTable& places) {
    const tree::NodeValue winner = *work_.nodes[winner_node].next;
    NodeId id = derived_id(work_.nodes[winner_node].id, digest_of(loser.content, winner.kind));
    if (loser.only.has_value()) {
      id.value += *loser.only + 1;  // each destination keeps its own
    }
    while (is_another_file(work_, id, winner.kind, loser.content)) {
      id = derived_id(id, digest_of(loser.content, winner.kind));
    }
    NodeIndex copy = work_.find(id);
    const bool stands = copy != kNone && work_.nodes[copy].next.has_value();
    if (copy == kNone) {
      copy = work_.add_node(Node{.id = id});
    }
    if (!stands) {
      Node& node = work_.nodes[copy];
      node.next = winner;
      node.next->content = loser.content;
      node.next->attributes = work_.present(loser.node, loser.holders.front())
                                  ? work_.seen_attributes(loser.node, loser.holders.front())
                                  : winner.attributes;
      node.known_delete = false;
      node.only = loser.only;
      const std::string name = free_name(copy, loser, places);
      node.next->name = name;
      if (!loser.only.has_value()) {
        places.add(work_.next_parent(copy), places.keep(name), copy);
      }
    }
    for (const ReplicaIndex i : loser.holders) {
      const bool here = !loser.only.has_value() || *loser.only == i;
      const NodeIndex from = work_.present(loser.node, i) ? loser.node : winner_node;
      if (here && work_.present(from, i) && !work_.present(copy, i)) {
        move_side(from, copy, i);
      } else if (!here) {
        work_.nodes[copy].bytes_from = loser.node;
      }
    }
    work_.conflicts.push_back({.node = work_.nodes[winner_node].id,
                               .copy = id,
                               .path = {},
                               .copy_path = {},
                               .kind = "content",
                               .winner = loser.winner_label,
                               .loser = label_of(work_, loser.holders)});
  }

  std::string free_name(NodeIndex copy, const Loser& loser, const PlaceTable& places) const {
    const NodeIndex parent = work_.next_parent(copy);
    const Claim claim{.holders = loser.holders, .label = label_of(work_, loser.holders)};
    std::string name = conflict_name_for(work_, copy, loser.content, claim, false);
    if (taken(places, parent, name)) {
      name = conflict_name_for(work_, copy, loser.content, claim, true);
    }
    for (int attempt = 0; taken(places, parent, name) && attempt < 8; ++attempt) {
      work_.nodes[copy].next->name = name;
      name = conflict_name_for(work_, copy, loser.content, claim, true);
    }
    return name;
  }

  /// By another node, or by something on a replica that is not ours to move.
  bool taken(const PlaceTable& places, NodeIndex parent, const std::string& name) const {
    if (places.contains(parent, name)) {
      return true;
    }
    for (ReplicaIndex i = 0; i < work_.replica_count(); ++i) {
      if (!work_.present(parent, i)) {
        continue;
      }
      const EntryIndex directory = work_.side(parent, i).entry;
      if (work_.hidden[i].contains(directory, name)) {
        return true;
      }
      for (const EntryIndex child : work_.children_of_entry[i][directory]) {
        if (work_.node_of_entry[i][child] == kNone && work_.entry_at(i, child).name == name) {
          return true;
        }
      }
    }
    return false;
  }

  void finish_conflicts() {
    for (Conflict& conflict : work_.conflicts) {
      if (const NodeIndex n = work_.find(conflict.node); n != kNone) {
        conflict.path = work_.nodes[n].next.has_value() ? work_.next_path(n) : work_.known_path(n);
      }
      const NodeIndex copy = conflict.copy == kNoNode ? kNone : work_.find(conflict.copy);
      if (copy != kNone && work_.nodes[copy].next.has_value()) {
        conflict.copy_path = work_.next_path(copy);
      }
    }
  }

  Work& work_;
  std::unordered_map<NodeIndex, NodeIndex> absorbed_by_;
};

}  // namespace

bool holds_next_bytes(const Work& work, NodeIndex n, ReplicaIndex i) {
  const Node& node = work.nodes[n];
  if (!work.present(n, i) || !node.next.has_value()) {
    return false;
  }
  if (node.next->kind == tree::Kind::kDirectory) {
    return true;
  }
  const tree::Content seen = work.seen_content(n, i);
  const bool both_read = seen.digest.has_value() && node.next->content.digest.has_value();
  const bool any_read = seen.digest.has_value() || node.next->content.digest.has_value();
  if (both_read || (any_read && work.policy().compare.hash)) {
    return seen.digest == node.next->content.digest &&
           seen.link_target == node.next->content.link_target;
  }
  if (node.next->kind == tree::Kind::kSymlink) {
    return seen.link_target == node.next->content.link_target;
  }
  if (work.policy().compare.hash) {
    return seen.size == node.next->content.size && seen.mtime == node.next->content.mtime;
  }
  return same_bytes(seen, node.next->content, work.policy().compare, time_step(work));
}

std::vector<ReplicaIndex> holders_of_next_bytes(const Work& work, NodeIndex n) {
  std::vector<ReplicaIndex> holders;
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    if (holds_next_bytes(work, n, i)) {
      holders.push_back(i);
    }
  }
  return holders;
}

void repair(Work& work) {
  Repair(work).run();
}

}  // namespace ox::plan
