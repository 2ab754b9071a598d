#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "plan/policy.h"
#include "sim/history.h"
#include "sim/oracle.h"
#include "sim/tree.h"
#include "sim/user.h"
#include "sim/world.h"
#include "sync/engine.h"

namespace ox::sim {

/// What one history is played with.
struct Setting {
  Weather weather = Weather::kCalm;
  Weather storm = Weather::kCalm;  ///< the same, or the one that comes with it
  std::set<Weather> extras;        ///< what comes with the storm
  plan::Policy policy;             ///< the order is filled in later
  WorldOptions world;
  Habits habits;
  Tolerance tolerance;
  bool empty_files = false;  ///< a failure may leave one
  bool lags = false;         ///< a store lists what was changed late
  std::uint64_t slice_entries = sync::RunOptions().slice_entries;
  std::size_t batch_files = sync::RunOptions().batch_files;
  std::uint64_t rounds = 0;  ///< of edits and a run; 0: few, as they are drawn

  /// One of the storms that blow together blows.
  bool stormy(Weather kind) const {
    return storm == kind || storm == Weather::kAll || storm == Weather::kAmnesia;
  }
  /// A storm that blows alone, or an extra.
  bool brings(Weather kind) const { return storm == kind || extras.contains(kind); }
};

/// Everything about the history of a seed but its edits. The same seed gives the same disks and
/// habits in any weather.
Setting draw_setting(std::uint64_t seed, std::optional<Weather> weather,
                     std::optional<Portions> portions);

/// Any policy, but for its order.
plan::Policy draw_any_policy(rt::SeededRandom& random);

/// What it promises.
Rules rules_of(const plan::Policy& policy);

/// Nothing happens beside edits between the runs; the policy stays.
void calm_down(Setting& setting);

/// Replaces what was drawn of the replicas: disks alike, without any other shortcoming.
void set_disks(Setting& setting, Disks disks);

}  // namespace ox::sim
