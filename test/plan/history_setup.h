#pragma once

#include <vector>

#include "plan/random_edits.h"

/// What kind of world the history of a seed is about.
namespace ox::toy {

struct HistorySetup {
  std::vector<Abilities> replicas;
  plan::Policy policy;
  bool full = true;      ///< every replica can hold everything under its name
  bool ordered = false;  ///< the same history in another order of replicas must give the same
  std::size_t rounds = 0;
};

HistorySetup draw_setup(Dice& dice);

}  // namespace ox::toy
