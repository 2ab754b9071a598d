#include "sync/execute.h"

#include <algorithm>
#include <set>

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

}  // namespace

const tree::Fingerprint& Execution::current(ReplicaIndex replica, const RelPath& path,
                                            const tree::Fingerprint& planned) const {
  const auto found = moved.find({replica, path});
  return found == moved.end() ? planned : found->second;
}

plan::RecordUpdate Execution::after_moves(plan::RecordUpdate update) const {
  for (ReplicaIndex i = 0; i < update.sides.size(); ++i) {
    auto& side = update.sides[i];
    if (!side.has_value() || !side->acknowledged.has_value() ||
        side->acknowledged->value.kind == tree::Kind::kDirectory) {
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
  if (means_changed(error.code())) {
    dirty = true;
    return;
  }
  if (error.code() == Code::kCancelled) {
    cancelled = true;
    return;
  }
  ++counts.failed;
  if (error.code() == Code::kNoSpace || error.code() == Code::kReadOnly) {
    stop_at(operation.replica, error);
    return;
  }
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
}

void Execution::stop_at(ReplicaIndex replica, const Error& error) {
  if (!fatal.has_value()) {
    fatal = error;
  }
  if (full.insert(replica).second) {
    problem(replica, {}, name_of(error.code()), advice_for(error));
  }
}

std::string advice_for(const Error& error) {
  return error.code() == Code::kNoSpace
             ? error.message() +
                   "; make room there and run again (what was replaced and deleted before is kept "
                   "in its trash: --trash-size 0 lets go of it)"
             : error.message();
}

void Execution::displaced(const plan::Operation& operation, const provider::Trashed& trashed) {
  state::VersionRecord version{.run = ledger.run(),
                               .node = operation.node,
                               .replica = operation.replica,
                               .path = operation.path,
                               .trashed = trashed.path,
                               .when = services.clock->now()};
  version.content.size = trashed.fingerprint.size;
  version.content.mtime = trashed.fingerprint.mtime;
  if (const tree::NodeRecord* record = ledger.find(operation.node)) {
    const auto& known = record->sides[operation.replica].acknowledged;
    if (known.has_value() && known->value.content.size == version.content.size) {
      version.content.digest = known->value.content.digest;
    }
  }
  versions.push_back(std::move(version));
}

Result<void> Execution::commit() {
  state::Commit extra;
  extra.versions = versions;
  TRY(ledger.commit(std::move(extra)));
  versions.clear();
  return {};
}

Result<void> Execution::make_durable(const std::set<ReplicaIndex>& shown) const {
  for (const ReplicaIndex i : shown) {
    if (replicas[i].provider == nullptr) {
      continue;
    }
    const Result<void> durable = provider(i).make_durable();
    if (!durable.ok() && provider(i).capabilities().create != provider::Cas::kNone) {
      return durable.error();
    }
  }
  return {};
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
  TRY(execution.make_durable(seen_by(plan)));
  for (const plan::RecordUpdate& update : plan.adopted) {
    execution.ledger.apply(update);
  }
  if (execution.ledger.has_changes()) {
    TRY(execution.commit());
  }
  TRY(execute_structure(execution, plan));
  TRY(execute_content(execution, plan));
  // A full disk is no reason to keep what is to go: only that makes room in the end.
  const bool full = execution.fatal.has_value() && execution.fatal->code() == Code::kNoSpace;
  if ((!execution.fatal.has_value() || full) && !execution.cancelled) {
    TRY(execute_removals(execution, plan));
    TRY(execute_source_removals(execution, plan));
    for (const plan::RecordUpdate& update : plan.finished) {
      execution.ledger.apply(execution.after_moves(update));
    }
    if (execution.ledger.has_changes()) {
      TRY(execution.commit());
    }
  }
  return {};
}

}  // namespace ox::sync
