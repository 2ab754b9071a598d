#include "sync/scan.h"

#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

/// What of two replicas that were in sync goes to the planner.
class ScanTest : public EngineLab {
 protected:
  void add_two(const tree::NameRules& second_names = {}) {
    add_replica();
    provider::Capabilities can = provider::full_capabilities();
    can.names = second_names;
    add_replica(std::move(can));
  }

  void write_many() {
    for (int number = 0; number < 600; ++number) {
      write(0, "many/file " + std::to_string(number), std::to_string(number));
    }
    write(0, "other/quiet", "q");
    run_clean();
  }

  Scan scan_now() {
    const Services services{.pool = &pool_, .clock = &clock_, .progress = &progress_};
    const ScanOptions options{.moves = whose_moves_count(options_.policy, replicas_.size())};
    Result<Scan> found = scan(*store_, replicas_, options, services, {});
    EXPECT_TRUE(found.ok());
    return std::move(*found);
  }

  /// Names of what is handed over of a replica, but for the root.
  static std::vector<std::string> names(const Scan& scan, std::size_t replica) {
    std::vector<std::string> found;
    for (const plan::Observed& seen : scan.replicas[replica].entries) {
      if (!seen.entry.name.empty()) {
        found.push_back(seen.entry.name);
      }
    }
    std::ranges::sort(found);
    return found;
  }

  static std::vector<std::string> record_names(const Scan& scan) {
    std::vector<std::string> found;
    for (const tree::NodeRecord& record : scan.nodes) {
      if (record.id != kRootNode) {
        found.push_back(record.agreed->name);
      }
    }
    std::ranges::sort(found);
    return found;
  }

  tree::Fingerprint fingerprint(std::size_t replica, std::string_view path) const {
    for (const auto& [where, entry] : stores_[replica]->entries()) {
      if (where == at(path)) {
        return entry.fingerprint;
      }
    }
    ADD_FAILURE() << path << " is not there";
    return {};
  }

  using Names = std::vector<std::string>;
  using Files = std::map<std::string, std::string>;
};

TEST_F(ScanTest, WhatIsInSyncIsNotHandedOver) {
  add_two();
  write_many();
  const Scan found = scan_now();
  EXPECT_EQ(names(found, 0), Names{});
  EXPECT_EQ(record_names(found), Names{});
  EXPECT_EQ(found.entries, 2U * 603U);
}

TEST_F(ScanTest, OfADirectoryOnlyWhatDiffersIsHandedOver) {
  add_two();
  write_many();
  write(0, "many/file 300", "another");
  write(1, "many/new", "new");
  ASSERT_TRUE(stores_[0]->user_remove(at("many/file 599")).ok());
  const Scan found = scan_now();
  EXPECT_EQ(names(found, 0), (Names{"file 300", "many"}));
  EXPECT_EQ(names(found, 1), (Names{"file 300", "file 599", "many", "new"}));
  EXPECT_EQ(record_names(found), (Names{"file 300", "file 599", "many"}));
  for (const plan::Observed& seen : found.replicas[0].entries) {
    if (seen.entry.name == "many") {
      EXPECT_EQ(seen.coverage, plan::Coverage::kDiffering);
    }
  }
}

TEST_F(ScanTest, SoAreNamesThatConflictCopiesMayWant) {
  add_two();
  write(0, "many/a.conflict-b-20231114T221320Z", "an earlier one");
  write_many();
  write(0, "many/new", "new");
  EXPECT_EQ(names(scan_now(), 1), (Names{"a.conflict-b-20231114T221320Z", "many"}));
}

TEST_F(ScanTest, SoAreNamesThatAReplicaTakesForOneWithWhatDiffers) {
  add_two({.case_rule = tree::CaseRule::kFolds});
  write_many();
  write(0, "many/FILE 17", "not to be told from the other");
  EXPECT_EQ(names(scan_now(), 0), (Names{"FILE 17", "file 17", "many"}));
  EXPECT_EQ(names(scan_now(), 1), (Names{"file 17", "many"}));
  const Result<RunReport> report = run();
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(has_problem(*report, "name_collision"));
  EXPECT_EQ(files(1).at("many/file 17"), "17");
}

TEST_F(ScanTest, WhatIsInARenamedDirectoryIsNotHandedOver) {
  add_two();
  write(0, "many/below/deep", "deep");
  write_many();
  ASSERT_TRUE(stores_[0]->user_make_directory(at("new/place")).ok());
  ASSERT_TRUE(stores_[0]->user_rename(at("many"), at("new/place/renamed")).ok());
  write(1, "many/added", "on the other side");
  const Scan found = scan_now();
  EXPECT_EQ(names(found, 0), (Names{"new", "place", "renamed"}));
  EXPECT_EQ(names(found, 1), (Names{"added", "many"}));
  EXPECT_EQ(record_names(found), (Names{"many"}));
  const RunReport report = run_clean();
  EXPECT_EQ(report.counts.moved, 1U);
  EXPECT_EQ(report.counts.created, 1U);
  EXPECT_EQ(report.counts.bytes, std::string_view("on the other side").size());
  EXPECT_EQ(files(0), files(1));
  EXPECT_EQ(files(0).count("new/place/renamed/below/deep"), 1U);
  EXPECT_EQ(run_clean().counts.moved, 0U);
}

TEST_F(ScanTest, ARenamedDirectoryOfManyIsOneMoveOnFiveReplicas) {
  constexpr std::size_t kReplicas = 5;
  constexpr std::size_t kDirectories = 100;
  constexpr std::size_t kFilesInEach = 199;
  for (std::size_t i = 0; i < kReplicas; ++i) {
    add_replica();
  }
  for (std::size_t number = 0; number < kDirectories * kFilesInEach; ++number) {
    write(0, "many/" + std::to_string(number / kFilesInEach) + "/" + std::to_string(number), "x");
  }
  run_clean();
  ASSERT_TRUE(stores_[0]->user_rename(at("many"), at("renamed")).ok());
  std::vector<std::map<std::string, std::size_t>> calls(kReplicas);
  for (std::size_t i = 0; i < kReplicas; ++i) {
    stores_[i]->set_hook([&calls, i](const provider::MemoryEvent& event) -> Result<void> {
      if (event.when == provider::MemoryEvent::When::kBeforeCall) {
        ++calls[i][std::string(event.call)];
      }
      return {};
    });
  }
  EXPECT_EQ(names(scan_now(), 0), Names{"renamed"});
  for (auto& of_replica : calls) {
    EXPECT_EQ(std::exchange(of_replica["list"], 0U), kDirectories + 2);
  }
  const RunReport report = run_clean();
  EXPECT_EQ(report.counts.moved, kReplicas - 1);
  EXPECT_EQ(report.counts.bytes, 0U);
  for (std::size_t i = 0; i < kReplicas; ++i) {
    EXPECT_EQ(calls[i]["move"], i == 0 ? 0U : 1U) << "replica " << i;
    EXPECT_LE(calls[i]["list"], 2 * (kDirectories + 2)) << "two passes at most";
    for (const char* call : {"stage", "open", "read_at", "publish", "remove", "make_directory"}) {
      EXPECT_EQ(calls[i][call], 0U) << call << " on replica " << i;
    }
    EXPECT_TRUE(stores_[i]->look(at("renamed/99/19899")).ok());
    EXPECT_TRUE(stores_[i]->look(at("many")).failed_with(Code::kNotFound));
  }
}

TEST_F(ScanTest, OfDirectoriesThatGetOneNameAllIsHandedOver) {
  add_two();
  write_many();
  ASSERT_TRUE(stores_[0]->user_rename(at("many"), at("same")).ok());
  write(1, "same/file 3", "of another directory");
  const Scan found = scan_now();
  EXPECT_EQ(names(found, 0).size(), 601U) << "the other one's names may be among them";
  run_clean();
  EXPECT_EQ(files(0), files(1));
  EXPECT_EQ(files(0).size(), 602U);
}

TEST_F(ScanTest, OneWayADestinationsMoveIsLookedAtWhole) {
  add_two();
  write_many();
  options_.policy.mode = plan::Mode::kOneWay;
  options_.policy.keep_mode = plan::KeepMode::kPath1;
  run_clean();
  ASSERT_TRUE(stores_[1]->user_make_directory(at("own")).ok());
  ASSERT_TRUE(stores_[1]->user_rename(at("many"), at("own/many")).ok());
  EXPECT_GT(names(scan_now(), 0).size(), 600U);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(files(1).at("many/file 3"), "3");
  ASSERT_TRUE(stores_[0]->user_rename(at("many"), at("renamed")).ok());
  EXPECT_EQ(names(scan_now(), 0), (Names{"renamed"}));
}

TEST_F(ScanTest, AFileMetTwiceIsLookedAtAgain) {
  add_two();
  write(0, "file", "1");
  write(0, "in/other", "2");
  run_clean();
  ASSERT_TRUE(stores_[0]->user_rename(at("file"), at("in/file")).ok());
  bool listed = false;
  stores_[1]->set_hook([&](const provider::MemoryEvent& event) -> Result<void> {
    if (event.call == "list" && event.path == at("in") && !listed) {
      listed = true;
      EXPECT_TRUE(stores_[1]->user_rename(at("file"), at("in/file")).ok());
    }
    EXPECT_NE(event.call, "remove");
    return {};
  });
  run_clean();
  EXPECT_TRUE(listed);
  EXPECT_EQ(files(0), (Files{{"in/file", "1"}, {"in/other", "2"}}));
  EXPECT_EQ(files(1), files(0));
}

/// A user swaps two directories just after this one was listed.
class SwapDuringScanTest : public ScanTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(SwapDuringScanTest, TheyAreNotTakenForEachOther) {
  provider::Capabilities without_ids = provider::full_capabilities();
  without_ids.stable_ids = false;
  add_replica();
  add_replica(std::move(without_ids));
  write(0, "one/sub/in/first", "1");
  write(0, "two/sub/in/second", "2");
  run_clean();
  bool seen = false;
  bool swapped = false;
  stores_[0]->set_hook([&](const provider::MemoryEvent& event) -> Result<void> {
    if (event.call == "list" && seen && !swapped) {
      swapped = true;
      EXPECT_TRUE(stores_[0]->user_rename(at("one"), at("between")).ok());
      EXPECT_TRUE(stores_[0]->user_rename(at("two"), at("one")).ok());
      EXPECT_TRUE(stores_[0]->user_rename(at("between"), at("two")).ok());
    }
    seen = seen || (event.call == "list" && event.path.text() == GetParam());
    return {};
  });
  ASSERT_TRUE(run().ok());
  EXPECT_TRUE(swapped);
  heal(0);
  run_clean();
  EXPECT_EQ(files(0), (Files{{"one/sub/in/second", "2"}, {"two/sub/in/first", "1"}}));
  EXPECT_EQ(files(1), files(0));
}

INSTANTIATE_TEST_SUITE_P(After, SwapDuringScanTest,
                         ::testing::Values("", "one", "one/sub", "one/sub/in", "two", "two/sub"),
                         [](const auto& after) {
                           std::string name = after.param;
                           std::erase(name, '/');
                           return name.empty() ? std::string("root") : name;
                         });

/// A user removes a whole directory after its name was listed, before it is looked into.
class VanishDuringScanTest : public ScanTest, public ::testing::WithParamInterface<std::size_t> {
 protected:
  void SetUp() override {
    for (std::size_t i = 0; i < GetParam(); ++i) {
      add_replica();
    }
    write(0, "dir/file", "1");
    write(0, "dir/below/deep", "2");
    write(0, "stays", "3");
    run_clean();
  }

  void vanish_when_listed() {
    stores_[0]->set_hook([this](const provider::MemoryEvent& event) -> Result<void> {
      if (event.call == "list" && event.path == at("dir") && !vanished_) {
        vanished_ = true;
        EXPECT_TRUE(stores_[0]->user_remove(at("dir")).ok());
      }
      return {};
    });
  }
  void TearDown() override { EXPECT_TRUE(vanished_); }

  bool vanished_ = false;
};

TEST_P(VanishDuringScanTest, ADirectoryThatVanishesBetweenListingAndLookIsUnknown) {
  const Files all = files(0);
  vanish_when_listed();
  options_.max_passes = 1;
  ASSERT_TRUE(run().ok());
  for (std::size_t i = 1; i < GetParam(); ++i) {
    EXPECT_EQ(files(i), all) << "what was not seen to be gone is not deleted";
    EXPECT_TRUE(stores_[i]->trash_contents().empty());
  }
  EXPECT_EQ(files(0), (Files{{"stays", "3"}})) << "nor is it brought back";
  run_clean();
  for (std::size_t i = 0; i < GetParam(); ++i) {
    EXPECT_EQ(files(i), (Files{{"stays", "3"}}));
  }
}

TEST_P(VanishDuringScanTest, AnotherPassOfTheSameRunSeesThatItIsGone) {
  vanish_when_listed();
  std::size_t lists_of_root = 0;
  for (std::size_t i = 1; i < GetParam(); ++i) {
    stores_[i]->set_hook([&, i](const provider::MemoryEvent& event) -> Result<void> {
      lists_of_root += i == 1 && event.call == "list" && event.path.is_root() &&
                               event.when == provider::MemoryEvent::When::kBeforeCall
                           ? 1
                           : 0;
      EXPECT_TRUE(event.call != "remove" || lists_of_root > 1) << "in the first pass";
      return {};
    });
  }
  run_clean();
  for (std::size_t i = 0; i < GetParam(); ++i) {
    EXPECT_EQ(files(i), (Files{{"stays", "3"}}));
  }
}

INSTANTIATE_TEST_SUITE_P(Of, VanishDuringScanTest, ::testing::Values(2U, 3U),
                         [](const auto& replicas) { return std::to_string(replicas.param); });

/// Written as the sync began, where time stamps are coarse and could hide another write.
class YoungFilesTest : public ScanTest {
 protected:
  YoungFilesTest() {
    provider::Capabilities can = provider::full_capabilities();
    can.ctime_reliable = false;
    can.mtime_step = std::chrono::seconds(2);
    add_replica(std::move(can));
    add_replica();
    clock_.advance(std::chrono::milliseconds(1'900));
  }

  /// At once: run() is about to let ten seconds pass.
  void run_now() {
    clock_.advance(std::chrono::seconds(-10));
    run_clean();
  }
};

TEST_F(YoungFilesTest, AreReadOnceMoreAndNotHandedOver) {
  for (int number = 0; number < 20; ++number) {
    ASSERT_TRUE(stores_[0]->user_write(at("young " + std::to_string(number)), "y").ok());
  }
  run_now();
  clock_.advance(std::chrono::seconds(5));
  std::size_t opened = 0;
  for (const auto& store : stores_) {
    store->set_hook([&](const provider::MemoryEvent& event) -> Result<void> {
      if (event.when == provider::MemoryEvent::When::kBeforeCall && event.call == "open") {
        ++opened;
      }
      return {};
    });
  }
  EXPECT_EQ(record_names(scan_now()), Names{});
  EXPECT_GE(opened, 20U);
  run_clean();
  opened = 0;
  EXPECT_EQ(record_names(scan_now()), Names{});
  EXPECT_EQ(opened, 0U) << "the run has noted that it looked";
}

TEST_F(YoungFilesTest, ThatWereWrittenAgainAreHandedOver) {
  ASSERT_TRUE(stores_[0]->user_write(at("young"), "one").ok());
  run_now();
  const tree::Fingerprint before = fingerprint(0, "young");
  ASSERT_TRUE(stores_[0]->user_write(at("young"), "two").ok());  // within the same tick
  ASSERT_TRUE(fingerprint(0, "young").same_version(before));
  EXPECT_EQ(record_names(scan_now()), Names{"young"});
  run_clean();
  EXPECT_EQ(files(1).at("young"), "two");
}

}  // namespace
}  // namespace ox::sync
