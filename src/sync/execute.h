#pragma once

#include <map>
#include <set>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "rt/mutex.h"
#include "sync/engine.h"
#include "sync/ledger.h"

namespace ox::sync {

/// Everything the parts of an execution share.
struct Execution {
  const std::vector<EngineReplica>& replicas;
  const RunOptions& options;
  const Services& services;
  Ledger& ledger;
  const std::map<Digest, Bytes>& merged;  ///< texts the planner merged
  provider::TrashFolder trash;
  std::stop_token stop;

  RunCounts counts;
  std::vector<state::Problem> problems;
  std::vector<state::VersionRecord> versions;  ///< to go with the next commit
  bool dirty = false;  ///< something was not as planned: look and plan again
  bool cancelled = false;
  std::optional<Error> fatal;   ///< the store is full or gone: no use to go on
  std::set<ReplicaIndex> full;  ///< said to be so, once

  /// Fingerprints of what our own moves changed, by replica and path.
  std::map<std::pair<ReplicaIndex, RelPath>, tree::Fingerprint> moved;

  /// The same by node, for sides that the plan acknowledges as seen before our move.
  std::map<std::pair<ReplicaIndex, NodeId>, tree::Fingerprint> moved_nodes;
  std::set<std::pair<ReplicaIndex, NodeId>> failed_moves;

  /// `update` with fingerprints as they are after our own moves, and without sides whose move
  /// failed.
  plan::RecordUpdate after_moves(plan::RecordUpdate update) const;

  const tree::Fingerprint& current(ReplicaIndex replica, const RelPath& path,
                                   const tree::Fingerprint& planned) const;
  provider::Provider& provider(ReplicaIndex replica) const { return *replicas[replica].provider; }
  void tell(const Event& event) const;
  /// Sorts a failed operation: planned again, waited for, reported, or fatal.
  void fail(const plan::Operation& operation, const Error& error);
  /// A store that is full or takes no writes: of the whole replica, so it is told once.
  void stop_at(ReplicaIndex replica, const Error& error);
  void problem(std::optional<ReplicaIndex> replica, const RelPath& path, std::string_view code,
               std::string message);
  /// A version was displaced into the trash.
  void displaced(const plan::Operation& operation, const provider::Trashed& trashed);
  Result<void> commit();
  /// What these replicas showed and we read survives a power cut. A replica that takes no writes is
  /// somebody else's care.
  Result<void> make_durable(const std::set<ReplicaIndex>& shown) const;
};

/// The word for an operation in events ("create", "update", …).
/// The message of an error that stops a replica, with what a person can do.
std::string advice_for(const Error& error);

std::string_view action_word(const plan::Operation& operation);

/// Carries out a plan. Everything planned that did not work out is in `problems` or makes the
/// execution `dirty`. An error: the state could not be written; nothing is half done.
Result<void> execute(Execution& execution, const plan::Plan& plan);

// The parts, in the order in which they run.
Result<void> execute_structure(Execution& execution, const plan::Plan& plan);
Result<void> execute_content(Execution& execution, const plan::Plan& plan);
Result<void> execute_removals(Execution& execution, const plan::Plan& plan);
Result<void> execute_source_removals(Execution& execution, const plan::Plan& plan);

}  // namespace ox::sync
