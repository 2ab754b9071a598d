#include "sync/retention.h"

#include <algorithm>

#include "crypto/digest.h"
#include "sync/rescue.h"
#include "sync/sources.h"
#include "sync/undo_journal.h"

namespace ox::sync {

namespace {

constexpr std::uint64_t kMostUnchecked = 64;  ///< runs that ended early, one after the other

/// A version written so shortly before it was displaced may hide another write behind its time
/// stamps, however coarse they are.
constexpr std::int64_t kFreshNs = 4'000'000'000;
constexpr std::uint64_t kReadAgainBytes = 64U << 20U;

bool may_hide_another(const state::VersionRecord& version) {
  return version.content.digest.has_value() && version.content.size <= kReadAgainBytes &&
         version.when.ns - version.content.mtime.ns < kFreshNs;
}

/// Are these the bytes that were to be displaced? What can't be read is not another version.
bool holds_its_bytes(provider::Provider& provider, const state::VersionRecord& version) {
  const auto source = provider.open_trashed(version.trashed);
  if (!source.ok()) {
    return true;
  }
  const Result<Digest> digest = digest_of_source(**source, {});
  return !digest.ok() || *digest == *version.content.digest;
}

bool is_as_displaced(provider::Provider& provider, const state::VersionRecord& version,
                     const tree::Entry& entry) {
  return entry.kind == tree::Kind::kSymlink ||
         (entry.fingerprint.size == version.content.size &&
          entry.fingerprint.mtime == version.content.mtime &&
          (!may_hide_another(version) || holds_its_bytes(provider, version)));
}

/// Only tells names apart, so the beginning of a large file will do.
Digest digest_of_start(provider::Provider& provider, const RelPath& trashed) {
  Bytes bytes(1U << 16U);
  const auto source = provider.open_trashed(trashed);
  if (!source.ok()) {
    return {};
  }
  const Result<std::size_t> count = (*source)->read_at(0, bytes);
  return crypto::sha256(BytesView(bytes).first(count.ok() ? *count : 0));
}

class Keeper {
 public:
  Keeper(state::Store& store, const std::vector<EngineReplica>& replicas, RunId run,
         const Services& services)
      : store_(store),
        replicas_(replicas),
        run_(run),
        services_(services),
        announcements_(store, run) {}

  Result<RetentionReport> recheck() {
    TRY_ASSIGN(const RunId since, first_unchecked(run_));
    for (ReplicaIndex i = 0; i < replicas_.size(); ++i) {
      if (replicas_[i].provider == nullptr) {
        continue;
      }
      TRY_ASSIGN(const auto versions, store_.versions_in_trash(i));
      for (const state::VersionRecord& version : versions) {
        if (version.run >= since) {
          const Result<tree::Entry> entry = replicas_[i].provider->look_trashed(version.trashed);
          if (entry.ok() && !is_as_displaced(*replicas_[i].provider, version, *entry)) {
            rescue(version, *entry);
          }
        }
      }
    }
    return end();
  }

  Result<RetentionReport> purge(const Retention& retention, std::stop_token stop) {
    for (ReplicaIndex i = 0; i < replicas_.size() && !stop.stop_requested(); ++i) {
      if (replicas_[i].provider == nullptr ||
          replicas_[i].provider->capabilities().create == provider::Cas::kNone) {
        continue;
      }
      TRY_ASSIGN(auto versions, store_.versions_in_trash(i));
      purge_replica(std::move(versions), retention, stop);
    }
    return end();
  }

 private:
  /// The first of the runs right before `run` that ended early: they looked at nothing again.
  Result<RunId> first_unchecked(RunId run) {
    TRY_ASSIGN(const std::vector<state::RunRecord> runs, store_.runs(kMostUnchecked));
    RunId first = run;
    for (const state::RunRecord& record : runs) {
      const bool ended_early = record.outcome == state::RunOutcome::kInterrupted ||
                               record.outcome == state::RunOutcome::kFailed ||
                               record.outcome == state::RunOutcome::kRunning;
      if (record.id < run && !ended_early) {
        break;
      }
      first = std::min(first, record.id);
    }
    return first;
  }

  void purge_replica(std::vector<state::VersionRecord> versions, const Retention& retention,
                     const std::stop_token& stop) {
    std::ranges::sort(versions, std::greater{}, [](const state::VersionRecord& version) {
      return std::pair(version.when, version.trashed);
    });
    const std::int64_t oldest =
        services_.clock->now().ns -
        std::chrono::duration_cast<std::chrono::nanoseconds>(retention.age).count();
    std::uint64_t kept = 0;
    for (const state::VersionRecord& version : versions) {
      if (stop.stop_requested()) {
        return;
      }
      const bool too_much =
          retention.bytes.has_value() && kept + version.content.size > *retention.bytes;
      if (version.run == run_ || (version.when.ns >= oldest && !too_much)) {
        kept += version.content.size;
        continue;
      }
      purge_one(version);
    }
  }

  void purge_one(const state::VersionRecord& version) {
    provider::Provider& provider = *replicas_[version.replica].provider;
    const Result<tree::Entry> entry = provider.look_trashed(version.trashed);
    if (entry.failed_with(Code::kNotFound)) {
      purged_.emplace_back(version.replica, version.trashed);
      return;
    }
    if (!entry.ok()) {
      return;
    }
    if (!is_as_displaced(provider, version, *entry)) {
      rescue(version, *entry);
      return;
    }
    if (provider.purge_trashed(version.trashed).ok()) {
      ++report_.purged;
      report_.purged_bytes += version.content.size;
      purged_.emplace_back(version.replica, version.trashed);
    }
  }

  /// Back into the tree, beside what replaced it. Where that fails it stays in the trash, and the
  /// next purge tries again.
  void rescue(const state::VersionRecord& version, const tree::Entry& entry) {
    const EngineReplica& replica = replicas_[version.replica];
    if (!make_parents(*replica.provider, version.path).ok()) {
      return;
    }
    const Rescuer rescuer{
        .provider = *replica.provider,
        .replica = version.replica,
        .label = replica.label,
        .announce = [this](const state::Action& action) { return announcements_.add(action); }};
    const Digest digest = digest_of_start(*replica.provider, version.trashed);
    const Result<RelPath> path =
        rescuer.put_beside(version.trashed, version.path, entry.fingerprint.mtime, digest);
    if (!path.ok()) {
      return;
    }
    purged_.emplace_back(version.replica, version.trashed);
    report_.rescued.push_back({.replica = version.replica,
                               .path = *path,
                               .code = "written_in_trash",
                               .message = "a program went on writing to this file after it had "
                                          "been replaced; both versions are kept"});
  }

  Result<RetentionReport> end() {
    state::Commit commit;
    announcements_.close(commit);
    if (!commit.batches.empty()) {
      TRY(store_.commit(commit));
    }
    TRY(forget_versions(store_, purged_));
    return std::move(report_);
  }

  state::Store& store_;
  const std::vector<EngineReplica>& replicas_;
  RunId run_;  ///< the current one
  const Services& services_;
  RetentionReport report_;
  std::vector<std::pair<ReplicaIndex, RelPath>> purged_;
  Announcements announcements_;
};

}  // namespace

Result<RetentionReport> recheck_displaced(state::Store& store,
                                          const std::vector<EngineReplica>& replicas, RunId run,
                                          const Services& services) {
  return Keeper(store, replicas, run, services).recheck();
}

Result<RetentionReport> purge_trash(state::Store& store, const std::vector<EngineReplica>& replicas,
                                    const Retention& retention, RunId current,
                                    const Services& services, std::stop_token stop) {
  return Keeper(store, replicas, current, services).purge(retention, stop);
}

}  // namespace ox::sync
