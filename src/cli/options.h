#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "app/settings.h"
#include "base/ids.h"

namespace ox::cli {

enum class Command : std::uint8_t {
  kSync,
  kCheck,
  kStatus,
  kLog,
  kConflicts,
  kWhy,
  kUndo,
  kVersions,
  kRestore,
  kApprove,
  kWatch,
  kRules,
  kVersion,
};

enum class Verbosity : std::uint8_t { kQuiet, kNormal, kVerbose };
enum class Format : std::uint8_t { kText, kJson };
enum class RulesAction : std::uint8_t { kList, kShow, kPath };

/// A command line, understood.
struct Options {
  Command command = Command::kSync;
  std::vector<std::string> words;  ///< folders, or a rule's name
  std::string path;                ///< why, versions, restore
  std::string version;             ///< restore: after the '@'; empty: the newest
  std::optional<RunId> run;        ///< log, undo
  std::uint64_t limit = 20;        ///< log
  RulesAction rules_action = RulesAction::kList;
  std::optional<std::string> state_folder;
  std::optional<std::string> rules_file;
  std::vector<std::string> filter_files;
  app::Settings settings;
  bool dry_run = false;
  bool list_only = false;  ///< approve --list
  Verbosity verbosity = Verbosity::kNormal;
  Format format = Format::kText;
};

/// The command line was answered already (help, a version), or is wrong.
struct Answered {
  int exit_code = 0;
  std::string complaint;  ///< empty: nothing is wrong
  Format format = Format::kText;
  Command command = Command::kSync;
};

/// Reads a command line. Help goes to stdout; nothing else is printed, and nothing is asked.
std::variant<Options, Answered> parse(int count, const char* const* arguments);

std::string_view name_of(Command command);
inline constexpr const char* kProgramVersion = "0.1.0";

}  // namespace ox::cli
