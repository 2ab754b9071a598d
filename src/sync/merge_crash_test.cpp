#include "sync/crash_lab_for_test.h"

namespace ox::sync {
namespace {

/// Two of three replicas have changed other lines of one text.
class MergeLab : public CrashLab {
 public:
  MergeLab() : CrashLab({}, {"a", "b", "c"}) {
    options_.policy.auto_merge = true;
    save("a", "text", "one\ntwo\nthree\n");
    EXPECT_TRUE(run().ok());
    save("a", "text", "ONE\ntwo\nthree\n");
    save("b", "text", "one\ntwo\nTHREE\n");
  }
};

TEST(MergeCrash, AtAnyCallTheMergedTextComesOut) {
  bool died = true;
  for (std::uint64_t crash = 1; died && !::testing::Test::HasFailure(); ++crash) {
    SCOPED_TRACE("crash at call " + std::to_string(crash));
    MergeLab lab;
    died = lab.dies_in(crash, [&] { ignore(lab.run(), "it dies"); });
    const Result<RunReport> report = lab.run();
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_EQ(report->outcome, state::RunOutcome::kInSync);
    for (const char* root : {"a", "b", "c"}) {
      EXPECT_EQ(lab.tree(root).size(), 1U) << root;
      EXPECT_EQ(lab.read(root, "text"), "ONE\ntwo\nTHREE\n") << root;
      EXPECT_EQ(lab.leftovers(root), std::set<std::string>{}) << root;
    }
    EXPECT_EQ(lab.trashed_bytes(), (std::set<std::string>{"one\ntwo\nthree\n", "ONE\ntwo\nthree\n",
                                                          "one\ntwo\nTHREE\n"}));
  }
}

}  // namespace
}  // namespace ox::sync
