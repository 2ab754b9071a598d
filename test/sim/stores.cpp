#include "sim/stores.h"

#include <algorithm>
#include <chrono>

#include "sim/draw.h"

namespace ox::sim {

provider::MemoryOptions draw_store(rt::SeededRandom& random, Tolerance& tolerance) {
  provider::MemoryOptions store;
  provider::Capabilities& can = store.capabilities;
  for (bool* ability : {&can.stable_ids, &can.exchange, &can.leases}) {
    *ability = random.below(4) != 0;
  }
  const provider::Cas safety = one_of<provider::Cas, 3>(
      random, {provider::Cas::kAtomic, provider::Cas::kDetectAfter, provider::Cas::kRacy});
  can.create = can.replace = can.remove = can.move = safety;
  can.modes = random.below(4) != 0;
  tolerance.modes = tolerance.modes || !can.modes;
  return store;
}

namespace {

/// Of the names that users give where names differ: see user.cpp.
tree::NameRules draw_names(rt::SeededRandom& random) {
  const auto one_in = [&](std::uint64_t many) { return random.below(many) == 0; };
  tree::NameRules names;
  names.case_rule = one_in(2) ? tree::CaseRule::kFolds : tree::CaseRule::kSensitive;
  names.normalization =
      one_in(2) ? tree::NormalizationRule::kComposes : tree::NormalizationRule::kBytes;
  if (one_in(4)) {
    names.max_name_bytes = 40;
  }
  if (one_in(4)) {
    names.forbidden_bytes = "?";
  }
  names.forbid_trailing_dot_space = one_in(4);
  if (one_in(4)) {
    names.forbidden_stems = {"con"};
  }
  return names;
}

}  // namespace

void draw_more_lacks(rt::SeededRandom& random, provider::MemoryOptions& store, Setting& setting) {
  using namespace std::chrono_literals;
  const auto one_in = [&](std::uint64_t many) { return random.below(many) == 0; };
  provider::Capabilities& can = store.capabilities;
  can.mtime_step = one_of<std::chrono::nanoseconds, 5>(random, {1ns, 1ns, 1ms, 1s, 2s});
  can.ctime_reliable = !one_in(3);
  store.revisions = one_in(2);
  can.has_mtime = !one_in(5);
  can.mtime_settable = can.has_mtime && !one_in(6);
  can.symlinks = !one_in(4);
  can.consistent = !one_in(6);
  if (setting.habits.odd_names) {
    can.names = draw_names(random);
  }
  Tolerance& tolerance = setting.tolerance;
  tolerance.mtime_step = std::max(tolerance.mtime_step, can.mtime_step.count());
  tolerance.mtimes = tolerance.mtimes && can.mtime_settable;
  tolerance.symlinks = tolerance.symlinks || !can.symlinks;
  setting.lags = setting.lags || !can.consistent;
  // Two versions of one size and one time can't be told apart there by anybody.
  setting.habits.sizes_tell =
      setting.habits.sizes_tell || (!can.ctime_reliable && !store.revisions);
}

}  // namespace ox::sim
