#include "sync/settle.h"

#include <algorithm>

#include "sync/parked.h"

namespace ox::sync {

namespace {

/// Whatever is parked was parked by one of them: every run begins by bringing all home.
constexpr std::uint64_t kRunsThatMayHaveParked = 16;

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
      for (state::Action& action : batch.actions) {
        settle_action(action, batch.run, commit);
      }
      // Only the batch knows where a parked entry belongs.
      batch.open = std::ranges::any_of(batch.actions, [&](const state::Action& action) {
        return action.kind == state::ActionKind::kPark && !is_usable(action.replica);
      });
      if (!batch.open) {
        std::erase_if(batch.actions, [](const state::Action& action) { return !action.done; });
      }
      commit.batches.push_back(std::move(batch));
    }
    TRY(mark_interrupted(open, commit));
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
  /// A version in the trash that no record names was displaced just before the crash.
  void settle_action(state::Action& action, RunId run, state::Commit& commit) {
    const bool displaces =
        action.kind == state::ActionKind::kPut || action.kind == state::ActionKind::kRemove;
    if (action.done || !displaces || !action.before.has_value() ||
        action.before->kind == tree::Kind::kDirectory ||
        replicas_[action.replica].provider == nullptr) {
      return;
    }
    provider::Provider& provider = *replicas_[action.replica].provider;
    const Result<std::optional<state::RunRecord>> record = store_.find_run(run);
    if (!record.ok() || !record->has_value()) {
      return;
    }
    const std::string folder =
        to_basic_iso8601((*record)->started) + "-" + std::to_string(run.value);
    const RelPath trashed = RelPath().child(folder).join(action.path);
    const Result<tree::Entry> entry = provider.look_trashed(trashed);
    if (!entry.ok()) {
      return;
    }
    action.done = true;
    action.trashed = trashed;
    if (action.kind == state::ActionKind::kPut) {
      if (const Result<tree::Entry> after = provider.look(action.path); after.ok()) {
        action.after = *after;
      }
    }
    commit.versions.push_back({.run = run,
                               .node = action.node,
                               .replica = action.replica,
                               .path = action.path,
                               .trashed = trashed,
                               .content = entry->content,
                               .when = services_.clock->now()});
  }

  Result<void> mark_interrupted(const std::vector<state::ActionBatch>& open,
                                state::Commit& commit) {
    for (const state::ActionBatch& batch : open) {
      TRY_ASSIGN(std::optional<state::RunRecord> record, store_.find_run(batch.run));
      if (record.has_value() && record->outcome == state::RunOutcome::kRunning) {
        record->outcome = state::RunOutcome::kInterrupted;
        const bool known = std::ranges::any_of(
            commit.runs, [&](const state::RunRecord& other) { return other.id == record->id; });
        if (!known) {
          commit.runs.push_back(std::move(*record));
        }
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
