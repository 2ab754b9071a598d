#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "provider/provider.h"
#include "state/store.h"

/// Where a file system can neither refuse to replace nor link, a free name is first taken by an
/// empty file or directory of our own, over which the real one is renamed (Cas::kRacy). A crash in
/// between leaves that under a final name, where it would count as somebody's new file. So whoever
/// takes a name announces it, and the next start takes away what is empty there. An empty file that
/// a user made there since goes as well; it holds nothing.
namespace ox::sync {

bool may_leave_placeholder(const provider::Capabilities& can);

/// Writes durably down that `action` is about to take a name; it must not be taken after an error.
using Announce = std::function<Result<void>(const state::Action& action)>;

/// Announcements of somebody who has no ledger: in an open batch of their own.
class Announcements {
 public:
  Announcements(state::Store& store, RunId run) : store_(store), run_(run) {}

  Result<void> add(const state::Action& action);
  /// With this commit nothing is announced any more.
  void close(state::Commit& commit);
  bool empty() const { return batch_.actions.empty(); }

 private:
  state::Store& store_;
  RunId run_;
  state::ActionBatch batch_;
};

/// Something parked is about to be put at `path`; no part of a plan.
bool is_announced_homecoming(const state::Action& action);

/// What a version of the trash is about to be put at `path` announces. `version`: as it is in the
/// trash.
state::Action announced_return(ReplicaIndex replica, const RelPath& path,
                               const tree::Entry& version);

/// Takes away what `action`, which is not done, may have left so: something empty that stands where
/// something else was to come.
void clear_placeholder(provider::Provider& provider, const state::Action& action,
                       const provider::TrashFolder& trash);

/// The same of `unparking`, one of `actions`, as long as what it was to put there is parked. What
/// is empty because one of them was yet to move or remove it stays.
void clear_placeholder_of_parked(provider::Provider& provider, const state::Action& unparking,
                                 const std::vector<state::Action>& actions,
                                 const provider::TrashFolder& trash);

/// Where a file system can link, a rename that must not replace is a link and a removal. Of one
/// that was broken off in between, `action`, the new name goes again; what was parked loses the
/// parked one.
void clear_second_name(provider::Provider& provider, const state::Action& action,
                       const provider::TrashFolder& trash);

/// None: a file or a directory.
void take_away_if_empty(provider::Provider& provider, const RelPath& path,
                        std::optional<tree::Kind> kind, const provider::TrashFolder& trash);

/// Is this entry of the trash such a placeholder, and not the version `before`?
bool is_placeholder_in_trash(const tree::Entry& entry, const tree::Entry& before);

}  // namespace ox::sync
