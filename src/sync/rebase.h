#pragma once

#include <vector>

#include "state/store.h"
#include "sync/engine.h"
#include "sync/ledger.h"

namespace ox::sync {

struct Rebased {
  const std::vector<tree::NodeRecord>& before;  ///< as the store has them
  const std::vector<tree::NodeRecord>& after;   ///< the same nodes after plan::rebase()
  const std::vector<EngineReplica>& replicas;
  plan::Mode mode = plan::Mode::kTwoWay;
};

/// Loads the ledger with what a rebase left of the records and commits it: it must stand before any
/// root is marked anew. What stands below directories that the scan did not enter, because they
/// are excluded, is not believed either.
Result<void> commit_rebase(state::Store& store, Ledger& ledger, const Rebased& rebased);

}  // namespace ox::sync
