#include <algorithm>
#include <functional>
#include <optional>

#include "sync/crash_lab_for_test.h"
#include "sync/undo.h"
#include "sync/undo_versions.h"

namespace ox::sync {
namespace {

struct DiskKind {
  const char* name;
  fs::MemoryOptions options;
};

fs::MemoryOptions bare_disk() {
  fs::MemoryOptions disk;
  disk.rename_no_replace = disk.rename_exchange = disk.hard_links = fs::Support::kNo;
  return disk;
}

/// Three folders in sync, of which each has bytes of its own that a run is going to spread.
class UndoLab : public CrashLab {
 public:
  explicit UndoLab(const fs::MemoryOptions& disk) : CrashLab(disk, {"a", "b", "c"}) {
    for (const char* directory :
         {"dir", "dir/in", "gone", "other", "was", "was/gone", "was/kept"}) {
      EXPECT_TRUE(parent("a", directory)->make_directory(name(directory), 0755).ok());
    }
    for (const char* path : {"edited", "deleted", "dir/in/moves", "x", "y", "gone/file", "mode",
                             "was/kept/edited", "was/kept/deleted", "was/kept/mode", "u", "v"}) {
      save("a", path, std::string("first bytes of ") + path);
    }
    run_clean();
  }

  /// What the run to be undone has to spread: from `a` and from `b`.
  void change() {
    save("a", "edited", "second bytes of edited, longer");
    save("b", "dir/new", "first bytes of dir/new");
    rename("a", "dir/in/moves", "other/moved");
    EXPECT_TRUE(folder("a")->remove_file("deleted").ok());
    EXPECT_TRUE(folder("b")->open_directory("gone").value()->remove_file("file").ok());
    EXPECT_TRUE(folder("b")->remove_directory("gone").ok());
    for (const auto& [from, to] : {std::pair("x", "t"), std::pair("y", "x"), std::pair("t", "y")}) {
      rename("b", from, to);
    }
    EXPECT_TRUE(folder("a")->set_mode("mode", 0600).ok());
    // A directory that moves while much is done in it, and a swap of files that are edited as well.
    rename("b", "was", "dir/is");
    save("b", "dir/is/kept/edited", "second bytes of was/kept/edited");
    const auto kept = parent("b", "dir/is/kept/deleted");
    EXPECT_TRUE(kept->remove_file("deleted").ok());
    EXPECT_TRUE(kept->set_mode("mode", 0600).ok());
    EXPECT_TRUE(parent("b", "dir/is/gone")->remove_directory("gone").ok());
    for (const auto& [from, to] : {std::pair("u", "t"), std::pair("v", "u"), std::pair("t", "v")}) {
      rename("a", from, to);
    }
    write("a", "u", "second bytes of v");
  }

  void run_clean() {
    const Result<RunReport> report = run();
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_EQ(report->outcome, state::RunOutcome::kInSync);
    for (const state::Problem& problem : report->problems) {
      ADD_FAILURE() << problem.path.text() << " " << problem.code << ": " << problem.message;
    }
  }

  using Trees = std::vector<std::map<std::string, std::string>>;
  Trees trees() { return {tree("a"), tree("b"), tree("c")}; }

  RunId last_run() { return store_->runs(1).value().front().id; }

  Result<UndoReport> undo(RunId run) {
    clock_.advance(std::chrono::seconds(10));
    return undo_run(*store_, replicas_, run, services(), {});
  }

  /// A plain run settles what is left, every version still stands and nothing of ours lies about.
  void expect_settled_by_a_plain_run(const std::set<std::string>& versions) {
    run_clean();
    const Trees now = trees();
    EXPECT_EQ(now[0], now[1]);
    EXPECT_EQ(now[0], now[2]);
    run_clean();
    EXPECT_EQ(trees(), now) << "the second run had something to do";
    const std::set<std::string> kept = all_bytes();
    for (const std::string& version : versions) {
      EXPECT_TRUE(kept.contains(version)) << version << " is lost";
    }
    for (const std::string& bytes : kept) {
      EXPECT_TRUE(versions.contains(bytes)) << "nobody wrote " << bytes;
    }
    for (const char* root : {"a", "b", "c"}) {
      EXPECT_EQ(leftovers(root), std::set<std::string>{}) << root;
    }
  }
};

/// What stands in one of them only, or differs; a line each.
std::string difference(const UndoLab::Trees& expected, const UndoLab::Trees& found) {
  std::string text;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    for (const auto& [path, what] : expected[i]) {
      const auto other = found[i].find(path);
      if (other == found[i].end() || other->second != what) {
        text += "\n" + std::to_string(i) + " " + path + ": " + what +
                ", but found: " + (other == found[i].end() ? "nothing" : other->second);
      }
    }
    for (const auto& [path, what] : found[i]) {
      text += expected[i].contains(path)
                  ? ""
                  : "\n" + std::to_string(i) + " " + path + " was not to be: " + what;
    }
  }
  return text;
}

/// The run to be undone, and how all stood before it.
struct Done {
  UndoLab::Trees before;
  std::set<std::string> versions;
  RunId run;
  std::optional<Version> displaced;  ///< that a restore is to bring back
};

Done change_and_run(UndoLab& lab) {
  Done done;
  lab.change();
  done.before = lab.trees();
  done.versions = lab.all_bytes();
  lab.run_clean();
  done.run = lab.last_run();
  EXPECT_EQ(lab.all_bytes(), done.versions);
  return done;
}

/// A version of `edited` that the run displaced.
Result<Version> displaced_version(UndoLab& lab) {
  TRY_ASSIGN(const std::vector<Version> versions,
             list_versions(*lab.store_, lab.replicas_, RelPath::parse("edited").value()));
  for (const Version& version : versions) {
    const Version::Holder& holder = version.holders.front();
    if (CrashLab::bytes_of(*lab.providers_[holder.replica], holder.trashed) ==
        "first bytes of edited") {
      return version;
    }
  }
  return Error(Code::kNotFound, "it is in no trash");
}

/// What a restore on `b` displaces stands nowhere else.
Done run_and_edit_since(UndoLab& lab) {
  Done done = change_and_run(lab);
  lab.save("b", "edited", "third bytes of edited, on b alone");
  done.versions = lab.all_bytes();
  done.displaced = displaced_version(lab).value();
  return done;
}

Result<RestoreReport> restore(UndoLab& lab, const Version& version) {
  lab.clock_.advance(std::chrono::seconds(10));
  return restore_version(*lab.store_, lab.replicas_, RelPath::parse("edited").value(), version,
                         ReplicaIndex{1}, lab.services(), {});
}

class UndoCrash : public ::testing::TestWithParam<DiskKind> {
 protected:
  /// A process dies at each call of `work` in turn, each time after another `begin` on another
  /// disk, and `judge` looks at what the next process makes of it.
  static void strike_each_call(Done (*begin)(UndoLab&),
                               const std::function<void(UndoLab&, const Done&)>& work,
                               const std::function<void(UndoLab&, const Done&)>& judge) {
    bool died = true;
    for (std::uint64_t crash = 1; died && !HasFailure(); ++crash) {
      SCOPED_TRACE("crash at call " + std::to_string(crash));
      UndoLab lab(GetParam().options);
      const Done done = begin(lab);
      died = lab.dies_in(crash, [&] { work(lab, done); });
      judge(lab, done);
    }
  }

  static void undo(UndoLab& lab, const Done& done) { ignore(lab.undo(done.run), "it dies"); }
  static void restore_old(UndoLab& lab, const Done& done) {
    ignore(restore(lab, done.displaced.value()), "it dies");
  }
};

INSTANTIATE_TEST_SUITE_P(On, UndoCrash,
                         ::testing::Values(DiskKind{"AWholeDisk", {}},
                                           DiskKind{"ABareDisk", bare_disk()}),
                         [](const auto& disk) { return std::string(disk.param.name); });

TEST_P(UndoCrash, AtAnyCallTheSameUndoGoesOn) {
  strike_each_call(change_and_run, undo, [](UndoLab& lab, const Done& done) {
    const Result<UndoReport> again = lab.undo(done.run);
    ASSERT_TRUE(again.ok()) << again.error().to_string();
    for (const UndoSkip& skipped : again->skipped) {
      ADD_FAILURE() << skipped.replica << " " << skipped.path.text() << " " << skipped.reason;
    }
    EXPECT_EQ(difference(done.before, lab.trees()), "");
  });
}

TEST_P(UndoCrash, AtAnyCallThePlainRunSettlesIt) {
  strike_each_call(change_and_run, undo, [](UndoLab& lab, const Done& done) {
    lab.expect_settled_by_a_plain_run(done.versions);
  });
}

TEST_P(UndoCrash, OfARestoreAtAnyCallTheSameRestoreIsDoneAgain) {
  strike_each_call(run_and_edit_since, restore_old, [](UndoLab& lab, const Done& done) {
    const Result<RestoreReport> again = restore(lab, displaced_version(lab).value());
    ASSERT_TRUE(again.ok()) << again.error().to_string();
    EXPECT_EQ(lab.read("b", "edited"), "first bytes of edited");
    EXPECT_EQ(lab.read("a", "edited"), "second bytes of edited, longer");
    lab.expect_settled_by_a_plain_run(done.versions);
    EXPECT_EQ(lab.read("a", "edited"), "first bytes of edited");
    EXPECT_TRUE(lab.trashed_bytes().contains("third bytes of edited, on b alone"));
  });
}

TEST_P(UndoCrash, OfARestoreAtAnyCallThePlainRunSettlesIt) {
  std::set<std::string> came_of_it;
  strike_each_call(run_and_edit_since, restore_old, [&](UndoLab& lab, const Done& done) {
    lab.expect_settled_by_a_plain_run(done.versions);
    came_of_it.insert(lab.read("c", "edited"));
  });
  EXPECT_EQ(came_of_it,
            (std::set<std::string>{"first bytes of edited", "third bytes of edited, on b alone"}));
}

}  // namespace
}  // namespace ox::sync
