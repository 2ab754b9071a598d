#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

/// What a run brought to its two destinations leaves the source.
class Moving : public EngineLab {
 protected:
  void SetUp() override {
    for (int i = 0; i < 3; ++i) {
      add_replica();
    }
    options_.policy.mode = plan::Mode::kMove;
    write(0, "file", "bytes of the file");
    write(0, "other", "bytes of the other");
  }
};

TEST_F(Moving, EmptiesTheSource) {
  run_clean();
  EXPECT_TRUE(files(0).empty());
  EXPECT_EQ(files(1).size(), 2U);
  EXPECT_EQ(files(2), files(1));
}

TEST_F(Moving, KeepsWhatOneDestinationDidNotTake) {
  fail_calls(2, "publish", Code::kPermissionDenied, SIZE_MAX, "file");
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(files(0), (std::map<std::string, std::string>{{"file", "bytes of the file"}}));
  EXPECT_EQ(files(1).size(), 2U);
  heal(2);
  run_clean();
  EXPECT_TRUE(files(0).empty());
  EXPECT_EQ(files(2), files(1));
}

TEST_F(Moving, KeepsANewVersionThatDidNotArriveThoughTheOldOneHad) {
  // The first run ends after both destinations have all, and before anything leaves the source.
  fail_calls(0, "remove", Code::kPermissionDenied);
  ASSERT_TRUE(run().ok());
  heal(0);
  ASSERT_EQ(files(1).size(), 2U);
  write(0, "file", "a new version of the file");
  fail_calls(1, "stage", Code::kNoSpace);
  fail_calls(2, "stage", Code::kNoSpace);
  ASSERT_TRUE(run().ok());
  EXPECT_EQ(files(0), (std::map<std::string, std::string>{{"file", "a new version of the file"}}));
  heal(1);
  heal(2);
  run_clean();
  EXPECT_TRUE(files(0).empty());
  EXPECT_EQ(files(1).at("file"), "a new version of the file");
}

}  // namespace
}  // namespace ox::sync
