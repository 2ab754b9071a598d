#pragma once

#include <cstdint>

#include "base/error.h"
#include "sync/engine.h"

namespace ox::app {

/// What the process answers with. Documented in docs/cli.md; the numbers are a promise.
enum class ExitCode : std::uint8_t {
  kInSync = 0,
  kUnexpected = 1,
  kUsage = 2,
  kHeld = 3,    ///< a budget, or an empty root, waits for `approve`
  kPartly = 4,  ///< some files could not be synced
  kRoot = 5,    ///< a root is missing or unreadable
  kLocked = 6,
  kState = 7,      ///< our memory of the rule can't be used
  kNotFound = 8,   ///< an unknown run, version, path or rule
  kDifferent = 9,  ///< `check` found differences
  kInterrupted = 130,
};

/// What a failed use case means. The use cases of this room answer usage errors with
/// kInvalidArgument, roots in trouble with kUnreachable, an unusable state with kCorrupt.
ExitCode exit_code_of(const Error& error);

/// What a run that ended means.
ExitCode exit_code_of(const sync::RunReport& report);

Error usage_error(std::string message);
Error root_error(std::string message, std::string_view path);
/// Any failure to open the state, told so.
Error state_error(const Error& cause, std::string_view path);
/// The same for an error in the midst of work, which may or may not be one of the state.
Error explain_state(const Error& error, std::string_view store_path);

}  // namespace ox::app
