#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "sync/engine.h"

namespace ox::sync {

/// A change that an undo left alone.
struct UndoSkip {
  ReplicaIndex replica = 0;
  RelPath path;
  std::string reason;  ///< for a person

  friend bool operator==(const UndoSkip&, const UndoSkip&) = default;
};

struct UndoReport {
  RunId id;  ///< the undo's own run, which can be undone too; 0: there was nothing to undo
  std::uint64_t undone = 0;
  std::vector<UndoSkip> skipped;
};

/// Takes back what `run` did, last change first, on every replica that is there: afterwards each
/// tree is as before that run, bytes, times and modes, except for what `skipped` names because it
/// was edited since or its place is taken. Nothing is destroyed: what the run had brought goes to
/// the trash. The agreed tree is left alone, so the next sync sees the undone things as changes of
/// each replica and spreads them.
///
/// The caller holds the rule's lock. kNotFound: no such run. kCancelled: stopped; what was undone
/// by then stands in the journal. After a crash in the middle the same call goes on.
Result<UndoReport> undo_run(state::Store& store, const std::vector<EngineReplica>& replicas,
                            RunId run, const Services& services, std::stop_token stop);

}  // namespace ox::sync
