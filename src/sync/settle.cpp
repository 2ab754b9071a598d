#include "sync/settle.h"

#include <algorithm>

namespace ox::sync {

namespace {

class Settler {
 public:
  Settler(state::Store& store, const std::vector<EngineReplica>& replicas, const Services& services)
      : store_(store), replicas_(replicas), services_(services) {}

  Result<void> run() {
    TRY_ASSIGN(const std::vector<state::ActionBatch> open, store_.open_batches());
    state::Commit commit;
    for (state::ActionBatch batch : open) {
      for (state::Action& action : batch.actions) {
        settle_action(action, batch.run, commit);
      }
      batch.open = std::ranges::any_of(batch.actions, [&](const state::Action& action) {
        return replicas_[action.replica].provider == nullptr &&
               action.kind == state::ActionKind::kPark && !action.done;
      });
      if (!batch.open) {
        std::erase_if(batch.actions, [](const state::Action& action) { return !action.done; });
      }
      commit.batches.push_back(std::move(batch));
    }
    TRY(mark_interrupted(open, commit));
    for (ReplicaIndex i = 0; i < replicas_.size(); ++i) {
      if (replicas_[i].provider != nullptr) {
        TRY(bring_back(i, open));
        if (replicas_[i].provider->capabilities().create != provider::Cas::kNone) {
          TRY(replicas_[i].provider->sweep());
        }
      }
    }
    return commit.batches.empty() && commit.runs.empty() ? Result<void>{} : store_.commit(commit);
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

  /// Parked entries go back to where they stood; where that place is taken, beside it.
  Result<void> bring_back(ReplicaIndex i, const std::vector<state::ActionBatch>& open) {
    provider::Provider& provider = *replicas_[i].provider;
    TRY_ASSIGN(const std::vector<std::string> parked, provider.parked());
    for (const std::string& name : parked) {
      RelPath home = RelPath().child("recovered-" + name);
      for (const state::ActionBatch& batch : open) {
        for (const state::Action& action : batch.actions) {
          if (action.replica == i && action.kind == state::ActionKind::kPark &&
              action.parked == name) {
            home = action.path;
          }
        }
      }
      TRY(bring_home(provider, name, home));
    }
    return {};
  }

  static Result<void> bring_home(provider::Provider& provider, const std::string& name,
                                 const RelPath& home) {
    Result<tree::Entry> back = provider.unpark(name, home);
    if (back.ok()) {
      return {};
    }
    const RelPath beside = home.parent().child(std::string(home.name()) + ".recovered-" + name);
    for (const RelPath& place : {beside, RelPath().child("recovered-" + name)}) {
      back = provider.unpark(name, place);
      if (back.ok()) {
        return {};
      }
    }
    return back.error();
  }

  state::Store& store_;
  const std::vector<EngineReplica>& replicas_;
  const Services& services_;
};

}  // namespace

Result<void> settle(state::Store& store, const std::vector<EngineReplica>& replicas,
                    const Services& services) {
  return Settler(store, replicas, services).run();
}

}  // namespace ox::sync
