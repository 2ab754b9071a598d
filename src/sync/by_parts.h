#pragma once

#include "provider/provider.h"
#include "state/store.h"

/// Stores that cannot move a directory in one call move it entry by entry, and park and bring it
/// back so. What is broken off in between leaves some of it in either place. So before each such
/// step the journal learns which of the steps before it were made, and whoever comes next goes on
/// with the first that was not.
namespace ox::sync {

bool goes_by_parts(const provider::Capabilities& can, const state::Action& action);

/// Goes on with `action` where it was broken off: a move is finished, so is the way back of what
/// is parked, and what was about to be parked comes back. False: there was nothing to go on with.
Result<bool> finish_by_parts(provider::Provider& provider, const state::Action& action);

/// The same of what a crash may have broken off of `actions`, in their order, on one replica.
Result<void> finish_broken_off(provider::Provider& provider, ReplicaIndex replica,
                               const std::vector<state::Action>& actions);

}  // namespace ox::sync
