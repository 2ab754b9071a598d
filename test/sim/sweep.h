#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "sim/history.h"

namespace ox::sim {

/// Which runs of which history are struck at every call.
struct Sweep {
  std::uint64_t seed = 0;
  std::optional<std::uint64_t> run = {};  ///< from 1; none: each
  Disks disks = Disks::kDrawn;
  Portions portions = Portions::kWhole;
  Weather weather = Weather::kCalm;  ///< gives the policy alone; nothing else happens
  std::uint64_t every = 1;           ///< strikes only each n-th call
  bool keep_going = false;           ///< after a violation
};

struct SweepTally {
  std::uint64_t histories = 0;
  std::uint64_t violations = 0;
  std::map<std::string, std::uint64_t> deeds;  ///< of the runs that were struck
};

/// Plays the history once for every call of the run and every blow, each time in a new world, and
/// then runs that nobody disturbs until all is at rest. Tells each violation and how to see it.
void sweep(const Sweep& sweep, SweepTally& tally);

/// Tells what each run of a history does that nothing disturbs, for choosing sweeps. `weather`: as
/// of a sweep.
void tell_deeds(std::uint64_t seed, Disks disks, Weather weather);

}  // namespace ox::sim
