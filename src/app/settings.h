#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "plan/policy.h"
#include "sync/engine.h"
#include "tree/filter.h"

namespace ox::app {

/// Patterns in gitignore syntax and where they were read.
struct IgnoreText {
  std::string origin;  ///< a file, or "rule photos"; for messages
  std::string text;

  friend bool operator==(const IgnoreText&, const IgnoreText&) = default;
};

/// A budget as a person set it; `none` switches it off.
struct BudgetSetting {
  std::optional<plan::Budget> budget;
};

/// What a person may set for a rule. What is not set has the default that docs/cli.md names.
struct Settings {
  std::optional<plan::Mode> mode = {};
  std::optional<plan::KeepMode> keep_mode = {};
  std::optional<plan::Compare> compare = {};
  std::optional<bool> auto_merge = {};
  std::optional<bool> mirror = {};
  std::optional<bool> create = {};
  std::optional<bool> read_back = {};
  std::optional<bool> scrub = {};
  std::optional<std::chrono::seconds> scrub_every = {};
  std::optional<BudgetSetting> max_delete = {};
  std::optional<std::uint64_t> bytes_per_second = {};
  std::optional<std::size_t> transfers = {};
  std::optional<std::chrono::seconds> trash_age = {};
  std::optional<std::uint64_t> trash_bytes = {};
  std::optional<std::uint64_t> min_size = {};
  std::optional<std::uint64_t> max_size = {};
  std::optional<std::chrono::seconds> min_age = {};
  std::optional<std::chrono::seconds> max_age = {};
  std::vector<IgnoreText> ignores = {};
  std::map<std::string, IgnoreText> ignores_on = {};  ///< by canonical root
  std::string on_failure = {};

  /// This, with what `over` sets put over it; ignores of both apply.
  Settings with(const Settings& over) const;
  /// kInvalidArgument for settings that contradict each other.
  Result<void> check() const;

  plan::Policy policy(std::vector<ReplicaIndex> order) const;
  sync::RunOptions run_options(std::vector<ReplicaIndex> order) const;
  tree::Limits limits(Timestamp now) const;
};

/// "500", "1K", "1.5M", "2GiB": bytes, in powers of 1024.
std::optional<std::uint64_t> parse_size(std::string_view text);
/// "90s", "15m", "36h", "30d", "2w", "1y"; a bare number counts days.
std::optional<std::chrono::seconds> parse_age(std::string_view text);
/// "100", "25%", "100,25%" or "none".
std::optional<BudgetSetting> parse_budget(std::string_view text);

}  // namespace ox::app
