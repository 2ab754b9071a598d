#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "plan/toy_world.h"

namespace ox::toy {

namespace {

Error differs(const ToyReplica& replica, const std::string& what, const std::string& path) {
  return Error(Code::kCorrupt, replica.traits().label + ": " + what).with_context("'" + path + "'");
}

/// Compares one replica with the agreed tree.
class Comparison {
 public:
  Comparison(const World& world, ReplicaIndex index, const std::vector<plan::Report>& reports)
      : world_(world), index_(index), replica_(world.replicas[index]) {
    for (const plan::Report& report : reports) {
      // What waits is told once, not for each replica.
      const bool own = !report.replica.has_value() || *report.replica == index;
      if (own || (report.code == "waiting" && world.online_count() < world.replicas.size())) {
        excuses_.emplace(report.path.text(), report.code);
      }
    }
    for (const ToyReplica& each : world.replicas) {
      step_ = std::max<std::int64_t>(step_, each.traits().mtime_step.count());
    }
    for (const auto& [id, record] : world.store.records()) {
      if (record.agreed.has_value() && id != kRootNode) {
        children_[record.agreed->parent].push_back(&record);
      }
    }
  }

  Result<void> run() {
    TRY(compare_directory(kRootNode, "", replica_.root()));
    for (const auto& [path, object] : strangers_) {
      if (const auto found = foreign(path, *object)) {
        return differs(replica_, "something stands that is not agreed", *found);
      }
    }
    return {};
  }

 private:
  Result<void> compare_directory(NodeId id, const std::string& path, const Object& directory) {
    std::set<const Object*> expected;
    if (const auto found = children_.find(id); found != children_.end()) {
      for (const tree::NodeRecord* record : found->second) {
        const tree::NodeValue& value = *record->agreed;
        const std::string below = join(path, value.name);
        const auto standing = directory.children.find(replica_.key(value.name));
        const Object* object =
            standing == directory.children.end() ? nullptr : standing->second.get();
        if (object != nullptr && !spelled_as(*object, value.name)) {
          object = nullptr;
        }
        if (const std::string excuse = excuse_for(below); !excuse.empty()) {
          TRY(check_excuse(excuse, below, *record, directory));
          leave_out(*record);
          expected.insert(object);
          continue;
        }
        if (excluded(below, value.kind)) {
          expected.insert(object);
          continue;
        }
        if (object == nullptr) {
          return differs(replica_, "an agreed node is missing", below);
        }
        expected.insert(object);
        TRY(compare_object(*record, below, *object));
      }
    }
    note_strangers(path, directory, expected);
    return {};
  }

  bool spelled_as(const Object& object, const std::string& name) const {
    return object.name == name || object.name == replica_.stored_name(name);
  }

  bool excluded(const std::string& path, tree::Kind kind) const {
    return world_.filter &&
           world_.filter(index_, RelPath::parse(path).value(), kind == tree::Kind::kDirectory);
  }

  std::string excuse_for(const std::string& path) const {
    const auto found = excuses_.find(path);
    return found == excuses_.end() ? std::string() : found->second;
  }

  /// An excuse must be true.
  Result<void> check_excuse(const std::string& code, const std::string& path,
                            const tree::NodeRecord& record, const Object& directory) const {
    const tree::NodeValue& value = *record.agreed;
    const plan::Traits& traits = replica_.traits();
    bool holds = false;
    if (code == "symlinks_unsupported") {
      holds = !traits.symlinks && value.kind == tree::Kind::kSymlink;
    } else if (code == "name_refused") {
      holds = value.name.find_first_of(traits.names.forbidden_bytes) != std::string::npos ||
              value.name.size() > traits.names.max_name_bytes;
    } else if (code == "name_collision") {
      std::size_t same = 0;
      for (const tree::NodeRecord* sibling : children_.at(value.parent)) {
        same += replica_.key(sibling->agreed->name) == replica_.key(value.name) ? 1U : 0U;
      }
      holds = same > 1;
    } else if (code == "in_the_way") {
      const auto standing = directory.children.find(replica_.key(value.name));
      holds = standing != directory.children.end();
    } else if (code == "waiting") {
      // For an absent replica, or for a directory that can't have its name here.
      holds = world_.online_count() < world_.replicas.size() || excuses_.size() > 1;
    }
    if (!holds) {
      return differs(replica_, "left out as '" + code + "' without need", path);
    }
    return {};
  }

  Result<void> compare_object(const tree::NodeRecord& record, const std::string& path,
                              const Object& object) {
    const tree::NodeValue& value = *record.agreed;
    const plan::Traits& traits = replica_.traits();
    if (object.unreadable || object.kind == tree::Kind::kOther) {
      return {};  // occupies the name; nobody may look at it
    }
    if (object.kind != value.kind) {
      return differs(replica_, "another kind than agreed", path);
    }
    if (traits.modes && value.kind != tree::Kind::kSymlink &&
        value.attributes.mode != tree::kModeUnknown && object.mode != value.attributes.mode) {
      return differs(replica_, "another mode than agreed", path);
    }
    if (traits.xattrs && value.kind == tree::Kind::kFile &&
        object.xattrs != value.attributes.xattrs) {
      return differs(replica_, "other user attributes than agreed", path);
    }
    if (value.kind == tree::Kind::kDirectory) {
      return compare_directory(record.id, path, object);
    }
    if (value.kind == tree::Kind::kSymlink) {
      return object.link_target == value.content.link_target
                 ? Result<void>()
                 : differs(replica_, "another link target than agreed", path);
    }
    if (value.content.digest.has_value() ? *value.content.digest != object.blob->digest
                                         : value.content.size != object.blob->bytes.size()) {
      return differs(replica_, "other bytes than agreed", path);
    }
    const plan::Compare& compare = world_.policy.compare;
    const bool timed = traits.has_mtime && (compare.modtime || compare.hash);
    const std::int64_t gap = object.mtime.ns - value.content.mtime.ns;
    if (timed && (gap > step_ || gap < -step_ || (step_ <= 1 && gap != 0))) {
      return differs(replica_, "another mtime than agreed", path);
    }
    return {};
  }

  /// What stands here beyond the agreed tree must be none of ours.
  void note_strangers(const std::string& path, const Object& directory,
                      const std::set<const Object*>& expected) {
    for (const auto& [key, child] : directory.children) {
      if (!expected.contains(child.get())) {
        strangers_.emplace_back(join(path, child->name), child.get());
      }
    }
  }

  /// The path of something that should be agreed; none when all of it rightly isn't.
  std::optional<std::string> foreign(const std::string& path, const Object& object) const {
    if (object.kind == tree::Kind::kOther || object.unreadable || excluded(path, object.kind) ||
        !excuse_for(path).empty() || stayed_behind(object)) {
      return std::nullopt;
    }
    if (object.kind != tree::Kind::kDirectory || object.children.empty()) {
      return path;
    }
    for (const auto& [key, child] : object.children) {
      if (auto found = foreign(join(path, child->name), *child)) {
        return found;
      }
    }
    return std::nullopt;
  }

  /// Where a directory is left out, so is all that is in it.
  void leave_out(const tree::NodeRecord& record) {
    left_out_.push_back(&record);
    if (const auto below = children_.find(record.id); below != children_.end()) {
      for (const tree::NodeRecord* child : below->second) {
        leave_out(*child);
      }
    }
  }

  /// A node that cannot follow to its agreed place here stays where it was.
  bool stayed_behind(const Object& object) const {
    return std::ranges::any_of(left_out_, [&](const tree::NodeRecord* record) {
      const auto& known = record->sides[index_].acknowledged;
      if (!known.has_value() || known->value.kind != object.kind) {
        return false;
      }
      // Where it was, or where its user has put it since.
      return replica_.key(known->value.name) == replica_.key(object.name) ||
             (object.blob != nullptr && known->value.content.digest == object.blob->digest);
    });
  }

  const World& world_;
  ReplicaIndex index_;
  const ToyReplica& replica_;
  std::int64_t step_ = 1;
  std::unordered_map<std::string, std::string> excuses_;
  std::vector<const tree::NodeRecord*> left_out_;
  std::vector<std::pair<std::string, const Object*>> strangers_;
  std::unordered_map<NodeId, std::vector<const tree::NodeRecord*>> children_;
};

}  // namespace

Result<void> check_converged(const World& world, const std::vector<plan::Report>& reports) {
  // What waits for an absent replica keeps others from their places.
  const bool waits = std::ranges::any_of(
      reports, [](const plan::Report& report) { return report.code == "waiting"; });
  if (waits && world.online_count() < world.replicas.size()) {
    return {};
  }
  for (ReplicaIndex i = 0; i < world.replicas.size(); ++i) {
    if (world.replicas[i].traits().online) {
      TRY(Comparison(world, i, reports).run());
    }
  }
  return {};
}

}  // namespace ox::toy
