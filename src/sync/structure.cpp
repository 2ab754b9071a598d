#include <algorithm>

#include "sync/execute.h"

/// Directories, moves and what frees names for them: strictly in order on each replica.
namespace ox::sync {

namespace {

state::ActionKind action_kind(plan::OperationKind kind) {
  switch (kind) {
    case plan::OperationKind::kMakeDirectory:
      return state::ActionKind::kMakeDirectory;
    case plan::OperationKind::kMove:
    case plan::OperationKind::kUnpark:
      return state::ActionKind::kMove;
    case plan::OperationKind::kExchange:
      return state::ActionKind::kExchange;
    case plan::OperationKind::kPark:
      return state::ActionKind::kPark;
    case plan::OperationKind::kPut:
      return state::ActionKind::kPut;
    case plan::OperationKind::kSetAttributes:
      return state::ActionKind::kSetAttributes;
    case plan::OperationKind::kRemove:
      return state::ActionKind::kRemove;
  }
  return state::ActionKind::kPut;
}

class Structure {
 public:
  explicit Structure(Execution& execution) : run_(execution) {}

  /// Carries out `operations` of one replica after the other; each acknowledges by itself.
  Result<void> carry_out(const std::vector<std::vector<plan::Operation>>& operations) {
    std::vector<state::Action> actions;
    for (const auto& list : operations) {
      for (const plan::Operation& operation : list) {
        actions.push_back(intended(operation));
      }
    }
    if (actions.empty()) {
      return run_.ledger.has_changes() ? run_.commit() : Result<void>{};
    }
    const std::uint64_t batch = run_.ledger.intend(std::move(actions));
    TRY(run_.commit());
    std::size_t index = 0;
    for (ReplicaIndex i = 0; i < operations.size(); ++i) {
      for (const plan::Operation& operation : operations[i]) {
        state::Action& action = run_.ledger.actions(batch)[index++];
        if (run_.stop.stop_requested()) {
          run_.cancelled = true;
          continue;
        }
        run_.services.progress->set_current(operation.path.text());
        const Result<void> done = carry_out_one(operation, action);
        if (!done.ok()) {
          run_.fail(operation, done.error());
          run_.failed_moves.insert({operation.replica, operation.node});
          run_.failed_moves.insert({operation.replica, operation.other});
        }
      }
      if (!operations[i].empty()) {
        TRY(run_.provider(i).make_durable());
      }
    }
    for (auto& acknowledge : acknowledgements_) {
      acknowledge();
    }
    acknowledgements_.clear();
    run_.ledger.close(batch);
    return run_.commit();
  }

 private:
  static state::Action intended(const plan::Operation& operation) {
    state::Action action{.kind = action_kind(operation.kind),
                         .replica = operation.replica,
                         .node = operation.node,
                         .path = operation.path,
                         .from = operation.from,
                         .parked = operation.parked};
    if (operation.expected.has_value()) {
      action.before = tree::Entry{.kind = operation.value.kind, .fingerprint = *operation.expected};
    }
    return action;
  }

  Result<void> carry_out_one(const plan::Operation& operation, state::Action& action) {
    switch (operation.kind) {
      case plan::OperationKind::kMakeDirectory:
        return make_directory(operation, action);
      case plan::OperationKind::kMove:
        return move(operation, action);
      case plan::OperationKind::kExchange:
        return exchange(operation, action);
      case plan::OperationKind::kPark:
        TRY(run_.provider(operation.replica)
                .park(operation.path, expected(operation, operation.path), operation.parked));
        action.done = true;
        return {};
      case plan::OperationKind::kUnpark:
        return unpark(operation, action);
      case plan::OperationKind::kRemove:
        return remove(operation, action);
      default:
        return Error(Code::kInvalidArgument, "not a structure operation");
    }
  }

  const tree::Fingerprint& expected(const plan::Operation& operation, const RelPath& path) const {
    return run_.current(operation.replica, path, *operation.expected);
  }

  static tree::Fingerprint kept(const tree::Entry& entry) {
    if (entry.kind == tree::Kind::kDirectory) {
      return {.id = entry.fingerprint.id, .birth_ns = entry.fingerprint.birth_ns};
    }
    return entry.fingerprint;
  }

  void done(const plan::Operation& operation, state::Action& action, const tree::Entry& entry) {
    action.done = true;
    action.after = entry;
    run_.tell({.kind = EventKind::kDone,
               .action = std::string(action_word(operation)),
               .replica = operation.replica,
               .path = operation.path,
               .from = operation.from});
  }

  Result<void> make_directory(const plan::Operation& operation, state::Action& action) {
    std::optional<tree::Attributes> attributes;
    if (operation.value.attributes.mode != tree::kModeUnknown) {
      attributes = operation.value.attributes;
      attributes->mode |= 0700U;
    }
    provider::Provider& store = run_.provider(operation.replica);
    TRY_ASSIGN(const tree::Entry entry, store.make_directory(operation.path, attributes));
    done(operation, action, entry);
    ++run_.counts.directories;
    acknowledgements_.emplace_back([this, operation, fingerprint = kept(entry)] {
      run_.ledger.acknowledge_all(operation.node, operation.replica, fingerprint);
    });
    return {};
  }

  void moved(const plan::Operation& operation, NodeId node, const RelPath& path,
             const tree::Fingerprint& before, const tree::Entry& entry) {
    run_.moved[{operation.replica, path}] = entry.fingerprint;
    run_.moved_nodes[{operation.replica, node}] = entry.fingerprint;
    ++run_.counts.moved;
    acknowledgements_.emplace_back(
        [this, node, replica = operation.replica, before, fingerprint = kept(entry)] {
          run_.ledger.acknowledge_place(node, replica, before, fingerprint);
        });
  }

  Result<void> move(const plan::Operation& operation, state::Action& action) {
    provider::Provider& store = run_.provider(operation.replica);
    TRY_ASSIGN(const tree::Entry entry,
               store.move(operation.from, operation.path, expected(operation, operation.from)));
    done(operation, action, entry);
    moved(operation, operation.node, operation.path, *operation.expected, entry);
    return {};
  }

  Result<void> unpark(const plan::Operation& operation, state::Action& action) {
    provider::Provider& store = run_.provider(operation.replica);
    TRY_ASSIGN(const tree::Entry entry, store.unpark(operation.parked, operation.path));
    done(operation, action, entry);
    moved(operation, operation.node, operation.path, *operation.expected, entry);
    return {};
  }

  Result<void> exchange(const plan::Operation& operation, state::Action& action) {
    provider::Provider& store = run_.provider(operation.replica);
    TRY_ASSIGN(const tree::Entry before, store.look(operation.from));
    const tree::Fingerprint& wanted = expected(operation, operation.from);
    const bool same = before.kind == tree::Kind::kDirectory
                          ? wanted.id == 0 || before.fingerprint.same_object(wanted)
                          : before.fingerprint.same_version(wanted);
    if (!same) {
      return Error(Code::kPreconditionFailed, "changed since it was looked at");
    }
    TRY_ASSIGN(const tree::Entry other_before, store.look(operation.path));
    TRY_ASSIGN(const auto entries, store.exchange(operation.from, operation.path));
    done(operation, action, entries.second);
    moved(operation, operation.node, operation.path, before.fingerprint, entries.second);
    moved(operation, operation.other, operation.from, other_before.fingerprint, entries.first);
    return {};
  }

  Result<void> remove(const plan::Operation& operation, state::Action& action) {
    provider::Provider& store = run_.provider(operation.replica);
    if (operation.value.kind == tree::Kind::kDirectory) {
      // A directory goes without a trace, so its attributes are kept for whoever takes it back.
      if (const Result<tree::Entry> before = store.look(operation.path); before.ok()) {
        action.before = *before;
      }
    }
    const Result<std::optional<provider::Trashed>> removed =
        store.remove(operation.path, expected(operation, operation.path), run_.trash);
    if (!removed.ok() && !removed.failed_with(Code::kNotFound)) {
      return removed.error();
    }
    if (removed.ok()) {
      action.done = true;
      if (removed->has_value()) {
        action.trashed = (*removed)->path;
        run_.displaced(operation, **removed);
      }
      ++run_.counts.removed;
      run_.tell({.kind = EventKind::kDone,
                 .action = std::string(action_word(operation)),
                 .replica = operation.replica,
                 .path = operation.path});
    }
    acknowledgements_.emplace_back(
        [this, operation] { run_.ledger.acknowledge_removed(operation.node, operation.replica); });
    return {};
  }

  Execution& run_;
  std::vector<std::function<void()>> acknowledgements_;
};

}  // namespace

Result<void> execute_structure(Execution& execution, const plan::Plan& plan) {
  for (const plan::RecordUpdate& update : plan.structure) {
    execution.ledger.apply(update);
  }
  return Structure(execution).carry_out(plan.structure_operations);
}

Result<void> execute_removals(Execution& execution, const plan::Plan& plan) {
  for (const plan::RecordUpdate& update : plan.removals) {
    execution.ledger.apply(execution.after_moves(update));
  }
  return Structure(execution).carry_out(plan.removal_operations);
}

Result<void> execute_source_removals(Execution& execution, const plan::Plan& plan) {
  if (plan.source_removals.empty()) {
    return {};
  }
  std::vector<std::vector<plan::Operation>> lists(execution.replicas.size());
  std::vector<RelPath> left_out;
  for (const plan::Operation& operation : plan.source_removals) {
    const tree::NodeRecord* record = execution.ledger.find(operation.node);
    if (record == nullptr || !record->agreed.has_value()) {
      continue;
    }
    bool delivered = true;
    for (ReplicaIndex i = 0; i < record->sides.size(); ++i) {
      const auto& side = record->sides[i].acknowledged;
      delivered =
          delivered && side.has_value() && !side->assumed &&
          side->value.content.digest == record->agreed->content.digest &&
          (record->agreed->kind != tree::Kind::kFile || side->value.content.digest.has_value());
    }
    const bool holds_undelivered = std::ranges::any_of(
        left_out, [&](const RelPath& path) { return operation.path.contains(path); });
    if (record->agreed->kind == tree::Kind::kDirectory ? !holds_undelivered : delivered) {
      lists[operation.replica].push_back(operation);
    } else {
      left_out.push_back(operation.path);
    }
  }
  return Structure(execution).carry_out(lists);
}

}  // namespace ox::sync
