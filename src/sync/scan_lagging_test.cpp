#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

/// So many replicas, of which one bit each says whether its first listing of a directory after a
/// change still shows it as it was.
struct Lagging {
  std::size_t replicas = 2;
  unsigned mask = 1;
};

class LaggingTest : public EngineLab, public ::testing::WithParamInterface<Lagging> {
 protected:
  using Files = std::map<std::string, std::string>;

  LaggingTest() {
    for (std::size_t i = 0; i < count(); ++i) {
      provider::Capabilities can = provider::full_capabilities();
      can.consistent = (GetParam().mask >> i & 1U) == 0;
      can.stable_ids = i % 2 == 0;
      add_replica(std::move(can));
    }
  }

  static std::size_t count() { return GetParam().replicas; }

  void expect_everywhere(const Files& expected, std::size_t from) {
    for (std::size_t i = 0; i < count(); ++i) {
      EXPECT_EQ(files(i), expected) << "replica " << i << ", edited on " << from;
    }
  }

  /// What one run may not see yet, the next one does; in neither may anything come or go that
  /// nobody made or removed.
  void run_twice() {
    run_clean();
    run_clean();
  }
};

TEST_P(LaggingTest, NothingComesBackAndNothingIsLost) {
  write(0, "kept", "k");
  write(0, "in/kept", "k");
  Files expected{{"in/kept", "k"}, {"kept", "k"}};
  run_twice();
  expect_everywhere(expected, 0);
  for (std::size_t from = 0; from < count(); ++from) {
    const std::string name = "in/of " + std::to_string(from);
    write(from, name, "1");
    run_twice();
    expected[name] = "1";
    expect_everywhere(expected, from);
    // Our own put is newer than what a listing shows.
    write(from, name, "22");
    run_twice();
    expected[name] = "22";
    expect_everywhere(expected, from);
    ASSERT_TRUE(stores_[from]->user_rename(at(name), at("moved")).ok());
    run_twice();
    expected.erase(name);
    expected["moved"] = "22";
    expect_everywhere(expected, from);
    // Our own removal, too.
    ASSERT_TRUE(stores_[from]->user_remove(at("moved")).ok());
    run_twice();
    expected.erase("moved");
    expect_everywhere(expected, from);
    EXPECT_EQ(run_clean().counts.removed, 0U);
  }
}

TEST_P(LaggingTest, WhatCannotBeLookedAtIsUnknown) {
  write(0, "file", "1");
  run_twice();
  for (std::size_t from = 0; from < count(); ++from) {
    if ((GetParam().mask >> from & 1U) == 0) {
      continue;
    }
    ASSERT_TRUE(stores_[from]->user_remove(at("file")).ok());
    ASSERT_TRUE(stores_[from]->list({}, nullptr, {}).ok());  // from now on the listing says so
    stores_[from]->set_hook([](const provider::MemoryEvent& event) -> Result<void> {
      return event.call == "look" ? Result<void>(Error(Code::kUnreachable, "made to fail"))
                                  : Result<void>();
    });
    ASSERT_TRUE(run().ok());
    EXPECT_EQ(files(from == 0 ? 1 : 0).count("file"), 1U) << "it may still stand on " << from;
    heal(from);
    run_twice();
    expect_everywhere({}, from);
    write(from, "file", "again");
    run_twice();
  }
}

/// Asked for a name in one spelling, such a store finds what stands there in another.
TEST_F(EngineLab, ALateListingMakesNoSecondFileOfAnotherSpelling) {
  provider::Capabilities can = provider::full_capabilities();
  can.consistent = can.stable_ids = false;
  can.names.normalization = tree::NormalizationRule::kComposes;
  add_replica(can);
  add_replica();
  write(1, "e\u0301", "decomposed");
  write(1, "\u00e9", "composed");
  ASSERT_TRUE(run().ok());
  ASSERT_TRUE(run().ok());
  ASSERT_EQ(files(0), (std::map<std::string, std::string>{{"e\u0301", "decomposed"}}));
  ASSERT_TRUE(stores_[1]->user_remove(at("e\u0301")).ok());
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(run().ok());
  }
  EXPECT_EQ(files(0), (std::map<std::string, std::string>{{"\u00e9", "composed"}}));
  EXPECT_EQ(files(1), files(0));
}

std::vector<Lagging> all_of_two_to_five() {
  std::vector<Lagging> all;
  for (std::size_t replicas = 2; replicas <= 5; ++replicas) {
    for (unsigned mask = 1; mask < 1U << replicas; ++mask) {
      all.push_back({.replicas = replicas, .mask = mask});
    }
  }
  return all;
}

TEST_F(EngineLab, ALateListingOfADirectoryOfAnotherNameIsNotBelieved) {
  add_replica();
  provider::Capabilities can = provider::full_capabilities();
  can.consistent = false;
  can.names.forbid_trailing_dot_space = true;
  add_replica(std::move(can));
  write(0, "folder/old", "bytes of the old");
  run_clean();
  run_clean();
  ASSERT_TRUE(stores_[0]->user_rename(at("folder"), at("dot.")).ok());
  ASSERT_TRUE(run().ok());
  write(0, "dot./new", "bytes of the new");
  for (int repeat = 0; repeat < 4; ++repeat) {
    ASSERT_TRUE(run().ok());
    EXPECT_EQ(files(0).size(), 2U) << "run " << repeat;
    EXPECT_TRUE(files(1).contains("folder/new")) << "the name is refused there";
  }
}

TEST_F(EngineLab, AModeThatALateListingStillShowsIsNoEdit) {
  for (int i = 0; i < 2; ++i) {
    provider::Capabilities can = provider::full_capabilities();
    can.consistent = can.ctime_reliable = false;
    add_replica(std::move(can));
  }
  write(0, "file", "bytes of the file");
  run_clean();
  run_clean();
  ASSERT_TRUE(stores_[0]->user_chmod(at("file"), 0600).ok());
  for (int repeat = 0; repeat < 4; ++repeat) {
    run_clean();
  }
  for (const auto& store : stores_) {
    EXPECT_EQ(store->entries().at(at("file")).attributes.mode, 0600U);
  }
}

TEST_F(EngineLab, ALateListingIsNotBelievedByARebase) {
  provider::Capabilities can = provider::full_capabilities();
  can.consistent = false;
  add_replica(std::move(can));
  add_replica();
  write(0, "file", "bytes of the file");
  run_clean();
  run_clean();
  const Bytes older_state = copy_state();
  options_.policy.mode = plan::Mode::kMove;
  run_clean();
  ASSERT_TRUE(files(0).empty());
  options_.policy.mode = plan::Mode::kTwoWay;
  restore_state(older_state);
  for (int repeat = 0; repeat < 2; ++repeat) {
    ASSERT_TRUE(run().ok());
    EXPECT_EQ(files(0).size(), 1U) << "the listing may still have shown what we removed";
    EXPECT_EQ(files(1).size(), 1U) << "nobody deleted it";
  }
}

INSTANTIATE_TEST_SUITE_P(Of, LaggingTest, ::testing::ValuesIn(all_of_two_to_five()),
                         [](const auto& info) {
                           std::string name = std::to_string(info.param.replicas) + "_replicas_";
                           for (std::size_t i = 0; i < info.param.replicas; ++i) {
                             name += (info.param.mask >> i & 1U) != 0 ? 'L' : 'c';
                           }
                           return name;
                         });

}  // namespace
}  // namespace ox::sync
