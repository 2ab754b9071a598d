#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "sim/arguments.h"
#include "sim/history.h"
#include "sim/minimise.h"
#include "sim/sweep.h"

namespace {

using ox::sim::Arguments;
using ox::sim::PlayOptions;

/// For the signal handler only: which history a broken contract ended.
volatile std::sig_atomic_t seed_high = 0;
volatile std::sig_atomic_t seed_low = 0;

extern "C" void tell_seed(int number) {
  const auto seed = (static_cast<unsigned long long>(seed_high) << 31U) |
                    static_cast<unsigned long long>(seed_low);
  char text[96];
  const int size = std::snprintf(text, sizeof text,
                                 "seed %llu died of signal %d; replay: sim --replay %llu -v\n",
                                 seed, number, seed);
  [[maybe_unused]] const auto written = write(STDOUT_FILENO, text, static_cast<std::size_t>(size));
  std::signal(number, SIG_DFL);
  std::raise(number);
}

void note_seed(std::uint64_t seed) {
  seed_high = static_cast<std::sig_atomic_t>(seed >> 31U);
  seed_low = static_cast<std::sig_atomic_t>(seed & 0x7fffffffU);
}

class Player {
 public:
  explicit Player(const Arguments& arguments) : arguments_(arguments) {}

  /// False: stop here.
  bool play(std::uint64_t seed, const PlayOptions& options) {
    note_seed(seed);
    const ox::sim::Verdict verdict = ox::sim::play(seed, options);
    ++histories_;
    runs_ += verdict.runs;
    edits_ += verdict.edits;
    faults_ += verdict.faults;
    whole_ += ox::sim::is_whole(verdict) ? 1 : 0;
    if (!verdict.violation.has_value()) {
      return true;
    }
    ++violations_;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed),
                verdict.violation->c_str());
    PlayOptions told = options;
    if (options.weather.has_value() && ox::sim::is_whole(*options.weather) && !options.verbose) {
      told.without = ox::sim::minimise(seed, options, verdict.steps);
    }
    if (!arguments_.keep_going && !options.verbose) {
      std::printf("its history:\n");
      told.verbose = true;
      (void)ox::sim::play(seed, told);
    }
    tell_replay(seed, told);
    return arguments_.keep_going;
  }

  int finish() const {
    std::printf("%llu runs, %llu edits, %llu faults\n", runs_, edits_, faults_);
    if (whole_ != 0) {
      std::printf("%llu with 30 edits, 5 runs and a crash or more\n", whole_);
    }
    std::printf("%llu histories, %llu violations\n", histories_, violations_);
    return violations_ == 0 ? 0 : 1;
  }

 private:
  static void tell_replay(std::uint64_t seed, const PlayOptions& options) {
    std::string forced = options.weather.has_value()
                             ? " --weather " + std::to_string(static_cast<int>(*options.weather))
                             : "";
    if (options.portions.has_value()) {
      forced += " --portions " + std::to_string(static_cast<int>(*options.portions));
    }
    if (!options.without.empty()) {
      forced += " --without " + ox::sim::to_ranges(options.without);
    }
    std::printf("replay: sim --replay %llu -v%s\n", static_cast<unsigned long long>(seed),
                forced.c_str());
  }

  const Arguments& arguments_;
  unsigned long long histories_ = 0;
  unsigned long long violations_ = 0;
  unsigned long long runs_ = 0;
  unsigned long long edits_ = 0;
  unsigned long long faults_ = 0;
  unsigned long long whole_ = 0;
};

int cannot_read(const std::string& path) {
  std::fprintf(stderr, "sim: can't read %s\n", path.c_str());
  return 2;
}

int play_all(const Arguments& arguments) {
  Player player(arguments);
  if (arguments.replay.has_value()) {
    player.play(*arguments.replay, arguments.play);
    return player.finish();
  }
  if (!arguments.seeds_file.empty()) {
    const auto seeds = ox::sim::read_seeds(arguments.seeds_file);
    if (!seeds.has_value()) {
      return cannot_read(arguments.seeds_file);
    }
    for (const ox::sim::Seed& seed : *seeds) {
      PlayOptions options = arguments.play;
      options.weather = seed.weather;
      options.portions = seed.portions;
      if (!player.play(seed.seed, options)) {
        break;
      }
    }
    return player.finish();
  }
  for (std::uint64_t seed = arguments.range[0]; seed <= arguments.range[1]; ++seed) {
    if (arguments.deeds) {
      ox::sim::tell_deeds(seed, arguments.play.disks,
                          arguments.play.weather.value_or(ox::sim::Weather::kCalm));
      continue;
    }
    if (!player.play(seed, arguments.play)) {
      break;
    }
  }
  return player.finish();
}

/// Sweeps of a file are chosen so that together they meet everything the engine does; a change of
/// the simulator may make other histories of their seeds.
bool has_met_all(const ox::sim::SweepTally& tally) {
  bool all = true;
  for (const std::string_view word :
       {"create", "update", "delete", "move", "mkdir", "rmdir", "attributes", "swap", "park",
        "conflict", "remove at the source", "mirror", "try to merge"}) {
    if (!tally.deeds.contains(std::string(word))) {
      std::printf("no run that was struck did \"%s\"; choose other seeds\n",
                  std::string(word).c_str());
      all = false;
    }
  }
  return all;
}

int sweep_all(const Arguments& arguments) {
  ox::sim::SweepTally tally;
  bool met_all = true;
  if (arguments.sweep.has_value()) {
    ox::sim::sweep({.seed = *arguments.sweep,
                    .run = arguments.run,
                    .disks = arguments.play.disks,
                    .portions = arguments.play.portions.value_or(ox::sim::Portions::kWhole),
                    .weather = arguments.play.weather.value_or(ox::sim::Weather::kCalm),
                    .every = arguments.every,
                    .keep_going = arguments.keep_going},
                   tally);
  } else {
    const auto sweeps = ox::sim::read_sweeps(arguments.sweeps_file);
    if (!sweeps.has_value()) {
      return cannot_read(arguments.sweeps_file);
    }
    for (ox::sim::Sweep sweep : *sweeps) {
      note_seed(sweep.seed);
      sweep.every = arguments.every;
      sweep.keep_going = arguments.keep_going;
      ox::sim::sweep(sweep, tally);
    }
    met_all = has_met_all(tally);
  }
  std::printf("%llu histories, %llu violations\n", static_cast<unsigned long long>(tally.histories),
              static_cast<unsigned long long>(tally.violations));
  return tally.violations == 0 && met_all ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  const std::optional<Arguments> arguments = ox::sim::parse_arguments(count, words);
  if (!arguments.has_value()) {
    std::fputs(ox::sim::kUsage, stderr);
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE}) {
    std::signal(signal, tell_seed);
  }
  // So that a long run can be watched.
  (void)std::setvbuf(stdout, nullptr, _IOLBF, 1U << 16U);
  const bool sweeps = arguments->sweep.has_value() || !arguments->sweeps_file.empty();
  return sweeps ? sweep_all(*arguments) : play_all(*arguments);
}
