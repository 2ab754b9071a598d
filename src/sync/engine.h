#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "provider/provider.h"
#include "rt/clock.h"
#include "rt/pool.h"
#include "rt/progress.h"
#include "rt/random.h"
#include "rt/rate_limit.h"
#include "state/store.h"
#include "tree/filter.h"

/// Runs one rule: gate → scan → plan → journal → execute → verify → acknowledge, in as many passes
/// as it takes. Everything it touches is handed in, so the simulator runs the very same engine.
namespace ox::sync {

/// One replica of a rule, in the rule's stored order.
struct EngineReplica {
  provider::Provider* provider = nullptr;  ///< none: it is away
  std::string label;
  const tree::Filter* filter = nullptr;  ///< the rule's and the replica's own ignores; never null
  std::string away_reason;               ///< for a person, when `provider` is none
};

struct Retention {
  std::chrono::seconds age = std::chrono::hours(24 * 30);
  std::optional<std::uint64_t> bytes = {};  ///< of one replica's trash; none: no limit
};

struct RunOptions {
  plan::Policy policy;
  bool dry_run = false;    ///< changes nothing, tells everything
  bool read_back = false;  ///< reads every written file again and compares
  bool scrub = false;      ///< reads every known file again, whatever its time stamps say …
  std::optional<std::chrono::seconds> scrub_every = {};  ///< … when the last time is that long ago
  std::size_t transfers = 4;                             ///< files under way at once
  std::chrono::milliseconds busy_wait{
      5000};  ///< how long files that somebody writes are waited for
  Retention retention;
  std::string command = "sync";
  std::size_t max_passes = 5;
  /// New entries handed to the planner at once: about 80 MB of working tables.
  std::uint64_t slice_entries = 24'000;
  std::size_t batch_files = 8000;  ///< files made durable at once, unless they are large
};

enum class EventKind : std::uint8_t {
  kPlanned,
  kDone,
  kFailed,
  kConflict,
  kProblem,
  kNote,  ///< good to know, nothing to be done: what a replica can't keep, in one line each
};

/// One thing that happened or, in a dry run, would happen.
struct Event {
  EventKind kind = EventKind::kDone;
  std::string
      action;  ///< "create", "update", "delete", "move", "mkdir", "rmdir", "attributes", "swap"
  std::optional<ReplicaIndex> replica;
  RelPath path;
  RelPath from;  ///< move, swap
  std::uint64_t bytes = 0;
  std::string code;     ///< of a problem, a conflict's kind, or an error's name
  std::string message;  ///< for a person; of a conflict: "kept <winner>, other version in <path>"
};

/// Called from several threads, one call at a time.
using EventSink = std::function<void(const Event&)>;

struct RunCounts {
  std::uint64_t scanned = 0;     ///< entries seen, all replicas
  std::uint64_t read_again = 0;  ///< files that a scan read and found as they were acknowledged
  std::uint64_t created = 0;     ///< files and symlinks
  std::uint64_t updated = 0;
  std::uint64_t moved = 0;
  std::uint64_t removed = 0;      ///< files, symlinks and directories
  std::uint64_t directories = 0;  ///< made
  std::uint64_t attributes = 0;
  std::uint64_t bytes = 0;  ///< written
  std::uint64_t failed = 0;
};

struct RunReport {
  RunId id;  ///< 0 for a dry run and for a run that had nothing to record
  state::RunOutcome outcome = state::RunOutcome::kInSync;
  RunCounts counts;
  std::vector<plan::Conflict> conflicts;
  std::vector<state::Problem> problems;
  std::vector<state::Problem> notes;  ///< as EventKind::kNote; they change no outcome
  std::vector<std::string> held;      ///< waits for `approve`
  bool rebased = false;               ///< it was a union, because …
  std::string rebase_reason;
  bool unreadable = false;  ///< a root could not be read at all
};

/// Services of the process.
struct Services {
  rt::Pool* pool = nullptr;
  rt::Clock* clock = nullptr;
  rt::Progress* progress = nullptr;
  rt::RateLimit* rate_limit = nullptr;  ///< none: no limit
  rt::Random* random = &rt::system_random();
  EventSink events;  ///< may be empty
};

/// Runs the rule of `facts` once. The caller holds the rule's lock. `facts.replicas` and `replicas`
/// have the same order. An error means that nothing of this run is left half done: what was
/// intended and not finished is finished by the next run.
Result<RunReport> run_rule(state::Store& store, const state::RuleFacts& facts,
                           const std::vector<EngineReplica>& replicas, const RunOptions& options,
                           const Services& services, std::stop_token stop);

}  // namespace ox::sync
