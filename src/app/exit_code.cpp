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

namespace {

/// What a person can do. A memory that is whole is never to be moved away: a full disk or a wrong
/// mode is no reason to forget what the folders agreed upon.
std::string_view advice_for(Code code) {
  switch (code) {
    case Code::kUnsupported:
      return "; use that version";
    case Code::kNoSpace:
      return "; make room there and run again";
    case Code::kPermissionDenied:
    case Code::kReadOnly:
      return "; allow writing there, or keep the state elsewhere with --state";
    case Code::kCorrupt:
      return "; to begin anew move the file away: the next run is a union that deletes nothing";
    default:
      return "; see to its disk and run again";
  }
}

}  // namespace

Error state_error(const Error& cause, std::string_view path) {
  if (cause.code() == Code::kLocked || cause.code() == Code::kCancelled) {
    return cause;
  }
  return Error(Code::kCorrupt, "the state can't be used: " + cause.message() +
                                   std::string(advice_for(cause.code())))
      .with_context(path);
}

Error explain_state(const Error& error, std::string_view store_path) {
  const bool of_the_state = error.code() == Code::kCorrupt || error.context() == store_path;
  return of_the_state ? state_error(error, store_path) : error;
}

}  // namespace ox::app
