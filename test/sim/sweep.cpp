#include "sim/sweep.h"

#include <cstdio>
#include <vector>

namespace ox::sim {
namespace {

void tell(const Sweep& sweep, const Strike& strike, const std::string& violation) {
  const std::string disk =
      strike.blow == Blow::kCutDisk ? " " + std::to_string(strike.disk) : std::string();
  std::printf(
      "seed %llu run %llu: %s\nreplay: sim --replay %llu --weather %d --disks %d --portions %d "
      "--strike %llu %llu %d%s -v\n",
      static_cast<unsigned long long>(sweep.seed), static_cast<unsigned long long>(strike.run),
      violation.c_str(), static_cast<unsigned long long>(sweep.seed),
      static_cast<int>(sweep.weather), static_cast<int>(sweep.disks),
      static_cast<int>(sweep.portions), static_cast<unsigned long long>(strike.run),
      static_cast<unsigned long long>(strike.call), static_cast<int>(strike.blow), disk.c_str());
}

void tell(std::uint64_t seed, Disks disks, std::uint64_t run, const RunNote& note) {
  std::printf("seed %llu run %llu disks %d: %llu calls;", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(run), static_cast<int>(disks),
              static_cast<unsigned long long>(note.calls));
  for (const auto& [word, count] : note.deeds) {
    std::printf(" %s %llu", word.c_str(), static_cast<unsigned long long>(count));
  }
  std::printf("\n");
}

/// Every blow but the call. Disks that are all one lose their power with the machine.
std::vector<Strike> blows(std::uint64_t run, std::size_t disks) {
  std::vector<Strike> all;
  for (const Blow blow :
       {Blow::kCrash, Blow::kPowerCut, Blow::kError, Blow::kLostAnswer, Blow::kHalf}) {
    all.push_back({.run = run, .blow = blow});
  }
  for (std::size_t disk = 0; disks > 1 && disk < disks; ++disk) {
    all.push_back({.run = run, .blow = Blow::kCutDisk, .disk = disk});
  }
  return all;
}

/// False: stop here.
bool strike_run(const Sweep& sweep, std::uint64_t run, const Verdict& calm, SweepTally& tally) {
  for (Strike strike : blows(run, calm.disks)) {
    for (strike.call = 1; strike.call <= calm.notes[run - 1].calls; strike.call += sweep.every) {
      const Verdict verdict = play(sweep.seed, {.weather = sweep.weather,
                                                .disks = sweep.disks,
                                                .portions = sweep.portions,
                                                .strike = strike});
      ++tally.histories;
      if (verdict.violation.has_value()) {
        ++tally.violations;
        tell(sweep, strike, *verdict.violation);
        if (!sweep.keep_going) {
          return false;
        }
      }
    }
  }
  return true;
}

}  // namespace

void sweep(const Sweep& sweep, SweepTally& tally) {
  const Verdict calm = play(sweep.seed, {.weather = sweep.weather,
                                         .disks = sweep.disks,
                                         .portions = sweep.portions,
                                         .note_deeds = true});
  if (calm.violation.has_value()) {
    ++tally.violations;
    std::printf("seed %llu, undisturbed: %s\n", static_cast<unsigned long long>(sweep.seed),
                calm.violation->c_str());
    return;
  }
  for (std::uint64_t run = 1; run <= calm.notes.size(); ++run) {
    if (sweep.run.value_or(run) != run) {
      continue;
    }
    const RunNote& note = calm.notes[run - 1];
    tell(sweep.seed, sweep.disks, run, note);
    for (const auto& [word, count] : note.deeds) {
      tally.deeds[word] += count;
    }
    if (!strike_run(sweep, run, calm, tally)) {
      return;
    }
  }
}

void tell_deeds(std::uint64_t seed, Disks disks, Weather weather) {
  const Verdict calm = play(
      seed, {.weather = weather, .disks = disks, .portions = Portions::kWhole, .note_deeds = true});
  for (std::uint64_t run = 1; run <= calm.notes.size(); ++run) {
    tell(seed, disks, run, calm.notes[run - 1]);
  }
}

}  // namespace ox::sim
