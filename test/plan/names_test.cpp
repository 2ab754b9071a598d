#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "plan/lab.h"

/// Names and times that not every replica can hold.
namespace ox::toy {
namespace {

const plan::Policy kTwoWay{};
constexpr const char* kComposed = "caf\xC3\xA9";
constexpr const char* kDecomposed = "cafe\xCC\x81";

void fold_case(Lab& lab, std::size_t role) {
  lab.at(role).abilities().traits.names.case_rule = tree::CaseRule::kFolds;
}

void normalise(Lab& lab, std::size_t role) {
  lab.at(role).abilities().traits.names.normalization = tree::NormalizationRule::kComposes;
}

TEST(Names, CaseCollisionIsLeftOutThereAlone) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    fold_case(lab, 1);
    lab.write(0, "A", "upper");
    lab.write(0, "a", "lower");
    lab.write(0, "b", "B");
    lab.crash_everywhere();
    const plan::Plan plan = lab.sync();
    lab.expect_at(0, {{"A", "upper"}, {"a", "lower"}, {"b", "B"}});
    lab.expect_at(1, {{"A", "upper"}, {"b", "B"}});
    for (std::size_t role = 2; role < lab.count(); ++role) {
      lab.expect_at(role, {{"A", "upper"}, {"a", "lower"}, {"b", "B"}});
    }
    bool reported = false;
    for (const plan::Report& report : plan.reports) {
      reported = reported || (report.code == "name_collision" && report.path.text() == "a" &&
                              report.replica == lab.replica_of(1));
    }
    EXPECT_TRUE(reported);
  });
}

TEST(Names, CollisionThatGoesAwayIsCaughtUp) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    fold_case(lab, 1);
    lab.write(0, "A", "upper");
    lab.write(0, "a", "lower");
    lab.sync();
    lab.rename(0, "a", "c");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"A", "upper"}, {"c", "lower"}});
    lab.remove(0, "A");
    lab.write(1, "c", "edited");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"c", "edited"}});
  });
}

TEST(Names, EditWhereTheCollisionIsDoesNotTouchTheOther) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    fold_case(lab, 1);
    lab.write(0, "A", "upper");
    lab.write(0, "a", "lower");
    lab.sync();
    lab.write(1, "A", "edited");
    lab.crash_everywhere();
    lab.sync();
    lab.expect_at(0, {{"A", "edited"}, {"a", "lower"}});
    lab.expect_at(1, {{"A", "edited"}});
  });
}

TEST(Names, DeleteWhereTheCollisionIsDoesNotDeleteTheOther) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    fold_case(lab, 1);
    lab.write(0, "A", "upper");
    lab.write(0, "a", "lower");
    lab.sync();
    lab.remove(1, "A");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a", "lower"}});
  });
}

TEST(Names, CaseOnlyRenameReachesAFoldingReplica) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    fold_case(lab, 1);
    lab.base({{"name", text.c_str()}, {"dir/", ""}, {"dir/b", "B"}});
    lab.rename(0, "name", "Name");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"Name", text}, {"dir/b", "B"}});
  });
}

TEST(Names, CaseOnlyRenameOnAFoldingReplicaCrosses) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    fold_case(lab, 1);
    lab.base({{"name", text.c_str()}, {"dir/", ""}, {"dir/b", "B"}});
    lab.rename(1, "name", "NAME");
    lab.rename(1, "dir", "Dir");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"NAME", text}, {"Dir/b", "B"}});
  });
}

TEST(Names, CaseOnlyRenameOfADirectoryMovesNothingElse) {
  for (const std::size_t renamer : {0U, 1U}) {
    in_every_arrangement(2, kTwoWay, {Store::kLocal}, [renamer](Lab& lab) {
      fold_case(lab, 1);
      lab.base({{"dir/", ""}, {"dir/b", "B"}, {"dir/in/", ""}, {"dir/in/c", "C"}});
      lab.rename(renamer, "dir", "Dir");
      lab.write(1 - renamer, "dir/in/new", "new");
      lab.crash_everywhere();
      const plan::Plan plan = lab.sync();
      EXPECT_TRUE(plan.conflicts.empty());
      const auto& operations = plan.structure_operations[lab.replica_of(1 - renamer)];
      const bool folds = lab.replica_of(1) == lab.replica_of(1 - renamer);
      // Where both cases are one name it is parked in between.
      ASSERT_EQ(operations.size(), folds ? 2U : 1U);
      EXPECT_EQ(operations[0].kind,
                folds ? plan::OperationKind::kPark : plan::OperationKind::kMove);
      EXPECT_EQ((folds ? operations[0].path : operations[0].from).text(), "dir");
      EXPECT_EQ(operations.back().path.text(), "Dir");
      lab.expect({{"Dir/b", "B"}, {"Dir/in/c", "C"}, {"Dir/in/new", "new"}});
    });
  }
}

TEST(Names, DirectoriesThatCollide) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    fold_case(lab, 1);
    lab.mkdir(0, "D");
    lab.write(0, "D/a", "A");
    lab.mkdir(0, "d");
    lab.write(0, "d/b", "B");
    lab.crash_everywhere();
    lab.sync();
    lab.expect_at(0, {{"D/a", "A"}, {"d/b", "B"}});
    lab.expect_at(1, {{"D/a", "A"}});
  });
}

TEST(Names, OwnSpellingOfAFoldingReplicaMeetsTheOthers) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    fold_case(lab, 1);
    lab.write(0, "a", "lower");
    lab.write(1, "A", "upper");
    lab.crash_everywhere();
    lab.sync();
    lab.expect_at(0, {{"A", "upper"}, {"a", "lower"}});
    lab.expect_at(1, {{"A", "upper"}});
  });
}

TEST(Names, BothSpellingsOfALetterAreTwoNames) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.write(0, kComposed, "composed");
    lab.write(1, kDecomposed, "decomposed");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{kComposed, "composed"}, {kDecomposed, "decomposed"}});
  });
}

TEST(Names, NormalisingReplicaRenamesNothing) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    normalise(lab, 1);
    lab.write(0, kDecomposed, "text");
    lab.sync();
    EXPECT_TRUE(lab.sync().empty());
    lab.expect_at(0, {{kDecomposed, "text"}});
    lab.expect_at(1, {{kComposed, "text"}});
    lab.write(1, kComposed, "edited");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect_at(0, {{kDecomposed, "edited"}});
  });
}

TEST(Names, BothSpellingsOnANormalisingReplicaCollide) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    normalise(lab, 1);
    lab.write(0, kComposed, "composed");
    lab.write(0, kDecomposed, "decomposed");
    lab.crash_everywhere();
    lab.sync();
    lab.expect_at(0, {{kComposed, "composed"}, {kDecomposed, "decomposed"}});
    lab.expect_at(1, {{kComposed, "decomposed"}});
  });
}

TEST(Names, RefusedAreLeftOutThereAlone) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.at(1).abilities().traits.names.forbidden_bytes = ":";
    lab.write(0, "a:b", "refused");
    lab.mkdir(0, "d:");
    lab.write(0, "d:/c", "C");
    lab.write(0, "ok", "O");
    lab.crash_everywhere();
    lab.sync();
    lab.expect_at(0, {{"a:b", "refused"}, {"d:/c", "C"}, {"ok", "O"}});
    lab.expect_at(1, {{"ok", "O"}});
    lab.rename(0, "a:b", "ab");
    lab.crash_everywhere();
    lab.sync();
    EXPECT_TRUE(lab.at(1).has("ab"));
  });
}

TEST(Names, RenameToARefusedOneKeepsTheOldThere) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.at(1).abilities().traits.names.forbidden_bytes = ":";
    lab.base({{"a", text.c_str()}});
    lab.rename(0, "a", "a:b");
    lab.crash_everywhere();
    ASSERT_TRUE(lab.world.sync().ok());
    EXPECT_TRUE(lab.at(0).has("a:b"));
    EXPECT_TRUE(lab.at(1).has("a"));
    const auto again = lab.world.plan();
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(again->empty());
  });
}

void coarse(Lab& lab, std::size_t role) {
  plan::Traits& traits = lab.at(role).abilities().traits;
  traits.mtime_step = std::chrono::seconds(2);
}

TEST(Times, CoarseMtimesSettle) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    coarse(lab, 1);
    lab.write(0, "a", "A");
    lab.write(1, "b", "B");
    lab.crash_everywhere();
    lab.sync();
    EXPECT_TRUE(lab.sync().empty());
    lab.write(0, "b", "B2");
    lab.write(1, "a", "A2");
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"a", "A2"}, {"b", "B2"}});
  });
}

TEST(Times, GapWithinTheStepFallsToPath1) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    coarse(lab, 1);
    coarse(lab, 0);
    const Timestamp base = lab.world.tick();
    lab.write(0, "a.txt", "first");
    lab.write(1, "a.txt", "second");
    lab.touch(0, "a.txt", base);
    lab.touch(1, "a.txt", {base.ns + 2'000'000'000});
    lab.crash_everywhere();
    lab.sync();
    lab.expect_winner(lab.winner_by_order({"first", "second"}, {0}), {"first", "second"});
  });
}

/// What two replicas make of time: how fine it is, and how far their clocks may be apart.
struct Clocks {
  Duration first_step{1};
  Duration second_step{1};
  Duration first_skew{0};
  Duration second_skew{0};

  /// The largest gap that says nothing.
  Duration silent_gap() const {
    const Duration step = std::max(first_step, second_step);
    return std::max(first_skew, second_skew) + (step > Duration{1} ? 2 * step : Duration{0});
  }
};

constexpr std::array<Clocks, 8> kClocks{
    {{},
     {.first_step = std::chrono::seconds(2)},
     {.second_step = std::chrono::seconds(2)},
     {.first_step = std::chrono::seconds(1), .second_step = std::chrono::seconds(2)},
     {.first_skew = std::chrono::minutes(1)},
     {.second_skew = std::chrono::minutes(1)},
     {.first_step = std::chrono::seconds(2), .second_skew = std::chrono::minutes(1)},
     {.first_step = std::chrono::seconds(2),
      .second_step = std::chrono::seconds(2),
      .first_skew = std::chrono::minutes(1)}}};

/// Both roles edit one file; the times of what they write are `gap` apart. The one that neither
/// acts nor writes has a clock that says even less.
void edit_apart(Lab& lab, const Clocks& clocks, Duration gap) {
  for (std::size_t role = 0; role < lab.count(); ++role) {
    plan::Traits& traits = lab.at(role).abilities().traits;
    traits.mtime_step = role == 0   ? clocks.first_step
                        : role == 1 ? clocks.second_step
                                    : Duration(std::chrono::seconds(4));
    traits.clock_skew = role == 0   ? clocks.first_skew
                        : role == 1 ? clocks.second_skew
                                    : Duration(std::chrono::hours(1));
  }
  lab.base({{"a.txt", "base"}});
  constexpr std::int64_t kWhole = 4'000'000'000;  // a time that every clock here can hold
  const Timestamp first{lab.world.tick().ns / kWhole * kWhole};
  lab.write(0, "a.txt", "first");
  lab.write(1, "a.txt", "second");
  lab.touch(0, "a.txt", first);
  lab.touch(1, "a.txt", {first.ns + gap.count()});
}

TEST(Times, GapAboveStepsAndSkewTellsWhoIsNewer) {
  for (const Clocks& clocks : kClocks) {
    for (const plan::KeepMode mode : {plan::KeepMode::kNewer, plan::KeepMode::kOlder}) {
      in_every_arrangement(2, {.keep_mode = mode}, [&clocks, mode](Lab& lab) {
        edit_apart(lab, clocks, clocks.silent_gap() + clocks.second_step);
        EXPECT_EQ(lab.sync().conflicts.size(), 1U);
        lab.expect_winner(mode == plan::KeepMode::kNewer ? 1 : 0, {"first", "second"});
      });
    }
  }
}

TEST(Times, GapThatSaysNothingFallsToPath1) {
  for (const Clocks& clocks : kClocks) {
    for (const Duration gap : {Duration{0}, clocks.silent_gap()}) {
      for (const plan::KeepMode mode : {plan::KeepMode::kNewer, plan::KeepMode::kOlder}) {
        in_every_arrangement(2, {.keep_mode = mode}, [&clocks, gap](Lab& lab) {
          edit_apart(lab, clocks, gap);
          EXPECT_EQ(lab.sync().conflicts.size(), 1U);
          lab.expect_winner(lab.winner_by_order({"first", "second"}, {0}), {"first", "second"});
        });
      }
    }
  }
}

TEST(Times, ClockSkewFallsToPath1) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.at(1).abilities().traits.clock_skew = std::chrono::hours(1);
    lab.write(0, "a.txt", "first");
    lab.write(1, "a.txt", "second");
    lab.crash_everywhere();
    lab.sync();
    lab.expect_winner(lab.winner_by_order({"first", "second"}, {0}), {"first", "second"});
  });
}

TEST(Times, WithoutMtimesPath1WinsAndTheLoserIsKept) {
  in_every_arrangement(2, kTwoWay, {Store::kCloud}, [](Lab& lab) {
    lab.at(1).abilities().traits.has_mtime = false;
    lab.base({{"a.txt", "A"}});
    EXPECT_TRUE(lab.sync().empty());
    lab.write(0, "a.txt", "first");
    lab.write(1, "a.txt", "second");
    lab.crash_everywhere();
    lab.sync();
    lab.expect_winner(lab.winner_by_order({"first", "second"}, {0}), {"first", "second"});
  });
}

}  // namespace
}  // namespace ox::toy
