#include "sync/settle.h"

#include <algorithm>
#include <cstdlib>

#include "sync/parked.h"
#include "sync/sources.h"

namespace ox::sync {

namespace {

/// Whatever is parked was parked by one of them: every run begins by bringing all home.
constexpr std::uint64_t kRunsThatMayHaveParked = 16;
constexpr std::uint64_t kRunsThatMayBeOpen = 64;
constexpr unsigned kMostOfOnePath = 1000;  ///< versions of one path that one run displaced

class Settler {
 public:
  Settler(state::Store& store, const std::vector<EngineReplica>& replicas, const Services& services)
      : store_(store), replicas_(replicas), services_(services) {}

  Result<Settled> run() {
    TRY_ASSIGN(const std::vector<state::ActionBatch> open, store_.open_batches());
    for (ReplicaIndex i = 0; i < replicas_.size(); ++i) {
      if (replicas_[i].provider != nullptr) {
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
  /// False: something of it can't be told yet; the batch alone knows what, so it stays open.
  Result<bool> settle_batch(state::ActionBatch& batch, state::Commit& commit) {
    TRY_ASSIGN(const std::optional<state::RunRecord> record, store_.find_run(batch.run));
    bool settled = true;
    for (state::Action& action : batch.actions) {
      if (!is_usable(action.replica)) {
        settled = settled && action.kind != state::ActionKind::kPark;
        continue;
      }
      const bool displaces =
          action.kind == state::ActionKind::kPut || action.kind == state::ActionKind::kRemove;
      if (record.has_value() && displaces && !action.done && action.before.has_value() &&
          action.before->kind != tree::Kind::kDirectory) {
        TRY_ASSIGN(const bool told, settle_displaced(action, *record, commit));
        settled = settled && told;
      }
    }
    return settled;
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
      if (*ours) {
        ignore(provider.purge_trashed(trashed), "its bytes stand where they came from");
        continue;
      }
      record_displaced(action, run, trashed, *entry, commit);
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
    if (action.kind == state::ActionKind::kRemove ||
        entry.fingerprint.same_object(action.before->fingerprint)) {
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

  void record_displaced(state::Action& action, const state::RunRecord& run, const RelPath& trashed,
                        const tree::Entry& entry, state::Commit& commit) {
    action.done = true;
    action.trashed = trashed;
    commit.versions.push_back({.run = run.id,
                               .node = action.node,
                               .replica = action.replica,
                               .path = action.path,
                               .trashed = trashed,
                               .content = entry.content,
                               .when = services_.clock->now()});
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

  /// Where the newest runs meant to park something, the newest counting.
  Result<ParkedWays> parked_ways(ReplicaIndex i) {
    ParkedWays ways;
    TRY_ASSIGN(const std::vector<state::RunRecord> runs, store_.runs(kRunsThatMayHaveParked));
    for (const state::RunRecord& run : runs) {
      TRY_ASSIGN(const std::vector<state::ActionBatch> batches, store_.batches(run.id));
      ParkedWays of_run;
      for (const state::ActionBatch& batch : batches) {
        add_parked_ways(of_run, i, batch.actions);
      }
      ways.merge(of_run);
    }
    return ways;
  }

  Result<std::vector<BroughtHome>> bring_home(ReplicaIndex i) {
    TRY_ASSIGN(const std::vector<std::string> parked, replicas_[i].provider->parked());
    if (parked.empty()) {
      return std::vector<BroughtHome>{};
    }
    TRY_ASSIGN(const ParkedWays ways, parked_ways(i));
    return bring_parked_home(*replicas_[i].provider, ways);
  }

  void bring_back(ReplicaIndex i) {
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
  Settled settled_;
};

}  // namespace

Result<Settled> settle(state::Store& store, const std::vector<EngineReplica>& replicas,
                       const Services& services) {
  return Settler(store, replicas, services).run();
}

}  // namespace ox::sync
