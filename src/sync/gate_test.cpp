#include "sync/gate.h"

#include "sync/crash_lab_for_test.h"
#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

provider::Capabilities read_only() {
  provider::Capabilities can = provider::full_capabilities();
  can.create = can.replace = can.remove = can.move = provider::Cas::kNone;
  can.exchange = can.mtime_settable = false;
  return can;
}

/// The second root takes no writes, and so no mark.
class Unmarked : public EngineLab {
 protected:
  void SetUp() override {
    add_replica();
    add_replica(read_only());
    write(1, "kept", "bytes of what is kept");
    older_ = stores_[1]->snapshot();
    write(1, "file", "bytes of the file");
    ASSERT_TRUE(run().ok());
    ASSERT_EQ(files(0).size(), 2U);
  }

  std::shared_ptr<const provider::MemoryProvider::Snapshot> older_;
};

TEST_F(Unmarked, IsHeldWhenItIsEmpty) {
  ASSERT_TRUE(stores_[1]->user_remove(at("kept")).ok());
  ASSERT_TRUE(stores_[1]->user_remove(at("file")).ok());
  const RunReport report = run().value();
  EXPECT_EQ(report.held, std::vector<std::string>{"root b"});
  EXPECT_EQ(files(0).size(), 2U);
}

TEST_F(Unmarked, IsBelievedAsLongAsItTakesNoWrites) {
  ASSERT_TRUE(stores_[1]->user_remove(at("file")).ok());
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(files(0).size(), 1U);
}

TEST_F(Unmarked, IsNotBelievedOnceItTakesWrites) {
  stores_[1] = std::make_unique<provider::MemoryProvider>(
      provider::MemoryOptions{.capabilities = provider::full_capabilities(), .clock = &clock_});
  stores_[1]->restore(older_);
  replicas_[1].provider = stores_[1].get();
  const RunReport report = run().value();
  EXPECT_TRUE(report.rebased);
  EXPECT_EQ(files(0).size(), 2U) << "it may have come back from an older copy";
  EXPECT_EQ(files(1), files(0));
}

/// Two roots with our marks; the older copy of the second one lacks what came since.
class Epochs : public EngineLab {
 protected:
  void SetUp() override {
    add_replica();
    add_replica();
    write(0, "kept", "bytes of what is kept");
    run_clean();
    older_ = stores_[1]->snapshot();
    write(0, "new", "bytes of what is new");
    run_clean();
  }

  std::shared_ptr<const provider::MemoryProvider::Snapshot> older_;
};

TEST_F(Epochs, OfAnOlderCopyMakeAUnion) {
  stores_[1]->restore(older_);
  const RunReport report = run().value();
  EXPECT_TRUE(report.rebased);
  EXPECT_EQ(files(0).size(), 2U) << "what the copy lacks is not deleted";
  EXPECT_EQ(files(1), files(0));
}

TEST_F(Epochs, OfARootThatIsEmptyNowAreMissed) {
  stores_[1] = std::make_unique<provider::MemoryProvider>(
      provider::MemoryOptions{.capabilities = provider::full_capabilities(), .clock = &clock_});
  replicas_[1].provider = stores_[1].get();
  const RunReport report = run().value();
  EXPECT_EQ(report.held, std::vector<std::string>{"root b"});
  EXPECT_TRUE(files(1).empty()) << "its disk may not be mounted";
  EXPECT_EQ(files(0).size(), 2U);
}

TEST_F(Epochs, OfTwoHistoriesHaveNoneInCommonThoughTheClockWasSetBack) {
  clock_.set_wall(Timestamp{1'000'000'000'000});
  write(0, "one", "bytes of one");
  const Bytes older_state = copy_state();
  run_clean();
  const auto root_of_one_history = stores_[1]->snapshot();
  restore_state(older_state);
  EXPECT_TRUE(run().value().rebased) << "the other history begins";
  stores_[1]->restore(root_of_one_history);
  EXPECT_TRUE(run().value().rebased);
}

TEST_F(Epochs, GoOnFromRunToRun) {
  for (const char* name : {"one", "two"}) {
    write(1, name, "bytes");
    EXPECT_FALSE(run_clean().rebased);
  }
}

TEST(EpochsAfterCrash, AtAnyCallTheRootsAreKnown) {
  bool died = true;
  for (std::uint64_t crash = 1; died; ++crash) {
    SCOPED_TRACE("crash at call " + std::to_string(crash));
    CrashLab lab;
    lab.save("a", "file", "bytes");
    ASSERT_TRUE(lab.run().ok());
    ASSERT_TRUE(lab.folder("a")->remove_file("file").ok());
    died = lab.dies_in(crash, [&] { ignore(lab.run(), "it dies"); });
    const Result<RunReport> report = lab.run();
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_FALSE(report->rebased) << report->rebase_reason;
    EXPECT_EQ(lab.read("a", "file"), "nothing") << "a delete that nobody opposed";
    EXPECT_EQ(lab.read("b", "file"), "nothing");
  }
}

TEST(EpochsAfterCrash, OfAnOlderCopyNothingExcludedIsBelievedLater) {
  const std::string mark = ".syncoxiders/id/" + std::string(31, '0') + "7";
  bool died = true;
  for (std::uint64_t crash = 1; died && !::testing::Test::HasFailure(); ++crash) {
    SCOPED_TRACE("crash at call " + std::to_string(crash));
    CrashLab lab;
    ASSERT_TRUE(lab.folder("a")->make_directory("folder", 0755).ok());
    ASSERT_TRUE(lab.run().ok());
    const std::string older_mark = lab.read("b", mark);
    lab.save("a", "folder/file", "bytes");
    ASSERT_TRUE(lab.run().ok());
    ASSERT_TRUE(lab.folder("b")->open_directory("folder").value()->remove_file("file").ok());
    lab.write("b", mark, older_mark);
    ASSERT_TRUE(lab.filter_.add({}, "folder").ok());
    died = lab.dies_in(crash, [&] { ignore(lab.run(), "it dies"); });
    lab.filter_ = {};
    ASSERT_TRUE(lab.run().ok());
    EXPECT_EQ(lab.read("a", "folder/file"), "bytes") << "what the copy lacks is not deleted";
    EXPECT_EQ(lab.read("b", "folder/file"), "bytes");
  }
}

/// Two files of one name, size and time, but with other bytes.
class BytesNotCompared : public EngineLab {
 protected:
  void SetUp() override {
    add_replica();
    add_replica();
    write(0, "file", "some bytes");
    write(1, "file", "more bytes");
    for (const auto& store : stores_) {
      ASSERT_TRUE(store->user_touch(at("file"), Timestamp{1'000'000'000}).ok());
    }
    options_.policy.compare.hash = false;
    EXPECT_TRUE(run().value().conflicts.empty());
  }

  std::set<std::string> all_bytes(std::size_t replica) const {
    std::set<std::string> found;
    for (const auto& [path, bytes] : files(replica)) {
      found.insert(bytes);
    }
    return found;
  }
};

TEST_F(BytesNotCompared, AnyLongerMeansNoRebase) {
  options_.policy.compare.hash = true;
  ASSERT_TRUE(run().ok());
  write(0, "another", "bytes of another");
  options_.policy.compare.hash = false;
  for (int repeat = 0; repeat < 2; ++repeat) {
    EXPECT_FALSE(run().value().rebased);
  }
}

TEST_F(BytesNotCompared, AgainMeansThatAllIsCompared) {
  options_.policy.compare.hash = true;
  const RunReport report = run().value();
  EXPECT_TRUE(report.rebased);
  EXPECT_EQ(report.rebase_reason, "bytes are compared again");
  EXPECT_EQ(report.conflicts.size(), 1U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(all_bytes(i), (std::set<std::string>{"some bytes", "more bytes"})) << i;
  }
  EXPECT_FALSE(run().value().rebased);
}

}  // namespace
}  // namespace ox::sync
