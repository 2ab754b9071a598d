#include "sync/undo_journal.h"

#include <algorithm>
#include <map>

namespace ox::sync {

Result<UndoJournal> UndoJournal::begin(state::Store& store, rt::Clock& clock, std::string command) {
  UndoJournal journal(store, clock);
  TRY_ASSIGN(const std::vector<state::RunRecord> last, store.runs(1));
  journal.record_.id = RunId{last.empty() ? 1 : last.front().id.value + 1};
  journal.record_.started = clock.now();
  journal.record_.command = std::move(command);
  journal.trash_.name =
      to_basic_iso8601(journal.record_.started) + "-" + std::to_string(journal.record_.id.value);
  state::Commit commit;
  commit.runs.push_back(journal.record_);
  TRY(store.commit(commit));
  return journal;
}

Result<void> UndoJournal::intend(std::vector<state::Action> actions) {
  state::Commit commit;
  commit.batches.push_back(
      {.run = record_.id, .number = next_batch_, .open = true, .actions = std::move(actions)});
  return store_->commit(commit);
}

Result<void> UndoJournal::close(std::vector<state::Action> actions) {
  std::erase_if(actions, [](const state::Action& action) { return !action.done; });
  record_.actions += actions.size();
  state::Commit commit;
  commit.batches.push_back(
      {.run = record_.id, .number = next_batch_++, .open = false, .actions = std::move(actions)});
  commit.versions = std::move(versions_);
  versions_.clear();
  TRY(store_->commit(commit));
  const auto purged = std::move(purged_);
  purged_.clear();
  return forget_versions(*store_, purged);
}

Result<void> UndoJournal::finish(state::RunOutcome outcome, std::uint64_t problems,
                                 std::string message) {
  record_.finished = clock_->now();
  record_.outcome = outcome;
  record_.problems = problems;
  record_.message = std::move(message);
  state::Commit commit;
  commit.runs.push_back(record_);
  return store_->commit(commit);
}

Result<void> forget_versions(state::Store& store,
                             const std::vector<std::pair<ReplicaIndex, RelPath>>& purged) {
  std::map<ReplicaIndex, std::vector<RelPath>> by_replica;
  for (const auto& [replica, path] : purged) {
    by_replica[replica].push_back(path);
  }
  for (auto& [replica, paths] : by_replica) {
    state::Commit commit;
    commit.purged_replica = replica;
    commit.purged_paths_of_replica = std::move(paths);
    commit.durable = false;
    TRY(store.commit(commit));
  }
  return {};
}

state::VersionRecord version_of(const UndoJournal& journal, ReplicaIndex replica, NodeId node,
                                const RelPath& path, const provider::Trashed& trashed,
                                Timestamp when) {
  state::VersionRecord version{.run = journal.id(),
                               .node = node,
                               .replica = replica,
                               .path = path,
                               .trashed = trashed.path,
                               .when = when};
  version.content.size = trashed.fingerprint.size;
  version.content.mtime = trashed.fingerprint.mtime;
  return version;
}

Result<provider::StageRequest> request_for_trashed(provider::Provider& holder,
                                                   const RelPath& trashed, const Services& services,
                                                   std::stop_token stop,
                                                   std::unique_ptr<provider::Source>& source) {
  TRY_ASSIGN(const tree::Entry entry, holder.look_trashed(trashed));
  provider::StageRequest request{.kind = entry.kind,
                                 .mtime = entry.fingerprint.mtime,
                                 .link_target = entry.content.link_target.text()};
  if (entry.attributes.mode != tree::kModeUnknown) {
    request.attributes = entry.attributes;
  }
  if (entry.kind == tree::Kind::kFile) {
    TRY_ASSIGN(source, holder.open_trashed(trashed));
    request.source = source.get();
  } else if (entry.kind != tree::Kind::kSymlink) {
    return Error(Code::kUnsupported, "not a file in the trash").with_context(trashed.text());
  }
  request.on_bytes = [&services, stop](std::uint64_t bytes) -> Result<void> {
    services.progress->add_done({.files = 0, .bytes = static_cast<std::int64_t>(bytes)});
    return services.rate_limit == nullptr ? Result<void>{}
                                          : services.rate_limit->acquire(bytes, stop);
  };
  return request;
}

tree::Entry meant_by(const provider::StageRequest& request, const provider::Staged& staged) {
  tree::Entry entry{.kind = request.kind};
  entry.content = {.size = staged.size,
                   .mtime = request.mtime,
                   .digest = staged.digest,
                   .link_target = request.link_target};
  return entry;
}

Result<void> make_parents(provider::Provider& provider, const RelPath& path) {
  const RelPath parent = path.parent();
  if (parent.is_root()) {
    return {};
  }
  const Result<tree::Entry> standing = provider.look(parent);
  if (standing.ok()) {
    return standing->kind == tree::Kind::kDirectory
               ? Result<void>{}
               : Error(Code::kNotADirectory, "is no directory").with_context(parent.text());
  }
  if (!standing.failed_with(Code::kNotFound)) {
    return standing.error();
  }
  TRY(make_parents(provider, parent));
  const Result<tree::Entry> made = provider.make_directory(parent, std::nullopt);
  if (!made.ok() && !made.failed_with(Code::kExists)) {
    return made.error();
  }
  return {};
}

}  // namespace ox::sync
