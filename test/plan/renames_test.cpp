#include <gtest/gtest.h>

#include "plan/lab.h"

/// What a rename meets on the other replicas.
namespace ox::toy {
namespace {

const plan::Policy kTwoWay{};

TEST(Renames, OfAFileMovesNoBytes) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a", text.c_str()}, {"d/", ""}});
    lab.rename(0, "a", "d/b");
    lab.crash_everywhere();
    const plan::Plan plan = lab.sync();
    EXPECT_FALSE(has_content_operations(plan));
    EXPECT_TRUE(plan.conflicts.empty());
    lab.expect({{"d/b", text}});
  });
}

TEST(Renames, OfASmallFileMovesNoBytesWhereIdsAreStable) {
  in_every_arrangement(1, kTwoWay, {Store::kLocal}, [](Lab& lab) {
    lab.base({{"a", "A"}, {"same", "A"}});
    lab.rename(0, "a", "b");
    lab.crash_everywhere();
    EXPECT_FALSE(has_content_operations(lab.sync()));
    lab.expect({{"b", "A"}, {"same", "A"}});
  });
}

TEST(Renames, OfADirectoryIsOneMove) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"d/", ""}, {"d/a", a.c_str()}, {"d/e/", ""}, {"d/e/b", b.c_str()}});
    lab.rename(0, "d", "moved");
    lab.crash_everywhere();
    const plan::Plan plan = lab.sync();
    EXPECT_FALSE(has_content_operations(plan));
    ASSERT_EQ(plan.structure_operations.size(), lab.count());
    for (std::size_t role = 0; role < lab.count(); ++role) {
      EXPECT_EQ(plan.structure_operations[lab.replica_of(role)].size(), role == 0 ? 0U : 1U);
    }
    lab.expect({{"moved/a", a}, {"moved/e/b", b}});
  });
}

TEST(Renames, OfTwoToOneNameAreToldByWhoRenamed) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string one = big("one");
    const std::string two = big("two");
    lab.base({{"one", one.c_str()}, {"two", two.c_str()}});
    lab.rename(0, "one", "place");
    lab.rename(1, "two", "place");
    lab.crash_everywhere();
    const plan::Plan plan = lab.sync();
    ASSERT_EQ(plan.conflicts.size(), 1U);
    const plan::Conflict& conflict = plan.conflicts.front();
    EXPECT_EQ(conflict.kind, "place");
    EXPECT_EQ(conflict.path.text(), "place");
    const bool first = lab.at(0).find("place")->blob->bytes == one;
    EXPECT_EQ(conflict.winner, lab.label(first ? 0 : 1));
    EXPECT_EQ(conflict.loser, lab.label(first ? 1 : 0));
    EXPECT_NE(conflict.copy_path.text().find("-" + conflict.loser), std::string::npos)
        << conflict.copy_path.text();
    lab.expect({{"place", first ? one : two}, {"place.conflict-*", first ? two : one}});
  });
}

TEST(Renames, EditFollows) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a", text.c_str()}, {"d/", ""}});
    lab.rename(0, "a", "d/b");
    lab.write(1, "a", "edited");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"d/b", "edited"}});
  });
}

TEST(Renames, AndEditOnOneSideWithIds) {
  in_every_arrangement(1, kTwoWay, {Store::kLocal}, [](Lab& lab) {
    lab.base({{"a", "A"}});
    lab.rename(0, "a", "b");
    lab.write(0, "b", "edited");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"b", "edited"}});
  });
}

TEST(Renames, OfADirectoryTakesAnEditInsideAlong) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"d/", ""}, {"d/a", a.c_str()}, {"d/b", b.c_str()}});
    lab.rename(0, "d", "moved");
    lab.write(1, "d/a", "edited");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"moved/a", "edited"}, {"moved/b", b}});
  });
}

TEST(Renames, OfADirectoryTakesANewChildAlong) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    lab.base({{"d/", ""}, {"d/a", a.c_str()}});
    lab.rename(0, "d", "moved");
    lab.write(1, "d/new", "N");
    lab.mkdir(1, "d/sub");
    lab.write(1, "d/sub/deep", "D");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"moved/a", a}, {"moved/new", "N"}, {"moved/sub/deep", "D"}});
  });
}

TEST(Renames, ParentAndChildOnDifferentReplicas) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"d/", ""}, {"d/e/", ""}, {"d/e/a", a.c_str()}, {"d/b", b.c_str()}});
    lab.rename(0, "d", "moved");
    lab.rename(1, "d/e", "d/f");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"moved/f/a", a}, {"moved/b", b}});
  });
}

TEST(Renames, CrossMoveThatMakesACycle) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"x/", ""}, {"x/a", a.c_str()}, {"y/", ""}, {"y/b", b.c_str()}});
    lab.rename(0, "x", "y/x");
    lab.rename(1, "y", "x/y");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"y/x/a", a}, {"y/b", b}});
  });
}

TEST(Renames, CycleOverThreeReplicas) {
  in_every_arrangement(3, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    const std::string c = big("C");
    lab.base({{"x/", ""},
              {"x/a", a.c_str()},
              {"y/", ""},
              {"y/b", b.c_str()},
              {"z/", ""},
              {"z/c", c.c_str()}});
    lab.rename(0, "x", "y/x");
    lab.rename(1, "y", "z/y");
    lab.rename(2, "z", "x/z");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"z/y/x/a", a}, {"z/y/b", b}, {"z/c", c}});
  });
}

TEST(Renames, SwapOfTwoFiles) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"a", a.c_str()}, {"b", b.c_str()}});
    lab.rename(0, "a", "t");
    lab.rename(0, "b", "a");
    lab.rename(0, "t", "b");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"a", b}, {"b", a}});
  });
}

TEST(Renames, ToThePlaceOfWhatABrokenOffRunHadJustDeleted) {
  in_every_arrangement(2, kTwoWay, {Store::kLocal}, [](Lab& lab) {
    lab.base({{"b", "B"}, {"c", "C"}});
    lab.remove(0, "b");
    lab.rename(0, "c", "b");
    World smooth = lab.world;
    const std::size_t steps = smooth.sync().value().steps;
    std::size_t renamed = 0;
    for (std::size_t k = 0; k < steps; ++k) {
      SCOPED_TRACE("after a crash at step " + std::to_string(k));
      Lab torn = lab;
      ASSERT_TRUE(torn.world.sync(k).ok());
      if (torn.at(1).has("b") && !torn.at(1).has("c")) {
        torn.rename(1, "b", "c");
        torn.sync();
        torn.expect({{"c", "C"}});
        ++renamed;
      }
    }
    EXPECT_GT(renamed, 0U);
  });
}

TEST(Renames, SwapAgainstEdit) {
  in_every_arrangement(2, kTwoWay, {Store::kLocal}, [](Lab& lab) {
    lab.base({{"a", "A"}, {"b", "B"}});
    lab.rename(0, "a", "t");
    lab.rename(0, "b", "a");
    lab.rename(0, "t", "b");
    lab.write(1, "a", "edited");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"a", "B"}, {"b", "edited"}});
  });
}

TEST(Renames, SwapOfTwoDirectories) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"x/", ""}, {"x/a", a.c_str()}, {"y/", ""}, {"y/b", b.c_str()}});
    lab.rename(0, "x", "t");
    lab.rename(0, "y", "x");
    lab.rename(0, "t", "y");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"x/b", b}, {"y/a", a}});
  });
}

TEST(Renames, RotationOfThree) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    const std::string c = big("C");
    lab.base({{"a", a.c_str()}, {"b", b.c_str()}, {"c", c.c_str()}});
    lab.rename(0, "a", "t");
    lab.rename(0, "c", "a");
    lab.rename(0, "b", "c");
    lab.rename(0, "t", "b");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"a", c}, {"b", a}, {"c", b}});
  });
}

TEST(Renames, ParentBecomesChild) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"x/", ""}, {"x/a", a.c_str()}, {"x/y/", ""}, {"x/y/b", b.c_str()}});
    lab.rename(0, "x/y", "t");
    lab.rename(0, "x", "t/x");
    lab.rename(0, "t", "y");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"y/b", b}, {"y/x/a", a}});
  });
}

TEST(Renames, ParentAndChildChangeNames) {
  in_every_arrangement(1, kTwoWay, {Store::kLocal}, [](Lab& lab) {
    lab.base({{"x/", ""}, {"x/a", "A"}, {"x/y/", ""}, {"x/y/b", "B"}});
    lab.rename(0, "x/y", "t");
    lab.rename(0, "x", "t/y");
    lab.rename(0, "t", "x");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"x/b", "B"}, {"x/y/a", "A"}});
  });
}

TEST(Renames, CaseOnly) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"name", text.c_str()}});
    lab.rename(0, "name", "Name");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"Name", text}});
  });
}

TEST(Renames, OntoAnExistingFileIsAnEditOfTheTarget) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}});
    lab.write(0, "a.tmp", "saved");
    lab.rename(0, "a.tmp", "a");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"a", "saved"}});
  });
}

TEST(Renames, OfAKnownFileOntoAnotherAgainstAnEditOfTheTarget) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"a", a.c_str()}, {"b", b.c_str()}});
    lab.rename(0, "b", "a");
    lab.write(1, "a", "edited");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a", "edited"}, {"a.conflict-*", b}});
  });
}

TEST(Renames, OntoOneNameFromTwoReplicas) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"a", a.c_str()}, {"b", b.c_str()}});
    lab.rename(0, "a", "c.txt");
    lab.rename(1, "b", "c.txt");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"c.txt", b}, {"c.conflict-*.txt", a}});
  });
}

TEST(Renames, AgainstACreateOfTheNewName) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    lab.base({{"a", a.c_str()}});
    lab.rename(0, "a", "b.txt");
    lab.write(1, "b.txt", "N");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"b.txt", "N"}, {"b.conflict-*.txt", a}});
  });
}

TEST(Renames, AndACreateOfTheOldName) {
  in_every_arrangement(1, kTwoWay, {Store::kLocal}, [](Lab& lab) {
    lab.base({{"a", "A"}});
    lab.rename(0, "a", "b");
    lab.write(0, "a", "new");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"a", "new"}, {"b", "A"}});
  });
}

TEST(Renames, OfTwoDirectoriesOntoOneName) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"x/", ""}, {"x/a", a.c_str()}, {"y/", ""}, {"y/b", b.c_str()}});
    lab.rename(0, "x", "z");
    lab.rename(1, "y", "z");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"z/a", a}, {"z.conflict-*/b", b}});
  });
}

TEST(Renames, OfADirectoryOntoANewDirectory) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    lab.base({{"x/", ""}, {"x/a", a.c_str()}});
    lab.rename(0, "x", "z");
    lab.mkdir(1, "z");
    lab.write(1, "z/b", "B");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"z/a", a}, {"z/b", "B"}});
  });
}

TEST(Renames, MovedIntoANewDirectoryThatBothMade) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"a", a.c_str()}, {"b", b.c_str()}});
    lab.mkdir(0, "new");
    lab.rename(0, "a", "new/a");
    lab.mkdir(1, "new");
    lab.rename(1, "b", "new/b");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"new/a", a}, {"new/b", b}});
  });
}

TEST(Renames, AmbiguousBytesAreNoMove) {
  in_every_arrangement(1, kTwoWay, {Store::kNetwork, Store::kCloud}, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a", text.c_str()}, {"b", text.c_str()}});
    lab.rename(0, "a", "c");
    lab.rename(0, "b", "d");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"c", text}, {"d", text}});
  });
}

TEST(Identity, AnInodeThatIsTakenAgainIsAnotherFile) {
  in_every_arrangement(2, kTwoWay, {Store::kLocal}, [](Lab& lab) {
    lab.base({{"a", "A"}});
    const std::uint64_t inode = lab.at(0).find("a")->id;
    lab.remove(0, "a");
    lab.write(0, "b", "B");
    lab.at(0).find("b")->id = inode;
    lab.write(1, "a", "edited");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a", "edited"}, {"b", "B"}});
  });
}

}  // namespace
}  // namespace ox::toy
