#include "app/exit_code.h"

namespace ox::app {

ExitCode exit_code_of(const Error& error) {
  switch (error.code()) {
    case Code::kInvalidArgument:
      return ExitCode::kUsage;
    case Code::kUnreachable:
      return ExitCode::kRoot;
    case Code::kLocked:
      return ExitCode::kLocked;
    case Code::kCorrupt:
      return ExitCode::kState;
    case Code::kNotFound:
      return ExitCode::kNotFound;
    case Code::kCancelled:
      return ExitCode::kInterrupted;
    default:
      return ExitCode::kUnexpected;
  }
}

ExitCode exit_code_of(const sync::RunReport& report) {
  if (report.unreadable) {
    return ExitCode::kRoot;
  }
  switch (report.outcome) {
    case state::RunOutcome::kInSync:
      return ExitCode::kInSync;
    case state::RunOutcome::kHeld:
      return ExitCode::kHeld;
    case state::RunOutcome::kPartly:
      return ExitCode::kPartly;
    case state::RunOutcome::kInterrupted:
      return ExitCode::kInterrupted;
    case state::RunOutcome::kRunning:
    case state::RunOutcome::kFailed:
      return ExitCode::kUnexpected;
  }
  return ExitCode::kUnexpected;
}

Error usage_error(std::string message) {
  return Error(Code::kInvalidArgument, std::move(message));
}

Error root_error(std::string message, std::string_view path) {
  return Error(Code::kUnreachable, std::move(message)).with_context(path);
}

Error state_error(const Error& cause, std::string_view path) {
  if (cause.code() == Code::kLocked || cause.code() == Code::kCancelled) {
    return cause;
  }
  std::string advice =
      cause.code() == Code::kUnsupported
          ? "; use that version"
          : "; to begin anew move the file away: the next run is a union that deletes nothing";
  return Error(Code::kCorrupt, "the state can't be used: " + cause.message() + advice)
      .with_context(path);
}

}  // namespace ox::app
