#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "plan/lab.h"

/// What every other test here leans on: that its case met all that it is said to meet.
namespace ox::toy {
namespace {

/// Everything that is chosen, one number each, so that any two can be paired.
std::vector<std::size_t> choices_of(const Arrangement& arrangement, std::size_t roles) {
  std::vector<std::size_t> choices(arrangement.order.begin(), arrangement.order.end());
  for (std::size_t role = 0; role < roles; ++role) {
    choices.push_back(arrangement.roles[role]);
  }
  choices.push_back(static_cast<std::size_t>(arrangement.store));
  choices.push_back(static_cast<std::size_t>(arrangement.shortcuts));
  choices.push_back(static_cast<std::size_t>(arrangement.listing));
  return choices;
}

struct Met {
  std::size_t cases = 0;
  std::set<std::string> texts;
  std::set<std::vector<ReplicaIndex>> orders;
  std::set<std::vector<ReplicaIndex>> castings;
  std::set<std::pair<std::vector<ReplicaIndex>, std::vector<ReplicaIndex>>> castings_in_orders;
  std::set<std::tuple<Store, Shortcuts, ListingOrder>> rest;
  /// Which two choices; which two values.
  std::map<std::pair<std::size_t, std::size_t>, std::set<std::pair<std::size_t, std::size_t>>>
      pairs;
};

void note(Met& met, const Arrangement& arrangement, std::size_t roles) {
  const auto acting = arrangement.roles.begin() + static_cast<std::ptrdiff_t>(roles);
  const std::vector<ReplicaIndex> casting(arrangement.roles.begin(), acting);
  ++met.cases;
  met.texts.insert(arrangement.text());
  met.orders.insert(arrangement.order);
  met.castings.insert(casting);
  met.castings_in_orders.insert({casting, arrangement.order});
  met.rest.insert({arrangement.store, arrangement.shortcuts, arrangement.listing});
  const std::vector<std::size_t> choices = choices_of(arrangement, roles);
  for (std::size_t a = 0; a < choices.size(); ++a) {
    for (std::size_t b = a + 1; b < choices.size(); ++b) {
      met.pairs[{a, b}].insert({choices[a], choices[b]});
    }
  }
}

/// How many pairs of values there are of two choices. Two places of one order, or two roles, never
/// hold the same replica.
std::size_t possible_pairs(std::size_t a, std::size_t b, std::size_t count, std::size_t roles) {
  const std::size_t players = count + roles;
  const auto values = [&](std::size_t choice) {
    return choice < players ? count : choice == players ? 4U : 2U;
  };
  const bool exclusive = b < count || (a >= count && b < players);
  return exclusive ? count * (count - 1) : values(a) * values(b);
}

std::size_t falling(std::size_t count, std::size_t factors) {
  return factors == 0 ? 1 : count * falling(count - 1, factors - 1);
}

void expect_covered(const Met& met, std::size_t count, std::size_t roles) {
  const std::size_t orders = falling(count, count);
  const std::size_t castings = falling(count, roles);
  EXPECT_EQ(met.texts.size(), met.cases) << "something is played twice";
  EXPECT_EQ(met.orders.size(), orders);
  EXPECT_EQ(met.castings.size(), castings);
  EXPECT_EQ(met.rest.size(), 16U);
  if (count <= 4) {
    EXPECT_EQ(met.castings_in_orders.size(), castings * orders);
  }
  if (count <= 3) {
    EXPECT_EQ(met.cases, castings * orders * 16);
  }
  for (const auto& [choices, values] : met.pairs) {
    EXPECT_EQ(values.size(), possible_pairs(choices.first, choices.second, count, roles))
        << "choices " << choices.first << " and " << choices.second;
  }
}

TEST(Arrangements, CoverEachPairOfChoices) {
  for (std::size_t roles = 1; roles <= 3; ++roles) {
    std::map<std::size_t, Met> met;
    in_every_arrangement(roles, plan::Policy{}, [&](Lab& lab) {
      EXPECT_EQ(lab.world.policy.order, lab.arrangement().order);
      EXPECT_EQ(lab.world.shortcuts, lab.arrangement().shortcuts);
      EXPECT_EQ(lab.world.listing, lab.arrangement().listing);
      note(met[lab.count()], lab.arrangement(), roles);
    });
    for (std::size_t count = std::max<std::size_t>(2, roles); count <= 5; ++count) {
      SCOPED_TRACE(std::to_string(roles) + " of " + std::to_string(count));
      expect_covered(met[count], count, roles);
    }
  }
}

}  // namespace
}  // namespace ox::toy
