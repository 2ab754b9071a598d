#include <algorithm>
#include <map>
#include <tuple>

#include "base/expects.h"
#include "plan/work.h"

/// Which observed entry is which node. Same path and kind first, unless both objects are known to
/// have changed places; then stable ids; then the agreed path; then unique bytes; then directories
/// by their children. What remains is new.
namespace ox::plan {

namespace {

/// Below this many bytes equal content says little about identity.
constexpr std::uint64_t kMinMovedBytes = 1024;

using ObjectKey = std::pair<std::uint64_t, std::int64_t>;

ObjectKey object_of(const tree::Fingerprint& fingerprint) {
  return {fingerprint.id, fingerprint.birth_ns};
}

/// Entries matched before their directory was learn where they stand now.
void refresh_parents(Work& work, ReplicaIndex i) {
  const Replica& replica = work.input().replicas[i];
  for (EntryIndex e = 1; e < replica.entries.size(); ++e) {
    if (work.node_of_entry[i][e] != kNone) {
      work.side(work.node_of_entry[i][e], i).parent =
          work.node_of_entry[i][replica.entries[e].parent];
    }
  }
}

/// Matches the entries of one replica.
class Matcher {
 public:
  Matcher(Work& work, ReplicaIndex replica) : work_(work), replica_(replica) {
    index_known();
    index_observed();
  }

  void match() {
    if (work_.input().replicas[replica_].entries.empty()) {
      return;
    }
    const NodeIndex root = work_.find(kRootNode);
    claim(0, root);
    sweep();
    if (moves_count()) {
      match_by_bytes();
      match_directories_by_children();
      sweep();
    }
  }

 private:
  bool moves_count() const {
    return work_.policy().mode == Mode::kTwoWay || work_.policy().mode == Mode::kOneWay;
  }
  bool matched(EntryIndex e) const { return work_.node_of_entry[replica_][e] != kNone; }
  const Observed& observed(EntryIndex e) const {
    return work_.input().replicas[replica_].entries[e];
  }
  std::string spelled(std::string_view name) const {
    return work_.traits(replica_).names.collision_key(name);
  }
  /// As the agreed tree may spell what the replica shows: another normalisation, never another
  /// case.
  std::string composed(std::string_view name) const {
    tree::NameRules rules = work_.traits(replica_).names;
    rules.case_rule = tree::CaseRule::kSensitive;
    return rules.collision_key(name);
  }
  bool normalises() const {
    return work_.traits(replica_).names.normalization != tree::NormalizationRule::kBytes;
  }
  bool folds() const {
    return work_.traits(replica_).names.case_rule != tree::CaseRule::kSensitive || normalises();
  }
  /// An id tells a file only with a birth time behind it and when no other name shares it.
  bool has_identity(const tree::Fingerprint& fingerprint, tree::Kind kind) const {
    return work_.traits(replica_).stable_ids && fingerprint.id != 0 && fingerprint.birth_ns != 0 &&
           (kind == tree::Kind::kDirectory || fingerprint.link_count == 1);
  }

  void index_known() {
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      const Node& node = work_.nodes[n];
      if (node.agreed() && node.id != kRootNode) {
        const tree::NodeValue& value = *node.record->agreed;
        add_agreed_place(value, n);
      }
      const tree::Acknowledged* known = work_.acknowledged(n, replica_);
      if (known == nullptr || node.id == kRootNode) {
        continue;
      }
      add_place(places_, folded_places_, known->value, n);
      if (has_identity(known->fingerprint, known->value.kind)) {
        objects_.emplace(object_of(known->fingerprint), n);
      }
    }
  }

  void add_agreed_place(const tree::NodeValue& value, NodeIndex n) {
    const NodeIndex parent = work_.find(value.parent);
    if (parent == kNone) {
      return;
    }
    if (!normalises()) {
      agreed_places_.emplace(PlaceKey{parent, value.name}, n);
      return;
    }
    // How it was spelled is not seen here: of several it is the one that gets the place (target()).
    const auto [held, first] = agreed_places_.emplace(PlaceKey{parent, composed(value.name)}, n);
    if (!first && value.name < work_.nodes[held->second].record->agreed->name) {
      held->second = n;
    }
  }

  void add_place(PlaceMap& exact, PlaceMap& folded, const tree::NodeValue& value, NodeIndex n) {
    const NodeIndex parent = work_.find(value.parent);
    if (parent == kNone) {
      return;
    }
    exact.emplace(PlaceKey{parent, value.name}, n);
    if (folds()) {
      folded.emplace(PlaceKey{parent, spelled(value.name)}, n);
    }
  }

  void index_observed() {
    if (objects_.empty()) {
      return;
    }
    for (EntryIndex e = 1; e < work_.node_of_entry[replica_].size(); ++e) {
      const tree::Entry& entry = observed(e).entry;
      if (has_identity(entry.fingerprint, entry.kind)) {
        standing_.emplace(object_of(entry.fingerprint), e);
      }
    }
  }

  NodeIndex lookup(const PlaceMap& exact, const PlaceMap& folded, NodeIndex parent,
                   const std::string& name, const std::string& key) const {
    if (const auto found = exact.find(PlaceKey{parent, name}); found != exact.end()) {
      return found->second;
    }
    const auto found = folded.find(PlaceKey{parent, key});
    return found == folded.end() ? kNone : found->second;
  }

  bool free_node(NodeIndex n) const { return work_.side(n, replica_).status != Status::kPresent; }

  void claim(EntryIndex e, NodeIndex n) {
    Side& side = work_.side(n, replica_);
    side.status = Status::kPresent;
    side.entry = e;
    side.parent = e == 0 ? kNone : work_.node_of_entry[replica_][observed(e).parent];
    work_.node_of_entry[replica_][e] = n;
    for (const EntryIndex child : work_.children_of_entry[replica_][e]) {
      if (!matched(child)) {
        try_path(child);
      }
    }
  }

  void try_path(EntryIndex e) {
    const tree::Entry& entry = observed(e).entry;
    const NodeIndex parent = work_.node_of_entry[replica_][observed(e).parent];
    const NodeIndex n = lookup(places_, folded_places_, parent, entry.name,
                               folds() ? spelled(entry.name) : entry.name);
    if (n == kNone || !free_node(n)) {
      return;
    }
    const tree::Acknowledged& known = *work_.acknowledged(n, replica_);
    if (known.value.kind != entry.kind || changed_places(entry, known) ||
        is_agreed_successor(entry, parent, n)) {
      return;
    }
    claim(e, n);
  }

  /// What was known here is to stand here no more, and this is what is to stand here instead, put
  /// in its place and not acknowledged yet. Told by its id, or by how it is spelled.
  bool is_agreed_successor(const tree::Entry& entry, NodeIndex parent, NodeIndex known) const {
    const auto found =
        agreed_places_.find(PlaceKey{parent, normalises() ? composed(entry.name) : entry.name});
    if (found == agreed_places_.end() || found->second == known || !free_node(found->second) ||
        work_.nodes[found->second].record->agreed->kind != entry.kind) {
      return false;
    }
    const Node& before = work_.nodes[known];
    if (before.agreed() && before.record->agreed->parent == work_.nodes[parent].id &&
        spelled(before.record->agreed->name) == spelled(entry.name)) {
      return false;
    }
    const tree::Acknowledged* successor = work_.acknowledged(found->second, replica_);
    if (successor != nullptr) {
      return moves_count() && has_identity(entry.fingerprint, entry.kind) &&
             entry.fingerprint.same_object(successor->fingerprint);
    }
    return !normalises() && work_.acknowledged(known, replica_)->value.name != entry.name;
  }

  /// The object that stood here stands elsewhere, and the one that stands here was known before. A
  /// new file may be how an editor saves the old one; a new directory is another directory.
  bool changed_places(const tree::Entry& entry, const tree::Acknowledged& known) const {
    if (!moves_count() || !has_identity(entry.fingerprint, entry.kind) ||
        !has_identity(known.fingerprint, known.value.kind) ||
        entry.fingerprint.same_object(known.fingerprint)) {
      return false;
    }
    if (entry.kind == tree::Kind::kDirectory) {
      return standing_.contains(object_of(known.fingerprint));
    }
    const auto here = objects_.find(object_of(entry.fingerprint));
    if (here == objects_.end()) {
      return false;
    }
    const tree::Acknowledged& other = *work_.acknowledged(here->second, replica_);
    return other.value.kind == entry.kind && standing_.contains(object_of(known.fingerprint));
  }

  void try_object(EntryIndex e) {
    const tree::Entry& entry = observed(e).entry;
    if (!has_identity(entry.fingerprint, entry.kind)) {
      return;
    }
    const auto found = objects_.find(object_of(entry.fingerprint));
    if (found == objects_.end() || !free_node(found->second) ||
        work_.acknowledged(found->second, replica_)->value.kind != entry.kind) {
      return;
    }
    claim(e, found->second);
  }

  void try_agreed_path(EntryIndex e) {
    const NodeIndex parent = work_.node_of_entry[replica_][observed(e).parent];
    if (parent == kNone) {
      return;
    }
    const tree::Entry& entry = observed(e).entry;
    const auto found =
        agreed_places_.find(PlaceKey{parent, normalises() ? composed(entry.name) : entry.name});
    const NodeIndex n = found == agreed_places_.end() ? kNone : found->second;
    if (n != kNone && free_node(n) && work_.nodes[n].record->agreed->kind == entry.kind) {
      claim(e, n);
    }
  }

  void sweep() {
    const auto count = static_cast<EntryIndex>(work_.node_of_entry[replica_].size());
    for (EntryIndex e = 1; e < count; ++e) {
      if (!matched(e) && matched(observed(e).parent)) {
        try_path(e);
      }
    }
    if (moves_count() && !objects_.empty()) {
      for (EntryIndex e = 1; e < count; ++e) {
        if (!matched(e)) {
          try_object(e);
        }
      }
    }
    for (EntryIndex e = 1; e < count; ++e) {
      if (!matched(e)) {
        try_agreed_path(e);
      }
    }
  }

  /// Nodes that stood here and are gone: neither matched nor below something that can't be read.
  std::vector<NodeIndex> vanished(tree::Kind kind) const {
    std::vector<NodeIndex> gone;
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      const tree::Acknowledged* known = work_.acknowledged(n, replica_);
      if (known != nullptr && known->value.kind == kind && free_node(n) &&
          work_.nodes[n].id != kRootNode && vanished_for_sure(n)) {
        gone.push_back(n);
      }
    }
    return gone;
  }

  bool vanished_for_sure(NodeIndex n) const {
    const tree::NodeValue& value = work_.acknowledged(n, replica_)->value;
    const NodeIndex parent = work_.find(value.parent);
    if (parent == kNone) {
      return true;
    }
    const Side& above = work_.side(parent, replica_);
    if (above.status == Status::kPresent) {
      return observed(above.entry).coverage == Coverage::kListed &&
             !work_.hidden[replica_].contains(PlaceKey{above.entry, value.name});
    }
    return work_.acknowledged(parent, replica_) == nullptr || vanished_for_sure(parent);
  }

  void match_by_bytes() {
    std::unordered_map<std::uint64_t, std::vector<NodeIndex>> gone_by_size;
    for (const NodeIndex n : vanished(tree::Kind::kFile)) {
      const tree::Content& content = work_.acknowledged(n, replica_)->value.content;
      if (content.digest.has_value() && content.size >= kMinMovedBytes) {
        gone_by_size[content.size].push_back(n);
      }
    }
    if (gone_by_size.empty()) {
      return;
    }
    std::unordered_map<Digest, std::vector<EntryIndex>> fresh;
    for (EntryIndex e = 1; e < work_.node_of_entry[replica_].size(); ++e) {
      const tree::Entry& entry = observed(e).entry;
      if (matched(e) || entry.kind != tree::Kind::kFile ||
          !gone_by_size.contains(entry.content.size)) {
        continue;
      }
      if (entry.content.digest.has_value()) {
        fresh[*entry.content.digest].push_back(e);
      } else if (work_.policy().compare.hash) {
        work_.need_digest(replica_, e);
      }
    }
    if (work_.needs_digests()) {
      return;
    }
    claim_unique(gone_by_size, fresh);
  }

  void claim_unique(const std::unordered_map<std::uint64_t, std::vector<NodeIndex>>& gone_by_size,
                    const std::unordered_map<Digest, std::vector<EntryIndex>>& fresh) {
    for (EntryIndex e = 1; e < work_.node_of_entry[replica_].size(); ++e) {
      const tree::Content& content = observed(e).entry.content;
      if (matched(e) || !content.digest.has_value()) {
        continue;
      }
      const auto twins = fresh.find(*content.digest);
      if (twins == fresh.end() || twins->second.size() != 1) {
        continue;
      }
      NodeIndex only = kNone;
      std::size_t count = 0;
      for (const NodeIndex n : gone_by_size.at(content.size)) {
        if (work_.acknowledged(n, replica_)->value.content.digest == content.digest) {
          only = n;
          ++count;
        }
      }
      if (count == 1 && free_node(only)) {
        claim(e, only);
      }
    }
  }

  void match_directories_by_children() {
    std::unordered_map<NodeIndex, std::size_t> child_count;
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      if (const tree::Acknowledged* known = work_.acknowledged(n, replica_)) {
        ++child_count[work_.find(known->value.parent)];
      }
    }
    for (auto e = static_cast<EntryIndex>(work_.node_of_entry[replica_].size()); e-- > 1;) {
      if (matched(e) || observed(e).entry.kind != tree::Kind::kDirectory) {
        continue;
      }
      std::map<NodeIndex, std::size_t> votes;
      for (const EntryIndex child : work_.children_of_entry[replica_][e]) {
        if (!matched(child)) {
          continue;
        }
        const tree::Acknowledged* known =
            work_.acknowledged(work_.node_of_entry[replica_][child], replica_);
        if (known != nullptr) {
          ++votes[work_.find(known->value.parent)];
        }
      }
      for (const auto& [directory, count] : votes) {
        if (directory != kNone && count * 2 > child_count[directory] && free_node(directory) &&
            work_.acknowledged(directory, replica_) != nullptr && vanished_for_sure(directory)) {
          claim(e, directory);
          break;
        }
      }
    }
    refresh_parents(work_, replica_);
  }

  Work& work_;
  ReplicaIndex replica_;
  PlaceMap places_;
  PlaceMap folded_places_;
  PlaceMap agreed_places_;
  std::map<ObjectKey, NodeIndex> objects_;
  std::map<ObjectKey, EntryIndex> standing_;
};

/// Says for every node that was not matched on `i` why it is not there.
class Absence {
 public:
  Absence(Work& work, ReplicaIndex i)
      : work_(work), replica_(i), known_(work.nodes.size(), false) {}

  void settle_all() {
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      settle(n);
    }
  }

 private:
  Status settle(NodeIndex n) {
    Side& side = work_.side(n, replica_);
    if (known_[n] || side.status == Status::kOffline) {
      return side.status;
    }
    known_[n] = true;
    if (side.status != Status::kPresent) {
      side.status = reason(n);
    }
    return work_.side(n, replica_).status;
  }

  Status reason(NodeIndex n) {
    const tree::NodeValue* value = nullptr;
    if (const tree::Acknowledged* known = work_.acknowledged(n, replica_)) {
      value = &known->value;
    } else if (work_.nodes[n].agreed()) {
      value = &*work_.nodes[n].record->agreed;
    }
    if (value == nullptr) {
      return Status::kAbsent;
    }
    if (work_.input().excluded && work_.input().excluded(replica_, work_.known_path(n),
                                                         value->kind == tree::Kind::kDirectory)) {
      return Status::kExcluded;
    }
    const NodeIndex parent = work_.find(value->parent);
    if (parent == kNone) {
      return Status::kAbsent;
    }
    const Status above = settle(parent);
    if (above != Status::kPresent) {
      return above;
    }
    const EntryIndex e = work_.side(parent, replica_).entry;
    if (work_.input().replicas[replica_].entries[e].coverage != Coverage::kListed) {
      return Status::kUnknown;
    }
    const auto hidden = work_.hidden[replica_].find(PlaceKey{e, value->name});
    if (hidden == work_.hidden[replica_].end()) {
      return Status::kAbsent;
    }
    return hidden->second == HiddenReason::kExcluded ? Status::kExcluded : Status::kUnknown;
  }

  Work& work_;
  ReplicaIndex replica_;
  std::vector<bool> known_;
};

/// Directories that hold nothing but excluded names are not ours to spread.
std::vector<bool> worth_keeping(const Work& work, ReplicaIndex i) {
  const auto count = static_cast<EntryIndex>(work.node_of_entry[i].size());
  std::vector<bool> keep(count, false);
  std::vector<bool> empty(count, true);
  for (const auto& [key, reason] : work.hidden[i]) {
    empty[key.parent] = false;
  }
  for (EntryIndex e = count; e-- > 1;) {
    const Observed& seen = work.input().replicas[i].entries[e];
    keep[e] =
        keep[e] || seen.entry.kind != tree::Kind::kDirectory ||
        (empty[e] && work.children_of_entry[i][e].empty() && seen.coverage == Coverage::kListed);
    keep[seen.parent] = keep[seen.parent] || keep[e];
  }
  return keep;
}

struct Newcomer {
  std::string path;
  tree::Kind kind;
  ReplicaIndex replica;
  EntryIndex entry;
};

/// Gives the unmatched entries nodes, one for the same path and kind on several replicas.
void add_newcomers(Work& work, const std::vector<ReplicaIndex>& replicas, bool may_create) {
  std::vector<Newcomer> found;
  for (const ReplicaIndex i : replicas) {
    const std::vector<bool> keep = worth_keeping(work, i);
    for (EntryIndex e = 1; e < work.node_of_entry[i].size(); ++e) {
      if (work.node_of_entry[i][e] == kNone && keep[e] &&
          work.entry_at(i, e).kind != tree::Kind::kOther) {
        found.push_back({work.entry_path(i, e).text(), work.entry_at(i, e).kind, i, e});
      }
    }
  }
  std::sort(found.begin(), found.end(), [](const Newcomer& a, const Newcomer& b) {
    return std::tie(a.path, a.kind, a.replica) < std::tie(b.path, b.kind, b.replica);
  });
  std::map<std::tuple<NodeIndex, std::string, tree::Kind>, NodeIndex> fresh;
  if (!may_create) {
    for (NodeIndex n = 0; n < work.nodes.size(); ++n) {
      const Node& node = work.nodes[n];
      if (node.record == nullptr && node.next.has_value() && node.id != kRootNode) {
        fresh.emplace(std::tuple(work.next_parent(n), node.next->name, node.next->kind), n);
      }
    }
  }
  for (const Newcomer& newcomer : found) {
    const EntryIndex parent_entry =
        work.input().replicas[newcomer.replica].entries[newcomer.entry].parent;
    const NodeIndex parent = work.node_of_entry[newcomer.replica][parent_entry];
    if (parent == kNone) {
      continue;
    }
    const tree::Entry& entry = work.entry_at(newcomer.replica, newcomer.entry);
    const std::tuple key(parent, entry.name, entry.kind);
    auto place = fresh.find(key);
    if (place == fresh.end()) {
      if (!may_create) {
        continue;
      }
      Node node{.id = work.new_id()};
      node.next =
          tree::NodeValue{.parent = work.nodes[parent].id, .name = entry.name, .kind = entry.kind};
      place = fresh.emplace(key, work.add_node(std::move(node))).first;
    }
    if (work.present(place->second, newcomer.replica)) {
      continue;
    }
    Side& side = work.side(place->second, newcomer.replica);
    side = Side{.status = Status::kPresent,
                .change = ContentChange::kChanged,
                .entry = newcomer.entry,
                .parent = parent};
    work.node_of_entry[newcomer.replica][newcomer.entry] = place->second;
  }
}

/// What a destination's user moved into a directory of the destination's own is out of our hands.
void forget_matches_among_foreign(Work& work, ReplicaIndex i) {
  const Replica& replica = work.input().replicas[i];
  for (EntryIndex e = 1; e < replica.entries.size(); ++e) {
    NodeIndex& n = work.node_of_entry[i][e];
    if (n != kNone && work.node_of_entry[i][replica.entries[e].parent] == kNone) {
      work.side(n, i) = Side{};
      n = kNone;
    }
  }
}

}  // namespace

void identify(Work& work) {
  std::vector<ReplicaIndex> online;
  for (ReplicaIndex i = 0; i < work.replica_count(); ++i) {
    if (work.online(i)) {
      Matcher(work, i).match();
      online.push_back(i);
    }
  }
  if (work.needs_digests()) {
    return;
  }
  if (!work.directional()) {
    add_newcomers(work, online, true);
  } else if (work.online(work.source())) {
    std::vector<ReplicaIndex> destinations = online;
    std::erase(destinations, work.source());
    add_newcomers(work, {work.source()}, true);
    add_newcomers(work, destinations, false);
  }
  for (const ReplicaIndex i : online) {
    forget_matches_among_foreign(work, i);
    refresh_parents(work, i);
    Absence(work, i).settle_all();
  }
}

}  // namespace ox::plan
