#pragma once

#include <map>

#include "plan/plan.h"
#include "sync/engine.h"
#include "sync/ledger.h"

namespace ox::sync {

/// The name of ignore files, which are read from the agreed tree.
inline constexpr std::string_view kIgnoreFileName = ".syncignore";

/// Keeps the bytes of agreed texts that changed in this pass: those of ignore files always, those
/// of any text when the rule merges texts.
Result<void> keep_bases(state::Store& store, const Ledger& ledger,
                        const std::vector<EngineReplica>& replicas,
                        const std::map<Digest, Bytes>& merged, bool all_texts);

/// Drops kept texts that no live value names any more, some thousands at most. That means a look at
/// the whole state, so only every sixteenth run does it, and only where many have gathered.
Result<void> prune_bases(state::Store& store, RunId run);

}  // namespace ox::sync
