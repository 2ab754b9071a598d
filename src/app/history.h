#pragma once

#include "app/session.h"
#include "sync/undo.h"
#include "sync/undo_versions.h"

/// What a rule remembers, and going back.
namespace ox::app {

/// How a rule stands, without looking at its files.
struct Status {
  std::string id;
  std::string name;
  std::string mode;
  struct RootStatus {
    std::string path;
    std::string label;
    bool present = false;
  };
  std::vector<RootStatus> roots;
  std::uint64_t entries = 0;  ///< agreed files and directories
  std::optional<state::RunRecord> last_run;
  bool running = false;                  ///< some process holds the lock now
  std::vector<state::Problem> problems;  ///< of the last run
  std::vector<std::string> held;
  std::uint64_t conflicts = 0;
};

Result<Status> status_of(const Places& places, Rule rule, rt::Clock& clock);

/// Runs, newest first.
Result<std::vector<state::RunRecord>> runs_of(const Places& places, Rule rule, std::uint64_t limit,
                                              rt::Clock& clock);

struct RunDetails {
  state::RunRecord run;
  std::vector<std::string> labels;
  std::vector<state::Action> actions;  ///< that were done, in order
};
Result<RunDetails> run_details(const Places& places, Rule rule, RunId run, rt::Clock& clock);

struct ConflictStatus {
  state::ConflictRecord record;
  bool copy_stands = false;  ///< the conflict copy is still in some folder
};
/// Newest first; those about one path or copy, or all.
Result<std::vector<ConflictStatus>> conflicts_about(Session& session,
                                                    const std::optional<RelPath>& path);
Result<std::vector<ConflictStatus>> conflicts_of(const Places& places, Rule rule, rt::Clock& clock);

struct UndoResult {
  sync::UndoReport report;
  std::vector<std::string> labels;
};
Result<UndoResult> undo(const Places& places, Rule rule, RunId run, const Process& process);

struct VersionList {
  std::vector<sync::Version> versions;
  std::vector<std::string> labels;
};
Result<VersionList> versions_of(const Places& places, Located located, rt::Clock& clock);

struct RestoreResult {
  sync::RestoreReport report;
  sync::Version version;
  std::string root;  ///< the folder it was restored in
};
Result<RestoreResult> restore(const Places& places, Located located, const std::string& version,
                              const Process& process);

/// What waits for approval, and whether approve() has been told already.
struct Held {
  std::vector<std::string> names;
  std::vector<std::string> approved;
};
Result<Held> held_of(const Places& places, Rule rule, rt::Clock& clock);
/// Approves all that is held now; the next run does it. The answer names what was approved.
Result<Held> approve(const Places& places, const Rule& rule, rt::Clock& clock);

}  // namespace ox::app
