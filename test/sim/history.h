#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ox::sim {

/// What may happen beside edits between the runs; each seed draws one.
enum class Weather : std::uint8_t {
  kCalm,       ///< nothing
  kEdits,      ///< edits at any moment
  kFailures,   ///< calls fail, before their effect or after it, or half done
  kCrashes,    ///< the process dies at any call
  kPowerCuts,  ///< disks lose what was not synced
  kAll,
  kAmnesia,  ///< all, and the state is lost or comes back from an older copy
};
inline constexpr std::uint64_t kWeathers = 7;

struct Verdict {
  std::optional<std::string> violation;
  std::uint64_t runs = 0;
  std::uint64_t edits = 0;
  std::uint64_t faults = 0;
};

/// Plays the history of `seed`; the same seed always gives the same one. `verbose` tells it.
Verdict play(std::uint64_t seed, std::optional<Weather> weather, bool verbose);

}  // namespace ox::sim
