#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

/// Of three roots the last one has no room, or takes no writes.
class ClosedRoot : public EngineLab {
 protected:
  void SetUp() override {
    for (int i = 0; i < 3; ++i) {
      add_replica();
    }
    write(0, "old", "old bytes");
    run_clean();
  }

  void expect_others_in_sync(const RunReport& report, std::string_view code) {
    EXPECT_EQ(report.outcome, state::RunOutcome::kPartly);
    EXPECT_TRUE(has_problem(report, code));
    EXPECT_EQ(files(0), files(1));
    for (const state::Problem& problem : report.problems) {
      EXPECT_EQ(problem.replica, 2U) << problem.message;
    }
  }

  /// Of which replicas the state says that they have this file.
  std::vector<bool> acknowledged(std::string_view name) {
    std::vector<bool> sides;
    const auto record = store_->find_child(kRootNode, name).value();
    for (const tree::ReplicaSide& side : record.value().sides) {
      sides.push_back(side.acknowledged.has_value());
    }
    return sides;
  }

  void expect_told_once_and_healed() {
    const RunReport report = run().value();
    EXPECT_EQ(report.outcome, state::RunOutcome::kPartly);
    EXPECT_EQ(report.problems.size(), 1U);
    EXPECT_EQ(files(0), files(1));
    heal(2);
    run_clean();
    EXPECT_EQ(files(2), files(0));
  }
};

TEST_F(ClosedRoot, AFullOneDoesNotStopTheOthers) {
  for (int i = 0; i < 5; ++i) {
    write(0, "new" + std::to_string(i), "new bytes " + std::to_string(i));
  }
  ASSERT_TRUE(stores_[1]->user_remove(at("old")).ok());
  fail_calls(2, "stage", Code::kNoSpace);
  const RunReport report = run().value();
  expect_others_in_sync(report, "no_space");
  EXPECT_EQ(files(1).size(), 5U);
  EXPECT_TRUE(files(2).empty()) << "deletes make room";
  EXPECT_EQ(report.problems.size(), 1U) << "it is the root that is full: told once";
  EXPECT_EQ(report.counts.failed, 5U);
  heal(2);
  run_clean();
  EXPECT_EQ(files(2), files(0));
}

TEST_F(ClosedRoot, WhatAFullOneBringsStillCrosses) {
  write(0, "from-a", "bytes of a");
  write(2, "from-c", "bytes of c");
  fail_calls(2, "stage", Code::kNoSpace);
  expect_others_in_sync(run().value(), "no_space");
  EXPECT_EQ(files(0).size(), 3U);
  heal(2);
  run_clean();
  EXPECT_EQ(files(2), files(0));
}

TEST_F(ClosedRoot, AReadOnlyOneDoesNotStopTheOthers) {
  write(0, "new", "new bytes");
  ASSERT_TRUE(stores_[0]->user_make_directory(at("dir")).ok());
  ASSERT_TRUE(stores_[0]->user_remove(at("old")).ok());
  stores_[2]->set_hook([](const provider::MemoryEvent& event) -> Result<void> {
    const bool reads = event.call == "list" || event.call == "look" || event.call == "open" ||
                       event.call == "read_at" || event.call == "read_identity" ||
                       event.call == "parked" || event.call == "write_identity";
    return reads ? Result<void>{} : Error(Code::kReadOnly, "mounted read-only");
  });
  const RunReport report = run().value();
  EXPECT_EQ(report.outcome, state::RunOutcome::kPartly);
  EXPECT_TRUE(has_problem(report, "read_only"));
  EXPECT_EQ(files(0), files(1));
  EXPECT_EQ(files(2), (std::map<std::string, std::string>{{"old", "old bytes"}}));
  heal(2);
  run_clean();
  EXPECT_EQ(files(2), files(0));
}

TEST_F(ClosedRoot, OneThatTakesNoMarkIsLeftAlone) {
  open_store();
  write(0, "new", "new bytes");
  fail_calls(2, "write_identity", Code::kNoSpace);
  const RunReport report = run().value();
  expect_others_in_sync(report, "no_space");
  EXPECT_FALSE(files(2).contains("new"));
  heal(2);
  run_clean();
  EXPECT_EQ(files(2), files(0));
}

TEST_F(ClosedRoot, OneWhoseWritesDoNotGetDurableAcknowledgesNothing) {
  write(0, "new", "new bytes");
  fail_calls(2, "make_durable", Code::kIo);
  const RunReport report = run().value();
  EXPECT_EQ(report.outcome, state::RunOutcome::kPartly);
  EXPECT_EQ(files(0), files(1));
  heal(2);
  run_clean();
  EXPECT_EQ(files(2), files(0));
}

TEST_F(ClosedRoot, OneWhoseNamesDoNotGetDurableAcknowledgesNothing) {
  write(0, "new", "new bytes");
  fail_calls(2, "settle", Code::kIo);
  options_.max_passes = 1;
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(acknowledged("new"), (std::vector<bool>{true, true, false}));
  heal(2);
  run_clean();
  EXPECT_EQ(acknowledged("new"), (std::vector<bool>{true, true, true}));
}

TEST_F(ClosedRoot, ASourceThatDoesNotGetDurableIsNotAcknowledged) {
  write(0, "new", "new bytes");
  fail_calls(0, "make_durable", Code::kIo);
  options_.max_passes = 1;
  EXPECT_TRUE(has_problem(run().value(), "io"));
  EXPECT_EQ(files(2), files(0));
  EXPECT_EQ(acknowledged("new"), (std::vector<bool>{false, true, true}));
  heal(0);
  run_clean();
  EXPECT_EQ(acknowledged("new"), (std::vector<bool>{true, true, true}));
}

TEST_F(ClosedRoot, ASourceThatDoesNotGetDurableLearnsTheDigestOfWhatIsKnown) {
  options_.policy.mode = plan::Mode::kOneWay;
  options_.policy.keep_mode = plan::KeepMode::kPath1;
  run_clean();
  write(1, "name/in the way", "bytes of b");
  write(2, "name/in the way", "bytes of c");
  write(0, "name", "bytes of the source");
  EXPECT_TRUE(has_problem(run().value(), "in_the_way"));
  const std::uint64_t id = stores_[0]->entries().at(at("name")).fingerprint.id;
  ASSERT_TRUE(stores_[1]->user_rename(at("name"), at("elsewhere")).ok());
  write(1, "name", "bytes of the same name");
  fail_calls(0, "make_durable", Code::kIo);
  ASSERT_TRUE(run().ok());
  heal(0);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(files(1).at("name"), "bytes of the source");
  EXPECT_EQ(stores_[0]->entries().at(at("name")).fingerprint.id, id) << "it got its own bytes";
}

/// The first one makes durable what still stands where it was read.
class DurableByPath : public ClosedRoot {
 protected:
  void SetUp() override {
    provider::Capabilities by_path = provider::full_capabilities();
    by_path.durable_by_path = true;
    add_replica(by_path);
    add_replica();
    add_replica();
    write(0, "old", "old bytes");
    run_clean();
  }
};

TEST_F(DurableByPath, ASourceThatIsMovedAwayMeanwhileIsNotAcknowledged) {
  write(0, "new", "new bytes");
  bool staged = false;
  bool moved = false;
  stores_[1]->set_hook([&](const provider::MemoryEvent& event) -> Result<void> {
    staged = staged || event.call == "stage";
    return {};
  });
  stores_[0]->set_hook([&](const provider::MemoryEvent& event) -> Result<void> {
    if (moved || !staged || event.call != "make_durable") {
      return {};
    }
    moved = true;
    return stores_[0]->user_rename(at("new"), at("moved"));
  });
  options_.max_passes = 1;
  ASSERT_TRUE(run().ok());
  EXPECT_TRUE(moved);
  EXPECT_EQ(acknowledged("new"), (std::vector<bool>{false, true, true}));
  heal(0);
  options_.max_passes = RunOptions().max_passes;
  run_clean();
  EXPECT_EQ(files(0).at("moved"), "new bytes");
  EXPECT_EQ(files(1), files(0));
}

TEST_F(ClosedRoot, ExpiredVersionsMakeRoomOnce) {
  write(0, "old", "newer bytes");
  run_clean();
  ASSERT_EQ(stores_[2]->trash_contents().size(), 1U);
  clock_.advance(std::chrono::hours(24 * 40));
  write(0, "new", "new bytes");
  // Full as long as something is in the trash.
  stores_[2]->set_hook([this](const provider::MemoryEvent& event) -> Result<void> {
    const bool full = event.when == provider::MemoryEvent::When::kBeforeEffect &&
                      event.call == "stage" && !stores_[2]->trash_contents().empty();
    return full ? Error(Code::kNoSpace, "full") : Result<void>{};
  });
  run_clean();
  EXPECT_EQ(files(2), files(0));
}

/// Two roots on one disk that is full as long as something is in the trash of the second.
TEST_F(ClosedRoot, RoomOnTheSameDiskLetsAllTakeTheirMarks) {
  write(0, "old", "newer bytes");
  run_clean();
  ASSERT_EQ(stores_[2]->trash_contents().size(), 1U);
  for (const auto& [path, bytes] : stores_[1]->trash_contents()) {
    ASSERT_TRUE(stores_[1]->purge_trashed(path).ok());
  }
  clock_.advance(std::chrono::hours(24 * 40));
  open_store();
  write(0, "new", "new bytes");
  for (const std::size_t i : {1U, 2U}) {
    stores_[i]->set_hook([this](const provider::MemoryEvent& event) -> Result<void> {
      const bool full = event.call == "write_identity" && !stores_[2]->trash_contents().empty();
      return full ? Error(Code::kNoSpace, "full") : Result<void>{};
    });
  }
  run_clean();
  EXPECT_EQ(files(1), files(0));
  EXPECT_EQ(files(2), files(0));
}

TEST_F(ClosedRoot, WhatThisRunDisplacedIsNoRoom) {
  write(0, "old", "newer bytes");
  write(0, "zzz", "new bytes");
  options_.retention.age = std::chrono::hours(0);
  stores_[2]->set_hook([this](const provider::MemoryEvent& event) -> Result<void> {
    const bool full = event.when == provider::MemoryEvent::When::kBeforeEffect &&
                      event.call == "stage" && !stores_[2]->trash_contents().empty();
    return full ? Error(Code::kNoSpace, "full") : Result<void>{};
  });
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(stores_[2]->trash_contents().size(), 1U);
}

TEST_F(ClosedRoot, OneThatCannotBeListedIsAway) {
  for (const char* call : {"list", "read_identity"}) {
    write(0, call, "new bytes");
    stores_[2]->set_hook([call](const provider::MemoryEvent& event) -> Result<void> {
      return event.call == call ? Error(Code::kIo, "made to fail") : Result<void>{};
    });
    const RunReport report = run().value();
    EXPECT_EQ(report.outcome, state::RunOutcome::kPartly);
    EXPECT_FALSE(report.unreadable);
    EXPECT_EQ(files(0), files(1));
    EXPECT_FALSE(files(2).contains(call));
    heal(2);
    run_clean();
    EXPECT_EQ(files(2), files(0));
  }
}

TEST_F(ClosedRoot, OfTwoTheRunFails) {
  replicas_[1].provider = nullptr;
  stores_[2]->set_hook([](const provider::MemoryEvent& event) -> Result<void> {
    return event.call == "list" ? Error(Code::kIo, "made to fail") : Result<void>{};
  });
  const RunReport report = run().value();
  EXPECT_EQ(report.outcome, state::RunOutcome::kFailed);
  EXPECT_TRUE(report.unreadable);
}

TEST_F(ClosedRoot, ADirectoryThatCannotBeMadeIsToldOnce) {
  // Something known moves into it, so it is made before and not staged with what is new.
  ASSERT_TRUE(stores_[0]->user_make_directory(at("dir")).ok());
  ASSERT_TRUE(stores_[0]->user_rename(at("old"), at("dir/old")).ok());
  fail_calls(2, "make_directory", Code::kPermissionDenied, SIZE_MAX, "dir");
  expect_told_once_and_healed();
}

TEST_F(ClosedRoot, ANewTreeThatCannotBePublishedIsToldOnce) {
  write(0, "dir/one", "bytes 1");
  write(0, "dir/sub/two", "bytes 2");
  fail_calls(2, "publish", Code::kPermissionDenied, SIZE_MAX, "dir");
  expect_told_once_and_healed();
}

TEST_F(ClosedRoot, WhatItCannotKeepIsNotedInALine) {
  provider::Capabilities poor = provider::full_capabilities();
  poor.modes = poor.xattrs = false;
  add_replica(poor);
  store_.reset();
  ASSERT_TRUE(disk_.root()->remove_file("state").ok());
  open_store();
  for (int i = 0; i < 3; ++i) {
    const std::string name = "new" + std::to_string(i);
    write(0, name, "new bytes");
    ASSERT_TRUE(stores_[0]->user_set_xattr(at(name), "user.note", "kept").ok());
  }
  const RunReport report = run_clean();
  ASSERT_EQ(report.notes.size(), 2U);
  EXPECT_EQ(report.notes[0].code, "modes");
  EXPECT_EQ(report.notes[1].code, "xattrs");
  EXPECT_EQ(report.notes[1].replica, 3U);
  EXPECT_NE(report.notes[1].message.find("3 files"), std::string::npos);
  EXPECT_TRUE(run_clean().notes.empty()) << "nothing was done";
}

TEST_F(ClosedRoot, OneWhoseMovesDoNotGetDurableIsTold) {
  ASSERT_TRUE(stores_[0]->user_make_directory(at("dir")).ok());
  // What it shows gets durable; what is done to it does not.
  bool made = false;
  stores_[2]->set_hook([&made](const provider::MemoryEvent& event) -> Result<void> {
    made = made || event.call == "make_directory";
    return made && event.call == "make_durable" ? Error(Code::kIo, "made to fail") : Result<void>{};
  });
  const RunReport report = run().value();
  EXPECT_EQ(report.outcome, state::RunOutcome::kPartly);
  EXPECT_EQ(report.problems.size(), 1U);
  heal(2);
  run_clean();
}

}  // namespace
}  // namespace ox::sync
