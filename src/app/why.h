#pragma once

#include "app/history.h"
#include "app/sync.h"

namespace ox::app {

/// What one folder shows at the path.
struct WhyRoot {
  std::string path;  ///< of the folder
  std::string label;
  bool online = false;
  std::string trouble;               ///< why it can't be told; empty when it can
  std::optional<tree::Entry> entry;  ///< none: nothing stands there
  bool in_sync = false;              ///< it is what this folder acknowledged, and that is agreed
  std::optional<tree::Filter::Decision>
      decision;            ///< the pattern that decides, also an including one
  std::string decided_by;  ///< the file or setting that holds the pattern
  tree::Verdict verdict = tree::Verdict::kIncluded;
};

/// Why a path is, or is not, in sync.
struct Why {
  RelPath path;
  std::vector<WhyRoot> roots;
  std::optional<tree::NodeValue> agreed;  ///< none: nothing is agreed here
  std::vector<state::Problem> problems;   ///< of the last run, about this path
  std::vector<ConflictStatus> conflicts;  ///< it was in, or is the other version of; newest first
  std::vector<std::string> held;
  std::vector<sync::Event> next;  ///< what the next run would do to it
  ExitCode exit = ExitCode::kInSync;
};

/// Changes nothing.
Result<Why> why(const Places& places, Located located, const Process& process);

}  // namespace ox::app
