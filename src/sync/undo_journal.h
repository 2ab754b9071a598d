#pragma once

#include <string>
#include <utility>
#include <vector>

#include "rt/clock.h"
#include "state/store.h"
#include "sync/engine.h"

namespace ox::sync {

/// A run that no plan made (an undo, a restore), written into the journal like any other, so that
/// it can be undone in its turn. One thread.
class UndoJournal {
 public:
  /// Starts the run `command`. The trash folder is named as every run names its own.
  static Result<UndoJournal> begin(state::Store& store, rt::Clock& clock, std::string command);

  RunId id() const { return record_.id; }
  const provider::TrashFolder& trash() const { return trash_; }

  /// Writes down what is going to be tried; durable when it returns.
  Result<void> intend(std::vector<state::Action> actions);
  /// Replaces the last intent by what was done (actions that are not `done` are dropped), together
  /// with everything noted since.
  Result<void> close(std::vector<state::Action> actions);
  void note_version(state::VersionRecord version) { versions_.push_back(std::move(version)); }
  /// The version has left the trash of its replica.
  void note_purged(ReplicaIndex replica, const RelPath& trashed) {
    purged_.emplace_back(replica, trashed);
  }
  Result<void> finish(state::RunOutcome outcome, std::uint64_t problems, std::string message);

 private:
  UndoJournal(state::Store& store, rt::Clock& clock) : store_(&store), clock_(&clock) {}

  state::Store* store_;
  rt::Clock* clock_;
  state::RunRecord record_;
  provider::TrashFolder trash_;
  std::uint64_t next_batch_ = 0;
  std::vector<state::VersionRecord> versions_;
  std::vector<std::pair<ReplicaIndex, RelPath>> purged_;
};

/// Takes versions that left the trash out of the state.
Result<void> forget_versions(state::Store& store,
                             const std::vector<std::pair<ReplicaIndex, RelPath>>& purged);

/// What the state keeps of a version that was just put into the trash.
state::VersionRecord version_of(const UndoJournal& journal, ReplicaIndex replica, NodeId node,
                                const RelPath& path, const provider::Trashed& trashed,
                                Timestamp when);

/// What to stage to have the entry of a trash back as it was. A file's source is opened and kept in
/// `source`.
Result<provider::StageRequest> request_for_trashed(provider::Provider& holder,
                                                   const RelPath& trashed, const Services& services,
                                                   std::stop_token stop,
                                                   std::unique_ptr<provider::Source>& source);

/// What a put is going to leave, by which the start after a crash tells our own new version.
tree::Entry meant_by(const provider::StageRequest& request, const provider::Staged& staged);

/// Makes the directories above `path` that are missing.
Result<void> make_parents(provider::Provider& provider, const RelPath& path);

}  // namespace ox::sync
