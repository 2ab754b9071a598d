#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/history.h"
#include "sim/sweep.h"

namespace ox::sim {

/// What the command line asks for.
struct Arguments {
  std::vector<std::uint64_t> range;  ///< first and last seed
  std::optional<std::uint64_t> replay;
  std::optional<std::uint64_t> sweep;
  std::optional<std::uint64_t> run;  ///< of the sweep
  std::uint64_t every = 1;           ///< of the sweep: strikes only each n-th call
  std::string seeds_file;
  std::string sweeps_file;
  PlayOptions play;
  bool keep_going = false;
  bool short_ones = false;  ///< the seeds draw their own weather
  bool deeds = false;       ///< only tell what the runs of the range do
};

/// None: it makes no sense; then the usage is to be told.
std::optional<Arguments> parse_arguments(int count, char** words);
extern const char* const kUsage;

struct Seed {
  std::uint64_t seed = 0;
  std::optional<Weather> weather;  ///< forced on it
  Portions portions = Portions::kWhole;
};
/// None: the file can't be read. A line is a seed, its weather and portions.
std::optional<std::vector<Seed>> read_seeds(const std::string& path);
/// None: the file can't be read. A line is a seed, a run, disks, portions and weather.
std::optional<std::vector<Sweep>> read_sweeps(const std::string& path);

}  // namespace ox::sim
