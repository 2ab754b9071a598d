#include "sync/undo_versions.h"

#include <algorithm>
#include <charconv>

#include "sync/settle.h"
#include "sync/undo_journal.h"

namespace ox::sync {

namespace {

constexpr std::size_t kLongestNumber = 6;  ///< digits; longer ones are dates

bool same_bytes(const state::VersionRecord& a, const state::VersionRecord& b) {
  const bool same_digest = !a.content.digest.has_value() || !b.content.digest.has_value() ||
                           a.content.digest == b.content.digest;
  return a.run == b.run && a.content.size == b.content.size && a.content.mtime == b.content.mtime &&
         same_digest;
}

}  // namespace

Result<std::vector<Version>> list_versions(state::Store& store,
                                           const std::vector<EngineReplica>& replicas,
                                           const RelPath& path) {
  TRY_ASSIGN(const std::vector<state::VersionRecord> records, store.versions(path));
  std::vector<Version> versions;
  for (const state::VersionRecord& record : records) {
    if (record.replica >= replicas.size() || replicas[record.replica].provider == nullptr ||
        !replicas[record.replica].provider->look_trashed(record.trashed).ok()) {
      continue;
    }
    const auto same = std::ranges::find_if(
        versions, [&](const Version& version) { return same_bytes(version.record, record); });
    Version& version = same != versions.end() ? *same : versions.emplace_back();
    if (version.holders.empty()) {
      version.number = versions.size();
      version.record = record;
    }
    version.holders.push_back({.replica = record.replica, .trashed = record.trashed});
  }
  return versions;
}

Result<Version> choose_version(const std::vector<Version>& versions, std::string_view wanted) {
  if (versions.empty()) {
    return Error(Code::kNotFound, "no earlier version is in the trash");
  }
  if (wanted.empty()) {
    return versions.front();
  }
  const bool all_digits = wanted.find_first_not_of("0123456789") == std::string_view::npos;
  if (all_digits && wanted.size() <= kLongestNumber) {
    std::size_t number = 0;
    std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
    if (number >= 1 && number <= versions.size()) {
      return versions[number - 1];
    }
    return Error(Code::kNotFound, "there are versions 1 to " + std::to_string(versions.size()) +
                                      ", but no version " + std::string(wanted));
  }
  std::string time(wanted);
  std::erase_if(time, [](char letter) { return letter == '-' || letter == ':'; });
  for (const Version& version : versions) {
    if (!time.empty() && to_basic_iso8601(version.record.when).starts_with(time)) {
      return version;
    }
  }
  return Error(Code::kNotFound, "no version was displaced at " + std::string(wanted));
}

namespace {

const Version::Holder& holder_for(const Version& version, std::optional<ReplicaIndex> target) {
  const auto own = std::ranges::find_if(
      version.holders, [&](const Version::Holder& holder) { return holder.replica == target; });
  return own != version.holders.end() ? *own : version.holders.front();
}

}  // namespace

Result<RestoreReport> restore_version(state::Store& store,
                                      const std::vector<EngineReplica>& replicas,
                                      const RelPath& path, const Version& version,
                                      std::optional<ReplicaIndex> target, const Services& services,
                                      std::stop_token stop) {
  if (version.holders.empty()) {
    return Error(Code::kNotFound, "that version is in no trash any more");
  }
  TRY_ASSIGN(const Settled settled, settle(store, replicas, services));
  if (!settled.unusable.empty()) {
    return settled.unusable.begin()->second;
  }
  const Version::Holder& holder = holder_for(version, target);
  RestoreReport report{.id = {}, .replica = target.value_or(holder.replica)};
  provider::Provider& provider = *replicas[report.replica].provider;
  TRY_ASSIGN(const auto batch, provider.begin_batch());
  std::unique_ptr<provider::Source> source;
  TRY_ASSIGN(const provider::StageRequest request,
             request_for_trashed(*replicas[holder.replica].provider, holder.trashed, services, stop,
                                 source));
  TRY_ASSIGN(const provider::Staged staged, batch->stage(request, stop));
  TRY(batch->make_durable());
  TRY(make_parents(provider, path));
  const Result<tree::Entry> standing = provider.look(path);
  if (!standing.ok() && !standing.failed_with(Code::kNotFound)) {
    return standing.error();
  }
  if (standing.ok() && standing->kind == tree::Kind::kDirectory) {
    return Error(Code::kIsADirectory, "a directory stands there now; move it away first")
        .with_context(path.text());
  }
  TRY_ASSIGN(UndoJournal journal,
             UndoJournal::begin(store, *services.clock, "restore " + path.text()));
  state::Action action{.kind = state::ActionKind::kPut,
                       .replica = report.replica,
                       .node = version.record.node,
                       .path = path};
  provider::Precondition precondition;
  if (standing.ok()) {
    action.before = *standing;
    precondition = provider::Precondition::matches(standing->fingerprint);
  }
  action.after = meant_by(request, staged);
  TRY(journal.intend({action}));
  const auto published = batch->publish(staged, path, precondition, journal.trash());
  if (!published.ok()) {
    TRY(journal.close({}));
    TRY(journal.finish(state::RunOutcome::kFailed, 1, published.error().to_string()));
    return published.error();
  }
  TRY(batch->settle());
  action.done = true;
  action.after = published->entry;
  if (published->displaced.has_value()) {
    action.trashed = published->displaced->path;
    report.displaced = published->displaced->path;
    journal.note_version(version_of(journal, report.replica, version.record.node, path,
                                    *published->displaced, services.clock->now()));
  }
  TRY(journal.close({action}));
  TRY(journal.finish(state::RunOutcome::kInSync, 0, {}));
  report.id = journal.id();
  report.entry = published->entry;
  return report;
}

}  // namespace ox::sync
