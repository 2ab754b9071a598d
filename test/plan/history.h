#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "plan/random_edits.h"

/// A random history of edits and runs over random replicas, judged after every run by what must
/// hold whatever the planner decides.
namespace ox::toy {

struct HistoryOptions {
  std::uint64_t seed = 0;
  /// Numbers of edits to leave out (to make a failing history smaller).
  std::vector<std::size_t> left_out;
  bool everywhere = false;  ///< where a run is to break off, it does so after each of its steps
  bool keep_log = false;
  bool print_log = false;  ///< line by line, as the planner may end the program
};

struct HistoryResult {
  std::optional<std::string> failure;
  std::vector<std::string> log;
  std::size_t syncs = 0;
  std::size_t edits = 0;
};

/// Runs the history of a seed; the same seed gives the same history.
HistoryResult run_history(const HistoryOptions& options);

/// Numbers of edits that a failing history does without: as many as leaving out one after the other
/// gives. `fails`: does it still fail in the same way?
std::vector<std::size_t> minimise(HistoryOptions options,
                                  const std::function<bool(const HistoryOptions&)>& fails);

}  // namespace ox::toy
