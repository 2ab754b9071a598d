#pragma once

#include <functional>
#include <map>
#include <set>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "rt/mutex.h"
#include "sync/engine.h"
#include "sync/ledger.h"
#include "sync/rescue.h"

namespace ox::sync {

/// A root that takes no more changes in this run: full, read-only, or in some other trouble.
struct ClosedRoot {
  Error why;
  /// It keeps something parked and does not give it back: nobody may look at it in this run, or
  /// what it keeps would count as deleted.
  bool lost = false;
  std::uint64_t waiting = 0;  ///< changes that were left undone
};
using ClosedRoots = std::map<ReplicaIndex, ClosedRoot>;

/// What a replica was given and could not keep, by number of files.
struct Unkept {
  std::uint64_t modes = 0;
  std::uint64_t xattrs = 0;
};

/// Everything the parts of an execution share.
struct Execution {
  const std::vector<EngineReplica>& replicas;
  const RunOptions& options;
  const Services& services;
  Ledger& ledger;
  const std::map<Digest, Bytes>& merged;  ///< texts the planner merged
  provider::TrashFolder trash;
  std::stop_token stop;
  ClosedRoots& closed;  ///< of the whole run
  /// Makes room on a full root, once a run; true: trying again may help.
  std::function<bool(ReplicaIndex)> make_room;

  RunCounts counts;
  std::map<ReplicaIndex, Unkept> unkept;
  std::vector<state::Problem> problems;
  std::vector<state::VersionRecord> versions;  ///< to go with the next commit
  bool dirty = false;  ///< something was not as planned: look and plan again
  bool cancelled = false;
  std::set<ReplicaIndex> undurable;  ///< what these showed must not be acknowledged
  /// Counts what is tried one after the other: what failed beside the failure that made room for
  /// the rest is no second one.
  std::uint64_t attempt = 1;
  std::optional<std::uint64_t> room_made_at;  ///< the attempt, on whichever root

  /// Fingerprints of what our own moves changed, by replica and path.
  std::map<std::pair<ReplicaIndex, RelPath>, tree::Fingerprint> moved;

  /// The same by node, for sides that the plan acknowledges as seen before our move.
  std::map<std::pair<ReplicaIndex, NodeId>, tree::Fingerprint> moved_nodes;
  std::set<std::pair<ReplicaIndex, NodeId>> failed_moves;
  /// Directories that could not be made: what belongs into them can't be put, and looking again
  /// would not help.
  std::set<std::pair<ReplicaIndex, RelPath>> failed_directories;

  /// `update` with fingerprints as they are after our own moves, and without sides whose move
  /// failed or whose replica could not make durable what it showed.
  plan::RecordUpdate acknowledgeable(plan::RecordUpdate update) const;

  const tree::Fingerprint& current(ReplicaIndex replica, const RelPath& path,
                                   const tree::Fingerprint& planned) const;
  provider::Provider& provider(ReplicaIndex replica) const { return *replicas[replica].provider; }
  void tell(const Event& event) const;
  /// Counts it and tells of it.
  void note_done(const plan::Operation& operation);
  /// Sorts a failed operation: planned again, waited for, reported, or the end for its root.
  void fail(const plan::Operation& operation, const Error& error);
  bool is_closed(ReplicaIndex replica) const { return closed.contains(replica); }
  /// Nothing more is changed on this root in this run; the others go on.
  void close(ReplicaIndex replica, const Error& why);
  /// Compares what stands now with what was meant to.
  void note_unkept(const plan::Operation& operation, const tree::Entry& entry,
                   std::uint64_t xattrs);
  /// An operation of a closed root.
  void leave_out(const plan::Operation& operation);
  /// After kNoSpace: is there room now?
  bool has_room_again(ReplicaIndex replica);
  void problem(std::optional<ReplicaIndex> replica, const RelPath& path, std::string_view code,
               std::string message);
  /// The expected version was displaced into the trash.
  void displaced(const plan::Operation& operation, const provider::Trashed& trashed);
  /// Another one than expected was; `digest` where it has been read.
  void displaced_unexpectedly(const plan::Operation& operation, const provider::Trashed& trashed,
                              const std::optional<Digest>& digest);
  Result<void> commit();
  /// `announced` gets the batches that are to be closed afterwards.
  Rescuer rescuer(ReplicaIndex replica, std::vector<std::uint64_t>& announced);
  /// What these replicas showed and we read survives a power cut; those where it does not are
  /// `undurable` from now on. A replica that takes no writes is somebody else's care; what is in
  /// one of the durability domains `done` is durable already.
  void make_durable(const std::set<ReplicaIndex>& shown, std::set<std::uint64_t> done = {});
};

std::string_view action_word(const plan::Operation& operation);

/// Carries out a plan. Everything planned that did not work out is in `problems` or makes the
/// execution `dirty`. An error: the state could not be written; nothing is half done.
Result<void> execute(Execution& execution, const plan::Plan& plan);

class NewTrees;

/// Is what was displaced as expected, by all that its time stamps tell, another version than the
/// one that is known? Where its last change was so young when it was looked at, its bytes tell.
bool hides_an_edit(const Execution& execution, const plan::Operation& operation,
                   const provider::Trashed& version);

/// Somebody changed the target in the gap between looking and swapping. That version was put aside
/// whole; it goes back beside the new one, and the next pass spreads it. False: that could not be
/// done, and it is in the trash.
bool rescue(Execution& execution, const plan::Operation& operation,
            const provider::Trashed& version);

/// Gives what stands the planned attributes, and the bytes' time; `before` is what stood, for
/// whoever takes it back.
Result<provider::Published> set_attributes(Execution& execution, const plan::ContentTask& task,
                                           const plan::Operation& operation,
                                           std::optional<tree::Entry>& before);

// The parts, in the order in which they run.
Result<void> execute_structure(Execution& execution, const plan::Plan& plan, const NewTrees& trees);
Result<void> execute_content(Execution& execution, const plan::Plan& plan, NewTrees& trees);
Result<void> execute_removals(Execution& execution, const plan::Plan& plan);
Result<void> execute_source_removals(Execution& execution, const plan::Plan& plan);

}  // namespace ox::sync
