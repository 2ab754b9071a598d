#include "sync/by_parts.h"

#include "sync/engine_lab_for_test.h"

namespace ox::sync {
namespace {

/// What is moved so keeps its id, or there are none.
enum class Ids : std::uint8_t { kStable, kNone };

provider::Capabilities by_parts(Ids ids) {
  provider::Capabilities can = provider::full_capabilities();
  can.native_directory_move = can.exchange = false;
  can.stable_ids = ids == Ids::kStable;
  return can;
}

/// What befalls the store of `b` at one of its effects.
enum class Blow : std::uint8_t {
  kFails,     ///< that one call fails
  kGoesAway,  ///< and all that follow in this run
};

/// Directories are moved on `a`; `b` moves them entry by entry.
class Lab : public EngineLab {
 public:
  using EngineLab::run_clean;

  explicit Lab(const std::tuple<Blow, Ids>& chosen) : blow_(std::get<Blow>(chosen)) {
    add_replica();
    add_replica(by_parts(std::get<Ids>(chosen)));
    for (const char* path : {"one/a", "one/same", "one/sub/b", "two/c", "two/same", "rest"}) {
      write(0, path, std::string("bytes of ") + path + ", long enough to be told by them");
    }
    run_clean();
  }

  void rename(std::string_view from, std::string_view to) {
    ASSERT_TRUE(stores_[0]->user_rename(at(from), at(to)).ok());
  }

  void swap_directories() {
    rename("one", "between");
    rename("two", "one");
    rename("between", "two");
  }

  /// False: the run had no such effect.
  bool strike(std::uint64_t effect) {
    std::uint64_t count = 0;
    bool struck = false;
    stores_[1]->set_hook([&](const provider::MemoryEvent& event) -> Result<void> {
      const bool counts = event.when == provider::MemoryEvent::When::kBeforeEffect &&
                          (event.call == "move" || event.call == "park" || event.call == "unpark");
      struck = struck || (counts && count++ == effect);
      const bool fails = blow_ == Blow::kGoesAway ? struck : counts && count == effect + 1;
      return fails ? Error(Code::kUnreachable, "made to fail") : Result<void>{};
    });
    ignore(run(), "it may fail");
    heal(1);
    return struck;
  }

  void expect_same() {
    for (int repeat = 0; repeat < 2; ++repeat) {
      const Result<RunReport> report = run();
      ASSERT_TRUE(report.ok());
      EXPECT_EQ(report->outcome, state::RunOutcome::kInSync);
      EXPECT_TRUE(report->conflicts.empty());
    }
    EXPECT_EQ(files(0), files(1));
    EXPECT_EQ(stores_[0]->entries().size(), stores_[1]->entries().size()) << "directories, too";
    EXPECT_EQ(files(0).size(), 6U);
    EXPECT_TRUE(stores_[0]->trash_contents().empty());
    EXPECT_TRUE(stores_[1]->trash_contents().empty());
    EXPECT_TRUE(stores_[1]->parked_contents().empty());
  }

 private:
  void TestBody() override {}

  Blow blow_;
};

class ByParts : public ::testing::TestWithParam<std::tuple<Blow, Ids>> {
 protected:
  static void at_every_effect(const std::function<void(Lab&)>& edit) {
    bool struck = true;
    for (std::uint64_t effect = 0; struck && !HasFailure(); ++effect) {
      SCOPED_TRACE("effect " + std::to_string(effect));
      Lab lab(GetParam());
      edit(lab);
      struck = lab.strike(effect);
      lab.expect_same();
    }
  }
};

TEST_P(ByParts, ADirectoryMovesWithAllThatIsInIt) {
  Lab lab(GetParam());
  lab.rename("one", "two/moved");
  EXPECT_EQ(lab.run_clean().counts.created, 0U) << "no bytes were copied";
  lab.expect_same();
}

TEST_P(ByParts, AMoveThatWasBrokenOffIsFinished) {
  at_every_effect([](Lab& lab) { lab.rename("one", "two/moved"); });
}

TEST_P(ByParts, DirectoriesChangePlaces) {
  Lab lab(GetParam());
  lab.swap_directories();
  EXPECT_EQ(lab.run_clean().counts.created, 0U);
  lab.expect_same();
}

TEST_P(ByParts, AnExchangeThatWasBrokenOffIsFinished) {
  if (std::get<Ids>(GetParam()) == Ids::kNone) {
    GTEST_SKIP() << "which of two directories is which is known to nobody then";
  }
  at_every_effect([](Lab& lab) { lab.swap_directories(); });
}

TEST_P(ByParts, WhatMovesOutOfADirectoryThatMovesIsNotLost) {
  at_every_effect([](Lab& lab) {
    lab.rename("one/sub", "two/sub");
    lab.rename("two", "three");
    lab.rename("one", "three/sub/one");
  });
}

INSTANTIATE_TEST_SUITE_P(Store, ByParts,
                         ::testing::Combine(::testing::Values(Blow::kFails, Blow::kGoesAway),
                                            ::testing::Values(Ids::kStable, Ids::kNone)),
                         [](const auto& chosen) {
                           const bool has_ids = std::get<Ids>(chosen.param) == Ids::kStable;
                           const bool fails = std::get<Blow>(chosen.param) == Blow::kFails;
                           return std::string(has_ids ? "WithIds" : "WithoutIds") +
                                  (fails ? "FailsOnce" : "GoesAway");
                         });

}  // namespace
}  // namespace ox::sync
