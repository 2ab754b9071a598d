#include "sync/settle.h"

#include <algorithm>
#include <cstdlib>

#include "sync/by_parts.h"
#include "sync/parked.h"
#include "sync/renamed.h"
#include "sync/rescue.h"
#include "sync/sources.h"

namespace ox::sync {

namespace {

constexpr std::uint64_t kRunsThatMayBeOpen = 64;
constexpr unsigned kMostOfOnePath = 1000;  ///< versions of one path that one run displaced

std::string trash_folder(const state::RunRecord& run) {
  return to_basic_iso8601(run.started) + "-" + std::to_string(run.id.value);
}

class Settler {
 public:
  Settler(state::Store& store, const std::vector<EngineReplica>& replicas, const Services& services,
          bool sources_may_be_gone)
      : store_(store),
        replicas_(replicas),
        services_(services),
        sources_may_be_gone_(sources_may_be_gone) {}

  Result<Settled> run() {
    TRY_ASSIGN(const std::vector<state::ActionBatch> open, store_.open_batches());
    TRY_ASSIGN(const std::vector<state::RunRecord> last, store_.runs(1));
    if (!last.empty()) {
      last_run_ = last.front();
      announcements_.emplace(store_, last_run_->id);
    }
    for (const state::ActionBatch& batch : open) {
      finish_moves(batch);
      TRY(clear_placeholders(batch));
    }
    for (ReplicaIndex i = 0; i < replicas_.size(); ++i) {
      if (is_usable(i)) {
        bring_back(i);
      }
    }
    state::Commit commit;
    for (state::ActionBatch batch : open) {
      TRY_ASSIGN(const bool settled, settle_batch(batch, commit));
      batch.open = !settled;
      if (settled) {
        std::erase_if(batch.actions, [](const state::Action& action) { return !action.done; });
      }
      commit.batches.push_back(std::move(batch));
    }
    if (announcements_.has_value() && settled_.unusable.empty()) {
      announcements_->close(commit);
    }
    TRY(mark_interrupted(commit));
    for (const EngineReplica& replica : replicas_) {
      if (replica.provider != nullptr &&
          replica.provider->capabilities().create != provider::Cas::kNone) {
        ignore(replica.provider->sweep(), "what can't be removed now is swept by a later start");
      }
    }
    if (!commit.batches.empty() || !commit.runs.empty()) {
      TRY(store_.commit(commit));
    }
    return std::move(settled_);
  }

 private:
  void finish_moves(const state::ActionBatch& batch) {
    for (ReplicaIndex i = 0; i < replicas_.size(); ++i) {
      if (!is_usable(i)) {
        continue;
      }
      const Result<void> finished = finish_broken_off(*replicas_[i].provider, i, batch.actions);
      if (!finished.ok()) {
        settled_.unusable.emplace(i, finished.error());
      }
    }
  }

  /// Before anything is put back: they stand in the way.
  Result<void> clear_placeholders(const state::ActionBatch& batch) {
    TRY_ASSIGN(const std::optional<state::RunRecord> record, store_.find_run(batch.run));
    if (!record.has_value()) {
      return {};
    }
    const provider::TrashFolder trash{.name = trash_folder(*record)};
    for (const state::Action& action : batch.actions) {
      if (!is_usable(action.replica) || action.done) {
        continue;
      }
      provider::Provider& provider = *replicas_[action.replica].provider;
      clear_second_name(provider, action, trash);
      if (action.kind == state::ActionKind::kMove && !action.parked.empty()) {
        clear_placeholder_of_parked(provider, action, batch.actions, trash);
      } else {
        clear_placeholder(provider, action, trash);
      }
    }
    return {};
  }

  /// False: something of it can't be told yet; the batch alone knows what, so it stays open.
  Result<bool> settle_batch(state::ActionBatch& batch, state::Commit& commit) {
    TRY_ASSIGN(const std::optional<state::RunRecord> record, store_.find_run(batch.run));
    bool settled = true;
    for (state::Action& action : batch.actions) {
      if (!is_usable(action.replica)) {
        settled = settled && action.kind != state::ActionKind::kPark &&
                  !is_announced_homecoming(action) && !may_be_half_moved(action);
        continue;
      }
      if (!record.has_value() || action.done) {
        continue;
      }
      const bool displaces =
          action.kind == state::ActionKind::kPut || action.kind == state::ActionKind::kRemove;
      if (displaces && action.before.has_value() && action.before->kind != tree::Kind::kDirectory) {
        TRY_ASSIGN(const bool told, settle_displaced(action, *record, commit));
        settled = settled && told;
      }
    }
    return settled;
  }

  /// Of a replica that is away nobody knows how it moves directories.
  bool may_be_half_moved(const state::Action& action) const {
    const provider::Provider* provider = replicas_[action.replica].provider;
    return !action.done &&
           goes_by_parts(provider == nullptr ? provider::Capabilities() : provider->capabilities(),
                         action);
  }

  /// What stands in the trash at the place of this action and is in no record was put there just
  /// before the crash: the version that was displaced, or our own new one, which waited there to
  /// be exchanged with it and never was.
  Result<bool> settle_displaced(state::Action& action, const state::RunRecord& run,
                                state::Commit& commit) {
    provider::Provider& provider = *replicas_[action.replica].provider;
    const RelPath first =
        RelPath()
            .child(to_basic_iso8601(run.started) + "-" + std::to_string(run.id.value))
            .join(action.path);
    for (unsigned number = 1; number <= kMostOfOnePath; ++number) {
      const std::string suffix = number == 1 ? "" : "~" + std::to_string(number);
      const RelPath trashed = first.parent().child(std::string(first.name()) + suffix);
      const Result<tree::Entry> entry = provider.look_trashed(trashed);
      if (entry.failed_with(Code::kNotFound)) {
        return true;
      }
      if (!entry.ok()) {
        return false;
      }
      TRY_ASSIGN(const bool recorded, is_recorded(action, trashed, commit));
      if (recorded) {
        continue;
      }
      const Result<bool> ours = is_ours(provider, trashed, *entry, action);
      if (!ours.ok()) {
        return false;
      }
      if (*ours && sources_may_be_gone_ && entry->fingerprint.size != 0) {
        record_version(action, run, trashed, *entry, commit);
        continue;
      }
      if (*ours) {
        ignore(provider.purge_trashed(trashed), "its bytes stand where they came from");
        continue;
      }
      if (!step_back(trashed, action) && !came_meanwhile(trashed, *entry, action)) {
        record_displaced(action, run, trashed, *entry, commit);
      }
    }
    return true;
  }

  Result<bool> is_recorded(const state::Action& action, const RelPath& trashed,
                           const state::Commit& commit) {
    TRY_ASSIGN(const std::vector<state::VersionRecord> known, store_.versions(action.path));
    const auto names_it = [&](const state::VersionRecord& version) {
      return version.replica == action.replica && version.trashed == trashed;
    };
    return std::ranges::any_of(known, names_it) || std::ranges::any_of(commit.versions, names_it);
  }

  /// An error: it can't be told.
  static Result<bool> is_ours(provider::Provider& provider, const RelPath& trashed,
                              const tree::Entry& entry, const state::Action& action) {
    if (entry.fingerprint.same_object(action.before->fingerprint)) {
      return false;
    }
    if (is_placeholder_in_trash(entry, *action.before)) {
      return true;
    }
    if (action.kind == state::ActionKind::kRemove) {
      return false;
    }
    if (!action.after.has_value()) {
      return Error(Code::kCorrupt, "the journal does not say what was to be put there");
    }
    const tree::Entry& meant = *action.after;
    if (entry.kind == tree::Kind::kSymlink || entry.kind != meant.kind) {
      return entry.kind == meant.kind && entry.content.link_target == meant.content.link_target;
    }
    if (entry.fingerprint.size != meant.content.size) {
      return false;
    }
    TRY_ASSIGN(const auto source, provider.open_trashed(trashed));
    TRY_ASSIGN(const Digest digest, digest_of_source(*source, {}));
    return meant.content.digest == digest;
  }

  /// Where the old version had to step aside and nothing came in its place, it goes back, as if
  /// nothing had been tried.
  bool step_back(const RelPath& trashed, const state::Action& action) {
    provider::Provider& provider = *replicas_[action.replica].provider;
    return action.kind == state::ActionKind::kPut &&
           provider.capabilities().replace == provider::Cas::kRacy &&
           provider.look(action.path).failed_with(Code::kNotFound) &&
           rescuer(action.replica).put_back(trashed, action.path).ok();
  }

  /// Somebody changed what was to go in the gap between looking and acting, or went on writing to
  /// it: that version belongs into the tree, as it would if the run had come to its end.
  bool came_meanwhile(const RelPath& trashed, const tree::Entry& entry,
                      const state::Action& action) {
    if (same_after_rename(action.before->fingerprint, entry.fingerprint)) {
      return false;
    }
    const Rescuer back = rescuer(action.replica);
    if (action.kind == state::ActionKind::kRemove && back.put_back(trashed, action.path).ok()) {
      return true;
    }
    const Digest digest = digest_of_trashed(back.provider, trashed, {});
    const Result<RelPath> beside =
        back.put_beside(trashed, action.path, entry.fingerprint.mtime, digest);
    if (beside.ok()) {
      settled_.problems.push_back(
          {.replica = action.replica,
           .path = *beside,
           .code = "changed_meanwhile",
           .message = "was changed while it was being replaced; both versions are kept"});
    }
    return beside.ok();
  }

  Rescuer rescuer(ReplicaIndex i) {
    return {.provider = *replicas_[i].provider,
            .replica = i,
            .label = replicas_[i].label,
            .announce = announce()};
  }

  Announce announce() {
    return [this](const state::Action& action) {
      return announcements_.has_value() ? announcements_->add(action) : Result<void>{};
    };
  }

  void record_version(const state::Action& action, const state::RunRecord& run,
                      const RelPath& trashed, const tree::Entry& entry,
                      state::Commit& commit) const {
    commit.versions.push_back({.run = run.id,
                               .node = action.node,
                               .replica = action.replica,
                               .path = action.path,
                               .trashed = trashed,
                               .content = entry.content,
                               .when = services_.clock->now()});
  }

  void record_displaced(state::Action& action, const state::RunRecord& run, const RelPath& trashed,
                        const tree::Entry& entry, state::Commit& commit) {
    action.done = true;
    action.trashed = trashed;
    record_version(action, run, trashed, entry, commit);
    if (action.kind != state::ActionKind::kPut) {
      return;
    }
    // An edit made since must not look like something of ours, or an undo would put it aside.
    provider::Provider& provider = *replicas_[action.replica].provider;
    const Result<tree::Entry> standing = provider.look(action.path);
    if (standing.ok() && action.after.has_value() &&
        is_what_was_meant(*action.after, *standing, provider.capabilities())) {
      action.after = *standing;
    }
  }

  static bool is_what_was_meant(const tree::Entry& meant, const tree::Entry& standing,
                                const provider::Capabilities& can) {
    if (meant.kind != standing.kind) {
      return false;
    }
    if (meant.kind == tree::Kind::kSymlink) {
      return meant.content.link_target == standing.content.link_target;
    }
    const std::int64_t apart = meant.content.mtime.ns - standing.fingerprint.mtime.ns;
    const bool same_time = !can.mtime_settable || std::abs(apart) < can.mtime_step.count();
    return meant.content.size == standing.fingerprint.size && same_time;
  }

  /// Nobody runs: we hold the rule's lock.
  Result<void> mark_interrupted(state::Commit& commit) {
    TRY_ASSIGN(const std::vector<state::RunRecord> runs, store_.runs(kRunsThatMayBeOpen));
    for (state::RunRecord record : runs) {
      if (record.outcome == state::RunOutcome::kRunning) {
        record.outcome = state::RunOutcome::kInterrupted;
        commit.runs.push_back(std::move(record));
      }
    }
    return {};
  }

  bool is_usable(ReplicaIndex i) const {
    return replicas_[i].provider != nullptr && !settled_.unusable.contains(i);
  }

  Result<std::vector<BroughtHome>> bring_home(ReplicaIndex i) {
    TRY_ASSIGN(const std::vector<std::string> parked, replicas_[i].provider->parked());
    if (parked.empty()) {
      return std::vector<BroughtHome>{};
    }
    TRY_ASSIGN(const ParkedWays ways, parked_ways(store_, i));
    Homecoming homecoming{.replica = i, .announce = announce()};
    if (last_run_.has_value()) {
      homecoming.clear_through = provider::TrashFolder{.name = trash_folder(*last_run_)};
    }
    return bring_parked_home(*replicas_[i].provider, ways, homecoming);
  }

  void bring_back(ReplicaIndex i) {
    ignore(replicas_[i].provider->show_parked({}), "what a dry run saw is about to be so");
    const auto home = bring_home(i);
    if (!home.ok()) {
      settled_.unusable.emplace(i, home.error());
      return;
    }
    for (const BroughtHome& one : *home) {
      if (one.beside) {
        settled_.problems.push_back(recovered(i, one));
      }
    }
  }

  state::Store& store_;
  const std::vector<EngineReplica>& replicas_;
  const Services& services_;
  const bool sources_may_be_gone_;
  Settled settled_;
  std::optional<state::RunRecord> last_run_;
  std::optional<Announcements> announcements_;  ///< none: no run ever announced anything
};

}  // namespace

Result<Settled> settle(state::Store& store, const std::vector<EngineReplica>& replicas,
                       const Services& services, bool sources_may_be_gone) {
  return Settler(store, replicas, services, sources_may_be_gone).run();
}

}  // namespace ox::sync
