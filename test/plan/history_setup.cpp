#include "plan/history_setup.h"

#include <array>
#include <string>

namespace ox::toy {

namespace {

Abilities draw_abilities(Dice& dice, std::size_t index) {
  Abilities abilities;
  plan::Traits& traits = abilities.traits;
  // Labels in another order than the indices.
  traits.label = std::string(1, static_cast<char>('z' - (index * 7) % 26)) + std::to_string(index);
  traits.stable_ids = dice.chance(50);
  traits.exchange = dice.chance(50);
  traits.modes = dice.chance(75);
  traits.xattrs = dice.chance(60);
  traits.symlinks = !dice.chance(10);
  abilities.versions = dice.chance(70) ? Versions::kTimes : Versions::kRevisions;
  if (dice.chance(8)) {
    traits.names.case_rule = tree::CaseRule::kFolds;
  }
  if (dice.chance(5)) {
    traits.names.normalization = tree::NormalizationRule::kComposes;
  }
  if (dice.chance(8)) {
    traits.mtime_step = std::chrono::seconds(2);
  }
  if (dice.chance(5)) {
    traits.has_mtime = false;
  }
  return abilities;
}

}  // namespace

HistorySetup draw_setup(Dice& dice) {
  HistorySetup setup;
  const std::size_t count = 2 + dice.below(100) / 45 + dice.below(2) * dice.below(2);
  bool fine_times = true;
  bool any_times = true;
  for (std::size_t i = 0; i < count; ++i) {
    setup.replicas.push_back(draw_abilities(dice, i));
    const plan::Traits& traits = setup.replicas.back().traits;
    setup.full = setup.full && traits.symlinks &&
                 traits.names.case_rule == tree::CaseRule::kSensitive &&
                 traits.names.normalization == tree::NormalizationRule::kBytes;
    fine_times = fine_times && traits.has_mtime && traits.mtime_step.count() == 1;
    any_times = any_times && traits.has_mtime;
  }
  plan::Policy& policy = setup.policy;
  constexpr std::array kModes{plan::Mode::kOneWay, plan::Mode::kCopy, plan::Mode::kMove};
  policy.mode = dice.chance(70) ? plan::Mode::kTwoWay : kModes[dice.below(kModes.size())];
  policy.mirror = policy.mode == plan::Mode::kOneWay && dice.chance(40);
  constexpr std::array kKeepModes{plan::KeepMode::kNewer,  plan::KeepMode::kOlder,
                                  plan::KeepMode::kBigger, plan::KeepMode::kSmaller,
                                  plan::KeepMode::kPath1,  plan::KeepMode::kPath2};
  const bool newest =
      policy.mode == plan::Mode::kCopy || policy.mode == plan::Mode::kMove || dice.chance(50);
  policy.keep_mode = newest ? plan::KeepMode::kNewer : kKeepModes[dice.below(kKeepModes.size())];
  policy.auto_merge = dice.chance(30);
  policy.budget = std::nullopt;
  if (fine_times && dice.chance(10)) {
    policy.compare.hash = false;
  }
  const bool named =
      policy.keep_mode == plan::KeepMode::kPath1 || policy.keep_mode == plan::KeepMode::kPath2;
  setup.ordered = policy.mode == plan::Mode::kTwoWay && !named && any_times && dice.chance(25);
  setup.rounds = 3 + dice.below(5);
  for (ReplicaIndex i = 0; i < count; ++i) {
    policy.order.push_back(i);
  }
  for (std::size_t i = count; i > 1; --i) {
    std::swap(policy.order[i - 1], policy.order[dice.below(i)]);
  }
  return setup;
}

}  // namespace ox::toy
