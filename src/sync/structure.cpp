#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "sync/by_parts.h"
#include "sync/execute.h"
#include "sync/fingerprints.h"
#include "sync/new_trees.h"
#include "sync/parked.h"
#include "sync/renamed.h"

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
    batch_ = batch;
    TRY(run_.commit());
    std::size_t first = 0;
    for (ReplicaIndex i = 0; i < operations.size(); ++i) {
      std::vector<state::Action>& journal = run_.ledger.actions(batch);
      TRY(carry_out_list(operations[i], {journal.begin() + static_cast<std::ptrdiff_t>(first),
                                         operations[i].size()}));
      finish_replica(i, operations[i],
                     {journal.begin() + static_cast<std::ptrdiff_t>(first), operations[i].size()});
      first += operations[i].size();
    }
    if (holds_back_) {
      run_.ledger.keep_open(batch);
    } else {
      run_.ledger.close(batch);
    }
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

  using Actions = std::span<state::Action>;

  Result<void> carry_out_list(const std::vector<plan::Operation>& list, Actions actions) {
    for (std::size_t k = 0; k < list.size(); ++k) {
      const plan::Operation& operation = list[k];
      if (run_.stop.stop_requested()) {
        run_.cancelled = true;
        return {};
      }
      if (refuses(operation)) {
        run_.leave_out(operation);
        not_done(operation);
        continue;
      }
      ++run_.attempt;
      run_.services.progress->set_current(operation.path.text());
      const bool by_parts =
          goes_by_parts(run_.provider(operation.replica).capabilities(), actions[k]);
      if (by_parts) {
        run_.ledger.keep_open(batch_);
        TRY(run_.commit());
      }
      Result<void> done = carry_out_one(operation, actions[k]);
      note_linked(operation);
      if (by_parts && !done.ok()) {
        done = after_failed_parts(operation, actions[k], std::move(done));
      }
      if (!done.ok()) {
        run_.fail(operation, done.error());
        not_done(operation);
      }
    }
    return {};
  }

  /// Some of the directory may stand in either place: nobody may look at it so.
  Result<void> after_failed_parts(const plan::Operation& operation, state::Action& action,
                                  Result<void> failed) {
    if (failed.failed_with(Code::kExists) || failed.failed_with(Code::kPreconditionFailed)) {
      action.before.reset();  // somebody was quicker: what stands is to be looked at
      return failed;
    }
    provider::Provider& store = run_.provider(operation.replica);
    const Result<bool> finished = finish_by_parts(store, action);
    if (!finished.ok()) {
      holds_back_ = true;
      run_.close(operation.replica, finished.error());
      run_.closed.at(operation.replica).lost = true;
      return failed;
    }
    if (!*finished || action.kind == state::ActionKind::kPark) {
      action.before.reset();  // there is nothing to go on with
      return failed;
    }
    TRY_ASSIGN(const tree::Entry entry, store.look(operation.path));
    done(operation, action, entry);
    moved(operation, operation.node, operation.path, *operation.expected, entry);
    return {};
  }

  void note_linked(const plan::Operation& operation) {
    const auto note = [&](const auto& touched) {
      if (touched.has_value() && touched->link_count > 1 && touched->id != 0) {
        linked_.emplace(operation.replica, touched->id);
      }
    };
    note(operation.expected);
    note(operation.other_expected);
  }

  /// A full disk is no reason to leave a move, and none to keep what is to go: only that makes room
  /// in the end.
  bool refuses(const plan::Operation& operation) const {
    const auto closed = run_.closed.find(operation.replica);
    return closed != run_.closed.end() &&
           (closed->second.lost || closed->second.why.code() != Code::kNoSpace);
  }

  void not_done(const plan::Operation& operation) {
    run_.failed_moves.insert({operation.replica, operation.node});
    run_.failed_moves.insert({operation.replica, operation.other});
  }

  /// Nothing stays parked, and nothing is acknowledged that is not durable.
  void finish_replica(ReplicaIndex i, const std::vector<plan::Operation>& list, Actions actions) {
    if (list.empty()) {
      return;
    }
    bring_home(i, list, actions);
    if (const Result<void> durable = run_.provider(i).make_durable(); !durable.ok()) {
      run_.close(i, durable.error());
    } else {
      for (auto& acknowledge : acknowledgements_) {
        acknowledge();
      }
    }
    acknowledgements_.clear();
  }

  /// Where a chain was cut, its parked entry goes back before anything is looked at again.
  void bring_home(ReplicaIndex i, const std::vector<plan::Operation>& list, Actions actions) {
    const auto cut = std::ranges::find_if(list, [&](const plan::Operation& operation) {
      const state::Action& action = actions[static_cast<std::size_t>(&operation - list.data())];
      return !action.parked.empty() && !action.done;
    });
    const auto closed = run_.closed.find(i);
    if (cut == list.end() || (closed != run_.closed.end() && closed->second.lost)) {
      return;
    }
    ParkedWays ways;
    add_parked_ways(ways, i, {actions.begin(), actions.end()});
    std::vector<std::uint64_t> announced;
    const auto home = bring_parked_home(
        run_.provider(i), ways, {.replica = i, .announce = run_.rescuer(i, announced).announce});
    if (!home.ok()) {
      holds_back_ = true;  // and what was announced stays so
      run_.close(i, home.error());
      run_.closed.at(i).lost = true;
      return;
    }
    std::ranges::for_each(announced, [this](std::uint64_t batch) { run_.ledger.close(batch); });
    for (const BroughtHome& one : *home) {
      came_home(i, one, list, actions);
    }
  }

  void came_home(ReplicaIndex i, const BroughtHome& one, const std::vector<plan::Operation>& list,
                 Actions actions) {
    for (std::size_t k = 0; k < list.size(); ++k) {
      if (actions[k].parked != one.name) {
        continue;
      }
      if (actions[k].kind != state::ActionKind::kPark) {
        if (one.path == actions[k].path) {
          done(list[k], actions[k], one.entry);
          run_.failed_moves.erase({i, list[k].node});
          moved(list[k], list[k].node, list[k].path, *list[k].expected, one.entry);
        }
        continue;
      }
      run_.failed_moves.insert({i, list[k].node});
      if (one.path == actions[k].path) {
        actions[k].done = false;  // as if it had never been away
      } else if (one.beside) {
        actions[k].kind = state::ActionKind::kMove;
        actions[k].from = std::exchange(actions[k].path, one.path);
        actions[k].parked.clear();
        actions[k].after = one.entry;
        run_.dirty = true;
        const state::Problem told = recovered(i, one);
        run_.problem(told.replica, told.path, told.code, told.message);
      }
    }
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

  tree::Fingerprint expected(const plan::Operation& operation, const RelPath& path) const {
    return current(operation.replica, path, *operation.expected);
  }

  /// A step of ours that touched a file by one of its names has moved the ctime that the others
  /// show.
  tree::Fingerprint current(ReplicaIndex replica, const RelPath& path,
                            const tree::Fingerprint& planned) const {
    const tree::Fingerprint& known = run_.current(replica, path, planned);
    if (known.link_count < 2 || !linked_.contains({replica, known.id})) {
      return known;
    }
    const Result<tree::Entry> now = run_.provider(replica).look(path);
    return now.ok() && same_after_rename(known, now->fingerprint) ? now->fingerprint : known;
  }

  void done(const plan::Operation& operation, state::Action& action, const tree::Entry& entry) {
    action.done = true;
    action.after = entry;
    run_.note_done(operation);
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
    acknowledgements_.emplace_back([this, operation, fingerprint = kept_fingerprint(entry)] {
      run_.ledger.acknowledge_all(operation.node, operation.replica, fingerprint);
    });
    return {};
  }

  void moved(const plan::Operation& operation, NodeId node, const RelPath& path,
             const tree::Fingerprint& before, const tree::Entry& entry) {
    if (entry.kind != tree::Kind::kDirectory && !same_after_rename(before, entry.fingerprint)) {
      // Somebody wrote to it on the way: that version is known to nobody. Its place is new and its
      // fingerprint stays what it was, so it is read again, and nothing replaces it in this pass.
      run_.dirty = true;
      run_.failed_moves.insert({operation.replica, node});
      acknowledgements_.emplace_back(
          [this, node, replica = operation.replica, found = entry.fingerprint] {
            run_.ledger.acknowledge_place(node, replica, found, found);
          });
      return;
    }
    run_.moved[{operation.replica, path}] = entry.fingerprint;
    run_.moved_nodes[{operation.replica, node}] = entry.fingerprint;
    acknowledgements_.emplace_back(
        [this, node, replica = operation.replica, before, fingerprint = kept_fingerprint(entry)] {
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
    TRY(check(store, operation.from, expected(operation, operation.from)));
    if (operation.other_expected.has_value()) {
      TRY(check(store, operation.path,
                current(operation.replica, operation.path, *operation.other_expected)));
    }
    TRY_ASSIGN(const auto entries, store.exchange(operation.from, operation.path));
    done(operation, action, entries.second);
    moved(operation, operation.node, operation.path, *operation.expected, entries.second);
    moved(operation, operation.other, operation.from,
          operation.other_expected ? *operation.other_expected : entries.first.fingerprint,
          entries.first);
    return {};
  }

  static Result<void> check(provider::Provider& store, const RelPath& path,
                            const tree::Fingerprint& wanted) {
    TRY_ASSIGN(const tree::Entry entry, store.look(path));
    const bool same = entry.kind == tree::Kind::kDirectory
                          ? wanted.id == 0 || entry.fingerprint.same_object(wanted)
                          : entry.fingerprint.same_version(wanted);
    return same ? Result<void>{}
                : Error(Code::kPreconditionFailed, "changed since it was looked at");
  }

  bool put_back(const plan::Operation& operation, const provider::Trashed& version) {
    std::vector<std::uint64_t> announced;
    const bool back =
        run_.rescuer(operation.replica, announced).put_back(version.path, operation.path).ok();
    std::ranges::for_each(announced, [this](std::uint64_t batch) { run_.ledger.close(batch); });
    return back;
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
    const bool is_other =
        removed.ok() && removed->has_value() &&
        (!same_after_rename(expected(operation, operation.path), (*removed)->fingerprint) ||
         hides_an_edit(run_, operation, **removed));
    if (is_other && put_back(operation, **removed)) {
      return Error(Code::kPreconditionFailed, "another version was there, and is again");
    }
    if (removed.ok()) {
      action.done = true;
      if (is_other) {
        if (!rescue(run_, operation, **removed)) {
          action.trashed = (*removed)->path;
        }
      } else if (removed->has_value()) {
        action.trashed = (*removed)->path;
        run_.displaced(operation, **removed);
      }
      run_.note_done(operation);
    }
    acknowledgements_.emplace_back(
        [this, operation] { run_.ledger.acknowledge_removed(operation.node, operation.replica); });
    return {};
  }

  Execution& run_;
  std::vector<std::function<void()>> acknowledgements_;      ///< of the replica at work
  std::set<std::pair<ReplicaIndex, std::uint64_t>> linked_;  ///< files of several names, touched
  std::uint64_t batch_ = 0;
  bool holds_back_ = false;  ///< something is parked that does not come home, or half moved
};

}  // namespace

Result<void> execute_structure(Execution& execution, const plan::Plan& plan,
                               const NewTrees& trees) {
  for (const plan::RecordUpdate& update : plan.structure) {
    execution.ledger.apply(execution.acknowledgeable(update));
  }
  return Structure(execution).carry_out(trees.structure());
}

Result<void> execute_removals(Execution& execution, const plan::Plan& plan) {
  for (const plan::RecordUpdate& update : plan.removals) {
    execution.ledger.apply(execution.acknowledgeable(update));
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
    const auto& at_source = record->sides[operation.replica].acknowledged;
    // What failed to arrive left the record with the version before it.
    bool delivered =
        at_source.has_value() && at_source->fingerprint.same_version(execution.current(
                                     operation.replica, operation.path, *operation.expected));
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
