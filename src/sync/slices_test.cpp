#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

/// A first sync in slices of a few entries, over trees in which directories hold nothing but
/// directories: what a slice leaves out must come with a later one, at every level.
class SlicesTest : public EngineLab, public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  SlicesTest() {
    options_.slice_entries = GetParam();
    add_replica();
    add_replica();
  }

  void write_tree(std::size_t replica, std::string_view prefix) {
    for (int top = 0; top < 4; ++top) {
      for (int middle = 0; middle < 5; ++middle) {
        const std::string folder =
            std::string(prefix) + std::to_string(top) + "/deep/" + std::to_string(middle);
        write(replica, folder + "/one", folder);
        write(replica, folder + "/two", folder + folder);
      }
    }
    write(replica, std::string(prefix) + "at the top", "t");
  }

  std::vector<std::string> directories(std::size_t replica) const {
    std::vector<std::string> found;
    for (const auto& [path, entry] : stores_[replica]->entries()) {
      if (entry.kind == tree::Kind::kDirectory) {
        found.push_back(path.text());
      }
    }
    return found;
  }

  void expect_same() {
    EXPECT_EQ(files(0), files(1));
    EXPECT_EQ(directories(0), directories(1));
  }

  /// A sync of everything finds nothing that the slices forgot.
  void expect_nothing_left() {
    options_.slice_entries = RunOptions().slice_entries;
    const RunReport again = run_clean();
    EXPECT_EQ(again.counts.created + again.counts.directories + again.counts.updated, 0U);
    expect_same();
  }
};

TEST_P(SlicesTest, AllOfANestedTreeArrives) {
  write_tree(0, "top ");
  const RunReport report = run_clean();
  EXPECT_EQ(report.counts.created, 41U);
  EXPECT_EQ(report.counts.directories, 28U);
  expect_same();
  expect_nothing_left();
}

TEST_P(SlicesTest, TreesOfBothSidesAreUnited) {
  write_tree(0, "left ");
  write_tree(0, "both ");
  write_tree(1, "right ");
  write_tree(1, "both ");
  EXPECT_TRUE(stores_[1]->user_make_directory(at("both 3/empty/below")).ok());
  run_clean();
  EXPECT_EQ(files(0).size(), 3 * 41U);
  expect_same();
  expect_nothing_left();
}

/// Files as young as the sync are looked at again by the next run, not by the next slice.
TEST_P(SlicesTest, WhatEachSideHasInADirectoryOfBothArrives) {
  for (const char* top : {"a", "b", "c"}) {
    for (const char* inner : {"1", "2", "3"}) {
      write(0, std::string(top) + "/left " + inner + "/file", top);
      write(1, std::string(top) + "/right " + inner + "/file", inner);
    }
  }
  run_clean();
  expect_same();
}

TEST_P(SlicesTest, WhatIsDoneIsNotLookedAtAgain) {
  clock_.advance(std::chrono::seconds(1000));
  write_tree(0, "top ");
  clock_.advance(std::chrono::seconds(-10));
  std::map<std::string, int> listed;
  stores_[0]->set_hook([&](const provider::MemoryEvent& event) -> Result<void> {
    if (event.when == provider::MemoryEvent::When::kBeforeCall && event.call == "list") {
      ++listed[event.path.text()];
    }
    return {};
  });
  run_clean();
  ASSERT_GE(listed.size(), 28U);
  for (const auto& [path, times] : listed) {
    if (path.ends_with("/deep/0") || path.ends_with("/deep/4")) {
      EXPECT_EQ(times, 1) << path;
    }
  }
}

TEST_P(SlicesTest, WhatAnEarlySliceCouldNotReadIsTold) {
  write_tree(0, "top ");
  stores_[0]->set_hook([](const provider::MemoryEvent& event) -> Result<void> {
    if (event.when == provider::MemoryEvent::When::kBeforeCall && event.call == "list" &&
        event.path.text().ends_with("/deep/2")) {
      return Error(Code::kPermissionDenied, "made to fail");
    }
    return {};
  });
  const Result<RunReport> report = run();
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_EQ(report->outcome, state::RunOutcome::kPartly);
  EXPECT_EQ(std::ranges::count(report->problems, "unreadable", &state::Problem::code), 4);
  EXPECT_EQ(files(1).size(), 41U - 8U);
}

/// Something is agreed already, and a large tree comes on top of it.
class LaterSlicesTest : public SlicesTest {
 protected:
  LaterSlicesTest() {
    options_.slice_entries = RunOptions().slice_entries;
    write(0, "old/stays", "stays");
    write(0, "old/goes", "goes");
    write(0, "old/moves", std::string(2000, 'm'));
    write(0, "old/folder/in it", std::string(3000, 'f'));
    write(0, "turns/into a file", "t");
    run_clean();
    options_.slice_entries = GetParam();
  }
};

TEST_P(LaterSlicesTest, DeletesAndMovesAreSeenWhole) {
  write_tree(0, "top ");
  ASSERT_TRUE(stores_[0]->user_remove(at("old/goes")).ok());
  ASSERT_TRUE(stores_[0]->user_rename(at("old/moves"), at("top 3/deep/4/moves")).ok());
  ASSERT_TRUE(stores_[0]->user_rename(at("old/folder"), at("top 0/deep/folder")).ok());
  const RunReport report = run_clean();
  EXPECT_EQ(report.counts.created, 41U) << "what moved is not copied";
  EXPECT_EQ(report.counts.moved, 2U);
  EXPECT_EQ(report.counts.removed, 1U);
  EXPECT_TRUE(report.conflicts.empty());
  EXPECT_EQ(files(1).at("top 0/deep/folder/in it"), std::string(3000, 'f'));
  expect_same();
  expect_nothing_left();
}

TEST_P(LaterSlicesTest, WhatMakesWayForANewTreeIsNoConflict) {
  write_tree(0, "top ");
  ASSERT_TRUE(stores_[0]->user_remove(at("old")).ok());
  write(0, "old", "a file now");
  ASSERT_TRUE(stores_[0]->user_remove(at("turns")).ok());
  ASSERT_TRUE(stores_[0]->user_make_directory(at("turns/into a file/and more")).ok());
  write(0, "turns/into a file/and more/below", "b");
  const RunReport report = run_clean();
  EXPECT_TRUE(report.conflicts.empty());
  expect_same();
  expect_nothing_left();
}

TEST_P(LaterSlicesTest, AnInterruptedRunGoesOn) {
  write_tree(0, "top ");
  write_tree(1, "there ");
  std::stop_source stop;
  std::size_t calls = 0;
  stores_[1]->set_hook([&](const provider::MemoryEvent& event) -> Result<void> {
    if (event.when == provider::MemoryEvent::When::kBeforeCall && event.call == "list" &&
        ++calls == 9) {
      stop.request_stop();
    }
    return {};
  });
  const Result<RunReport> stopped = run(stop.get_token());
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code(), Code::kCancelled);
  heal(1);
  const RunReport report = run_clean();
  EXPECT_EQ(report.counts.removed, 0U);
  expect_same();
  expect_nothing_left();
}

INSTANTIATE_TEST_SUITE_P(Sizes, LaterSlicesTest, ::testing::Values(1U, 2U, 5U, 7U, 12U, 40U));
INSTANTIATE_TEST_SUITE_P(Sizes, SlicesTest, ::testing::Values(1U, 2U, 5U, 7U, 12U, 40U, 1000U));

}  // namespace
}  // namespace ox::sync
