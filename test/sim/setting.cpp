#include "sim/setting.h"

#include <algorithm>
#include <array>

#include "sim/draw.h"
#include "sim/stores.h"

namespace ox::sim {
namespace {

fs::MemoryOptions draw_disk(rt::SeededRandom& random) {
  using namespace std::chrono_literals;
  fs::MemoryOptions disk;
  if (random.below(2) == 0) {
    return disk;
  }
  disk.time_step = one_of<std::chrono::nanoseconds, 5>(random, {1ns, 1ns, 4ms, 1s, 2s});
  for (fs::Support* ability : {&disk.rename_no_replace, &disk.rename_exchange, &disk.hard_links,
                               &disk.leases, &disk.birth_time, &disk.sync_whole}) {
    if (random.below(5) == 0) {
      *ability = fs::Support::kNo;
    }
  }
  if (random.below(4) == 0) {
    disk.clone = fs::Support::kYes;
  }
  return disk;
}

/// Roots are probed for steps of so many powers of ten only.
std::chrono::nanoseconds step_as_probed(std::chrono::nanoseconds step) {
  using namespace std::chrono_literals;
  return step == 4ms ? 10ms : step;
}

/// One in five gets a later weather, of those that have stood 20,000 histories; drawn apart, so
/// that nothing else of the history changes.
Weather draw_weather(std::uint64_t seed, Weather first) {
  rt::SeededRandom random(seed ^ 0xc2b2ae3d27d4eb4f);
  if (random.below(5) != 0) {
    return first;
  }
  return one_of<Weather, 6>(random, {Weather::kDirections, Weather::kKeepModes, Weather::kAway,
                                     Weather::kRestored, Weather::kFilters, Weather::kFull});
}

constexpr std::array<plan::KeepMode, 6> kKeepModes{
    plan::KeepMode::kNewer,   plan::KeepMode::kOlder, plan::KeepMode::kBigger,
    plan::KeepMode::kSmaller, plan::KeepMode::kPath1, plan::KeepMode::kPath2};

/// One that goes from the first replica to the others.
plan::Mode draw_direction(rt::SeededRandom& random) {
  return one_of<plan::Mode, 3>(random, {plan::Mode::kOneWay, plan::Mode::kCopy, plan::Mode::kMove});
}

void draw_policy(std::uint64_t seed, Setting& setting) {
  rt::SeededRandom random(seed ^ 0x9e3779b97f4a7c15);
  plan::Policy& policy = setting.policy;
  if (setting.brings(Weather::kKeepModes)) {
    policy.keep_mode = one_of(random, kKeepModes);
    policy.auto_merge = random.below(2) == 0;
  }
  if (setting.brings(Weather::kDirections)) {
    policy.mode = draw_direction(random);
    policy.keep_mode =
        policy.mode == plan::Mode::kOneWay ? plan::KeepMode::kPath1 : plan::KeepMode::kNewer;
    policy.mirror = policy.mode == plan::Mode::kOneWay && random.below(3) == 0;
  }
  if (setting.brings(Weather::kDestinationWins)) {
    policy.mode = plan::Mode::kOneWay;
    policy.mirror = random.below(3) == 0;
    policy.keep_mode = one_of(random, kKeepModes);
  }
}

/// All that may come in a long history; drawn apart, for the same reason.
void draw_whole(std::uint64_t seed, Setting& setting) {
  rt::SeededRandom random(seed ^ 0xff51afd7ed558ccd);
  setting.rounds = 5 + random.below(3);
  setting.storm = random.below(3) == 0 ? Weather::kAmnesia : Weather::kAll;
  for (const Weather extra :
       {Weather::kAway, Weather::kRestored, Weather::kFilters, Weather::kFull}) {
    if (random.below(3) == 0) {
      setting.extras.insert(extra);
    }
  }
  for (const Weather extra :
       {Weather::kPolicies, Weather::kMembers, Weather::kClocks, Weather::kStores}) {
    if (random.below(4) == 0) {
      setting.extras.insert(extra);
    }
  }
  // What it begins with.
  const std::uint64_t policy = random.below(6);
  if (policy < 2) {
    setting.extras.insert(Weather::kKeepModes);
  } else if (policy == 2) {
    setting.extras.insert(random.below(2) == 0 ? Weather::kDirections : Weather::kDestinationWins);
  }
  if (random.below(2) == 0) {
    setting.world.shuffle = random.next();
  }
}

/// Replicas that are stores, and what these lack; drawn apart, for the same reason.
void draw_stores(std::uint64_t seed, Setting& setting) {
  rt::SeededRandom random(seed ^ 0x94d049bb133111eb);
  WorldOptions& world = setting.world;
  setting.habits.odd_names = setting.tolerance.names = random.below(3) == 0;
  for (std::size_t i = 0; i < world.stores.size(); ++i) {
    const bool becomes_one = !world.is_memory[i] && random.below(2) == 0;
    if (becomes_one) {
      world.is_memory[i] = true;
      world.stores[i] = draw_store(random, setting.tolerance);
    }
    if (world.is_memory[i]) {
      draw_more_lacks(random, world.stores[i], setting);
    }
  }
}

/// Stores that move directories entry by entry; drawn apart, so that nothing else changes.
void draw_parts(std::uint64_t seed, WorldOptions& world) {
  rt::SeededRandom random(seed ^ 0x2545f4914f6cdd1d);
  for (std::size_t i = 0; i < world.stores.size(); ++i) {
    const bool by_parts = random.below(3) == 0;
    if (world.is_memory[i] && by_parts) {
      world.stores[i].capabilities.native_directory_move = false;
      world.stores[i].capabilities.exchange = false;
    }
  }
}

/// One seed in three goes in small portions; drawn apart, so that nothing else changes.
void draw_portions(std::uint64_t seed, std::optional<Portions> portions, Setting& setting) {
  rt::SeededRandom random(seed ^ 0x165667b19e3779f9);
  const Portions drawn = random.below(3) == 0 ? Portions::kSmall : Portions::kWhole;
  if (portions.value_or(drawn) == Portions::kSmall) {
    setting.slice_entries = one_of<std::uint64_t, 5>(random, {1, 2, 3, 5, 9});
    setting.batch_files = one_of<std::size_t, 4>(random, {1, 2, 3, 8000});
  }
}

}  // namespace

Setting draw_setting(std::uint64_t seed, std::optional<Weather> weather,
                     std::optional<Portions> portions) {
  using namespace std::chrono_literals;
  rt::SeededRandom random(seed);
  Setting setting;
  const auto drawn = static_cast<Weather>(random.below(kFirstWeathers));
  setting.weather = weather.value_or(draw_weather(seed, drawn));
  setting.storm = setting.weather;
  if (is_whole(setting.weather)) {
    draw_whole(seed, setting);
    draw_policy(seed, setting);
  } else if (static_cast<std::uint64_t>(setting.weather) >= kFirstWeathers) {
    setting.storm = drawn;
    setting.extras = {setting.weather};
    draw_policy(seed, setting);
  }
  std::size_t replicas = one_of<std::size_t, 10>(random, {2, 2, 2, 2, 2, 2, 3, 3, 3, 4});
  if (is_whole(setting.weather) && seed % 16 == 0) {
    replicas = 5;
  }
  WorldOptions& world = setting.world;
  world.is_memory.assign(replicas, false);
  world.stores.resize(replicas);
  world.layout = random.below(4) == 0 ? Layout::kOneDisk : Layout::kDiskEach;
  for (std::size_t i = 0; i < replicas; ++i) {
    world.disks.push_back(draw_disk(random));
    const fs::MemoryOptions& disk = world.disks.back();
    // Where nothing else is possible a name is first taken by an empty file.
    setting.empty_files = setting.empty_files || (disk.rename_no_replace == fs::Support::kNo &&
                                                  disk.hard_links == fs::Support::kNo);
    setting.tolerance.mtime_step =
        std::max(setting.tolerance.mtime_step, step_as_probed(disk.time_step).count());
  }
  if (random.below(4) == 0) {
    for (std::size_t i = 0; i < replicas; ++i) {
      world.is_memory[i] = random.below(2) == 0;
      if (world.is_memory[i]) {
        world.stores[i] = draw_store(random, setting.tolerance);
      }
    }
  }
  if (setting.brings(Weather::kStores)) {
    draw_stores(seed, setting);
  }
  if (setting.weather == Weather::kParts) {
    draw_parts(seed, world);
  }
  // Time stamps may tell nothing then.
  setting.habits.sizes_tell = setting.habits.sizes_tell || setting.brings(Weather::kClocks);
  world.call_takes = one_of<std::chrono::nanoseconds, 5>(random, {0ns, 1us, 50us, 10ms, 200ms});
  if (random.below(4) == 0) {
    world.resume_threshold = 4096;
    world.resume_chunk = 2048;
  }
  setting.habits.time_step = std::chrono::nanoseconds(setting.tolerance.mtime_step);
  setting.habits.symlinks = random.below(2) == 0;
  setting.habits.unsynced_percent = one_of<std::uint64_t, 3>(random, {0, 10, 40});
  setting.habits.leaves_empty_files = setting.empty_files;
  setting.habits.disk_may_be_full = setting.brings(Weather::kFull);
  draw_portions(seed, portions, setting);
  setting.habits.holds_files_open = setting.storm != Weather::kCalm && random.below(3) == 0;
  setting.habits.maps_files = is_whole(setting.weather);
  return setting;
}

plan::Policy draw_any_policy(rt::SeededRandom& random) {
  plan::Policy policy;
  policy.auto_merge = random.below(2) == 0;
  policy.keep_mode = one_of(random, kKeepModes);
  if (random.below(2) == 0) {
    policy.mode = draw_direction(random);
    policy.mirror = policy.mode == plan::Mode::kOneWay && random.below(3) == 0;
    if (policy.mode != plan::Mode::kOneWay) {
      policy.keep_mode = plan::KeepMode::kNewer;
    }
  }
  return policy;
}

Rules rules_of(const plan::Policy& policy) {
  return {.directional = policy.mode != plan::Mode::kTwoWay,
          .moves = policy.mode == plan::Mode::kMove,
          .copies = policy.mode == plan::Mode::kCopy,
          .mirrors = policy.mirror,
          .source_wins = policy.keep_mode == plan::KeepMode::kPath1};
}

void calm_down(Setting& setting) {
  setting.storm = Weather::kCalm;
  setting.extras = {};
  setting.habits.holds_files_open = false;
}

void set_disks(Setting& setting, Disks disks) {
  if (disks == Disks::kDrawn) {
    return;
  }
  WorldOptions& world = setting.world;
  const auto support = [](bool yes) { return yes ? fs::Support::kYes : fs::Support::kNo; };
  for (std::size_t i = 0; i < world.is_memory.size(); ++i) {
    world.is_memory[i] = false;
    world.disks[i] = {};
    world.disks[i].rename_exchange = support(disks == Disks::kWhole);
    world.disks[i].rename_no_replace =
        support(disks == Disks::kWhole || disks == Disks::kNoExchange);
    world.disks[i].hard_links = support(disks != Disks::kBare);
  }
  setting.tolerance = {};
  setting.habits.time_step = std::chrono::nanoseconds(1);
  setting.empty_files = disks == Disks::kBare;
  setting.habits.leaves_empty_files = setting.empty_files;
}

}  // namespace ox::sim
