#include "sim/disturbances.h"

#include <algorithm>
#include <array>
#include <tuple>

namespace ox::sim {
namespace {

using Kind = Disturbance::Kind;

void draw_edits(rt::SeededRandom& random, std::size_t replicas, std::uint64_t calls,
                Disturbances& drawn) {
  const std::uint64_t count = 1 + random.below(4);
  const std::uint64_t start = some_call(random, calls);
  const bool at_once = random.below(2) == 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t call = at_once ? start + random.below(8) : some_call(random, calls);
    drawn.happenings.push_back({call, Kind::kEdit, random.below(replicas)});
  }
}

void draw_failures(rt::SeededRandom& random, std::uint64_t calls, Disturbances& drawn) {
  struct Choice {
    Code code;
    fs::Effect effect;
  };
  constexpr std::array<Choice, 8> kChoices{{{Code::kIo, fs::Effect::kNone},
                                            {Code::kIo, fs::Effect::kComplete},
                                            {Code::kIo, fs::Effect::kHalf},
                                            {Code::kNoSpace, fs::Effect::kNone},
                                            {Code::kNoSpace, fs::Effect::kHalf},
                                            {Code::kPermissionDenied, fs::Effect::kNone},
                                            {Code::kUnreachable, fs::Effect::kNone},
                                            {Code::kUnreachable, fs::Effect::kComplete}}};
  const std::uint64_t count = 1 + random.below(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    const Choice choice = kChoices[random.below(kChoices.size())];
    drawn.failures.push_back({some_call(random, calls), choice.code, choice.effect});
  }
}

void draw_power_cut(rt::SeededRandom& random, const WorldOptions& world, std::uint64_t calls,
                    Disturbances& drawn) {
  constexpr std::array<Kind, 6> kCuts{Kind::kCutMachine, Kind::kCutMachine, Kind::kCutMachine,
                                      Kind::kCutMachine, Kind::kCutReplica, Kind::kCutState};
  const Kind kind =
      world.layout == Layout::kOneDisk ? Kind::kCutMachine : kCuts[random.below(kCuts.size())];
  const std::uint64_t call = some_call(random, calls);
  drawn.happenings.push_back({call, kind, random.below(world.is_memory.size())});
}

}  // namespace

bool Disturbances::fails_by(std::uint64_t last_call) const {
  return std::ranges::any_of(failures,
                             [&](const Failure& failure) { return failure.call <= last_call; });
}

bool Disturbances::denies() const {
  return std::ranges::any_of(
      failures, [](const Failure& failure) { return failure.code == Code::kPermissionDenied; });
}

void Disturbances::sort() {
  std::ranges::sort(happenings, [](const Disturbance& a, const Disturbance& b) {
    return std::tuple(a.call, a.kind, a.replica, a.step) <
           std::tuple(b.call, b.kind, b.replica, b.step);
  });
}

std::uint64_t some_call(rt::SeededRandom& random, std::uint64_t calls) {
  const std::uint64_t most = std::max<std::uint64_t>(calls, 50);
  return 1 + (random.below(2) == 0 ? random.below(most + most / 8) : most / 3 + random.below(most));
}

Disturbances draw_disturbances(rt::SeededRandom& random, const Setting& setting,
                               std::uint64_t calls) {
  Disturbances drawn;
  if (setting.stormy(Weather::kEdits) && random.below(4) != 0) {
    draw_edits(random, setting.world.is_memory.size(), calls, drawn);
  }
  if (setting.stormy(Weather::kFailures) && random.below(2) == 0) {
    draw_failures(random, calls, drawn);
  }
  if (setting.stormy(Weather::kCrashes) && random.below(2) == 0) {
    drawn.happenings.push_back({some_call(random, calls), Kind::kCrash, 0});
  }
  if (setting.stormy(Weather::kPowerCuts) && random.below(2) == 0) {
    draw_power_cut(random, setting.world, calls, drawn);
  }
  drawn.sort();
  return drawn;
}

Disturbances struck_by(const Strike& strike, std::size_t replicas) {
  Disturbances blow;
  switch (strike.blow) {
    case Blow::kCrash:
      blow.happenings.push_back({strike.call, Kind::kCrash, 0});
      break;
    case Blow::kPowerCut:
      blow.happenings.push_back({strike.call, Kind::kCutMachine, 0});
      break;
    case Blow::kCutDisk:
      blow.happenings.push_back(
          {strike.call, strike.disk < replicas ? Kind::kCutReplica : Kind::kCutState, strike.disk});
      break;
    case Blow::kError:
      blow.failures.push_back({strike.call, Code::kIo, fs::Effect::kNone});
      break;
    case Blow::kLostAnswer:
      blow.failures.push_back({strike.call, Code::kIo, fs::Effect::kComplete});
      break;
    case Blow::kHalf:
      blow.failures.push_back({strike.call, Code::kIo, fs::Effect::kHalf});
      break;
  }
  return blow;
}

}  // namespace ox::sim
