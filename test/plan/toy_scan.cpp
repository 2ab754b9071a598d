#include "plan/toy_scan.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace ox::toy {

namespace {

/// Finds what is as every replica acknowledged it: whole directories, and children of others.
class Unchanged {
 public:
  Unchanged(const std::vector<ToyReplica>& replicas, const ToyStore& store,
            const plan::Policy& policy, const Filter& filter, Timestamp now)
      : replicas_(replicas), filter_(filter), now_(now) {
    if (policy.mode == plan::Mode::kOneWay) {
      source_ = policy.order.front();
    }
    moves_are_told_ = filter == nullptr && plan::moves_count(policy.mode) &&
                      std::ranges::all_of(replicas, tells_moves);
    for (const auto& [id, record] : store.records()) {
      for (const tree::ReplicaSide& side : record.sides) {
        const bool elsewhere = side.acknowledged.has_value() &&
                               (!record.agreed.has_value() ||
                                side.acknowledged->value.parent != record.agreed->parent ||
                                side.acknowledged->value.name != record.agreed->name);
        moves_are_told_ = moves_are_told_ && !elsewhere && record.agreed.has_value();
      }
      if (id == kRootNode) {
        continue;
      }
      if (record.agreed.has_value()) {
        children_[record.agreed->parent].push_back(&record);
      } else {
        for (const tree::ReplicaSide& side : record.sides) {
          if (side.acknowledged.has_value()) {
            unsettled_.insert(side.acknowledged->value.parent);
          }
        }
      }
      for (const tree::ReplicaSide& side : record.sides) {
        if (side.acknowledged.has_value() && record.agreed.has_value() &&
            side.acknowledged->value.parent != record.agreed->parent) {
          unsettled_.insert(side.acknowledged->value.parent);
        }
      }
    }
  }

  void run() {
    std::vector<const Object*> roots;
    for (const ToyReplica& replica : replicas_) {
      roots.push_back(replica.traits().online ? &replica.root() : nullptr);
    }
    standing_.resize(replicas_.size());
    for (ReplicaIndex i = 0; moves_are_told_ && i < replicas_.size(); ++i) {
      if (roots[i] != nullptr) {
        note_standing(i, *roots[i], nullptr);
      }
    }
    visit(kRootNode, roots);
  }

  bool skips_object(const Object* directory) const { return skipped_.contains(directory); }
  bool drops_record(NodeId id) const { return dropped_.contains(id); }
  bool omits_some_of(const Object* directory) const { return differing_.contains(directory); }
  bool omits(const Object* object) const { return omitted_.contains(object); }

 private:
  bool visit(NodeId directory, const std::vector<const Object*>& objects) {
    const auto found = children_.find(directory);
    const std::size_t count = found == children_.end() ? 0 : found->second.size();
    bool comparable = !unsettled_.contains(directory);
    bool unchanged = true;
    for (const Object* object : objects) {
      comparable = comparable && (object == nullptr || !object->unreadable);
      unchanged = unchanged && (object == nullptr || object->children.size() == count);
    }
    std::vector<const tree::NodeRecord*> same;
    for (std::size_t c = 0; c < count; ++c) {
      if (visit_child(*found->second[c], objects)) {
        same.push_back(found->second[c]);
      }
    }
    unchanged = unchanged && comparable && same.size() == count;
    if (unchanged) {
      skipped_.insert(objects.begin(), objects.end());
      for (const tree::NodeRecord* record : same) {
        dropped_.insert(record->id);
      }
    } else if (comparable) {
      omit(same, objects);
    }
    return unchanged;
  }

  /// Of a directory in which something differs, leaves out what does not, unless it could meet what
  /// does.
  void omit(const std::vector<const tree::NodeRecord*>& same,
            const std::vector<const Object*>& directories) {
    differing_.insert(directories.begin(), directories.end());
    std::vector<std::string> others;
    for (ReplicaIndex i = 0; i < replicas_.size(); ++i) {
      if (directories[i] == nullptr) {
        continue;
      }
      for (const auto& [key, object] : directories[i]->children) {
        if (std::ranges::none_of(same, [&](const tree::NodeRecord* record) {
              return replicas_[i].key(record->agreed->name) == key;
            })) {
          others.push_back(object->name);
        }
      }
    }
    if (const auto found = children_.find(same.empty() ? kNoNode : same.front()->agreed->parent);
        found != children_.end()) {
      for (const tree::NodeRecord* record : found->second) {
        if (std::ranges::find(same, record) == same.end()) {
          others.push_back(record->agreed->name);
        }
      }
    }
    for (const tree::NodeRecord* record : same) {
      if (could_meet(record->agreed->name, others)) {
        continue;
      }
      dropped_.insert(record->id);
      for (ReplicaIndex i = 0; i < replicas_.size(); ++i) {
        if (directories[i] != nullptr) {
          omitted_.insert(
              directories[i]->children.at(replicas_[i].key(record->agreed->name)).get());
        }
      }
    }
  }

  bool could_meet(const std::string& name, const std::vector<std::string>& others) const {
    return std::ranges::any_of(replicas_, [&](const ToyReplica& replica) {
      const std::size_t limit = replica.traits().names.max_name_bytes;
      return tree::may_be_conflict_name(name, limit) ||
             tree::may_be_conflict_name(replica.key(name), limit) ||
             std::ranges::any_of(others, [&](const std::string& other) {
               return replica.key(other) == replica.key(name);
             });
    });
  }

  bool visit_child(const tree::NodeRecord& record, const std::vector<const Object*>& directories) {
    bool unchanged = true;
    bool everywhere = true;
    std::vector<const Object*> objects;
    for (ReplicaIndex i = 0; i < replicas_.size(); ++i) {
      const tree::ReplicaSide& side = record.sides[i];
      everywhere = everywhere && side.acknowledged.has_value();
      unchanged = unchanged && !side.waived.has_value() && side.acknowledged.has_value() &&
                  side.acknowledged->value == *record.agreed;
      objects.push_back(nullptr);
      if (directories[i] == nullptr) {
        continue;
      }
      const auto found = directories[i]->children.find(replicas_[i].key(record.agreed->name));
      if (found == directories[i]->children.end() || !side.acknowledged.has_value() ||
          !as_acknowledged(i, *found->second, *side.acknowledged)) {
        unchanged = false;
      }
      if (found != directories[i]->children.end()) {
        objects.back() = found->second.get();
        everywhere = everywhere && is_that_directory(i, record, *found->second);
      } else if (const Object* moved = moved_to(i, record)) {
        objects.back() = moved;
      } else {
        everywhere = false;
      }
    }
    if (record.agreed->kind != tree::Kind::kDirectory) {
      return unchanged;
    }
    return everywhere && visit(record.id, objects) && unchanged;
  }

  // Directories that were moved -----------------------------------------------------------------

  using Id = std::pair<std::uint64_t, std::int64_t>;
  struct Standing {
    const Object* object = nullptr;
    const Object* directory = nullptr;  ///< in which it stands
  };

  static bool tells_moves(const ToyReplica& replica) {
    const plan::Traits& traits = replica.traits();
    return traits.stable_ids && traits.native_directory_move &&
           traits.names.case_rule == tree::CaseRule::kSensitive &&
           traits.names.normalization == tree::NormalizationRule::kBytes;
  }

  void note_standing(ReplicaIndex i, const Object& object, const Object* directory) {
    const tree::Fingerprint print = replicas_[i].fingerprint_of(object, now_);
    if (object.kind == tree::Kind::kDirectory && print.birth_ns != 0) {
      standing_[i].emplace(Id{print.id, print.birth_ns},
                           Standing{.object = &object, .directory = directory});
    }
    for (const auto& [key, child] : object.children) {
      note_standing(i, *child, &object);
    }
  }

  const Object* object_of(ReplicaIndex i, const tree::NodeRecord& record) const {
    return standing_of(i, record).object;
  }

  Standing standing_of(ReplicaIndex i, const tree::NodeRecord& record) const {
    const auto& known = record.sides[i].acknowledged;
    if (!known.has_value() || known->value.kind != tree::Kind::kDirectory) {
      return {};
    }
    const auto found = standing_[i].find({known->fingerprint.id, known->fingerprint.birth_ns});
    return found == standing_[i].end() ? Standing{} : found->second;
  }

  /// Where a recorded directory stands that is missed at its place: in a recorded directory, under
  /// a name that is new there and that no other replica gives to something else.
  const Object* moved_to(ReplicaIndex i, const tree::NodeRecord& record) const {
    if (!moves_are_told_ || (source_.has_value() && *source_ != i)) {
      return nullptr;
    }
    const Standing now = standing_of(i, record);
    if (now.object == nullptr || now.directory == nullptr) {
      return nullptr;
    }
    if (now.directory == &replicas_[i].root()) {
      return is_alone_there(nullptr, now.object->name, record) ? now.object : nullptr;
    }
    for (const auto& [parent, children] : children_) {
      for (const tree::NodeRecord* above : children) {
        if (above->agreed->kind == tree::Kind::kDirectory &&
            object_of(i, *above) == now.directory) {
          return is_alone_there(above, now.object->name, record) ? now.object : nullptr;
        }
      }
    }
    return nullptr;
  }

  /// `directory`: none is the root.
  bool is_alone_there(const tree::NodeRecord* directory, const std::string& name,
                      const tree::NodeRecord& record) const {
    const auto inside = children_.find(directory == nullptr ? kRootNode : directory->id);
    if (inside != children_.end() &&
        std::ranges::any_of(inside->second, [&](const tree::NodeRecord* child) {
          return child->agreed->kind == tree::Kind::kDirectory && child->agreed->name == name;
        })) {
      return false;
    }
    for (ReplicaIndex j = 0; j < replicas_.size(); ++j) {
      const Object* there = directory == nullptr ? &replicas_[j].root() : object_of(j, *directory);
      if (there == nullptr) {
        continue;
      }
      const auto found = there->children.find(replicas_[j].key(name));
      if (found != there->children.end() && found->second->kind == tree::Kind::kDirectory &&
          found->second.get() != object_of(j, record)) {
        return false;
      }
    }
    return true;
  }

  /// Only a directory that everybody acknowledged where it stands can be as everybody acknowledged.
  bool is_that_directory(ReplicaIndex i, const tree::NodeRecord& record,
                         const Object& object) const {
    const auto& known = record.sides[i].acknowledged;
    if (!known.has_value() || known->value.kind != tree::Kind::kDirectory ||
        object.kind != tree::Kind::kDirectory || known->value.parent != record.agreed->parent ||
        known->value.name != object.name) {
      return false;
    }
    const tree::Fingerprint print = replicas_[i].fingerprint_of(object, now_);
    return print.id == 0 || print.same_object(known->fingerprint);
  }

  bool as_acknowledged(ReplicaIndex i, const Object& object,
                       const tree::Acknowledged& known) const {
    const ToyReplica& replica = replicas_[i];
    const tree::Entry entry = replica.entry_of(object, now_);
    if (entry.kind != known.value.kind || object.unreadable || entry.name != known.value.name ||
        known.fingerprint.racy) {
      return false;
    }
    if (filter_ != nullptr) {
      return false;
    }
    const plan::Traits& traits = replica.traits();
    if ((traits.modes && entry.kind != tree::Kind::kSymlink &&
         entry.attributes.mode != known.value.attributes.mode) ||
        (traits.xattrs && entry.attributes.xattrs != known.value.attributes.xattrs)) {
      return false;
    }
    if (entry.kind == tree::Kind::kDirectory) {
      return entry.fingerprint.id == 0 || entry.fingerprint.same_object(known.fingerprint);
    }
    return entry.fingerprint.same_version(known.fingerprint);
  }

  const std::vector<ToyReplica>& replicas_;
  const Filter& filter_;
  Timestamp now_;
  bool moves_are_told_ = false;
  std::optional<ReplicaIndex> source_;            ///< one-way: only its moves count everywhere
  std::vector<std::map<Id, Standing>> standing_;  ///< per replica
  std::unordered_map<NodeId, std::vector<const tree::NodeRecord*>> children_;
  std::unordered_set<NodeId> unsettled_;
  std::unordered_set<const Object*> skipped_;
  std::unordered_set<const Object*> differing_;  ///< directories of which some is left out
  std::unordered_set<const Object*> omitted_;
  std::unordered_set<NodeId> dropped_;
};

/// Lists one replica.
class Lister {
 public:
  Lister(const ToyReplica& replica, ReplicaIndex index, const Filter& filter,
         const Unchanged* unchanged, Timestamp now, ListingOrder order)
      : replica_(replica),
        index_(index),
        filter_(filter),
        unchanged_(unchanged),
        now_(now),
        order_(order) {}

  void run(plan::Replica& listed, std::vector<const Object*>& objects) {
    listed_ = &listed;
    objects_ = &objects;
    listed.traits = replica_.traits();
    if (!listed.traits.online) {
      return;
    }
    add(0, replica_.root(), RelPath());
  }

 private:
  void add(std::uint32_t parent, const Object& object, const RelPath& path) {
    const auto own = static_cast<std::uint32_t>(listed_->entries.size());
    plan::Observed seen{.parent = parent, .entry = replica_.entry_of(object, now_)};
    const bool skipped = unchanged_ != nullptr && unchanged_->skips_object(&object);
    if (object.unreadable) {
      seen.coverage = plan::Coverage::kUnknown;
    } else if (skipped) {
      seen.coverage = plan::Coverage::kUnchanged;
    } else if (unchanged_ != nullptr && unchanged_->omits_some_of(&object)) {
      seen.coverage = plan::Coverage::kDiffering;
    }
    listed_->entries.push_back(std::move(seen));
    objects_->push_back(&object);
    if (object.unreadable || skipped) {
      return;
    }
    if (order_ == ListingOrder::kByName) {
      for (const auto& [key, child] : object.children) {
        look_at(own, *child, path);
      }
    } else {
      for (auto child = object.children.rbegin(); child != object.children.rend(); ++child) {
        look_at(own, *child->second, path);
      }
    }
  }

  void look_at(std::uint32_t parent, const Object& object, const RelPath& directory) {
    if (unchanged_ != nullptr && unchanged_->omits(&object)) {
      return;
    }
    const bool is_directory = object.kind == tree::Kind::kDirectory;
    const RelPath path = filter_ ? directory.child(object.name) : RelPath();
    if (filter_ && filter_(index_, path, is_directory)) {
      hide(parent, object, plan::HiddenReason::kExcluded);
    } else if (object.kind == tree::Kind::kOther) {
      hide(parent, object, plan::HiddenReason::kSpecial);
    } else if (object.unreadable && !is_directory) {
      hide(parent, object, plan::HiddenReason::kUnreadable);
    } else {
      add(parent, object, path);
    }
  }

  void hide(std::uint32_t parent, const Object& object, plan::HiddenReason reason) {
    plan::Hidden hidden{.parent = parent, .name = object.name, .reason = reason};
    if (reason == plan::HiddenReason::kUnreadable) {
      hidden.seen = replica_.fingerprint_of(object, now_);
    }
    listed_->hidden.push_back(std::move(hidden));
  }

  const ToyReplica& replica_;
  ReplicaIndex index_;
  const Filter& filter_;
  const Unchanged* unchanged_;
  Timestamp now_;
  ListingOrder order_;
  plan::Replica* listed_ = nullptr;
  std::vector<const Object*>* objects_ = nullptr;
};

}  // namespace

Scan scan(const std::vector<ToyReplica>& replicas, const ToyStore& store,
          const plan::Policy& policy, const Filter& filter, Timestamp now, Shortcuts shortcuts,
          ListingOrder order) {
  std::optional<Unchanged> unchanged;
  // In mode move an unchanged file at the source is work: it is still to be removed.
  if (shortcuts == Shortcuts::kSkipUnchanged && policy.mode != plan::Mode::kMove) {
    unchanged.emplace(replicas, store, policy, filter, now);
    unchanged->run();
  }
  Scan result;
  result.input.policy = policy;
  result.input.excluded = filter;
  result.input.known = [&store](NodeId id) { return store.find(id) != nullptr; };
  result.input.next_node = store.next_node();
  for (const auto& [id, record] : store.records()) {
    result.input.agreed_count += record.agreed.has_value() ? 1 : 0;
    if (!unchanged.has_value() || !unchanged->drops_record(id)) {
      result.input.nodes.push_back(record);
    }
  }
  result.input.replicas.resize(replicas.size());
  result.objects.resize(replicas.size());
  const Unchanged* skip = unchanged.has_value() ? &*unchanged : nullptr;
  for (ReplicaIndex i = 0; i < replicas.size(); ++i) {
    Lister(replicas[i], i, filter, skip, now, order)
        .run(result.input.replicas[i], result.objects[i]);
  }
  return result;
}

}  // namespace ox::toy
