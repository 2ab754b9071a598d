#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

/// One replica takes names that differ in case for one; the others do not.
class FoldingTest : public EngineLab, public ::testing::WithParamInterface<OneOf> {
 protected:
  using Files = std::map<std::string, std::string>;

  FoldingTest() {
    for (std::size_t i = 0; i < count(); ++i) {
      provider::Capabilities can = provider::full_capabilities();
      can.names.case_rule = i == folds() ? tree::CaseRule::kFolds : tree::CaseRule::kSensitive;
      add_replica(std::move(can));
    }
  }

  static std::size_t count() { return GetParam().replicas; }
  static std::size_t folds() { return GetParam().which; }
  /// One that keeps names apart.
  static std::size_t exact() { return folds() == 0 ? 1 : 0; }

  void expect_everywhere(const Files& expected) {
    for (std::size_t i = 0; i < count(); ++i) {
      EXPECT_EQ(files(i), expected) << "replica " << i;
    }
  }

  void expect_on_exact_ones(const Files& expected) {
    for (std::size_t i = 0; i < count(); ++i) {
      if (i != folds()) {
        EXPECT_EQ(files(i), expected) << "replica " << i;
      }
    }
  }

  /// The collision is told of the replica that has it, and of nothing else.
  RunReport run_with_collision() {
    Result<RunReport> report = run();
    EXPECT_TRUE(report.ok());
    EXPECT_TRUE(has_problem(*report, "name_collision"));
    for (const state::Problem& problem : report->problems) {
      EXPECT_EQ(problem.code, "name_collision") << problem.path.text() << problem.message;
      EXPECT_EQ(problem.replica, static_cast<ReplicaIndex>(folds()));
    }
    EXPECT_TRUE(report->conflicts.empty());
    return std::move(*report);
  }

  void expect_nothing_in_trashes() {
    for (const auto& store : stores_) {
      EXPECT_TRUE(store->trash_contents().empty());
    }
  }
};

TEST_P(FoldingTest, TwoNamesThatAreOneThereAreToldAndKept) {
  write(exact(), "in/Name", "1");
  write(exact(), "in/name", "2");
  write(exact(), "in/other", "3");
  const Files all{{"in/Name", "1"}, {"in/name", "2"}, {"in/other", "3"}};
  run_with_collision();
  expect_on_exact_ones(all);
  EXPECT_EQ(files(folds()), (Files{{"in/Name", "1"}, {"in/other", "3"}}));
  const RunReport again = run_with_collision();
  EXPECT_EQ(again.counts.created + again.counts.updated + again.counts.removed, 0U);
  expect_on_exact_ones(all);
  // What is left out there can be edited elsewhere, and comes once there is room.
  write(exact(), "in/name", "22");
  run_with_collision();
  expect_on_exact_ones({{"in/Name", "1"}, {"in/name", "22"}, {"in/other", "3"}});
  ASSERT_TRUE(stores_[exact()]->user_remove(at("in/Name")).ok());
  run_clean();
  run_clean();
  expect_everywhere({{"in/name", "22"}, {"in/other", "3"}});
}

TEST_P(FoldingTest, ANewNameDoesNotTouchTheOneThatStandsThere) {
  write(folds(), "file", "1");
  run_clean();
  write(exact(), "FILE", "2");
  run_with_collision();
  expect_on_exact_ones({{"FILE", "2"}, {"file", "1"}});
  EXPECT_EQ(files(folds()), (Files{{"file", "1"}}));
  expect_nothing_in_trashes();
  // Edits and deletes of the one do not touch the other.
  write(folds(), "file", "11");
  run_with_collision();
  expect_on_exact_ones({{"FILE", "2"}, {"file", "11"}});
  ASSERT_TRUE(stores_[exact()]->user_remove(at("FILE")).ok());
  run_clean();
  expect_everywhere({{"file", "11"}});
}

TEST_P(FoldingTest, BothMadeBeforeTheFirstRunAreKept) {
  write(folds(), "Readme", "of the one that folds");
  write(exact(), "README", "of another");
  run_with_collision();
  run_with_collision();
  expect_on_exact_ones({{"README", "of another"}, {"Readme", "of the one that folds"}});
  EXPECT_EQ(files(folds()).size(), 1U);
  expect_nothing_in_trashes();
}

TEST_P(FoldingTest, ARenameInCaseAloneCrossesFromAnySide) {
  write(0, "dir/file", "1");
  write(0, "dir/other", "2");
  run_clean();
  for (std::size_t from = 0; from < count(); ++from) {
    ASSERT_TRUE(stores_[from]->user_rename(at("dir/file"), at("dir/FILE")).ok());
    EXPECT_EQ(run_clean().counts.moved, count() - 1);
    expect_everywhere({{"dir/FILE", "1"}, {"dir/other", "2"}});
    ASSERT_TRUE(stores_[from]->user_rename(at("dir"), at("Dir")).ok());
    EXPECT_EQ(run_clean().counts.moved, count() - 1);
    expect_everywhere({{"Dir/FILE", "1"}, {"Dir/other", "2"}});
    // Back again, both at once.
    ASSERT_TRUE(stores_[from]->user_rename(at("Dir/FILE"), at("Dir/file")).ok());
    ASSERT_TRUE(stores_[from]->user_rename(at("Dir"), at("dir")).ok());
    const RunReport report = run_clean();
    EXPECT_EQ(report.counts.moved, 2 * (count() - 1));
    EXPECT_EQ(report.counts.bytes, 0U);
    expect_everywhere({{"dir/file", "1"}, {"dir/other", "2"}});
    EXPECT_EQ(run_clean().counts.moved, 0U);
  }
  expect_nothing_in_trashes();
}

TEST_P(FoldingTest, AnEditThroughAnotherCaseIsOneOfTheFileThatStands) {
  write(exact(), "dir/file", "1");
  run_clean();
  write(folds(), "DIR/File", "22");
  EXPECT_EQ(run_clean().counts.updated, count() - 1);
  expect_everywhere({{"dir/file", "22"}});
  // As editors save: another file, by the name it was saved under.
  ASSERT_TRUE(stores_[folds()]->user_save(at("dir/FILE"), "333").ok());
  EXPECT_EQ(run_clean().counts.removed, 0U);
  for (std::size_t i = 0; i < count(); ++i) {
    ASSERT_EQ(files(i).size(), 1U) << "replica " << i;
    EXPECT_EQ(files(i), files(folds()));
    EXPECT_EQ(files(i).begin()->second, "333");
  }
}

TEST_P(FoldingTest, ADeleteThroughAnotherCaseIsOneOfTheFileThatStands) {
  write(exact(), "dir/file", "1");
  write(exact(), "dir/other", "2");
  run_clean();
  ASSERT_TRUE(stores_[folds()]->user_remove(at("DIR/FILE")).ok());
  EXPECT_EQ(run_clean().counts.removed, count() - 1);
  expect_everywhere({{"dir/other", "2"}});
  ASSERT_TRUE(stores_[exact()]->user_remove(at("dir")).ok());
  run_clean();
  expect_everywhere({});
}

INSTANTIATE_TEST_SUITE_P(Folds, FoldingTest, ::testing::ValuesIn(each_of_two_to_five()),
                         name_of_one);

}  // namespace
}  // namespace ox::sync
