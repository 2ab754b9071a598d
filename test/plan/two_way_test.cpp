#include <gtest/gtest.h>

#include "plan/lab.h"

/// The hard cases of two replicas that did different things to one file.
namespace ox::toy {
namespace {

const plan::Policy kTwoWay{};

TEST(HardCases, FirstSyncIsAUnion) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.write(0, "a", "A");
    lab.write(1, "b", "B");
    lab.mkdir(0, "d");
    lab.write(0, "d/c", "C");
    lab.sync();
    lab.expect({{"a", "A"}, {"b", "B"}, {"d/c", "C"}});
  });
}

}  // namespace
}  // namespace ox::toy
