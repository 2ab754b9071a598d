#include <gtest/gtest.h>

#include "plan/lab.h"

/// What a delete meets on the other replicas.
namespace ox::toy {
namespace {

const plan::Policy kTwoWay{};

TEST(Deletes, FirstSyncIsAUnion) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.write(0, "a", "A");
    lab.write(1, "b", "B");
    lab.mkdir(0, "d");
    lab.write(0, "d/c", "C");
    lab.mkdir(1, "empty");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a", "A"}, {"b", "B"}, {"d/c", "C"}, {"empty/", ""}});
  });
}

TEST(Deletes, UnopposedSticks) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}, {"b", "B"}});
    lab.remove(0, "a");
    lab.crash_everywhere();
    const plan::Plan plan = lab.sync();
    EXPECT_TRUE(plan.conflicts.empty());
    lab.expect({{"b", "B"}});
  });
}

TEST(Deletes, BothDeleteTheSame) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}, {"b", "B"}});
    lab.remove(0, "a");
    lab.remove(1, "a");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"b", "B"}});
  });
}

TEST(Deletes, EditWins) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}});
    lab.remove(0, "a");
    lab.write(1, "a", "edited");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a", "edited"}});
  });
}

TEST(Deletes, SavedByReplacementWins) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}});
    lab.save(1, "a", "edited");
    lab.remove(0, "a");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a", "edited"}});
  });
}

TEST(Deletes, RenameWins) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a", text.c_str()}, {"d/", ""}});
    lab.remove(0, "a");
    lab.rename(1, "a", "d/b");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"d/b", text}});
  });
}

TEST(Deletes, OfADirectoryGoesWhole) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    lab.base(
        {{"d/", ""}, {"d/e/", ""}, {"d/e/a", "A"}, {"d/b", "B"}, {"d/empty/", ""}, {"c", "C"}});
    lab.remove(0, "d");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"c", "C"}});
  });
}

TEST(Deletes, OfADirectoryKeepsTheSpineOfANewChild) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base(
        {{"d/", ""}, {"d/e/", ""}, {"d/e/a", "A"}, {"d/b", "B"}, {"d/f/", ""}, {"d/f/c", "C"}});
    lab.remove(0, "d");
    lab.write(1, "d/e/new", "N");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"d/e/new", "N"}});
  });
}

TEST(Deletes, OfADirectoryKeepsAnEditInside) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"d/", ""}, {"d/e/", ""}, {"d/e/a", "A"}, {"d/b", "B"}});
    lab.write(1, "d/e/a", "edited");
    lab.remove(0, "d");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"d/e/a", "edited"}});
  });
}

TEST(Deletes, OfADirectoryKeepsANewEmptyDirectoryInside) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"d/", ""}, {"d/b", "B"}});
    lab.mkdir(1, "d/new");
    lab.remove(0, "d");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"d/new/", ""}});
  });
}

TEST(Deletes, OfADirectoryKeepsWhatMovedIn) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"d/", ""}, {"d/b", "B"}, {"a", text.c_str()}});
    lab.rename(1, "a", "d/a");
    lab.remove(0, "d");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"d/a", text}});
  });
}

TEST(Deletes, OfADirectoryLetsGoWhatMovedOut) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"d/", ""}, {"d/b", "B"}, {"d/a", text.c_str()}});
    lab.rename(1, "d/a", "a");
    lab.remove(0, "d");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a", text}});
  });
}

TEST(Deletes, OfADirectoryAgainstItsRenameKeepsTheRenamedTree) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"d/", ""}, {"d/a", a.c_str()}, {"d/e/", ""}, {"d/e/b", b.c_str()}});
    lab.rename(0, "d", "moved");
    lab.remove(1, "d");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"moved/a", a}, {"moved/e/b", b}});
  });
}

TEST(Deletes, OfOneChildInADirectoryThatIsRenamedElsewhere) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    const std::string c = big("C");
    lab.base({{"d/", ""}, {"d/a", a.c_str()}, {"d/b", b.c_str()}, {"d/c", c.c_str()}});
    lab.rename(0, "d", "moved");
    lab.remove(1, "d/a");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"moved/b", b}, {"moved/c", c}});
  });
}

TEST(Deletes, AndRecreatedElsewhereWithOtherBytes) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}});
    lab.remove(0, "a");
    lab.crash_everywhere();
    lab.sync();
    lab.write(1, "a", "again");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a", "again"}});
  });
}

TEST(Deletes, UnknownBlocksThem) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"d/", ""}, {"d/a", "A"}, {"b", "B"}});
    lab.set_unreadable(1, "d/a", true);
    lab.remove(0, "d");
    lab.remove(0, "b");
    lab.crash_everywhere(Afterwards::kWaits);
    lab.run();
    EXPECT_TRUE(lab.at(1).has("d/a"));
    EXPECT_FALSE(lab.at(1).has("b"));
    lab.set_unreadable(1, "d/a", false);
    lab.crash_everywhere();
    lab.sync();
    lab.expect({});
  });
}

TEST(Deletes, UnreadableDirectoryIsNotAnEmptyOne) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"d/", ""}, {"d/a", "A"}, {"d/e/", ""}, {"d/e/b", "B"}, {"c", "C"}});
    lab.set_unreadable(1, "d", true);
    lab.write(0, "c", "C2");
    lab.crash_everywhere();
    lab.run();
    for (std::size_t role = 0; role < lab.count(); ++role) {
      EXPECT_TRUE(lab.at(role).has("d/e/b"));
    }
    lab.set_unreadable(1, "d", false);
    EXPECT_FALSE(lab.sync().has_operations());
    lab.expect({{"d/a", "A"}, {"d/e/b", "B"}, {"c", "C2"}});
  });
}

TEST(Deletes, WaitWhileOneChildCannotBeRead) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"d/", ""}, {"d/a", "A"}, {"d/e/", ""}, {"d/e/b", "B"}});
    lab.set_unreadable(1, "d/e", true);
    lab.remove(0, "d");
    lab.crash_everywhere(Afterwards::kWaits);
    lab.run();
    EXPECT_TRUE(lab.at(1).has("d/e/b"));
    lab.set_unreadable(1, "d/e", false);
    lab.crash_everywhere();
    lab.sync();
    lab.expect({});
  });
}

TEST(Deletes, AFileThatWasRenamedAndCannotBeReadIsNotGone) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"d/", ""}, {"d/a", "the text"}, {"e/", ""}, {"b", "B"}, {"other", "other size"}});
    lab.rename(1, "d/a", "e/moved");
    lab.set_unreadable(1, "e/moved", true);
    lab.remove(1, "d");
    lab.remove(1, "other");
    lab.crash_everywhere(Afterwards::kWaits);
    lab.run();
    for (std::size_t role = 0; role < lab.count(); ++role) {
      EXPECT_TRUE(role == 1 || lab.at(role).has("d/a"));
      EXPECT_FALSE(lab.at(role).has("other"));
    }
    lab.set_unreadable(1, "e/moved", false);
    lab.crash_everywhere();
    lab.run();
    lab.sync();
    for (std::size_t role = 0; role < lab.count(); ++role) {
      EXPECT_TRUE(lab.at(role).has("e/moved"));
    }
  });
}

TEST(Deletes, UnreadableWhereItWasKnownExplainsNoOtherAbsence) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "same size"}, {"b", "size same"}});
    lab.set_unreadable(1, "a", true);
    lab.remove(1, "b");
    lab.crash_everywhere(Afterwards::kWaits);
    lab.run();
    for (std::size_t role = 0; role < lab.count(); ++role) {
      EXPECT_TRUE(lab.at(role).has("a"));
      EXPECT_FALSE(lab.at(role).has("b"));
    }
  });
}

}  // namespace
}  // namespace ox::toy
