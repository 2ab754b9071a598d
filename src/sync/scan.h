#pragma once

#include <optional>
#include <set>
#include <stop_token>
#include <vector>

#include "plan/plan.h"
#include "sync/engine.h"

namespace ox::sync {

struct ScanOptions {
  /// List and hand over everything, also what did not change (first sync, rebase).
  bool whole = false;
  /// What was acknowledged is no reason to believe a listing that may lag behind (rebase).
  bool looks_closely = false;
  /// Per replica: does what stands elsewhere now count as moved, wherever that is? Empty: nowhere.
  std::vector<bool> moves;
  /// Files that may have changed behind their time stamps are read (--compare with hash).
  bool compare_bytes = true;
  /// Per replica: so are all others (RunOptions::scrub). Empty: nowhere.
  std::vector<bool> scrubs;
  /// Stop handing over after about so many entries and leave new directories for later scans, so
  /// that new trees of any size fit in memory; 0: no limit.
  std::uint64_t slice_entries = 0;
  /// First sync in slices: directories, or places in them, that earlier slices left out. Every
  /// other directory that has a record is done and not looked at again. The scan keeps it up to
  /// date. None: look at all.
  std::set<RelPath>* unfinished = nullptr;
};

/// A version that was read again and is the acknowledged one: its time stamps tell from now on.
struct SettledVersion {
  NodeId directory;
  std::string name;
  ReplicaIndex replica = 0;
  tree::Fingerprint fingerprint;
};

/// What the replicas show, as the planner wants it. What did not change is compared against the
/// state's packed pages as a stream and never materialised.
struct Scan {
  std::vector<tree::NodeRecord> nodes;
  std::vector<plan::Replica> replicas;
  std::vector<plan::Report> reports;
  std::vector<SettledVersion> settled;
  std::uint64_t entries = 0;     ///< seen on all replicas
  std::uint64_t read_again = 0;  ///< files whose bytes were looked at and are the acknowledged ones
  bool sliced = false;           ///< directories were left for a later slice
  bool unstable = false;         ///< something vanished while it was being listed: scan again
  std::vector<bool> unreadable;  ///< per replica: its root could not be listed
  std::vector<std::uint64_t> hard_linked;  ///< per replica: files with more than one name
};

/// Walks all replicas in step, directory by directory, on `services.pool`. kUnreachable when the
/// stop token asks to stop.
Result<Scan> scan(state::Store& store, const std::vector<EngineReplica>& replicas,
                  const ScanOptions& options, const Services& services, std::stop_token stop);

/// For ScanOptions::moves. In mode one-way a destination's own directories are nobody's, and so is
/// what was moved into them.
std::vector<bool> whose_moves_count(const plan::Policy& policy, std::size_t replicas);

/// What the planner needs to know of a replica.
plan::Traits traits_of(const EngineReplica& replica);

}  // namespace ox::sync
