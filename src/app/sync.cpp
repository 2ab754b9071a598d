#include "app/sync.h"

#include "app/shell.h"

namespace ox::app {

namespace {

bool differs(const sync::RunReport& report) {
  const sync::RunCounts& counts = report.counts;
  return counts.created + counts.updated + counts.moved + counts.removed + counts.directories +
                 counts.attributes !=
             0 ||
         !report.conflicts.empty() || !report.held.empty();
}

ExitCode exit_of(const sync::RunReport& report, Doing doing) {
  const ExitCode exit = exit_code_of(report);
  if (doing != Doing::kCheck || exit == ExitCode::kRoot) {
    return exit;
  }
  return differs(report) ? ExitCode::kDifferent : exit;
}

}  // namespace

Result<SyncResult> sync_once(Session& session, const Process& process, Doing doing) {
  SyncResult result;
  result.first_run = !session.ran_before();
  TRY_ASSIGN(result.problems, session.refresh());
  if (process.events) {
    for (const state::Problem& problem : result.problems) {
      process.events({.kind = sync::EventKind::kProblem,
                      .action = {},
                      .replica = problem.replica,
                      .path = problem.path,
                      .code = problem.code,
                      .message = problem.message});
    }
  }
  sync::RunOptions options = session.rule().settings.run_options(session.rule().order);
  options.dry_run = doing != Doing::kForReal;
  Result<sync::RunReport> report =
      sync::run_rule(session.store(), session.facts(), session.replicas(), options,
                     session.services(process), process.stop);
  if (!report.ok()) {
    return explain_state(report.error(), session.rule().store_path);
  }
  if (doing == Doing::kForReal) {
    session.note_run();
  }
  result.report = std::move(*report);
  result.exit = exit_of(result.report, doing);
  return result;
}

Result<SyncResult> sync_rule(const Places& places, Rule rule, const Process& process, Doing doing) {
  const Purpose purpose = doing == Doing::kForReal ? Purpose::kChange : Purpose::kLook;
  TRY_ASSIGN(const auto session, Session::open(places, std::move(rule), purpose, *process.clock));
  return sync_once(*session, process, doing);
}

Result<void> tell_failure(const Rule& rule, ExitCode exit, const std::string& message) {
  if (rule.settings.on_failure.empty() || exit == ExitCode::kInSync ||
      exit == ExitCode::kInterrupted) {
    return {};
  }
  return run_shell(rule.settings.on_failure,
                   {{"SYNCOXIDERS_RULE", rule.name},
                    {"SYNCOXIDERS_EXIT_CODE", std::to_string(static_cast<int>(exit))},
                    {"SYNCOXIDERS_MESSAGE", message}});
}

}  // namespace ox::app
