#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/expects.h"
#include "plan/absence.h"
#include "plan/newcomers.h"

/// Which observed entry is which node. Same path and kind first, unless both objects are known to
/// have changed places; then stable ids; then the agreed path; then unique bytes; then directories
/// by their children. What remains is new.
namespace ox::plan {

namespace {

/// Below this many bytes equal content says little about identity.
constexpr std::uint64_t kMinMovedBytes = 1024;

using ObjectKey = std::pair<std::uint64_t, std::int64_t>;

struct ObjectKeyHash {
  std::size_t operator()(const ObjectKey& key) const noexcept {
    const std::uint64_t mixed =
        (key.first ^ (static_cast<std::uint64_t>(key.second) << 20U)) * 0x9E3779B97F4A7C15ULL;
    return static_cast<std::size_t>(mixed ^ (mixed >> 32U));
  }
};

using ObjectTable = FlatTable<ObjectKey, ObjectKeyHash>;

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
  Matcher(Work& work, ReplicaIndex replica)
      : work_(work), replica_(replica), composing_(work.traits(replica).names) {
    composing_.case_rule = tree::CaseRule::kSensitive;
    index_known();
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
  bool moves_count() const { return plan::moves_count(work_.policy().mode); }
  bool matched(EntryIndex e) const { return work_.node_of_entry[replica_][e] != kNone; }
  const Observed& observed(EntryIndex e) const {
    return work_.input().replicas[replica_].entries[e];
  }
  std::string spelled(std::string_view name) const {
    return work_.traits(replica_).names.collision_key(name);
  }
  /// As the agreed tree may spell what the replica shows: another normalisation, never another
  /// case.
  std::string composed(std::string_view name) const { return composing_.collision_key(name); }
  bool normalises() const {
    return work_.traits(replica_).names.normalization != tree::NormalizationRule::kBytes;
  }
  bool folds() const {
    return work_.traits(replica_).names.case_rule != tree::CaseRule::kSensitive || normalises();
  }
  bool has_identity(const tree::Fingerprint& fingerprint, tree::Kind kind) const {
    return ox::plan::has_identity(work_.traits(replica_), fingerprint, kind);
  }

  void index_known() {
    places_.reserve(work_.input().nodes.size());
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      const tree::Acknowledged* known = work_.acknowledged(n, replica_);
      if (known != nullptr && work_.nodes[n].id != kRootNode) {
        add_place(known->value, n);
      }
    }
  }

  void add_place(const tree::NodeValue& value, NodeIndex n) {
    const NodeIndex parent = work_.find(value.parent);
    if (parent == kNone) {
      return;
    }
    places_.add(parent, value.name, n);
    if (folds()) {
      folded_places_.add(parent, folded_places_.keep(spelled(value.name)), n);
    }
  }

  // What is asked for seldom is indexed when it is.
  // -------------------------------------------------

  const PlaceTable& agreed_places() {
    if (!agreed_indexed_) {
      agreed_indexed_ = true;
      agreed_places_.reserve(work_.input().nodes.size());
      for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
        if (work_.nodes[n].agreed() && work_.nodes[n].id != kRootNode) {
          add_agreed_place(*work_.nodes[n].record->agreed, n);
        }
      }
    }
    return agreed_places_;
  }

  void add_agreed_place(const tree::NodeValue& value, NodeIndex n) {
    const NodeIndex parent = work_.find(value.parent);
    if (parent == kNone) {
      return;
    }
    if (!normalises()) {
      agreed_places_.add(parent, value.name, n);
      return;
    }
    // How it was spelled is not seen here: of several it is the one that gets the place (target()).
    const std::string_view name = agreed_places_.keep(composed(value.name));
    const NodeIndex held = agreed_places_.add(parent, name, n);
    if (held != n && value.name < work_.nodes[held].record->agreed->name) {
      agreed_places_.set(parent, name, n);
    }
  }

  NodeIndex agreed_at(NodeIndex parent, const std::string& name) {
    return normalises() ? agreed_places().find(parent, composed(name))
                        : agreed_places().find(parent, name);
  }

  /// Objects that were known here, and whose they were.
  const ObjectTable& objects() {
    if (!objects_indexed_) {
      objects_indexed_ = true;
      objects_.reserve(work_.input().nodes.size());
      for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
        const tree::Acknowledged* known = work_.acknowledged(n, replica_);
        if (known != nullptr && work_.nodes[n].id != kRootNode &&
            has_identity(known->fingerprint, known->value.kind)) {
          objects_.add(object_of(known->fingerprint), n);
        }
      }
    }
    return objects_;
  }

  /// Objects that stand here now.
  const ObjectTable& standing() {
    if (!standing_indexed_) {
      standing_indexed_ = true;
      const auto count = static_cast<EntryIndex>(work_.node_of_entry[replica_].size());
      standing_.reserve(count);
      for (EntryIndex e = 1; e < count; ++e) {
        const tree::Entry& entry = observed(e).entry;
        if (has_identity(entry.fingerprint, entry.kind)) {
          standing_.add(object_of(entry.fingerprint), e);
        }
      }
    }
    return standing_;
  }

  NodeIndex known_at(NodeIndex parent, const std::string& name) const {
    const NodeIndex found = places_.find(parent, name);
    return found == kNone && folds() ? folded_places_.find(parent, spelled(name)) : found;
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
    const NodeIndex n = known_at(parent, entry.name);
    if (n == kNone || !free_node(n)) {
      return;
    }
    const tree::Acknowledged& known = *work_.acknowledged(n, replica_);
    if (known.value.kind != entry.kind || changed_places(entry, n) ||
        is_agreed_successor(entry, parent, n)) {
      return;
    }
    claim(e, n);
  }

  /// What was known here is to stand here no more, and this is what is to stand here instead, put
  /// in its place and not acknowledged yet. Told by its id, or by how it is spelled.
  bool is_agreed_successor(const tree::Entry& entry, NodeIndex parent, NodeIndex known) {
    const Node& before = work_.nodes[known];
    if (!normalises() && before.agreed() && before.record->agreed->name == entry.name &&
        before.record->agreed->parent == work_.nodes[parent].id) {
      return false;  // that place is its own
    }
    const NodeIndex found = agreed_at(parent, entry.name);
    if (found == kNone || found == known || !free_node(found) ||
        work_.nodes[found].record->agreed->kind != entry.kind) {
      return false;
    }
    if (before.agreed() && before.record->agreed->parent == work_.nodes[parent].id &&
        spelled(before.record->agreed->name) == spelled(entry.name)) {
      return false;
    }
    const tree::Acknowledged& here = *work_.acknowledged(known, replica_);
    const bool identified = moves_count() && has_identity(entry.fingerprint, entry.kind);
    if (const tree::Acknowledged* successor = work_.acknowledged(found, replica_)) {
      return identified
                 ? entry.fingerprint.same_object(successor->fingerprint)
                 : moves_count() && !looks_like(entry, here) && looks_like(entry, *successor);
    }
    // Another directory than the known one, which may just have been removed to make room for it. A
    // new file may be how an editor saves the known one.
    const bool another = identified && entry.kind == tree::Kind::kDirectory &&
                         has_identity(here.fingerprint, here.value.kind) &&
                         !entry.fingerprint.same_object(here.fingerprint);
    return another || (!normalises() && here.value.name != entry.name);
  }

  /// What a rename keeps is as it was acknowledged. Where ids don't tell, this has to.
  static bool looks_like(const tree::Entry& entry, const tree::Acknowledged& known) {
    return entry.kind == tree::Kind::kFile && known.value.kind == tree::Kind::kFile &&
           entry.fingerprint.size == known.fingerprint.size &&
           entry.fingerprint.mtime == known.fingerprint.mtime;
  }

  /// The object that stood here stands elsewhere, or may in what a later plan will see, or was to
  /// go, and the one that stands here was known before. A new file may be how an editor saves the
  /// old one; a new directory is another directory.
  bool changed_places(const tree::Entry& entry, NodeIndex n) {
    const tree::Acknowledged& known = *work_.acknowledged(n, replica_);
    if (!moves_count() || !has_identity(entry.fingerprint, entry.kind) ||
        !has_identity(known.fingerprint, known.value.kind) ||
        entry.fingerprint.same_object(known.fingerprint)) {
      return false;
    }
    if (entry.kind == tree::Kind::kDirectory) {
      return standing().contains(object_of(known.fingerprint));
    }
    const NodeIndex here = objects().find(object_of(entry.fingerprint));
    if (here == kNone) {
      return false;
    }
    const tree::Acknowledged& other = *work_.acknowledged(here, replica_);
    return other.value.kind == entry.kind &&
           (work_.input().unseen_newcomers || !work_.nodes[n].agreed() ||
            standing().contains(object_of(known.fingerprint)));
  }

  void try_object(EntryIndex e) {
    const tree::Entry& entry = observed(e).entry;
    if (!has_identity(entry.fingerprint, entry.kind)) {
      return;
    }
    const NodeIndex found = objects().find(object_of(entry.fingerprint));
    if (found == kNone || !free_node(found) ||
        work_.acknowledged(found, replica_)->value.kind != entry.kind) {
      return;
    }
    claim(e, found);
  }

  void try_agreed_path(EntryIndex e) {
    const NodeIndex parent = work_.node_of_entry[replica_][observed(e).parent];
    if (parent == kNone) {
      return;
    }
    const tree::Entry& entry = observed(e).entry;
    const NodeIndex n = agreed_at(parent, entry.name);
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
    if (moves_count()) {
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

  /// Nodes that stood here and are gone: neither matched nor below something that can't be read,
  /// and not to be found in what a later plan will see.
  std::vector<NodeIndex> vanished(tree::Kind kind) const {
    std::vector<NodeIndex> gone;
    if (work_.input().unseen_newcomers) {
      return gone;
    }
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
      return shows_absence(observed(above.entry).coverage) &&
             !work_.hidden[replica_].contains(above.entry, value.name);
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
    std::vector<std::uint32_t> child_count(work_.nodes.size(), 0);
    for (NodeIndex n = 0; n < work_.nodes.size(); ++n) {
      const tree::Acknowledged* known = work_.acknowledged(n, replica_);
      const NodeIndex parent = known == nullptr ? kNone : work_.find(known->value.parent);
      if (parent != kNone) {
        ++child_count[parent];
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
  tree::NameRules composing_;
  PlaceTable places_;
  PlaceTable folded_places_;
  PlaceTable agreed_places_;
  ObjectTable objects_;
  ObjectTable standing_;
  bool agreed_indexed_ = false;
  bool objects_indexed_ = false;
  bool standing_indexed_ = false;
};

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

bool has_identity(const Traits& traits, const tree::Fingerprint& fingerprint, tree::Kind kind) {
  return traits.stable_ids && fingerprint.id != 0 && fingerprint.birth_ns != 0 &&
         (kind == tree::Kind::kDirectory || fingerprint.link_count == 1);
}

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
  for (const ReplicaIndex i : online) {
    withhold_symlinks(work, i);
  }
  if (!work.directional()) {
    add_newcomers(work, online, Newcomers::kBecomeNodes);
  } else if (work.online(work.source())) {
    std::vector<ReplicaIndex> destinations = online;
    std::erase(destinations, work.source());
    add_newcomers(work, {work.source()}, Newcomers::kBecomeNodes);
    add_newcomers(work, destinations, Newcomers::kJoinOthers);
  }
  for (const ReplicaIndex i : online) {
    forget_matches_among_foreign(work, i);
    refresh_parents(work, i);
    settle_absences(work, i);
  }
}

}  // namespace ox::plan
