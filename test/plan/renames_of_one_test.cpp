#include <gtest/gtest.h>

#include "plan/lab.h"

/// One file or directory that several replicas rename.
namespace ox::toy {
namespace {

const plan::Policy kTwoWay{};

void expect_place_conflicts(const plan::Plan& plan, std::size_t count) {
  EXPECT_EQ(plan.conflicts.size(), count);
  for (const plan::Conflict& conflict : plan.conflicts) {
    EXPECT_EQ(conflict.kind, "place");
    EXPECT_EQ(conflict.copy, kNoNode);
  }
}

/// Of the names that roles 0, 1, … chose that of the path which the keep-mode names; where its
/// replica chose none path1's, else the smallest.
std::string named_first(Lab& lab, plan::KeepMode mode, std::vector<std::string> names) {
  const std::size_t place = mode == plan::KeepMode::kPath1 ? 0 : 1;
  for (const ReplicaIndex named : {lab.world.policy.order[place], lab.world.policy.order[0]}) {
    for (std::size_t role = 0; role < names.size(); ++role) {
      if (lab.replica_of(role) == named) {
        return names[role];
      }
    }
  }
  return names.front();
}

TEST(RenamesOfOne, FileAlikeAreNoConflict) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a", text.c_str()}});
    lab.rename(0, "a", "b");
    lab.rename(1, "a", "b");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"b", text}});
  });
}

TEST(RenamesOfOne, FileHaveOneWinnerAndNoDuplicate) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a", text.c_str()}});
    lab.rename(0, "a", "b");
    lab.rename(1, "a", "c");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"b", text}});
  });
}

TEST(RenamesOfOne, FileGoToTheNamedPath) {
  for (const plan::KeepMode mode : {plan::KeepMode::kPath1, plan::KeepMode::kPath2}) {
    in_every_arrangement(2, {.keep_mode = mode}, [mode](Lab& lab) {
      const std::string text = big("A");
      lab.base({{"a", text.c_str()}});
      lab.rename(0, "a", "b");
      lab.rename(1, "a", "c");
      lab.crash_everywhere();
      lab.sync();
      lab.expect({{named_first(lab, mode, {"b", "c"}), text}});
    });
  }
}

TEST(RenamesOfOne, DirectoryOnTwoReplicasHaveOneWinner) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"d/", ""}, {"d/a", a.c_str()}, {"d/e/", ""}, {"d/e/b", b.c_str()}});
    lab.rename(0, "d", "one");
    lab.rename(1, "d", "two");
    lab.crash_everywhere();
    const plan::Plan plan = lab.sync();
    EXPECT_FALSE(has_content_operations(plan));
    expect_place_conflicts(plan, 1);
    lab.expect({{"one/a", a}, {"one/e/b", b}});
  });
}

TEST(RenamesOfOne, DirectoryAlikeAreNoConflict) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"d/", ""}, {"d/a", a.c_str()}, {"d/e/", ""}, {"d/e/b", b.c_str()}});
    lab.rename(0, "d", "one");
    lab.rename(1, "d", "one");
    lab.crash_everywhere();
    const plan::Plan plan = lab.sync();
    EXPECT_FALSE(has_content_operations(plan));
    EXPECT_TRUE(plan.conflicts.empty());
    lab.expect({{"one/a", a}, {"one/e/b", b}});
  });
}

TEST(RenamesOfOne, DirectoryGoToTheNamedPath) {
  for (const plan::KeepMode mode : {plan::KeepMode::kPath1, plan::KeepMode::kPath2}) {
    in_every_arrangement(2, {.keep_mode = mode}, [mode](Lab& lab) {
      const std::string a = big("A");
      lab.base({{"d/", ""}, {"d/a", a.c_str()}});
      lab.rename(0, "d", "one");
      lab.rename(1, "d", "two");
      lab.crash_everywhere();
      expect_place_conflicts(lab.sync(), 1);
      lab.expect({{named_first(lab, mode, {"one", "two"}) + "/a", a}});
    });
  }
}

TEST(RenamesOfOne, DirectoryTakeAlongWhatBothDidInside) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    const std::string c = big("C");
    const std::string gone = big("G");
    lab.base({{"d/", ""},
              {"d/a", a.c_str()},
              {"d/b", b.c_str()},
              {"d/c", c.c_str()},
              {"d/gone", gone.c_str()}});
    lab.rename(0, "d", "one");
    lab.write(0, "one/new", "of the first");
    lab.remove(0, "one/gone");
    lab.rename(1, "d", "two");
    lab.write(1, "two/newer", "of the second");
    lab.rename(1, "two/c", "two/moved");
    lab.crash_everywhere();
    expect_place_conflicts(lab.sync(), 1);
    lab.expect({{"one/a", a},
                {"one/b", b},
                {"one/moved", c},
                {"one/new", "of the first"},
                {"one/newer", "of the second"}});
  });
}

TEST(RenamesOfOne, DirectoryIntoOneOfTheOthersName) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"d/", ""}, {"d/a", a.c_str()}, {"d/b", b.c_str()}});
    lab.rename(0, "d", "new");
    lab.mkdir(1, "new");
    lab.rename(1, "d", "new/d");
    // Not broken off: role 1's new directory never has a record, so a run after a crash may take it
    // for the renamed one, and what is in it for moved on.
    lab.sync();
    lab.expect({{"new/a", a}, {"new/b", b}});
  });
}

TEST(RenamesOfOne, DirectoryIntoTheOthersSibling) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"d/", ""}, {"d/a", a.c_str()}, {"x/", ""}, {"x/b", b.c_str()}});
    lab.rename(0, "d", "e");
    lab.rename(1, "d", "x/d");
    lab.rename(1, "x", "y");
    lab.crash_everywhere();
    expect_place_conflicts(lab.sync(), 1);
    lab.expect({{"e/a", a}, {"y/b", b}});
  });
}

TEST(RenamesOfOne, DirectoryOnThreeReplicasHaveOneWinner) {
  in_every_arrangement(3, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"d/", ""}, {"d/a", a.c_str()}, {"d/b", b.c_str()}});
    lab.rename(0, "d", "one");
    lab.rename(1, "d", "two");
    lab.rename(2, "d", "three");
    lab.crash_everywhere();
    const plan::Plan plan = lab.sync();
    EXPECT_FALSE(has_content_operations(plan));
    expect_place_conflicts(plan, 1);
    lab.expect({{"one/a", a}, {"one/b", b}});
  });
}

TEST(RenamesOfOne, FileInThreeWaysHaveOneWinner) {
  in_every_arrangement(3, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a", text.c_str()}, {"d/", ""}});
    lab.rename(0, "a", "b");
    lab.rename(1, "a", "c");
    lab.rename(2, "a", "d/a");
    lab.crash_everywhere();
    const plan::Plan plan = lab.sync();
    EXPECT_FALSE(has_content_operations(plan));
    expect_place_conflicts(plan, 1);
    lab.expect({{"b", text}, {"d/", ""}});
  });
}

TEST(RenamesOfOne, FileInThreeWaysGoToTheNamedPath) {
  for (const plan::KeepMode mode : {plan::KeepMode::kPath1, plan::KeepMode::kPath2}) {
    in_every_arrangement(3, {.keep_mode = mode}, [mode](Lab& lab) {
      const std::string text = big("A");
      lab.base({{"a", text.c_str()}});
      lab.rename(0, "a", "b");
      lab.rename(1, "a", "c");
      lab.rename(2, "a", "x");
      lab.crash_everywhere();
      expect_place_conflicts(lab.sync(), 1);
      lab.expect({{named_first(lab, mode, {"b", "c", "x"}), text}});
    });
  }
}

TEST(RenamesOfOne, FileAlikeOnTwoAgainstAThird) {
  in_every_arrangement(3, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a", text.c_str()}});
    lab.rename(0, "a", "c");
    lab.rename(1, "a", "c");
    lab.rename(2, "a", "b");
    lab.crash_everywhere();
    expect_place_conflicts(lab.sync(), 1);
    lab.expect({{"b", text}});
  });
}

TEST(RenamesOfOne, FileInThreeWaysTakeAnEditAlong) {
  in_every_arrangement(3, kTwoWay, {Store::kLocal}, [](Lab& lab) {
    lab.base({{"a", "A"}});
    lab.rename(0, "a", "b");
    lab.rename(1, "a", "c");
    lab.rename(2, "a", "x");
    lab.write(2, "x", "edited");
    lab.crash_everywhere();
    expect_place_conflicts(lab.sync(), 1);
    lab.expect({{"b", "edited"}});
  });
}

}  // namespace
}  // namespace ox::toy
