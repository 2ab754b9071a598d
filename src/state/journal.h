#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/rel_path.h"
#include "base/time.h"
#include "tree/entry.h"

namespace ox::state {

enum class ActionKind : std::uint8_t {
  kMakeDirectory,
  kMove,
  kPut,            ///< a new file or symlink, or new content of one
  kSetAttributes,  ///< mode, user attributes, mtime
  kRemove,
  kPark,  ///< moved out of the way to break a cycle; open ones are brought back at start-up
  kExchange,
};

/// One effect on one replica, as intended and as done. Undo reads it backwards.
struct Action {
  ActionKind kind = ActionKind::kPut;
  ReplicaIndex replica = 0;
  NodeId node;
  RelPath path;                       ///< where it ends up (kPark: where it stood)
  RelPath from;                       ///< kMove: old path; kExchange: the other path
  std::string parked;                 ///< kPark and a kMove out of it: the private name
  std::optional<tree::Entry> before;  ///< what stood at `path` (kMove: at `from`)
  std::optional<tree::Entry>
      after;  ///< what stands there now; before it is done, what a kPut means to leave there
  std::optional<RelPath> trashed;  ///< where the displaced version went
  bool done = false;

  friend bool operator==(const Action&, const Action&) = default;
};

/// Actions that were intended together; replaced as a whole when they are done.
struct ActionBatch {
  RunId run;
  std::uint64_t number = 0;  ///< within the run, from 0
  bool open = true;          ///< intended, not yet settled
  std::vector<Action> actions;

  friend bool operator==(const ActionBatch&, const ActionBatch&) = default;
};

/// A conflict as a run resolved it.
struct ConflictRecord {
  RunId run;
  NodeId node;  ///< the winner
  NodeId copy;  ///< the loser's own node; kNoNode for an attribute or place conflict
  RelPath path;
  RelPath copy_path;   ///< empty when no copy was made
  std::string kind;    ///< "content", "place", "kind", "attributes", "delete", "merged"
  std::string winner;  ///< label of the replica
  std::string loser;
  Timestamp when;

  friend bool operator==(const ConflictRecord&, const ConflictRecord&) = default;
};

/// A version that is in some replica's trash.
struct VersionRecord {
  RunId run;
  NodeId node;
  ReplicaIndex replica = 0;
  RelPath path;     ///< where it stood
  RelPath trashed;  ///< where it is, relative to that replica's trash
  tree::Content content;
  Timestamp when;  ///< when it was displaced

  friend bool operator==(const VersionRecord&, const VersionRecord&) = default;
};

/// Something the last run could not do, kept for `status` and `why`.
struct Problem {
  std::optional<ReplicaIndex> replica;
  RelPath path;
  std::string code;     ///< "unreadable", "excluded_name", "held", "busy", "failed", …
  std::string message;  ///< a sentence with what to do next

  friend bool operator==(const Problem&, const Problem&) = default;
};

enum class RunOutcome : std::uint8_t { kRunning, kInSync, kPartly, kHeld, kFailed, kInterrupted };

struct RunRecord {
  RunId id;
  Timestamp started;
  std::optional<Timestamp> finished;
  std::string command;  ///< "sync", "undo 12", "restore", …
  RunOutcome outcome = RunOutcome::kRunning;
  std::uint64_t actions = 0;
  std::uint64_t bytes = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t problems = 0;
  std::string message;

  friend bool operator==(const RunRecord&, const RunRecord&) = default;
};

}  // namespace ox::state
