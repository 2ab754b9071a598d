#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

/// A file that somebody has open for writing, and may change at any moment without a trace: a store
/// through a mapping moves no time stamp.
class HeldOpen : public EngineLab {
 protected:
  void SetUp() override {
    add_replica();
    add_replica();
    write(0, "file", "one");
    ASSERT_TRUE(stores_[0]->user_hold_open(at("file"), true).ok());
    options_.busy_wait = std::chrono::milliseconds(100);
  }

  void let_go_with(std::string bytes) {
    ASSERT_TRUE(stores_[0]->decay(at("file"), std::move(bytes)).ok());
    ASSERT_TRUE(stores_[0]->user_hold_open(at("file"), false).ok());
  }
};

TEST_F(HeldOpen, IsReadOnceMoreWhenItWasLetGo) {
  run_clean();
  EXPECT_EQ(files(1).at("file"), "one");
  let_go_with("two");
  run_clean();
  EXPECT_EQ(files(1).at("file"), "two");
}

TEST_F(HeldOpen, IsStillDoubtedAfterASecondReadingWhileItIsHeld) {
  run_clean();
  run_clean();
  let_go_with("two");
  run_clean();
  EXPECT_EQ(files(1).at("file"), "two");
}

TEST_F(HeldOpen, IsStillDoubtedAfterItsAttributesWereSet) {
  run_clean();
  clock_.advance(std::chrono::hours(1));
  ASSERT_TRUE(stores_[1]->user_chmod(at("file"), 0600).ok());
  run_clean();
  ASSERT_EQ(stores_[0]->entries().at(at("file")).attributes.mode, 0600U);
  let_go_with("two");
  run_clean();
  EXPECT_EQ(files(1).at("file"), "two");
}

TEST_F(HeldOpen, IsDoubtedWhereTheOtherHadItAlready) {
  write(1, "file", "one");
  run_clean();
  let_go_with("two");
  run_clean();
  EXPECT_EQ(files(0).at("file"), "two");
  EXPECT_EQ(files(1).at("file"), "two");
}

}  // namespace
}  // namespace ox::sync
