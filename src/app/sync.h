#pragma once

#include "app/exit_code.h"
#include "app/session.h"

namespace ox::app {

struct SyncResult {
  sync::RunReport report;
  bool first_run = false;
  std::vector<state::Problem> problems;  ///< told outside the run: patterns that do not apply
  ExitCode exit = ExitCode::kInSync;
};

enum class Doing : std::uint8_t {
  kForReal,
  kDryRun,  ///< tells what a real run would do
  kCheck,   ///< the same; any difference makes ExitCode::kDifferent
};

/// Runs the rule of an open session once.
Result<SyncResult> sync_once(Session& session, const Process& process, Doing doing);

/// Opens the rule and runs it once.
Result<SyncResult> sync_rule(const Places& places, Rule rule, const Process& process, Doing doing);

/// Runs the rule's on_failure command, when it has one and `exit` is a failure; its own failure is
/// answered as an error.
Result<void> tell_failure(const Rule& rule, ExitCode exit, const std::string& message);

}  // namespace ox::app
