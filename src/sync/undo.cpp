#include "sync/undo.h"

#include <algorithm>
#include <map>
#include <memory>

#include "sync/parked.h"
#include "sync/settle.h"
#include "sync/undo_journal.h"
#include "sync/undo_places.h"
#include "sync/undo_step.h"

namespace ox::sync {

namespace {

using state::Action;
using state::ActionKind;

constexpr std::size_t kChunkActions = 1000;
constexpr std::size_t kRunsToLookAt = 64;  ///< for an undo of the same run

/// What came of one step.
enum class Outcome : std::uint8_t {
  kUndone,
  kNothingToDo,  ///< it is so already
};

Error changed_since() {
  return Error(Code::kPreconditionFailed, "was changed since");
}

class Undo {
 public:
  Undo(state::Store& store, const std::vector<EngineReplica>& replicas, const Services& services,
       std::stop_token stop)
      : store_(store),
        replicas_(replicas),
        services_(services),
        stop_(std::move(stop)),
        places_(replicas.size()),
        batches_(replicas.size()) {}

  Result<UndoReport> run(RunId run) {
    TRY_ASSIGN(const std::optional<state::RunRecord> record, store_.find_run(run));
    if (!record.has_value()) {
      return Error(Code::kNotFound, "there is no run " + std::to_string(run.value));
    }
    TRY_ASSIGN(const Settled settled, settle(store_, replicas_, services_));
    if (!settled.unusable.empty()) {
      return settled.unusable.begin()->second;
    }
    TRY_ASSIGN(const std::vector<state::ActionBatch> batches, store_.batches(run));
    std::vector<const Action*> actions;
    for (const state::ActionBatch& batch : batches) {
      for (const Action& action : batch.actions) {
        if (action.done) {
          actions.push_back(&action);
        }
      }
    }
    std::ranges::reverse(actions);
    leave_out_away(actions);
    if (actions.empty()) {
      return report_;
    }
    const std::string command = "undo " + std::to_string(run.value);
    TRY_ASSIGN(again_, was_tried(command));
    TRY_ASSIGN(UndoJournal journal, UndoJournal::begin(store_, *services_.clock, command));
    journal_ = &journal;
    ways_.emplace(actions);
    report_.id = journal.id();
    services_.progress->enter(rt::Phase::kTransferring);
    services_.progress->add_total({.files = static_cast<std::int64_t>(actions.size()), .bytes = 0});
    Result<void> done = run_all(actions);
    if (const Result<void> home = bring_home(); done.ok() && !home.ok()) {
      done = home;
    }
    const state::RunOutcome outcome = done.failed_with(Code::kCancelled)
                                          ? state::RunOutcome::kInterrupted
                                      : !done.ok()              ? state::RunOutcome::kFailed
                                      : report_.skipped.empty() ? state::RunOutcome::kInSync
                                                                : state::RunOutcome::kPartly;
    TRY(journal.finish(outcome, report_.skipped.size(),
                       done.ok() ? std::string() : done.error().to_string()));
    TRY(done);
    services_.progress->enter(rt::Phase::kFinished);
    return std::move(report_);
  }

 private:
  provider::Provider& provider(ReplicaIndex i) const { return *replicas_[i].provider; }

  Result<bool> was_tried(const std::string& command) const {
    TRY_ASSIGN(const std::vector<state::RunRecord> runs, store_.runs(kRunsToLookAt));
    return std::ranges::any_of(
        runs, [&](const state::RunRecord& earlier) { return earlier.command == command; });
  }

  void leave_out_away(std::vector<const Action*>& actions) {
    std::map<ReplicaIndex, std::size_t> away;
    std::erase_if(actions, [&](const Action* action) {
      const bool here =
          action->replica < replicas_.size() && replicas_[action->replica].provider != nullptr;
      away[action->replica] += here ? 0 : 1;
      return !here;
    });
    for (const auto& [replica, count] : away) {
      if (count != 0) {
        skip(replica, {}, std::to_string(count) + " changes stay, because this folder is away");
      }
    }
  }

  void skip(ReplicaIndex replica, const RelPath& path, std::string reason) {
    if (services_.events) {
      services_.events({.kind = EventKind::kProblem,
                        .action = {},
                        .replica = replica,
                        .path = path,
                        .code = "skipped",
                        .message = reason});
    }
    report_.skipped.push_back({.replica = replica, .path = path, .reason = std::move(reason)});
  }

  Result<void> run_all(const std::vector<const Action*>& actions) {
    for (std::size_t start = 0; start < actions.size(); start += kChunkActions) {
      std::vector<UndoStep> steps;
      for (std::size_t k = start; k < std::min(start + kChunkActions, actions.size()); ++k) {
        steps.push_back(undo_step(*actions[k], k));
      }
      TRY(run_chunk(steps));
      if (stop_.stop_requested() && start + kChunkActions < actions.size()) {
        return Error(Code::kCancelled, "stopped; the same undo goes on from here");
      }
    }
    return {};
  }

  Result<void> run_chunk(std::vector<UndoStep>& steps) {
    std::vector<Action> intents;
    for (UndoStep& step : steps) {
      if (step.mine.kind == ActionKind::kPut && step.original->kind == ActionKind::kPut) {
        stage(step);
      }
      intents.push_back(step.mine);
      if (step.staged.has_value()) {
        intents.back().after = step.meant;
      }
    }
    for (auto& batch : batches_) {
      if (batch != nullptr) {
        TRY(batch->make_durable());
      }
    }
    TRY(journal_->intend(std::move(intents)));
    for (UndoStep& step : steps) {
      if (stop_.stop_requested()) {
        break;
      }
      take_back(step);
    }
    return close(steps);
  }

  /// Where staging fails the step is going to say why.
  void stage(UndoStep& step) {
    auto& batch = batches_[step.mine.replica];
    if (batch == nullptr) {
      Result<std::unique_ptr<provider::Batch>> opened = provider(step.mine.replica).begin_batch();
      if (!opened.ok()) {
        return;
      }
      batch = std::move(*opened);
    }
    const auto request = request_for_trashed(provider(step.mine.replica), *step.original->trashed,
                                             services_, stop_, step.source);
    if (!request.ok()) {
      return;
    }
    Result<provider::Staged> staged = batch->stage(*request, stop_);
    if (staged.ok()) {
      step.staged = std::move(*staged);
      step.meant = meant_by(*request, *step.staged);
    }
    step.source.reset();
  }

  Result<void> close(std::vector<UndoStep>& steps) {
    for (ReplicaIndex i = 0; i < replicas_.size(); ++i) {
      if (batches_[i] != nullptr) {
        TRY(batches_[i]->settle());
        batches_[i].reset();
      }
      if (std::ranges::any_of(steps, [&](const UndoStep& step) {
            return step.mine.replica == i && step.mine.done;
          })) {
        TRY(provider(i).make_durable());
      }
    }
    std::vector<Action> done;
    done.reserve(steps.size());
    for (UndoStep& step : steps) {
      done.push_back(std::move(step.mine));
    }
    TRY(journal_->close(std::move(done)));
    // Only now: a crash before would have left neither the copy nor the version.
    std::vector<std::pair<ReplicaIndex, RelPath>> purged;
    for (const auto& [replica, trashed] : copied_) {
      if (provider(replica).purge_trashed(trashed).ok()) {
        purged.emplace_back(replica, trashed);
      }
    }
    copied_.clear();
    return forget_versions(store_, purged);
  }

  void take_back(UndoStep& step) {
    services_.progress->set_current(step.original->path.text());
    services_.progress->add_done({.files = 1, .bytes = 0});
    const Result<Outcome> outcome = revert(step);
    if (!outcome.ok()) {
      skip(step.mine.replica, step.original->path, outcome.error().message());
    } else if (*outcome == Outcome::kUndone) {
      step.mine.done = true;
      ++report_.undone;
    }
  }

  Result<Outcome> revert(UndoStep& step) {
    switch (step.original->kind) {
      case ActionKind::kMakeDirectory:
        return remove_directory(step);
      case ActionKind::kMove:
        return step.original->parked.empty() ? move_back(step) : park_again(step);
      case ActionKind::kPut:
        return step.original->trashed.has_value() ? put_back_old(step) : remove_new(step);
      case ActionKind::kSetAttributes:
        return set_old_attributes(step);
      case ActionKind::kRemove:
        return step.mine.kind == ActionKind::kMakeDirectory ? make_directory(step) : restore(step);
      case ActionKind::kPark:
        return unpark(step);
      case ActionKind::kExchange:
        return exchange(step);
    }
    return Outcome::kNothingToDo;
  }

  /// What stands at `path`, if it is what the run left there.
  Result<tree::Entry> look_at_ours(const UndoStep& step, const RelPath& path) {
    TRY_ASSIGN(tree::Entry entry, provider(step.mine.replica).look(path));
    const tree::Entry* expected = places_[step.mine.replica].find(path);
    if (expected == nullptr && step.original->after.has_value()) {
      expected = &*step.original->after;
    }
    if (expected == nullptr || !is_still(*expected, entry)) {
      return changed_since();
    }
    return entry;
  }

  void tell(const UndoStep& step, std::string action, const RelPath& from = {}) const {
    if (services_.events) {
      services_.events({.kind = EventKind::kDone,
                        .action = std::move(action),
                        .replica = step.mine.replica,
                        .path = step.mine.path,
                        .from = from});
    }
  }

  void trashed(UndoStep& step, const provider::Trashed& trashed) {
    step.mine.trashed = trashed.path;
    journal_->note_version(version_of(*journal_, step.mine.replica, step.mine.node, step.mine.path,
                                      trashed, services_.clock->now()));
  }

  void stands(UndoStep& step, const tree::Entry& entry) {
    step.mine.after = entry;
    places_[step.mine.replica].put(step.mine.path, entry);
  }

  // What an interrupted undo has done ------------------------------------------------------------

  /// The stop, and where an undo that came further than this step has taken what it put there.
  std::vector<RelPath> places_of(const UndoStep& step, const UndoWays::Stop& stop) const {
    std::vector<RelPath> places{stop.path};
    if (again_) {
      std::ranges::copy(ways_->places_after(step.mine.replica, stop), std::back_inserter(places));
    }
    return places;
  }

  /// Does the version before the run stand again?
  bool old_stands(const UndoStep& step,
                  bool (*is_it)(const tree::Entry& then, const tree::Entry& now)) const {
    return step.original->before.has_value() &&
           std::ranges::any_of(
               places_of(step, {step.order, step.mine.path}), [&](const RelPath& place) {
                 const Result<tree::Entry> standing = provider(step.mine.replica).look(place);
                 return standing.ok() && is_it(*step.original->before, *standing);
               });
  }

  /// Has what the run brought made room for what stood there before it?
  bool gave_way(const UndoStep& step) const {
    const Result<tree::Entry> standing = provider(step.mine.replica).look(step.mine.path);
    return again_ && standing.ok() &&
           std::ranges::any_of(
               ways_->arrivals_after(step.mine.replica, {step.order, step.mine.path}),
               [&](const tree::Entry* arrived) { return is_still(*arrived, *standing); });
  }

  /// Has what the run moved away come to stand at its old `place` again? Its id tells, where there
  /// are ids; else that it stands there and no longer where the run had moved it.
  bool is_back(const UndoStep& step, const UndoWays::Stop& place) const {
    const Action& moved = *step.original;
    provider::Provider& store = provider(moved.replica);
    return moved.after.has_value() &&
           std::ranges::any_of(places_of(step, place), [&](const RelPath& at) {
             const Result<tree::Entry> standing = store.look(at);
             if (!standing.ok() || !is_still(*moved.after, *standing)) {
               return false;
             }
             const Result<tree::Entry> left = store.look(moved.path);
             return standing->fingerprint.same_object(moved.after->fingerprint) || !left.ok() ||
                    !is_still(*moved.after, *left);
           });
  }

  // The kinds of change ---------------------------------------------------------------------------

  Result<Outcome> remove_new(UndoStep& step) {
    if (step.original->before.has_value()) {
      return Error(Code::kNotFound, "the version before it is not in the trash");
    }
    const Result<tree::Entry> entry = look_at_ours(step, step.mine.path);
    if (entry.failed_with(Code::kNotFound) || (!entry.ok() && gave_way(step))) {
      return Outcome::kNothingToDo;
    }
    TRY(entry);
    TRY_ASSIGN(
        const auto removed,
        provider(step.mine.replica).remove(step.mine.path, entry->fingerprint, journal_->trash()));
    step.mine.before = *entry;
    places_[step.mine.replica].drop(step.mine.path);
    if (removed.has_value()) {
      trashed(step, *removed);
    }
    tell(step, "delete");
    return Outcome::kUndone;
  }

  Result<Outcome> put_back_old(UndoStep& step) {
    const Result<tree::Entry> entry = look_at_ours(step, step.mine.path);
    if (!entry.ok()) {
      return old_stands(step, has_same_content) ? Result<Outcome>(Outcome::kNothingToDo)
                                                : entry.error();
    }
    if (!step.staged.has_value()) {
      return Error(Code::kNotFound, "the version before it could not be read from the trash");
    }
    TRY_ASSIGN(const provider::Published published,
               batches_[step.mine.replica]->publish(
                   *step.staged, step.mine.path,
                   provider::Precondition::matches(entry->fingerprint), journal_->trash()));
    step.mine.before = *entry;
    if (published.displaced.has_value()) {
      trashed(step, *published.displaced);
    }
    stands(step, published.entry);
    copied_.emplace_back(step.mine.replica, *step.original->trashed);
    tell(step, "update");
    if (!published.displaced_as_expected) {
      skip(step.mine.replica, step.mine.path,
           "was changed at the very moment; that version is in the trash");
    }
    return Outcome::kUndone;
  }

  Result<Outcome> restore(UndoStep& step) {
    if (!step.original->trashed.has_value()) {
      return Error(Code::kNotFound, "is not in the trash any more");
    }
    provider::Provider& store = provider(step.mine.replica);
    if (const Result<tree::Entry> kept = store.look_trashed(*step.original->trashed); !kept.ok()) {
      return old_stands(step, has_same_content)
                 ? Result<Outcome>(Outcome::kNothingToDo)
                 : Error(Code::kNotFound, "is not in the trash any more");
    }
    TRY(make_parents(store, step.mine.path));
    const Result<tree::Entry> entry =
        store.restore_trashed(*step.original->trashed, step.mine.path);
    if (entry.failed_with(Code::kExists)) {
      return Error(Code::kExists, "its place is taken");
    }
    TRY(entry);
    journal_->note_purged(step.mine.replica, *step.original->trashed);
    stands(step, *entry);
    tell(step, "create");
    return Outcome::kUndone;
  }

  Result<Outcome> make_directory(UndoStep& step) {
    provider::Provider& store = provider(step.mine.replica);
    const auto is_directory = [](const tree::Entry& /*then*/, const tree::Entry& now) {
      return now.kind == tree::Kind::kDirectory;
    };
    if (old_stands(step, is_directory)) {
      return Outcome::kNothingToDo;
    }
    std::optional<tree::Attributes> attributes;
    if (step.original->before->attributes.mode != tree::kModeUnknown) {
      attributes = step.original->before->attributes;
    }
    TRY(make_parents(store, step.mine.path));
    Result<tree::Entry> entry = store.make_directory(step.mine.path, attributes);
    if (entry.failed_with(Code::kExists)) {
      return Error(Code::kExists, "its place is taken");
    }
    TRY(entry);
    stands(step, *entry);
    tell(step, "mkdir");
    return Outcome::kUndone;
  }

  Result<Outcome> remove_directory(UndoStep& step) {
    const Result<tree::Entry> entry = look_at_ours(step, step.mine.path);
    if (entry.failed_with(Code::kNotFound)) {
      return Outcome::kNothingToDo;
    }
    TRY(entry);
    const auto removed =
        provider(step.mine.replica).remove(step.mine.path, entry->fingerprint, journal_->trash());
    if (removed.failed_with(Code::kNotEmpty)) {
      return Error(Code::kNotEmpty, "stays, because it is not empty");
    }
    TRY(removed);
    step.mine.before = *entry;
    places_[step.mine.replica].drop(step.mine.path);
    tell(step, "rmdir");
    return Outcome::kUndone;
  }

  Result<Outcome> set_old_attributes(UndoStep& step) {
    if (!step.original->before.has_value()) {
      return Error(Code::kNotFound, "its old attributes are not known");
    }
    const tree::Entry& old = *step.original->before;
    Result<tree::Entry> found = look_at_ours(step, step.mine.path);
    if (!found.ok()) {
      return old_stands(step, is_still) ? Result<Outcome>(Outcome::kNothingToDo) : found.error();
    }
    const tree::Entry entry = std::move(*found);
    std::optional<Timestamp> mtime;
    if (entry.kind == tree::Kind::kFile) {
      mtime = old.fingerprint.mtime;
    }
    TRY_ASSIGN(const tree::Entry after, provider(step.mine.replica)
                                            .set_attributes(step.mine.path, entry.fingerprint,
                                                            old.attributes, mtime, nullptr));
    step.mine.before = entry;
    stands(step, after);
    tell(step, "attributes");
    if (old.attributes.xattrs != 0 && old.attributes.xattrs != after.attributes.xattrs) {
      skip(step.mine.replica, step.mine.path, "its old extended attributes are not kept");
    }
    return Outcome::kUndone;
  }

  Result<Outcome> move_back(UndoStep& step) {
    const Action& original = *step.original;
    provider::Provider& store = provider(step.mine.replica);
    if (is_back(step, {step.order, original.from})) {
      return Outcome::kNothingToDo;
    }
    const Result<tree::Entry> entry = look_at_ours(step, original.path);
    if (entry.failed_with(Code::kNotFound)) {
      return Error(Code::kNotFound, "is not there any more");
    }
    TRY(entry);
    TRY(make_parents(store, original.from));
    const Result<tree::Entry> moved = store.move(original.path, original.from, entry->fingerprint);
    if (moved.failed_with(Code::kExists)) {
      return Error(Code::kExists, "its old place is taken");
    }
    TRY(moved);
    step.mine.before = *entry;
    step.mine.after = *moved;
    places_[step.mine.replica].move(original.path, original.from, *moved);
    tell(step, "move", original.path);
    return Outcome::kUndone;
  }

  Result<Outcome> exchange(UndoStep& step) {
    provider::Provider& store = provider(step.mine.replica);
    if (is_back(step, {step.order, step.original->from})) {
      return Outcome::kNothingToDo;
    }
    TRY_ASSIGN(const tree::Entry first, look_at_ours(step, step.mine.path));
    TRY_ASSIGN(const auto entries, store.exchange(step.mine.from, step.mine.path));
    step.mine.before = first;
    step.mine.after = entries.second;
    places_[step.mine.replica].exchange(step.mine.from, step.mine.path, entries.first,
                                        entries.second);
    tell(step, "swap", step.mine.from);
    return Outcome::kUndone;
  }

  Result<Outcome> park_again(UndoStep& step) {
    const UndoWays::Stop* home = ways_->home_of(step.mine.replica, step.mine.parked);
    if (home != nullptr && is_back(step, *home)) {
      return Outcome::kNothingToDo;
    }
    TRY_ASSIGN(const tree::Entry entry, look_at_ours(step, step.mine.path));
    TRY(provider(step.mine.replica).park(step.mine.path, entry.fingerprint, step.mine.parked));
    step.mine.before = entry;
    places_[step.mine.replica].drop(step.mine.path);
    parked_[{step.mine.replica, step.mine.parked}] = step.mine.path;
    return Outcome::kUndone;
  }

  Result<Outcome> unpark(UndoStep& step) {
    const auto parked = parked_.find({step.mine.replica, step.mine.parked});
    if (parked == parked_.end()) {
      return Outcome::kNothingToDo;  // it stayed where the run had put it, and that was said
    }
    provider::Provider& store = provider(step.mine.replica);
    TRY(make_parents(store, step.mine.path));
    const Result<tree::Entry> entry = store.unpark(step.mine.parked, step.mine.path);
    if (entry.failed_with(Code::kExists)) {
      return Error(Code::kExists, "its old place is taken");
    }
    TRY(entry);
    step.mine.from = parked->second;
    parked_.erase(parked);
    stands(step, *entry);
    tell(step, "move", step.mine.from);
    return Outcome::kUndone;
  }

  /// What could not go to its old place goes back to the one the run had given it.
  Result<void> bring_home() {
    std::map<ReplicaIndex, ParkedWays> ways;
    for (const auto& [key, path] : parked_) {
      ways[key.first].by_name[key.second] = {.home = path, .destination = std::nullopt};
    }
    parked_.clear();
    for (const auto& [replica, of_replica] : ways) {
      const Homecoming homecoming{.replica = replica, .announce = [this](const Action& action) {
                                    return journal_->intend({action});
                                  }};
      TRY_ASSIGN(const auto home, bring_parked_home(provider(replica), of_replica, homecoming));
      TRY(journal_->close({}));
      for (const BroughtHome& one : home) {
        if (one.beside) {
          skip(replica, one.path, recovered(replica, one).message);
        }
      }
    }
    return {};
  }

  state::Store& store_;
  const std::vector<EngineReplica>& replicas_;
  const Services& services_;
  std::stop_token stop_;
  UndoJournal* journal_ = nullptr;
  UndoReport report_;
  std::vector<UndoPlaces> places_;
  std::vector<std::unique_ptr<provider::Batch>> batches_;
  std::vector<std::pair<ReplicaIndex, RelPath>> copied_;  ///< old versions that stand again
  std::map<std::pair<ReplicaIndex, std::string>, RelPath> parked_;
  std::optional<UndoWays> ways_;
  bool again_ = false;  ///< one before this may have been interrupted
};

}  // namespace

Result<UndoReport> undo_run(state::Store& store, const std::vector<EngineReplica>& replicas,
                            RunId run, const Services& services, std::stop_token stop) {
  return Undo(store, replicas, services, std::move(stop)).run(run);
}

}  // namespace ox::sync
