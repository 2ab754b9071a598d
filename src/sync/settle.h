#pragma once

#include "sync/engine.h"

namespace ox::sync {

/// Start-up after whatever happened: parked entries go back to where they stood, versions that a
/// crash left unrecorded in the trash are recorded, staged leftovers are swept, open batches
/// closed. What was done and not acknowledged is found by the following scan.
Result<void> settle(state::Store& store, const std::vector<EngineReplica>& replicas,
                    const Services& services);

}  // namespace ox::sync
