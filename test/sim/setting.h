#pragma once

#include <cstdint>
#include <optional>

#include "plan/policy.h"
#include "sim/history.h"
#include "sim/tree.h"
#include "sim/user.h"
#include "sim/world.h"
#include "sync/engine.h"

namespace ox::sim {

/// What one history is played with.
struct Setting {
  Weather weather = Weather::kCalm;
  Weather storm = Weather::kCalm;  ///< the same, or the one that comes with it
  plan::Policy policy;             ///< the order is filled in later
  WorldOptions world;
  Habits habits;
  Tolerance tolerance;
  bool empty_files = false;  ///< a failure may leave one
  std::uint64_t slice_entries = sync::RunOptions().slice_entries;
  std::size_t batch_files = sync::RunOptions().batch_files;
};

/// Everything about the history of a seed but its edits. The same seed gives the same disks and
/// habits in any weather.
Setting draw_setting(std::uint64_t seed, std::optional<Weather> weather,
                     std::optional<Portions> portions);

/// Nothing happens beside edits between the runs; the policy stays.
void calm_down(Setting& setting);

/// Replaces what was drawn of the replicas: disks alike, without any other shortcoming.
void set_disks(Setting& setting, Disks disks);

}  // namespace ox::sim
