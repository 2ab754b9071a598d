#include "sync/execute.h"

#include <algorithm>
#include <set>

#include "sync/new_trees.h"
#include "sync/telling.h"

namespace ox::sync {

namespace {

rt::Mutex& event_mutex() {
  static rt::Mutex mutex;
  return mutex;
}

/// Errors that say "it is not as it was": no failure, but a reason to look again.
bool means_changed(Code code) {
  return code == Code::kPreconditionFailed || code == Code::kExists || code == Code::kNotFound ||
         code == Code::kNotEmpty || code == Code::kNotADirectory || code == Code::kIsADirectory;
}

/// Is this what is acknowledged already, but for a digest that has been found since?
bool is_known(const tree::ReplicaSide& known, tree::ReplicaSide side) {
  if (known.acknowledged.has_value() && !known.acknowledged->value.content.digest.has_value()) {
    side.acknowledged->value.content.digest.reset();
  }
  return known == side;
}

}  // namespace

const tree::Fingerprint& Execution::current(ReplicaIndex replica, const RelPath& path,
                                            const tree::Fingerprint& planned) const {
  const auto found = moved.find({replica, path});
  return found == moved.end() ? planned : found->second;
}

plan::RecordUpdate Execution::acknowledgeable(plan::RecordUpdate update) const {
  for (ReplicaIndex i = 0; i < update.sides.size(); ++i) {
    auto& side = update.sides[i];
    if (!side.has_value() || !side->acknowledged.has_value()) {
      continue;
    }
    if (undurable.contains(i)) {
      const tree::NodeRecord* record = ledger.find(update.id);
      if (record == nullptr || !is_known(record->sides[i], *side)) {
        side = std::nullopt;
      }
      continue;
    }
    if (side->acknowledged->value.kind == tree::Kind::kDirectory) {
      continue;
    }
    if (failed_moves.contains({i, update.id})) {
      side = std::nullopt;
    } else if (const auto found = moved_nodes.find({i, update.id}); found != moved_nodes.end()) {
      const bool racy = side->acknowledged->fingerprint.racy;
      side->acknowledged->fingerprint = found->second;
      side->acknowledged->fingerprint.racy = racy;
    }
  }
  return update;
}

void Execution::tell(const Event& event) const {
  if (services.events) {
    rt::Lock lock(event_mutex());
    services.events(event);
  }
}

void Execution::note_done(const plan::Operation& operation) {
  count(operation, counts);
  tell(event_of(EventKind::kDone, operation));
}

void Execution::problem(std::optional<ReplicaIndex> replica, const RelPath& path,
                        std::string_view code, std::string message) {
  tell({.kind = EventKind::kProblem,
        .action = {},
        .replica = replica,
        .path = path,
        .code = std::string(code),
        .message = message});
  problems.push_back(
      {.replica = replica, .path = path, .code = std::string(code), .message = std::move(message)});
}

void Execution::fail(const plan::Operation& operation, const Error& error) {
  if (std::ranges::any_of(failed_directories, [&](const auto& failed) {
        return failed.first == operation.replica && failed.second != operation.path &&
               failed.second.contains(operation.path);
      })) {
    ++counts.failed;  // the directory's failure has been told
    return;
  }
  if (means_changed(error.code())) {
    dirty = true;
    return;
  }
  if (error.code() == Code::kCancelled) {
    cancelled = true;
    return;
  }
  if (is_closed(operation.replica)) {
    leave_out(operation);
    return;
  }
  if (error.code() == Code::kNoSpace && has_room_again(operation.replica)) {
    dirty = true;
    return;
  }
  if (error.code() == Code::kNoSpace || error.code() == Code::kReadOnly) {
    close(operation.replica, error);  // of the whole root, so it is told once, at the end
    leave_out(operation);
    return;
  }
  ++counts.failed;
  tell({.kind = EventKind::kFailed,
        .action = std::string(action_word(operation)),
        .replica = operation.replica,
        .path = operation.path,
        .from = operation.from,
        .code = std::string(name_of(error.code())),
        .message = error.message()});
  problems.push_back({.replica = operation.replica,
                      .path = operation.path,
                      .code = std::string(name_of(error.code())),
                      .message = error.message()});
  if (operation.kind == plan::OperationKind::kMakeDirectory) {
    failed_directories.emplace(operation.replica, operation.path);
  }
}

void Execution::close(ReplicaIndex replica, const Error& why) {
  closed.emplace(replica, ClosedRoot{.why = why});
}

void Execution::note_unkept(const plan::Operation& operation, const tree::Entry& entry,
                            std::uint64_t xattrs) {
  const std::uint32_t mode = operation.value.attributes.mode;
  if (mode != tree::kModeUnknown && mode != entry.attributes.mode) {
    ++unkept[operation.replica].modes;
  }
  if (xattrs != 0 && xattrs != entry.attributes.xattrs) {
    ++unkept[operation.replica].xattrs;
  }
}

void Execution::leave_out(const plan::Operation& operation) {
  ++counts.failed;
  ++closed.at(operation.replica).waiting;
  if (operation.kind == plan::OperationKind::kPut) {
    const auto bytes = static_cast<std::int64_t>(operation.value.content.size);
    services.progress->add_total({.files = -1, .bytes = -bytes});
  }
}

bool Execution::has_room_again(ReplicaIndex replica) {
  if (room_made_at == attempt) {
    return true;
  }
  if (!make_room || !make_room(replica)) {
    return false;
  }
  room_made_at = attempt;
  return true;
}

namespace {

state::VersionRecord version_of(const Execution& execution, const plan::Operation& operation,
                                const provider::Trashed& trashed) {
  state::VersionRecord version{.run = execution.ledger.run(),
                               .node = operation.node,
                               .replica = operation.replica,
                               .path = operation.path,
                               .trashed = trashed.path,
                               .when = execution.services.clock->now()};
  version.content.size = trashed.fingerprint.size;
  version.content.mtime = trashed.fingerprint.mtime;
  return version;
}

/// The bytes of the version that `operation` expects, where they are known without doubt: it is the
/// acknowledged one.
std::optional<Digest> expected_digest(const Execution& execution,
                                      const plan::Operation& operation) {
  const tree::Acknowledged* known =
      execution.ledger.acknowledged(operation.node, operation.replica);
  if (known == nullptr || known->fingerprint.racy || !operation.expected.has_value()) {
    return std::nullopt;
  }
  const tree::Fingerprint& now =
      execution.current(operation.replica, operation.path, *operation.expected);
  const bool same =
      known->fingerprint.same_version(*operation.expected) || known->fingerprint.same_version(now);
  return same ? known->value.content.digest : std::nullopt;
}

}  // namespace

void Execution::displaced(const plan::Operation& operation, const provider::Trashed& trashed) {
  state::VersionRecord version = version_of(*this, operation, trashed);
  version.content.digest = expected_digest(*this, operation);
  versions.push_back(std::move(version));
}

void Execution::displaced_unexpectedly(const plan::Operation& operation,
                                       const provider::Trashed& trashed,
                                       const std::optional<Digest>& digest) {
  state::VersionRecord version = version_of(*this, operation, trashed);
  version.content.digest = digest;
  versions.push_back(std::move(version));
}

Result<void> Execution::commit() {
  state::Commit extra;
  extra.versions = versions;
  TRY(ledger.commit(std::move(extra)));
  versions.clear();
  return {};
}

void Execution::make_durable(const std::set<ReplicaIndex>& shown, std::set<std::uint64_t> done) {
  for (const ReplicaIndex i : shown) {
    if (replicas[i].provider == nullptr || undurable.contains(i)) {
      continue;
    }
    const std::uint64_t domain = provider(i).capabilities().durability_domain;
    if (domain != 0 && done.contains(domain)) {
      continue;
    }
    const Result<void> durable = provider(i).make_durable();
    if (durable.ok()) {
      done.insert(domain);
    } else if (provider(i).capabilities().create != provider::Cas::kNone) {
      undurable.insert(i);
      problem(i, {}, name_of(durable.error().code()),
              "what stands here could not be made durable: " + durable.error().to_string());
    }
  }
}

std::string_view action_word(const plan::Operation& operation) {
  switch (operation.kind) {
    case plan::OperationKind::kMakeDirectory:
      return "mkdir";
    case plan::OperationKind::kMove:
    case plan::OperationKind::kUnpark:
    case plan::OperationKind::kPark:
      return "move";
    case plan::OperationKind::kExchange:
      return "swap";
    case plan::OperationKind::kPut:
      return operation.expected.has_value() ? "update" : "create";
    case plan::OperationKind::kSetAttributes:
      return "attributes";
    case plan::OperationKind::kRemove:
      return operation.value.kind == tree::Kind::kDirectory ? "rmdir" : "delete";
  }
  return "";
}

namespace {

/// Replicas some side of which the plan is going to acknowledge as seen: what they show must be
/// durable before the state says so. Content tasks see to that themselves.
std::set<ReplicaIndex> seen_by(const plan::Plan& plan) {
  std::set<ReplicaIndex> replicas;
  const auto add = [&](const plan::RecordUpdate& update) {
    for (ReplicaIndex i = 0; i < update.sides.size(); ++i) {
      if (update.sides[i].has_value() && update.sides[i]->acknowledged.has_value()) {
        replicas.insert(i);
      }
    }
  };
  std::ranges::for_each(plan.adopted, add);
  std::ranges::for_each(plan.structure, add);
  std::ranges::for_each(plan.removals, add);
  return replicas;
}

}  // namespace

Result<void> execute(Execution& execution, const plan::Plan& plan) {
  execution.make_durable(seen_by(plan));
  for (const plan::RecordUpdate& update : plan.adopted) {
    execution.ledger.apply(execution.acknowledgeable(update));
  }
  if (execution.ledger.has_changes()) {
    TRY(execution.commit());
  }
  NewTrees trees(execution, plan);
  TRY(execute_structure(execution, plan, trees));
  TRY(execute_content(execution, plan, trees));
  if (!execution.cancelled) {
    TRY(execute_removals(execution, plan));
    TRY(execute_source_removals(execution, plan));
    for (const plan::RecordUpdate& update : plan.finished) {
      execution.ledger.apply(execution.acknowledgeable(update));
    }
    if (execution.ledger.has_changes()) {
      TRY(execution.commit());
    }
  }
  return {};
}

}  // namespace ox::sync
