#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

/// What time an edit leaves: one that is copied from elsewhere may bring an old one along, and then
/// nothing says at the end of the run that it came during it.
enum class Mtime : std::uint8_t { kNow, kOld };

/// Two names change places on `a`, both files with new bytes; a user of `b` writes to either while
/// that is carried out there.
class Exchange : public EngineLab, public ::testing::WithParamInterface<Mtime> {
 protected:
  void SetUp() override {
    add_replica();
    add_replica();
    write(0, "x", "bytes of x, long enough");
    write(0, "y", "bytes of y, which are others");
    run_clean();
    run_clean();
    ASSERT_TRUE(stores_[0]->user_rename(at("x"), at("t")).ok());
    ASSERT_TRUE(stores_[0]->user_rename(at("y"), at("x")).ok());
    ASSERT_TRUE(stores_[0]->user_rename(at("t"), at("y")).ok());
    write(0, "x", "new bytes of what was y");
    write(0, "y", "new bytes of what was x");
  }

  void edit_at(provider::MemoryEvent::When when, std::string_view call, std::string path) {
    stores_[1]->set_hook(
        [this, when, call = std::string(call), path,
         done = std::make_shared<bool>(false)](const provider::MemoryEvent& event) -> Result<void> {
          if (*done || event.when != when || event.call != call) {
            return {};
          }
          *done = true;
          edited_ = true;
          clock_.advance(std::chrono::seconds(1));
          TRY(stores_[1]->user_write(at(path), "the edit of a user of b"));
          return GetParam() == Mtime::kNow ? Result<void>{}
                                           : stores_[1]->user_touch(at(path), Timestamp{1'000});
        });
  }

  void expect_edit_stands() {
    ASSERT_TRUE(run().ok());
    EXPECT_TRUE(edited_);
    heal(1);
    ASSERT_TRUE(run().ok());
    EXPECT_EQ(files(0), files(1));
    std::size_t found = 0;
    for (const auto& [path, bytes] : files(0)) {
      found += bytes == "the edit of a user of b" ? 1 : 0;
    }
    EXPECT_EQ(found, 1U) << "it is in a trash at best";
  }

  bool edited_ = false;
};

using When = provider::MemoryEvent::When;

TEST_P(Exchange, SeesAnEditOfTheOneBefore) {
  edit_at(When::kBeforeCall, "look", "x");
  expect_edit_stands();
}

TEST_P(Exchange, SeesAnEditOfTheOtherBefore) {
  edit_at(When::kBeforeCall, "look", "y");
  expect_edit_stands();
}

TEST_P(Exchange, SeesAnEditOfTheOneInTheGap) {
  edit_at(When::kBeforeEffect, "exchange", "x");
  expect_edit_stands();
}

TEST_P(Exchange, SeesAnEditOfTheOtherInTheGap) {
  edit_at(When::kBeforeEffect, "exchange", "y");
  expect_edit_stands();
}

INSTANTIATE_TEST_SUITE_P(With, Exchange, ::testing::Values(Mtime::kNow, Mtime::kOld),
                         [](const auto& mtime) {
                           return mtime.param == Mtime::kNow ? "ANewTime" : "AnOldTime";
                         });

}  // namespace
}  // namespace ox::sync
