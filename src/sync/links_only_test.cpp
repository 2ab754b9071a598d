#include "sync/crash_lab_for_test.h"

/// A disk that can only link (NFS, some FUSE): a rename that must not replace is a link and a
/// removal there, names change places through the stage.
namespace ox::sync {
namespace {

fs::MemoryOptions links_only() {
  fs::MemoryOptions options;
  options.rename_no_replace = options.rename_exchange = fs::Support::kNo;
  return options;
}

/// `x` and `y` change places on `a`, `z` gets another name.
class LinksOnly : public CrashLab {
 public:
  explicit LinksOnly(const fs::MemoryOptions& options = links_only()) : CrashLab(options) {
    for (const char* name : {"x", "y", "z"}) {
      save("a", name, std::string("bytes of ") + name + ", long enough");
    }
    EXPECT_TRUE(run().ok());
  }

  void swap_names() {
    rename("a", "x", "between");
    rename("a", "y", "x");
    rename("a", "between", "y");
    rename("a", "z", "new name of z");
  }

  void expect_in_sync() {
    const Result<RunReport> report = run();
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_EQ(report->outcome, state::RunOutcome::kInSync);
    EXPECT_EQ(tree("a"), tree("b"));
  }
};

TEST(LinksOnly, ACrashLeavesNoNameTooMany) {
  bool died = true;
  for (std::uint64_t crash = 1; died && !::testing::Test::HasFailure(); ++crash) {
    SCOPED_TRACE("crash at call " + std::to_string(crash));
    LinksOnly lab;
    lab.swap_names();
    died = lab.dies_in(crash, [&] { ignore(lab.run(), "it dies"); });
    lab.expect_in_sync();
    EXPECT_EQ(lab.tree("b").size(), 3U);
    for (const auto& item : lab.folder("b")->list().value()) {
      EXPECT_TRUE(item.name == ".syncoxiders" || item.stat.link_count == 1) << item.name;
    }
    EXPECT_EQ(lab.read("b", "y"), "bytes of x, long enough");
    EXPECT_EQ(lab.read("b", "new name of z"), "bytes of z, long enough");
    EXPECT_EQ(lab.trashed_bytes(), std::set<std::string>{});
    EXPECT_EQ(lab.leftovers("b"), std::set<std::string>{});
  }
}

TEST(LinksOnly, ACrashWhileBytesAreReplacedLeavesNothingStaged) {
  for (const fs::Support exchange : {fs::Support::kNo, fs::Support::kYes}) {
    fs::MemoryOptions options = links_only();
    options.rename_exchange = exchange;
    bool died = true;
    for (std::uint64_t crash = 1; died && !::testing::Test::HasFailure(); ++crash) {
      SCOPED_TRACE("crash at call " + std::to_string(crash));
      LinksOnly lab(options);
      lab.save("a", "x", "other bytes of x, longer than before");
      died = lab.dies_in(crash, [&] { ignore(lab.run(), "it dies"); });
      lab.expect_in_sync();
      EXPECT_EQ(lab.read("b", "x"), "other bytes of x, longer than before");
      EXPECT_EQ(lab.leftovers("b"), std::set<std::string>{});
    }
  }
}

TEST(LinksOnly, APowerCutAfterARunBringsNoNameBack) {
  fs::MemoryOptions options = links_only();
  options.sync_whole = fs::Support::kNo;
  for (std::uint64_t seed = 1; seed <= 16; ++seed) {
    LinksOnly lab(options);
    lab.swap_names();
    lab.expect_in_sync();
    lab.power_cut(seed);
    EXPECT_EQ(lab.leftovers("b"), std::set<std::string>{});
    EXPECT_EQ(lab.read("b", "y"), "bytes of x, long enough");
  }
}

TEST(LinksOnly, TwoNamesOfOneFileChangePlacesInOneRun) {
  LinksOnly lab;
  const auto b = lab.folder("b");
  ASSERT_TRUE(b->remove_file("y").ok());
  ASSERT_TRUE(b->link("x", *b, "y").ok());
  lab.expect_in_sync();
  ASSERT_EQ(lab.read("a", "y"), "bytes of x, long enough");
  lab.swap_names();
  lab.expect_in_sync();
}

}  // namespace
}  // namespace ox::sync
