#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "plan/toy_world.h"

namespace ox::toy {

namespace {

using plan::Operation;
using plan::OperationKind;
using plan::RecordUpdate;

std::string_view word_for(OperationKind kind) {
  switch (kind) {
    case OperationKind::kMakeDirectory:
      return "make_directory";
    case OperationKind::kMove:
      return "move";
    case OperationKind::kExchange:
      return "exchange";
    case OperationKind::kPark:
      return "park";
    case OperationKind::kUnpark:
      return "unpark";
    case OperationKind::kPut:
      return "put";
    case OperationKind::kSetAttributes:
      return "set_attributes";
    case OperationKind::kRemove:
      return "remove";
  }
  return "?";
}

class Executor {
 public:
  Executor(World& world, plan::Plan plan, std::optional<std::size_t> crash_after,
           const Beside* beside)
      : world_(world), plan_(std::move(plan)), crash_after_(crash_after), beside_(beside) {}

  Result<Run> run() {
    const Result<void> done = run_all();
    const bool crashed = done.failed_with(Code::kCancelled);
    if (!done.ok() && !crashed) {
      return done.error();
    }
    if (crashed) {
      // What was done and not acknowledged is for the next scan to find.
      acknowledgements_.clear();
      TRY(bring_parked_home());
      TRY(world_.store.check());
    }
    for (ToyReplica& replica : world_.replicas) {
      if (!replica.parked().empty()) {
        return Error(Code::kCorrupt, "something stays parked on " + replica.traits().label);
      }
      replica.end_run();
    }
    return Run{.plan = std::move(plan_), .steps = steps_, .crashed = crashed, .untold = untold_};
  }

 private:
  Result<void> run_all() {
    if (plan_.structure_operations.size() > world_.replicas.size() ||
        plan_.removal_operations.size() > world_.replicas.size()) {
      return Error(Code::kCorrupt, "operations for more replicas than there are");
    }
    world_.store.set_next_node(plan_.next_node);
    TRY(commit(plan_.adopted));
    TRY(commit(plan_.structure));
    for (const auto& operations : plan_.structure_operations) {
      for (const Operation& operation : operations) {
        TRY(step(operation, nullptr, update_of(operation.node)));
      }
    }
    if (interfered_) {
      TRY(bring_parked_home());
    }
    TRY(commit_acknowledgements());
    for (plan::ContentTask& task : plan_.content) {
      TRY(run_task(task));
    }
    TRY(commit_acknowledgements());
    TRY(commit(plan_.removals));
    for (const auto& operations : plan_.removal_operations) {
      for (const Operation& operation : operations) {
        TRY(step(operation, nullptr, nullptr));
      }
    }
    TRY(commit_acknowledgements());
    TRY(commit(plan_.finished));
    for (const Operation& operation : plan_.source_removals) {
      if (!interfered_ || is_delivered(operation.node)) {
        TRY(step(operation, nullptr, nullptr));
      }
    }
    return commit_acknowledgements();
  }

  /// What operations did is acknowledged once they are durable, all of a phase in one commit.
  Result<void> commit_acknowledgements() {
    if (acknowledgements_.empty()) {
      return {};
    }
    TRY(count_step());
    untold_ = false;
    for (const auto& write : acknowledgements_) {
      write();
    }
    acknowledgements_.clear();
    return world_.store.check();
  }

  Result<void> count_step() {
    if (crash_after_.has_value() && steps_ >= *crash_after_) {
      return Error(Code::kCancelled, "crashed");
    }
    if (beside_ != nullptr && !interfered_ && steps_ >= beside_->before_step) {
      interfered_ = true;
      beside_->act();
    }
    ++steps_;
    return {};
  }

  Result<void> commit(const std::vector<RecordUpdate>& updates) {
    if (updates.empty()) {
      return {};
    }
    TRY(count_step());
    for (RecordUpdate update : updates) {
      for (ReplicaIndex i = 0; i < update.sides.size(); ++i) {
        auto& side = update.sides[i];
        if (!side.has_value() || !side->acknowledged.has_value()) {
          continue;
        }
        if (failed_.contains({update.id, i}) &&
            side->acknowledged->value.kind != tree::Kind::kDirectory) {
          side = std::nullopt;
        } else if (const auto moved = moved_.find({update.id, i}); moved != moved_.end()) {
          side->acknowledged->fingerprint = moved->second;
        }
      }
      TRY(world_.store.apply(update));
    }
    return world_.store.check();
  }

  /// A source may go once every replica has what is agreed.
  bool is_delivered(NodeId node) const {
    const tree::NodeRecord* record = world_.store.find(node);
    if (record == nullptr || !record->agreed.has_value()) {
      return false;
    }
    return record->agreed->kind == tree::Kind::kDirectory ||
           std::ranges::all_of(record->sides, [&](const tree::ReplicaSide& side) {
             return side.acknowledged.has_value() &&
                    side.acknowledged->value.content.digest == record->agreed->content.digest;
           });
  }

  const RecordUpdate* update_of(NodeId node) const {
    for (const RecordUpdate& update : plan_.structure) {
      if (update.id == node) {
        return &update;
      }
    }
    return nullptr;
  }

  /// The bytes of a task: every supplier must hold the very same ones. Where somebody interfered
  /// one that still does is enough; null: none does.
  Result<BlobPtr> bytes_of(const plan::ContentTask& task) const {
    const tree::Content& wanted = task.update.agreed->content;
    if (task.suppliers.empty()) {
      const BlobPtr merged =
          wanted.digest.has_value() ? world_.blobs->find(*wanted.digest) : nullptr;
      if (merged == nullptr) {
        return Error(Code::kCorrupt, "a task without suppliers, nor is it a merge result");
      }
      return merged;
    }
    BlobPtr blob;
    for (const plan::Supplier& supplier : task.suppliers) {
      Result<BlobPtr> supplied = bytes_from(supplier);
      if (!supplied.ok() && interfered_) {
        continue;
      }
      TRY_ASSIGN(const BlobPtr found, std::move(supplied));
      const bool wrong = wanted.digest.has_value() ? found->digest != *wanted.digest
                                                   : blob != nullptr && found != blob;
      if (wrong && world_.policy.compare.hash) {
        return Error(Code::kCorrupt, "a supplier has other bytes")
            .with_context(supplier.path.text());
      }
      if (blob == nullptr) {
        blob = found;
      }
    }
    return blob;
  }

  /// Of the version that the plan has seen.
  Result<BlobPtr> bytes_from(const plan::Supplier& supplier) const {
    const ToyReplica& replica = world_.replicas[supplier.replica];
    const Object* object = replica.find(supplier.path.text());
    if (object == nullptr || object->blob == nullptr) {
      return Error(Code::kCorrupt, "a supplier has nothing").with_context(supplier.path.text());
    }
    tree::Fingerprint now = replica.fingerprint_of(*object, object->ctime);
    if (object->moved_by_us) {
      now.ctime = supplier.fingerprint.ctime;
      now.revision = supplier.fingerprint.revision;
    }
    if (!now.same_version(supplier.fingerprint)) {
      return Error(Code::kCorrupt, "a supplier has another version")
          .with_context(supplier.path.text());
    }
    return object->blob;
  }

  /// The copy has read the bytes: all sides that hold them know the digest now.
  static void fill_digest(RecordUpdate& update, const Digest& digest) {
    const tree::Content unread = update.agreed->content;
    update.agreed->content.digest = digest;
    for (auto& side : update.sides) {
      if (side.has_value() && side->acknowledged.has_value() && !side->acknowledged->assumed &&
          side->acknowledged->value.content == unread) {
        side->acknowledged->value.content.digest = digest;
      }
    }
  }

  Result<void> run_task(plan::ContentTask& task) {
    if (task.operations.empty() || !task.update.agreed.has_value()) {
      return Error(Code::kCorrupt, "a content task without operations or value");
    }
    BlobPtr blob;
    const bool puts = std::ranges::any_of(task.operations, [](const Operation& operation) {
      return operation.kind == OperationKind::kPut;
    });
    if (puts && task.update.agreed->kind == tree::Kind::kFile) {
      TRY_ASSIGN(blob, bytes_of(task));
      if (blob == nullptr) {
        return {};  // what was to be copied is there no more: nothing is agreed
      }
      tree::Content& content = task.update.agreed->content;
      if (content.size != blob->bytes.size()) {
        return Error(Code::kCorrupt, "a task with a wrong size")
            .with_context(task.operations.front().path.text());
      }
      if (!content.digest.has_value()) {
        fill_digest(task.update, blob->digest);
      }
    }
    if (world_.late == Late::kNo) {
      TRY(commit_acknowledgements());
    }
    TRY(commit({task.update}));
    for (const Operation& operation : task.operations) {
      if (operation.kind != OperationKind::kPut &&
          operation.kind != OperationKind::kSetAttributes) {
        return Error(Code::kCorrupt, "a content task with another operation");
      }
      TRY(step(operation, blob, &task.update));
    }
    return {};
  }

  Result<void> step(const Operation& operation, const BlobPtr& blob, const RecordUpdate* update) {
    TRY(count_step());
    note_unread_edits(operation);
    if (auto done = apply(operation, blob); !done.ok()) {
      if (interfered_ && done.failed_with(Code::kPreconditionFailed)) {
        if (operation.kind != OperationKind::kPut &&
            operation.kind != OperationKind::kSetAttributes) {
          failed_.emplace(operation.node, operation.replica);
          failed_.emplace(operation.other, operation.replica);
        }
        return {};
      }
      const std::string where =
          world_.replicas[operation.replica].traits().label + ": " +
          std::string(word_for(operation.kind)) + " " +
          (operation.from.is_root() ? "" : "'" + operation.from.text() + "' to ") + "'" +
          operation.path.text() + "'";
      return Error(Code::kPreconditionFailed, where + ": " + done.error().to_string());
    }
    acknowledge(operation, update);
    note_untold_moves(operation);
    return {};
  }

  /// Without ids nothing but the engine's journal tells the next run which directory is which until
  /// the move is acknowledged, or that files went round in a ring.
  void note_untold_moves(const Operation& operation) {
    const bool moves = operation.kind == OperationKind::kMove ||
                       operation.kind == OperationKind::kExchange ||
                       operation.kind == OperationKind::kPark;
    const tree::NodeRecord* record = world_.store.find(operation.node);
    const tree::NodeRecord* other = world_.store.find(operation.other);
    const auto is_directory = [](const tree::NodeRecord* node) {
      return node != nullptr && node->agreed.has_value() &&
             node->agreed->kind == tree::Kind::kDirectory;
    };
    untold_ =
        untold_ || (moves && !world_.replicas[operation.replica].traits().stable_ids &&
                    (operation.kind == OperationKind::kPark || is_directory(record) ||
                     is_directory(other) || edited_.contains({operation.node, operation.replica}) ||
                     edited_.contains({operation.other, operation.replica})));
  }

  bool is_acknowledged_version(NodeId node, ReplicaIndex i, const RelPath& path) const {
    const tree::NodeRecord* record = world_.store.find(node);
    const Object* object = world_.replicas[i].find(path.text());
    return object == nullptr || record == nullptr || !record->sides[i].acknowledged.has_value() ||
           object->kind == tree::Kind::kDirectory ||
           world_.replicas[i]
               .fingerprint_of(*object, world_.clock)
               .same_version(record->sides[i].acknowledged->fingerprint);
  }

  /// A move of a file that was edited, too, must not acknowledge the edit.
  void note_unread_edits(const Operation& operation) {
    const RelPath& from = operation.kind == OperationKind::kPark ? operation.path : operation.from;
    const bool moves = operation.kind == OperationKind::kMove ||
                       operation.kind == OperationKind::kExchange ||
                       operation.kind == OperationKind::kPark;
    if (moves && !is_acknowledged_version(operation.node, operation.replica, from)) {
      edited_.emplace(operation.node, operation.replica);
    }
    if (operation.kind == OperationKind::kExchange &&
        !is_acknowledged_version(operation.other, operation.replica, operation.path)) {
      edited_.emplace(operation.other, operation.replica);
    }
  }

  Result<void> apply(const Operation& operation, const BlobPtr& blob) {
    ToyReplica& replica = world_.replicas[operation.replica];
    if (!replica.traits().online) {
      return Error(Code::kCorrupt, "an operation on a replica that is away");
    }
    const Timestamp now{world_.clock.ns + static_cast<std::int64_t>(steps_)};
    switch (operation.kind) {
      case OperationKind::kMakeDirectory:
        return replica.apply_make_directory(operation, now);
      case OperationKind::kMove:
        return replica.apply_move(operation, now);
      case OperationKind::kExchange:
        return replica.apply_exchange(operation, now);
      case OperationKind::kPark:
        return replica.apply_park(operation);
      case OperationKind::kUnpark:
        return replica.apply_unpark(operation, now);
      case OperationKind::kPut:
        return replica.apply_put(operation, blob, now);
      case OperationKind::kSetAttributes:
        return replica.apply_attributes(operation, now);
      case OperationKind::kRemove:
        return replica.apply_remove(operation, now);
    }
    return {};
  }

  tree::Fingerprint fresh_print(ReplicaIndex i, const RelPath& path) const {
    return print_of(i, *world_.replicas[i].find(path.text()));
  }

  tree::Fingerprint print_of(ReplicaIndex i, const Object& object) const {
    const tree::Fingerprint print = world_.replicas[i].fingerprint_of(object, world_.clock);
    return object.kind == tree::Kind::kDirectory
               ? tree::Fingerprint{.id = print.id, .birth_ns = print.birth_ns}
               : print;
  }

  void later(std::function<void()> write) { acknowledgements_.push_back(std::move(write)); }

  void acknowledge_place(NodeId node, ReplicaIndex i, const RelPath& path, NodeId parent,
                         const std::string& name) {
    const Object* object = world_.replicas[i].find(path.text());
    const tree::Fingerprint print = print_of(i, *object);
    moved_[{node, i}] = print;
    later([this, node, i, parent, name, print] {
      tree::ReplicaSide* side = world_.store.side(node, i);
      if (side == nullptr || !side->acknowledged.has_value()) {
        return;
      }
      side->acknowledged->value.parent = parent;
      side->acknowledged->value.name = name;
      if (!edited_.contains({node, i})) {
        side->acknowledged->fingerprint = print;
      }
    });
  }

  /// The whole value; a side without one is made.
  void acknowledge_value(NodeId node, ReplicaIndex i, const tree::NodeValue& value,
                         const RelPath& path, bool keeps_assumed) {
    later([this, node, i, value, keeps_assumed, print = fresh_print(i, path)] {
      tree::ReplicaSide* side = world_.store.side(node, i);
      if (side == nullptr) {
        return;
      }
      bool assumed = false;
      if (keeps_assumed) {
        assumed = side->acknowledged.has_value() ? side->acknowledged->assumed
                                                 : !world_.policy.compare.hash;
      }
      *side = {.acknowledged =
                   tree::Acknowledged{.value = value, .fingerprint = print, .assumed = assumed},
               .waived = std::nullopt};
      if (assumed) {
        side->acknowledged->value.content.digest = std::nullopt;  // nobody has read them
      }
    });
  }

  void acknowledge(const Operation& operation, const RecordUpdate* update) {
    const ReplicaIndex i = operation.replica;
    if (operation.kind == OperationKind::kPut || operation.kind == OperationKind::kRemove) {
      moved_.erase({operation.node, i});
    }
    switch (operation.kind) {
      case OperationKind::kMove:
      case OperationKind::kUnpark:
        acknowledge_place(operation.node, i, operation.path, operation.value.parent,
                          operation.value.name);
        break;
      case OperationKind::kExchange: {
        acknowledge_place(operation.node, i, operation.path, operation.value.parent,
                          operation.value.name);
        const tree::NodeRecord* other = world_.store.find(operation.other);
        if (other != nullptr && other->agreed.has_value()) {
          acknowledge_place(operation.other, i, operation.from, other->agreed->parent,
                            other->agreed->name);
        }
        break;
      }
      case OperationKind::kPark:
        break;
      case OperationKind::kMakeDirectory:
        acknowledge_value(operation.node, i, operation.value, operation.path, false);
        break;
      case OperationKind::kPut:
      case OperationKind::kSetAttributes:
        if (update != nullptr && update->agreed.has_value()) {
          acknowledge_value(operation.node, i, *update->agreed, operation.path,
                            operation.kind == OperationKind::kSetAttributes);
        }
        if (const auto moved = moved_.find({operation.node, i}); moved != moved_.end()) {
          moved->second = fresh_print(i, operation.path);
        }
        break;
      case OperationKind::kRemove:
        later([this, node = operation.node, i] {
          if (tree::ReplicaSide* side = world_.store.side(node, i)) {
            *side = {};
            world_.store.drop_if_empty(node);
          }
        });
        break;
    }
  }

  /// At the next start what is parked comes home: where it stood, else where it was to go, else
  /// beside it.
  Result<void> bring_parked_home() {
    for (ReplicaIndex i = 0; i < plan_.structure_operations.size(); ++i) {
      ToyReplica& replica = world_.replicas[i];
      std::map<std::string, std::vector<RelPath>> ways;
      for (const Operation& operation : plan_.structure_operations[i]) {
        if (operation.kind == OperationKind::kPark || operation.kind == OperationKind::kUnpark) {
          ways[operation.parked].push_back(operation.path);
        }
      }
      for (auto& [name, places] : ways) {
        if (!replica.parked().contains(name)) {
          continue;
        }
        const std::size_t proper = places.size();
        const RelPath& home = places.front();
        places.push_back(home.parent().child(std::string(home.name()) + ".recovered-" + name));
        places.push_back(RelPath().child("recovered-" + name));
        std::size_t at = 0;
        while (at < places.size() && !replica.bring_home(name, places[at], world_.clock)) {
          ++at;
        }
        if (at == places.size()) {
          return Error(Code::kCorrupt, "nowhere to put what is parked as " + name);
        }
        untold_ = untold_ || at >= proper;
      }
    }
    return {};
  }

  World& world_;
  plan::Plan plan_;
  std::optional<std::size_t> crash_after_;
  const Beside* beside_;
  bool interfered_ = false;
  std::size_t steps_ = 0;
  std::set<std::pair<NodeId, ReplicaIndex>> edited_;
  std::map<std::pair<NodeId, ReplicaIndex>, tree::Fingerprint> moved_;  ///< as we left them
  std::set<std::pair<NodeId, ReplicaIndex>> failed_;                    ///< it did not move or go
  std::vector<std::function<void()>> acknowledgements_;
  bool untold_ = false;
};

}  // namespace

Result<Run> execute(World& world, plan::Plan plan, std::optional<std::size_t> crash_after,
                    const Beside* beside) {
  return Executor(world, std::move(plan), crash_after, beside).run();
}

}  // namespace ox::toy
