#include "sync/settle.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/digest.h"
#include "sync/crash_lab_for_test.h"
#include "sync/engine_lab_for_test.h"
#include "sync/undo.h"
#include "sync/undo_versions.h"

namespace ox::sync {
namespace {

/// Where a crash came, only the old version may count as an earlier one.
void expect_only_old_versions(CrashLab& lab, std::uint64_t crash) {
  SCOPED_TRACE("crash at call " + std::to_string(crash));
  for (ReplicaIndex i = 0; i < 2; ++i) {
    for (const state::VersionRecord& version : lab.store_->versions_in_trash(i).value()) {
      EXPECT_EQ(CrashLab::bytes_of(*lab.providers_[i], version.trashed), "old bytes");
    }
    for (const auto& item : lab.providers_[i]->list_trash().value()) {
      EXPECT_EQ(CrashLab::bytes_of(*lab.providers_[i], item.path), "old bytes")
          << "left in the trash";
    }
  }
}

/// Plays a replacement that dies at call `crash`; false: it came to its end before.
bool dies_replacing(CrashLab& lab, std::uint64_t crash) {
  lab.save("a", "file", "old bytes");
  EXPECT_TRUE(lab.run().ok());
  lab.save("a", "file", "new bytes");
  return lab.dies_in(crash, [&] { ignore(lab.run(), "it dies"); });
}

TEST(SettleAfterCrash, TheTrashNeverHoldsOurNewVersion) {
  bool died = true;
  for (std::uint64_t crash = 1; died; ++crash) {
    CrashLab lab;
    died = dies_replacing(lab, crash);
    ASSERT_TRUE(lab.run().ok());
    EXPECT_EQ(lab.read("b", "file"), "new bytes");
    expect_only_old_versions(lab, crash);
  }
}

TEST(SettleAfterCrash, TheLastOfOurNewVersionsIsKeptWhereItMayBeOne) {
  bool died = true;
  bool waited_in_trash = false;
  for (std::uint64_t crash = 1; died; ++crash) {
    SCOPED_TRACE("crash at call " + std::to_string(crash));
    CrashLab lab;
    died = dies_replacing(lab, crash);
    waited_in_trash = waited_in_trash || (lab.trashed_bytes().contains("new bytes") &&
                                          lab.read("b", "file") == "old bytes");
    // `a` comes back from an older copy, which has no mark of ours yet.
    lab.save("a", "file", "old bytes");
    ASSERT_TRUE(lab.folder("a")
                    ->open_below(RelPath::parse(".syncoxiders/id").value())
                    .value()
                    ->remove_file(lab.facts_.id)
                    .ok());
    const bool left_on_b = lab.all_bytes().contains("new bytes");
    const Result<RunReport> report = lab.run();
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    ASSERT_TRUE(report->rebased);
    EXPECT_EQ(left_on_b, lab.all_bytes().contains("new bytes"));
  }
  EXPECT_TRUE(waited_in_trash);
}

TEST(SettleAfterCrash, UndoBringsTheOldVersionOrNothing) {
  bool died = true;
  for (std::uint64_t crash = 1; died; ++crash) {
    SCOPED_TRACE("crash at call " + std::to_string(crash));
    CrashLab lab;
    died = dies_replacing(lab, crash);
    const auto last = lab.store_->runs(1).value().front();
    ASSERT_TRUE(settle(*lab.store_, lab.replicas_, lab.services()).ok());
    const std::string before = lab.read("b", "file");
    const auto undone = undo_run(*lab.store_, lab.replicas_, last.id, lab.services(), {});
    if (last.id == RunId{1}) {
      continue;  // it died before it had begun
    }
    ASSERT_TRUE(undone.ok()) << undone.error().to_string();
    // Whatever stood in place, afterwards the old version does.
    EXPECT_EQ(lab.read("b", "file"), "old bytes") << "it was " << before;
  }
}

TEST(SettleAfterCrash, AnEditMadeSinceIsNotTakenForOurs) {
  bool died = true;
  for (std::uint64_t crash = 1; died; ++crash) {
    SCOPED_TRACE("crash at call " + std::to_string(crash));
    CrashLab lab;
    died = dies_replacing(lab, crash);
    lab.save("b", "file", "edited since");
    const auto last = lab.store_->runs(1).value().front();
    if (last.id == RunId{1}) {
      continue;
    }
    ASSERT_TRUE(undo_run(*lab.store_, lab.replicas_, last.id, lab.services(), {}).ok());
    EXPECT_EQ(lab.read("b", "file"), "edited since");
  }
}

fs::MemoryOptions able_of_nothing() {
  fs::MemoryOptions disk;
  disk.rename_no_replace = disk.rename_exchange = disk.hard_links = fs::Support::kNo;
  return disk;
}

TEST(SettleAfterCrash, NoPlaceholderStaysUnderAFinalName) {
  bool died = true;
  for (std::uint64_t crash = 1; died; ++crash) {
    SCOPED_TRACE("crash at call " + std::to_string(crash));
    CrashLab lab(able_of_nothing());
    ASSERT_TRUE(lab.folder("a")->make_directory("dir", 0755).ok());
    lab.save("a", "file", "old bytes");
    lab.save("a", "moves", "bytes of what moves, long enough");
    ASSERT_TRUE(lab.run().ok());
    const auto a = lab.folder("a");
    ASSERT_TRUE(a->rename("dir", *a, "dir-2", fs::RenameMode::kReplace).ok());
    ASSERT_TRUE(a->rename("moves", *a, "moves-2", fs::RenameMode::kReplace).ok());
    lab.save("a", "file", "new bytes");
    lab.save("a", "new", "bytes of a new one");
    died = lab.dies_in(crash, [&] { ignore(lab.run(), "it dies"); });
    const Result<RunReport> report = lab.run();
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_TRUE(report->conflicts.empty());
    for (const char* root : {"a", "b"}) {
      std::vector<std::string> names;
      for (const fs::DirectoryItem& item : lab.folder(root)->list().value()) {
        names.push_back(item.name);
      }
      std::ranges::sort(names);
      EXPECT_EQ(names,
                (std::vector<std::string>{".syncoxiders", "dir-2", "file", "moves-2", "new"}));
      EXPECT_EQ(lab.read(root, "file"), "new bytes");
      EXPECT_EQ(lab.read(root, "new"), "bytes of a new one");
      EXPECT_EQ(lab.read(root, "moves-2"), "bytes of what moves, long enough");
    }
    for (ReplicaIndex i = 0; i < 2; ++i) {
      for (const state::VersionRecord& version : lab.store_->versions_in_trash(i).value()) {
        EXPECT_EQ(CrashLab::bytes_of(*lab.providers_[i], version.trashed), "old bytes");
      }
    }
  }
}

std::vector<std::string> names_in(CrashLab& lab, std::string_view root) {
  std::vector<std::string> names;
  for (const fs::DirectoryItem& item : lab.folder(root)->list().value()) {
    if (item.name != ".syncoxiders") {
      names.push_back(item.name);
    }
  }
  std::ranges::sort(names);
  return names;
}

/// Two names have changed places on `a`; on `b`, which can do nothing at once, one is parked when
/// the process dies.
void die_with_one_parked(CrashLab& lab) {
  lab.save("a", "x", "bytes of x");
  lab.save("a", "y", "bytes of y, longer");
  ASSERT_TRUE(lab.run().ok());
  const auto a = lab.folder("a");
  for (const auto& [from, to] : {std::pair("x", "t"), std::pair("y", "x"), std::pair("t", "y")}) {
    ASSERT_TRUE(a->rename(from, *a, to, fs::RenameMode::kReplace).ok());
  }
  lab.plan_->clear();
  const auto stages =
      lab.folder("b")->open_directory(".syncoxiders").value()->open_directory("stage").value();
  const auto stage = stages->open_directory(lab.facts_.id).value();
  lab.plan_->set_hook([&](std::uint64_t call) {
    if (std::ranges::any_of(stage->list().value(), [](const fs::DirectoryItem& item) {
          return item.name.starts_with("parked-");
        })) {
      lab.plan_->crash_at(call);
    }
  });
  ignore(lab.run(), "it dies");
  ASSERT_TRUE(lab.plan_->crashed());
  lab.plan_->set_hook({});
}

TEST(SettleAfterCrash, NoPlaceholderStaysOfAStartThatDiedItself) {
  bool died = true;
  for (std::uint64_t crash = 1; died; ++crash) {
    SCOPED_TRACE("crash at call " + std::to_string(crash));
    CrashLab lab(able_of_nothing());
    die_with_one_parked(lab);
    lab.start();
    died = lab.dies_in(
        crash, [&] { ignore(settle(*lab.store_, lab.replicas_, lab.services()), "it dies, too"); });
    ASSERT_TRUE(lab.run().ok());
    for (const char* root : {"a", "b"}) {
      EXPECT_EQ(names_in(lab, root), (std::vector<std::string>{"x", "y"}));
      EXPECT_EQ(lab.read(root, "x"), "bytes of y, longer");
      EXPECT_EQ(lab.read(root, "y"), "bytes of x");
    }
  }
}

TEST(SettleAfterCrash, NoPlaceholderStandsInTheWayOfWhatIsParked) {
  bool died = true;
  for (std::uint64_t crash = 1; died; ++crash) {
    SCOPED_TRACE("crash at call " + std::to_string(crash));
    CrashLab lab(able_of_nothing());
    lab.save("a", "x", "bytes of x");
    lab.save("a", "y", "");
    ASSERT_TRUE(lab.run().ok());
    for (const auto& [from, to] : {std::pair("x", "t"), std::pair("y", "x"), std::pair("t", "y")}) {
      lab.rename("a", from, to);
    }
    died = lab.dies_in(crash, [&] { ignore(lab.run(), "it dies"); });
    const Result<RunReport> report = lab.run();
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_TRUE(report->problems.empty()) << report->problems.front().message;
    for (const char* root : {"a", "b"}) {
      EXPECT_EQ(names_in(lab, root), (std::vector<std::string>{"x", "y"}));
      EXPECT_EQ(lab.read(root, "x"), "");
      EXPECT_EQ(lab.read(root, "y"), "bytes of x");
    }
  }
}

TEST(SettleAfterCrash, ANewDirectoryHasItsModeEverywhere) {
  bool died = true;
  for (std::uint64_t crash = 1; died; ++crash) {
    SCOPED_TRACE("crash at call " + std::to_string(crash));
    CrashLab lab;
    ASSERT_TRUE(lab.folder("a")->make_directory("dir", 0755).ok());
    ASSERT_TRUE(lab.run().ok());
    lab.rename("a", "dir", "renamed");
    ASSERT_TRUE(lab.folder("a")->make_directory("dir", 0755).ok());
    lab.save("b", "dir/file", "bytes");
    died = lab.dies_in(crash, [&] { ignore(lab.run(), "it dies"); });
    ASSERT_TRUE(lab.run().ok());
    EXPECT_EQ(lab.tree("a"), lab.tree("b"));
    for (const auto& [path, what] : lab.tree("b")) {
      EXPECT_TRUE(what.starts_with(path.ends_with("file") ? "420" : "493")) << path << what;
    }
  }
}

/// A version that came in the gap on a store that only looks before it acts.
class CameMeanwhile : public EngineLab {
 protected:
  void SetUp() override {
    add_replica();
    provider::Capabilities can = provider::full_capabilities();
    can.remove = provider::Cas::kRacy;
    add_replica(can);
    write(0, "file", "old bytes");
    run_clean();
    run_clean();
    ASSERT_TRUE(stores_[0]->user_remove(at("file")).ok());
  }
};

TEST_F(CameMeanwhile, StandsBesideWhereItCannotBePutBack) {
  bool edited = false;
  bool failed = false;
  stores_[1]->set_hook([&](const provider::MemoryEvent& event) -> Result<void> {
    if (event.when != provider::MemoryEvent::When::kBeforeEffect) {
      return {};
    }
    if (!edited && event.call == "remove") {
      edited = true;
      return stores_[1]->user_write(at("file"), "the edit of a user of b");
    }
    if (!failed && event.call == "restore_trashed") {
      failed = true;
      return Error(Code::kIo, "made to fail");
    }
    return {};
  });
  const RunReport report = run().value();
  EXPECT_TRUE(failed);
  EXPECT_TRUE(has_problem(report, "changed_meanwhile"));
  heal(1);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(files(0), files(1));
  ASSERT_EQ(files(1).size(), 1U);
  EXPECT_EQ(files(1).begin()->second, "the edit of a user of b");
}

/// Where `b` removes what `a` deleted, at which call it goes.
std::uint64_t call_of_removal() {
  CrashLab lab(able_of_nothing());
  lab.save("a", "file", "old bytes");
  EXPECT_TRUE(lab.run().ok());
  EXPECT_TRUE(lab.folder("a")->remove_file("file").ok());
  std::uint64_t gone = 0;
  lab.plan_->clear();
  lab.plan_->set_hook(
      [&](std::uint64_t call) { gone = gone == 0 && names_in(lab, "b").empty() ? call : gone; });
  EXPECT_TRUE(lab.run().ok());
  lab.plan_->set_hook({});  // its end writes, too
  return gone;
}

TEST(SettleAfterCrash, WhatCameInTheGapBeforeARemovalStands) {
  const std::uint64_t gone = call_of_removal();
  ASSERT_GT(gone, 12U);
  for (std::uint64_t edit = gone - 12; edit <= gone; ++edit) {
    for (std::uint64_t crash = edit + 1; crash < edit + 12; ++crash) {
      SCOPED_TRACE("edit at call " + std::to_string(edit) + ", crash at " + std::to_string(crash));
      CrashLab lab(able_of_nothing());
      lab.save("a", "file", "old bytes");
      ASSERT_TRUE(lab.run().ok());
      ASSERT_TRUE(lab.folder("a")->remove_file("file").ok());
      lab.plan_->clear();
      lab.plan_->crash_at(crash);
      lab.plan_->set_hook([&](std::uint64_t call) {
        if (call == edit) {
          lab.save("b", "file", "edited in the gap");
        }
      });
      ignore(lab.run(), "it dies");
      lab.plan_->set_hook({});
      lab.start();
      ASSERT_TRUE(lab.run().ok());
      ASSERT_TRUE(lab.run().ok());
      for (const char* root : {"a", "b"}) {
        const std::vector<std::string> names = names_in(lab, root);
        std::vector<std::string> texts;
        for (const std::string& name : names) {
          texts.push_back(name + ": " + lab.read(root, name));
        }
        EXPECT_TRUE(names.size() == 1 && lab.read(root, names.front()) == "edited in the gap")
            << ::testing::PrintToString(texts);
      }
    }
  }
}

TEST(SettleAfterCrash, ARunWithoutOpenBatchesIsInterruptedToo) {
  CrashLab lab;
  state::Commit commit;
  commit.runs.push_back({.id = RunId{1}, .started = lab.clock_.now(), .command = "sync"});
  ASSERT_TRUE(lab.store_->commit(commit).ok());
  ASSERT_TRUE(settle(*lab.store_, lab.replicas_, lab.services()).ok());
  EXPECT_EQ(lab.store_->runs(1).value().front().outcome, state::RunOutcome::kInterrupted);
}

class RunRecords : public EngineLab {};

TEST_F(RunRecords, SayHowARunEndedEarly) {
  add_replica();
  add_replica();
  write(0, "file", "bytes");
  std::stop_source stop;
  stores_[1]->set_hook([&](const provider::MemoryEvent& event) -> Result<void> {
    if (event.call == "stage") {
      stop.request_stop();
    }
    return {};
  });
  EXPECT_TRUE(run(stop.get_token()).failed_with(Code::kCancelled));
  const state::RunRecord record = store_->runs(1).value().front();
  EXPECT_EQ(record.outcome, state::RunOutcome::kInterrupted);
  EXPECT_TRUE(record.finished.has_value());
}

class DisplacedDigest : public EngineLab {};

TEST_F(DisplacedDigest, IsNotThatOfAnotherVersionOfTheSameSize) {
  add_replica();
  add_replica();
  options_.policy.auto_merge = true;
  write(0, "file", "a\nb\nc\n");
  run_clean();
  run_clean();
  // The merged text displaces two versions that were never acknowledged.
  write(0, "file", "A\nb\nc\n");
  write(1, "file", "a\nb\nC\n");
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(files(0)["file"], "A\nb\nC\n");
  const auto versions = store_->versions_in_trash(0).value();
  ASSERT_EQ(versions.size(), 1U);
  EXPECT_EQ(stores_[0]->trash_contents().begin()->second, "A\nb\nc\n");
  EXPECT_FALSE(versions.front().content.digest.has_value());
}

TEST_F(DisplacedDigest, IsKnownOfTheAcknowledgedVersion) {
  add_replica();
  add_replica();
  write(0, "file", "bytes 1");
  run_clean();
  run_clean();
  write(0, "file", "bytes 2");
  run_clean();
  const auto versions = store_->versions_in_trash(1).value();
  ASSERT_EQ(versions.size(), 1U);
  EXPECT_EQ(versions.front().content.digest, crypto::sha256(as_bytes_view("bytes 1")));
}

}  // namespace
}  // namespace ox::sync
