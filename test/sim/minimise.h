#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "sim/history.h"

namespace ox::sim {

/// Steps of the whole history of `seed` that can be left out so that some promise is still broken:
/// as many as can be found by leaving out ever smaller ranges (Zeller and Hildebrandt,
/// "Simplifying and Isolating Failure-Inducing Input", 2002). `steps`: how many it has.
std::set<std::uint64_t> minimise(std::uint64_t seed, const PlayOptions& options,
                                 std::uint64_t steps);

/// As "1-4,7,9-30", for a person and for `--without`.
std::string to_ranges(const std::set<std::uint64_t>& steps);

}  // namespace ox::sim
