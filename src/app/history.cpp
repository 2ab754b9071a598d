#include "app/history.h"

#include <sys/stat.h>

#include <algorithm>

#include "app/exit_code.h"

namespace ox::app {

namespace {

Result<std::unique_ptr<Session>> recall(const Places& places, Rule rule, rt::Clock& clock) {
  return Session::open(places, std::move(rule), Purpose::kRecall, clock);
}

/// By the kernel's list: trying to take the lock could turn a run away that starts just now.
bool is_locked(const std::string& store_path) {
  struct stat status = {};
  if (::stat((store_path + ".lock").c_str(), &status) != 0) {
    return false;
  }
  const Result<std::optional<std::string>> locks = read_file("/proc/locks");
  const std::string inode = ":" + std::to_string(status.st_ino) + " ";
  return locks.ok() && locks->has_value() && (*locks)->find(inode) != std::string::npos;
}

/// A run that nobody carries on any more, whatever it could still write down.
void mark_interrupted(state::RunRecord& run, bool locked) {
  if (run.outcome == state::RunOutcome::kRunning && !locked) {
    run.outcome = state::RunOutcome::kInterrupted;
  }
}

Error unknown_run(RunId run) {
  return Error(Code::kNotFound,
               "there is no run " + std::to_string(run.value) + "; `syncoxiders log` lists them");
}

}  // namespace

Result<Status> status_of(const Places& places, Rule rule, rt::Clock& clock) {
  TRY_ASSIGN(const auto session, recall(places, std::move(rule), clock));
  Status status{.id = session->rule().id,
                .name = session->rule().name,
                .mode = session->facts().mode,
                .last_run = std::nullopt};
  for (std::size_t i = 0; i < session->replicas().size(); ++i) {
    status.roots.push_back({.path = session->rule().roots[i].path,
                            .label = session->rule().labels[i],
                            .present = session->replicas()[i].provider != nullptr});
  }
  state::Store& store = session->store();
  TRY_ASSIGN(status.entries, store.node_count());
  TRY_ASSIGN(const std::vector<state::RunRecord> runs, store.runs(1));
  status.running = is_locked(session->rule().store_path);
  if (!runs.empty()) {
    status.last_run = runs.front();
    mark_interrupted(*status.last_run, status.running);
  }
  TRY_ASSIGN(status.problems, store.problems());
  TRY_ASSIGN(status.held, store.held());
  TRY_ASSIGN(const std::vector<state::ConflictRecord> conflicts, store.conflicts());
  status.conflicts = conflicts.size();
  return status;
}

Result<std::vector<state::RunRecord>> runs_of(const Places& places, Rule rule, std::uint64_t limit,
                                              rt::Clock& clock) {
  TRY_ASSIGN(const auto session, recall(places, std::move(rule), clock));
  TRY_ASSIGN(std::vector<state::RunRecord> runs, session->store().runs(limit));
  const bool locked = is_locked(session->rule().store_path);
  for (state::RunRecord& run : runs) {
    mark_interrupted(run, locked && &run == runs.data());
  }
  return runs;
}

Result<RunDetails> run_details(const Places& places, Rule rule, RunId run, rt::Clock& clock) {
  TRY_ASSIGN(const auto session, recall(places, std::move(rule), clock));
  TRY_ASSIGN(std::optional<state::RunRecord> record, session->store().find_run(run));
  if (!record.has_value()) {
    return unknown_run(run);
  }
  mark_interrupted(*record, is_locked(session->rule().store_path));
  RunDetails details{.run = std::move(*record), .labels = session->rule().labels, .actions = {}};
  TRY_ASSIGN(std::vector<state::ActionBatch> batches, session->store().batches(run));
  for (state::ActionBatch& batch : batches) {
    std::ranges::copy_if(batch.actions, std::back_inserter(details.actions), &state::Action::done);
  }
  return details;
}

Result<std::vector<ConflictStatus>> conflicts_of(const Places& places, Rule rule,
                                                 rt::Clock& clock) {
  TRY_ASSIGN(const auto session, recall(places, std::move(rule), clock));
  TRY_ASSIGN(std::vector<state::ConflictRecord> records, session->store().conflicts());
  std::ranges::reverse(records);
  std::ranges::sort(records, std::greater{}, [](const state::ConflictRecord& record) {
    return std::pair(record.run, record.path);
  });
  std::vector<ConflictStatus> conflicts;
  for (state::ConflictRecord& record : records) {
    const bool stands =
        !record.copy_path.is_root() &&
        std::ranges::any_of(session->replicas(), [&](const sync::EngineReplica& replica) {
          return replica.provider != nullptr && replica.provider->look(record.copy_path).ok();
        });
    conflicts.push_back({.record = std::move(record), .copy_stands = stands});
  }
  return conflicts;
}

Result<UndoResult> undo(const Places& places, Rule rule, RunId run, const Process& process) {
  // An unknown run must be told before anything is locked or written.
  TRY(run_details(places, rule, run, *process.clock));
  TRY_ASSIGN(const auto session,
             Session::open(places, std::move(rule), Purpose::kChange, *process.clock));
  TRY_ASSIGN(sync::UndoReport report, sync::undo_run(session->store(), session->replicas(), run,
                                                     session->services(process), process.stop));
  return UndoResult{.report = std::move(report), .labels = session->rule().labels};
}

Result<VersionList> versions_of(const Places& places, Located located, rt::Clock& clock) {
  TRY_ASSIGN(const auto session, recall(places, std::move(located.rule), clock));
  TRY_ASSIGN(std::vector<sync::Version> versions,
             sync::list_versions(session->store(), session->replicas(), located.path));
  if (versions.empty()) {
    return Error(Code::kNotFound, "no earlier version is in the trash")
        .with_context(located.path.text());
  }
  return VersionList{.versions = std::move(versions), .labels = session->rule().labels};
}

Result<RestoreResult> restore(const Places& places, Located located, const std::string& version,
                              const Process& process) {
  TRY(versions_of(places, located, *process.clock));
  TRY_ASSIGN(const auto session,
             Session::open(places, std::move(located.rule), Purpose::kChange, *process.clock));
  TRY_ASSIGN(const std::vector<sync::Version> versions,
             sync::list_versions(session->store(), session->replicas(), located.path));
  TRY_ASSIGN(sync::Version chosen, sync::choose_version(versions, version));
  std::optional<ReplicaIndex> target = located.replica;
  if (target.has_value() && session->replicas()[*target].provider == nullptr) {
    return root_error("is not there", session->rule().roots[*target].path);
  }
  TRY_ASSIGN(sync::RestoreReport report,
             sync::restore_version(session->store(), session->replicas(), located.path, chosen,
                                   target, session->services(process), process.stop));
  std::string root = session->rule().roots[report.replica].path;
  return RestoreResult{
      .report = std::move(report), .version = std::move(chosen), .root = std::move(root)};
}

Result<Held> held_of(const Places& places, Rule rule, rt::Clock& clock) {
  TRY_ASSIGN(const auto session, recall(places, std::move(rule), clock));
  Held held;
  TRY_ASSIGN(held.names, session->store().held());
  TRY_ASSIGN(held.approved, session->store().approved());
  return held;
}

Result<Held> approve(const Places& places, const Rule& rule, rt::Clock& clock) {
  TRY(held_of(places, rule, clock));
  TRY_ASSIGN(const auto lock, state::RunLock::take(rule.store_path, clock.now()));
  const auto opened = state::Store::open(
      {.os_path = rule.store_path, .directory = nullptr, .name = {}}, state::OpenMode::kReadWrite);
  if (!opened.ok()) {
    return state_error(opened.error(), rule.store_path);
  }
  state::Store& store = **opened;
  Held held;
  TRY_ASSIGN(held.names, store.held());
  TRY_ASSIGN(held.approved, store.approved());
  if (held.names.empty()) {
    return held;
  }
  for (const std::string& name : held.names) {
    if (std::ranges::find(held.approved, name) == held.approved.end()) {
      held.approved.push_back(name);
    }
  }
  state::Commit commit;
  commit.approved = held.approved;
  TRY(store.commit(commit));
  return held;
}

}  // namespace ox::app
