#include <gtest/gtest.h>

#include "plan/lab.h"

/// Copy, move, one-way and mirror. Role 0 is always made the source.
namespace ox::toy {
namespace {

using Mode = plan::Mode;

/// Runs until nothing is left; more than one run is a failure.
void settle(Lab& lab) {
  World copy = lab.world;
  const auto whole = copy.sync();
  ASSERT_TRUE(whole.ok()) << whole.error().to_string();
  for (std::size_t k = 0; k < whole->steps; ++k) {
    World torn = lab.world;
    const auto crashed = torn.sync(k);
    ASSERT_TRUE(crashed.ok()) << crashed.error().to_string();
    const auto repaired = torn.sync();
    ASSERT_TRUE(repaired.ok()) << "after a crash at step " << k << ": "
                               << repaired.error().to_string();
    for (ReplicaIndex i = 0; i < torn.replicas.size() && !crashed->untold; ++i) {
      EXPECT_EQ(torn.outline(i), copy.outline(i)) << "after a crash at step " << k;
    }
  }
  lab.run();
  const auto stored = lab.world.store.check();
  ASSERT_TRUE(stored.ok()) << stored.error().to_string();
  const auto again = lab.world.plan();
  ASSERT_TRUE(again.ok()) << again.error().to_string();
  EXPECT_FALSE(again->has_operations());
  EXPECT_TRUE(again->empty());
  EXPECT_TRUE(again->conflicts.empty());
}

void expect_others(Lab& lab, std::size_t from,
                   std::initializer_list<std::pair<std::string, std::string>> tree) {
  for (std::size_t role = from; role < lab.count(); ++role) {
    lab.expect_at(role, tree);
  }
}

TEST(Copy, NewAndChangedCross) {
  in_mode({.mode = Mode::kCopy}, 2, [](Lab& lab) {
    lab.write(0, "a", "A");
    lab.mkdir(0, "d");
    lab.write(0, "d/b", "B");
    lab.mkdir(0, "empty");
    lab.write(1, "own", "mine");
    settle(lab);
    lab.expect_at(0, {{"a", "A"}, {"d/b", "B"}, {"empty/", ""}});
    lab.expect_at(1, {{"a", "A"}, {"d/b", "B"}, {"empty/", ""}, {"own", "mine"}});
    lab.write(0, "d/b", "B2");
    settle(lab);
    lab.expect_at(0, {{"a", "A"}, {"d/b", "B2"}, {"empty/", ""}});
    lab.expect_at(1, {{"a", "A"}, {"d/b", "B2"}, {"empty/", ""}, {"own", "mine"}});
  });
}

TEST(Copy, NoDeletesCross) {
  in_mode({.mode = Mode::kCopy}, 1, [](Lab& lab) {
    lab.write(0, "a", "A");
    lab.mkdir(0, "d");
    lab.write(0, "d/b", "B");
    settle(lab);
    lab.remove(0, "a");
    lab.remove(0, "d");
    settle(lab);
    lab.expect_at(0, {});
    expect_others(lab, 1, {{"a", "A"}, {"d/b", "B"}});
  });
}

TEST(Copy, NoRenamesCross) {
  in_mode({.mode = Mode::kCopy}, 1, [](Lab& lab) {
    const std::string text = big("A");
    lab.write(0, "a", text);
    settle(lab);
    lab.rename(0, "a", "b");
    settle(lab);
    lab.expect_at(0, {{"b", text}});
    expect_others(lab, 1, {{"a", text}, {"b", text}});
  });
}

TEST(Copy, DestinationDeletesStayUntilTheSourceChanges) {
  in_mode({.mode = Mode::kCopy}, 2, [](Lab& lab) {
    lab.write(0, "a", "A");
    lab.write(0, "b", "B");
    settle(lab);
    lab.remove(1, "a");
    settle(lab);
    lab.expect_at(0, {{"a", "A"}, {"b", "B"}});
    lab.expect_at(1, {{"b", "B"}});
    expect_others(lab, 2, {{"a", "A"}, {"b", "B"}});
    lab.write(0, "a", "A2");
    settle(lab);
    lab.expect_at(1, {{"a", "A2"}, {"b", "B"}});
  });
}

TEST(Copy, DestinationDeletesOfADirectoryStay) {
  in_mode({.mode = Mode::kCopy}, 2, [](Lab& lab) {
    lab.mkdir(0, "d");
    lab.write(0, "d/a", "A");
    settle(lab);
    lab.remove(1, "d");
    settle(lab);
    lab.expect_at(1, {});
    lab.write(0, "d/new", "N");
    settle(lab);
    lab.expect_at(1, {{"d/new", "N"}});
    lab.expect_at(0, {{"d/a", "A"}, {"d/new", "N"}});
  });
}

TEST(Copy, DestinationEditsStayUntilTheSourceChanges) {
  in_mode({.mode = Mode::kCopy}, 2, [](Lab& lab) {
    lab.write(0, "a.txt", "A");
    settle(lab);
    lab.write(1, "a.txt", "mine");
    settle(lab);
    lab.expect_at(0, {{"a.txt", "A"}});
    lab.expect_at(1, {{"a.txt", "mine"}});
    lab.write(0, "a.txt", "A2");
    settle(lab);
    lab.expect_at(0, {{"a.txt", "A2"}});
    lab.expect_at(1, {{"a.txt", "A2"}, {"a.conflict-" + lab.label(1) + "-*.txt", "mine"}});
    expect_others(lab, 2, {{"a.txt", "A2"}});
  });
}

TEST(Copy, ConflictOnTheFirstRun) {
  in_mode({.mode = Mode::kCopy}, 2, [](Lab& lab) {
    lab.write(0, "a.txt", "source");
    lab.write(1, "a.txt", "destination, newer");
    settle(lab);
    lab.expect_at(0, {{"a.txt", "source"}});
    lab.expect_at(
        1, {{"a.txt", "source"}, {"a.conflict-" + lab.label(1) + "-*.txt", "destination, newer"}});
    expect_others(lab, 2, {{"a.txt", "source"}});
  });
}

TEST(Copy, EqualOnTheFirstRunIsNoConflict) {
  in_mode({.mode = Mode::kCopy}, 2, [](Lab& lab) {
    lab.write(0, "a", "same");
    lab.write(1, "a", "same");
    settle(lab);
    lab.expect_at(0, {{"a", "same"}});
    lab.expect_at(1, {{"a", "same"}});
  });
}

TEST(Copy, DestinationRenameIsLeftAlone) {
  in_mode({.mode = Mode::kCopy}, 2, [](Lab& lab) {
    const std::string text = big("A");
    lab.write(0, "a", text);
    settle(lab);
    lab.rename(1, "a", "b");
    settle(lab);
    lab.expect_at(0, {{"a", text}});
    EXPECT_TRUE(lab.at(1).has("b"));
  });
}

TEST(Copy, FileWhereTheDestinationHasADirectory) {
  in_mode({.mode = Mode::kCopy}, 2, [](Lab& lab) {
    lab.write(0, "a", "A");
    lab.mkdir(1, "a");
    lab.write(1, "a/own", "mine");
    settle(lab);
    lab.expect_at(0, {{"a", "A"}});
    EXPECT_TRUE(lab.at(1).has("a/own"));
  });
}

TEST(Copy, DirectoryWhereTheDestinationHasAFile) {
  in_mode({.mode = Mode::kCopy}, 2, [](Lab& lab) {
    lab.mkdir(0, "a");
    lab.write(0, "a/b", "B");
    lab.write(1, "a", "mine");
    settle(lab);
    lab.expect_at(0, {{"a/b", "B"}});
    lab.expect_at(1, {{"a/b", "B"}, {"a.conflict-*", "mine"}});
  });
}

TEST(Move, SourceGoesAfterEveryDestinationHasIt) {
  in_mode({.mode = Mode::kMove}, 1, [](Lab& lab) {
    lab.write(0, "a", "A");
    lab.mkdir(0, "d");
    lab.write(0, "d/b", "B");
    settle(lab);
    lab.expect_at(0, {});
    expect_others(lab, 1, {{"a", "A"}, {"d/b", "B"}});
  });
}

TEST(Move, SourceStaysWhileADestinationIsAway) {
  in_mode({.mode = Mode::kMove}, 2, [](Lab& lab) {
    lab.write(0, "a", "A");
    lab.offline(1);
    lab.run();
    EXPECT_TRUE(lab.at(0).has("a"));
    lab.online(1);
    settle(lab);
    lab.expect_at(0, {});
    expect_others(lab, 1, {{"a", "A"}});
  });
}

TEST(Move, SourceGoesWithTheLastDeliveryWhateverTheOthersDidWithTheirsSince) {
  in_mode({.mode = Mode::kMove}, 3, [](Lab& lab) {
    lab.mkdir(0, "d");
    lab.write(0, "d/edited", "E");
    lab.write(0, "deleted", "D");
    lab.offline(2);
    lab.run();
    lab.write(1, "d/edited", "edited since");
    lab.remove(1, "deleted");
    lab.run();
    lab.expect_at(0, {{"d/edited", "E"}, {"deleted", "D"}});
    lab.online(2);
    settle(lab);
    lab.expect_at(0, {});
    lab.expect_at(1, {{"d/edited", "edited since"}});
    expect_others(lab, 2, {{"d/edited", "E"}, {"deleted", "D"}});
  });
}

TEST(Move, TheLastCopyStays) {
  in_mode({.mode = Mode::kCopy}, 1, [](Lab& lab) {
    lab.write(0, "deleted", "D");
    lab.write(0, "edited", "E");
    lab.run();
    for (std::size_t role = 1; role < lab.count(); ++role) {
      lab.remove(role, "deleted");
      lab.write(role, "edited", "edited since");
    }
    lab.run();
    lab.world.policy.mode = Mode::kMove;
    settle(lab);
    lab.expect_at(0, {{"deleted", "D"}, {"edited", "E"}});
    expect_others(lab, 1, {{"edited", "edited since"}});
  });
}

TEST(Move, WhatIsThereAlreadyIsComparedByBytes) {
  in_mode({.mode = Mode::kMove}, 2, [](Lab& lab) {
    lab.write(0, "a", "same");
    lab.write(1, "a", "same");
    lab.write(0, "b.txt", "source");
    lab.write(1, "b.txt", "destination");
    settle(lab);
    lab.expect_at(0, {});
    lab.expect_at(1, {{"a", "same"}, {"b.txt", "source"}, {"b.conflict-*.txt", "destination"}});
  });
}

TEST(Move, MovedAgainUnderTheSameName) {
  in_mode({.mode = Mode::kMove}, 1, [](Lab& lab) {
    lab.write(0, "a", "one");
    settle(lab);
    lab.write(0, "a", "two");
    settle(lab);
    lab.expect_at(0, {});
    for (std::size_t role = 1; role < lab.count(); ++role) {
      EXPECT_EQ(lab.at(role).find("a")->blob->bytes, "two");
    }
  });
}

TEST(Move, DirectoriesThatWeDidNotEmptyStay) {
  in_mode({.mode = Mode::kMove}, 1, [](Lab& lab) {
    lab.mkdir(0, "empty");
    lab.mkdir(0, "d");
    lab.write(0, "d/a", "A");
    settle(lab);
    lab.expect_at(0, {{"empty/", ""}});
    expect_others(lab, 1, {{"empty/", ""}, {"d/a", "A"}});
  });
}

TEST(OneWay, DeletesAndRenamesCross) {
  in_mode({.mode = Mode::kOneWay}, 1, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.write(0, "a", a);
    lab.mkdir(0, "d");
    lab.write(0, "d/b", b);
    lab.write(0, "c", "C");
    settle(lab);
    lab.rename(0, "d", "moved");
    lab.rename(0, "a", "moved/a");
    lab.remove(0, "c");
    settle(lab);
    lab.expect({{"moved/a", a}, {"moved/b", b}});
  });
}

TEST(OneWay, DestinationDeletesAreRecreatedAndMovesUndone) {
  in_mode({.mode = Mode::kOneWay}, 2, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.write(0, "a", a);
    lab.write(0, "b", b);
    lab.mkdir(0, "d");
    lab.write(0, "d/c", "C");
    settle(lab);
    lab.remove(1, "a");
    lab.remove(1, "d");
    lab.rename(1, "b", "elsewhere");
    settle(lab);
    lab.expect({{"a", a}, {"b", b}, {"d/c", "C"}});
  });
}

TEST(OneWay, NewerDriftWinsAndIsNotDecidedAgain) {
  in_mode({.mode = Mode::kOneWay}, 2, [](Lab& lab) {
    lab.write(0, "a.txt", "A");
    settle(lab);
    lab.write(1, "a.txt", "drift");
    settle(lab);
    lab.expect_at(0, {{"a.txt", "A"}});
    EXPECT_EQ(lab.at(1).find("a.txt")->blob->bytes, "drift");
    expect_others(lab, 2, {{"a.txt", "A"}});
    EXPECT_TRUE(lab.run().conflicts.empty());
  });
}

TEST(OneWay, WhatASourceLostIsNotDeletedOnWhoWasAway) {
  for (const Mode mode : {Mode::kOneWay, Mode::kCopy}) {
    in_mode({.mode = mode}, 2, [](Lab& lab) {
      if (lab.count() < 3) {
        return;
      }
      lab.write(0, "a", "A");
      lab.write(0, "b", "B");
      settle(lab);
      lab.offline(1);
      lab.remove(0, "a");
      lab.world.rebase();
      settle(lab);
      lab.online(1);
      settle(lab);
      EXPECT_TRUE(lab.at(1).has("a")) << "an older copy of the source lacks it";
      EXPECT_TRUE(lab.at(1).has("b"));
    });
  }
}

TEST(OneWay, ADestinationsWinnerIsItsEditWhenTheModeChangesWhileItIsAway) {
  in_mode({.mode = Mode::kOneWay}, 2, [](Lab& lab) {
    if (lab.count() < 3) {
      return;
    }
    lab.write(0, "a.txt", "A");
    settle(lab);
    lab.write(1, "a.txt", "drift");
    settle(lab);
    lab.offline(1);
    lab.world.policy.mode = Mode::kTwoWay;
    lab.world.rebase();
    settle(lab);
    lab.online(1);
    settle(lab);
    for (std::size_t role = 0; role < lab.count(); ++role) {
      EXPECT_EQ(lab.at(role).find("a.txt")->blob->bytes, "drift") << "the newer version wins";
    }
  });
}

TEST(OneWay, ADestinationsWinnerFollowsRenames) {
  in_mode({.mode = Mode::kOneWay}, 2, [](Lab& lab) {
    const std::string drift = big("drift");
    lab.write(0, "a.txt", big("A"));
    settle(lab);
    lab.write(1, "a.txt", drift);
    settle(lab);
    lab.rename(0, "a.txt", "b.txt");
    settle(lab);
    lab.expect_at(0, {{"b.txt", big("A")}});
    lab.expect_at(1, {{"b.txt", drift}});
    expect_others(lab, 2, {{"b.txt", big("A")}});
    lab.rename(1, "b.txt", "c.txt");
    settle(lab);
    lab.expect_at(0, {{"b.txt", big("A")}});
    lab.expect_at(1, {{"b.txt", drift}});
  });
}

TEST(OneWay, DriftThatLosesIsKept) {
  in_mode({.mode = Mode::kOneWay, .keep_mode = plan::KeepMode::kPath1}, 2, [](Lab& lab) {
    lab.write(0, "a.txt", "A");
    settle(lab);
    lab.write(1, "a.txt", "drift");
    settle(lab);
    lab.expect_at(0, {{"a.txt", "A"}});
    lab.expect_at(1, {{"a.txt", "A"}, {"a.conflict-" + lab.label(1) + "-*.txt", "drift"}});
    expect_others(lab, 2, {{"a.txt", "A"}});
  });
}

TEST(OneWay, DestinationOnlyFilesStay) {
  in_mode({.mode = Mode::kOneWay}, 2, [](Lab& lab) {
    lab.write(0, "a", "A");
    lab.write(1, "own", "mine");
    lab.mkdir(1, "dir");
    lab.write(1, "dir/own", "mine too");
    settle(lab);
    lab.remove(0, "a");
    settle(lab);
    lab.expect_at(0, {});
    lab.expect_at(1, {{"own", "mine"}, {"dir/own", "mine too"}});
  });
}

TEST(OneWay, DirectoryDeletedAtTheSourceStaysForOwnFiles) {
  in_mode({.mode = Mode::kOneWay}, 2, [](Lab& lab) {
    lab.mkdir(0, "d");
    lab.write(0, "d/a", "A");
    settle(lab);
    lab.write(1, "d/own", "mine");
    settle(lab);
    lab.remove(0, "d");
    settle(lab);
    lab.expect_at(0, {});
    lab.expect_at(1, {{"d/own", "mine"}});
    expect_others(lab, 2, {});
  });
}

TEST(OneWay, DeletedAtTheSourceButEditedAtTheDestinationIsKept) {
  in_mode({.mode = Mode::kOneWay}, 2, [](Lab& lab) {
    lab.write(0, "a", "A");
    settle(lab);
    lab.remove(0, "a");
    lab.write(1, "a", "drift");
    settle(lab);
    lab.expect_at(0, {});
    lab.expect_at(1, {{"a", "drift"}});
    expect_others(lab, 2, {});
  });
}

TEST(OneWay, MirrorRemovesWhatOnlyADestinationHas) {
  in_mode({.mode = Mode::kOneWay, .mirror = true}, 2, [](Lab& lab) {
    lab.write(0, "a", "A");
    lab.write(1, "own", "mine");
    lab.mkdir(1, "dir");
    lab.write(1, "dir/own", "mine too");
    settle(lab);
    lab.expect({{"a", "A"}});
    std::size_t mine = 0;
    for (const Trashed& trashed : lab.at(1).trash()) {
      mine += trashed.blob->bytes.starts_with("mine") ? 1U : 0U;
    }
    EXPECT_EQ(mine, 2U);
  });
}

TEST(OneWay, MirrorNeverTouchesWhatIsExcluded) {
  in_mode({.mode = Mode::kOneWay, .mirror = true}, 2, [](Lab& lab) {
    lab.world.filter = [](ReplicaIndex, const RelPath& path, bool) {
      return path.name() == "x.tmp";
    };
    lab.write(0, "a", "A");
    lab.mkdir(1, "dir");
    lab.write(1, "dir/x.tmp", "hidden");
    lab.write(1, "dir/own", "mine");
    settle(lab);
    lab.expect_at(0, {{"a", "A"}});
    lab.expect_at(1, {{"a", "A"}, {"dir/x.tmp", "hidden"}});
  });
}

TEST(OneWay, MirrorRemovesAtOnceWhatLeftAnExcludedName) {
  in_mode({.mode = Mode::kOneWay, .mirror = true}, 2, [](Lab& lab) {
    lab.write(0, "a", "A");
    lab.write(0, "x.tmp", "hidden");
    lab.mkdir(0, "tmp");
    lab.write(0, "tmp/inside", "below");
    settle(lab);
    lab.world.filter = [](ReplicaIndex, const RelPath& path, bool) {
      return path.name().ends_with("tmp");
    };
    lab.rename(1, "x.tmp", "shown");
    lab.rename(1, "tmp", "folder");
    lab.write(1, "folder/own", "mine");
    lab.run();
    lab.expect_at(0, {{"a", "A"}, {"x.tmp", "hidden"}, {"tmp/inside", "below"}});
    lab.expect_at(1, {{"a", "A"}});
    EXPECT_FALSE(lab.at(1).has("folder"));
    EXPECT_EQ(lab.at(1).trash().size(), 3U);
  });
}

TEST(OneWay, MirrorRemovesNothingThatTheSourceHides) {
  in_mode({.mode = Mode::kOneWay, .mirror = true}, 2, [](Lab& lab) {
    const ReplicaIndex source = lab.replica_of(0);
    lab.world.filter = [source](ReplicaIndex i, const RelPath& path, bool) {
      return i == source && path.name() == "x.tmp";
    };
    lab.write(0, "a", "A");
    lab.write(0, "x.tmp", "hidden");
    lab.write(1, "x.tmp", "mine");
    settle(lab);
    lab.expect_at(0, {{"a", "A"}, {"x.tmp", "hidden"}});
    lab.expect_at(1, {{"a", "A"}, {"x.tmp", "mine"}});
  });
}

TEST(OneWay, SourceAwayChangesNothing) {
  for (const Mode mode : {Mode::kOneWay, Mode::kCopy, Mode::kMove}) {
    in_mode({.mode = mode, .mirror = mode == Mode::kOneWay}, 2, [](Lab& lab) {
      lab.write(0, "a", "A");
      lab.run();
      lab.write(1, "own", "mine");
      lab.remove(1, "a");
      lab.offline(0);
      EXPECT_FALSE(lab.run().has_operations());
      EXPECT_TRUE(lab.at(1).has("own"));
    });
  }
}

TEST(OneWay, SourceIsNeverChanged) {
  for (const Mode mode : {Mode::kOneWay, Mode::kCopy}) {
    in_mode({.mode = mode}, 2, [](Lab& lab) {
      lab.write(0, "a.txt", "A");
      lab.mkdir(0, "d");
      lab.write(0, "d/b", "B");
      lab.write(1, "a.txt", "other");
      lab.write(1, "own", "mine");
      const std::string before = lab.world.picture(lab.replica_of(0));
      settle(lab);
      lab.rename(1, "d", "e");
      lab.remove(1, "own");
      settle(lab);
      EXPECT_EQ(lab.world.picture(lab.replica_of(0)), before);
    });
  }
}

TEST(Mirror, RemovalsAreHeldLikeAnyOthers) {
  plan::Policy policy{.mode = Mode::kOneWay, .mirror = true};
  policy.budget = plan::Budget{.max_nodes = 2, .max_fraction = 0.5};
  in_mode(policy, 2, [](Lab& lab) {
    lab.write(0, "a", "A");
    lab.mkdir(1, "own");
    lab.write(1, "own/b", "B");
    lab.write(1, "own/c", "C");
    const plan::Plan first = lab.run();
    EXPECT_EQ(first.held, (std::vector<std::string>{"delete own on " + lab.label(1),
                                                    "delete own/b on " + lab.label(1),
                                                    "delete own/c on " + lab.label(1)}));
    lab.expect_at(1, {{"a", "A"}, {"own/b", "B"}, {"own/c", "C"}});
    lab.world.approved = lab.run().held;
    settle(lab);
    EXPECT_TRUE(lab.run().held.empty());
    lab.expect_at(1, {{"a", "A"}});
  });
}

TEST(Assumed, EqualityLicensesNoDeleteViaAMove) {
  for (const Mode mode : {Mode::kTwoWay, Mode::kOneWay}) {
    plan::Policy policy{.mode = mode};
    policy.compare.hash = false;
    in_mode(policy, 2, [](Lab& lab) {
      const std::string ours = big("ours");
      const std::string other = big("else");
      lab.write(0, "x", ours);
      lab.run();
      const Timestamp time = lab.at(0).find("x")->mtime;
      lab.rename(0, "x", "y");
      lab.write(1, "y", other);
      lab.touch(1, "y", time);
      lab.run();
      lab.run();
      bool kept = false;
      lab.at(1).for_each([&](const std::string&, const Object& object) {
        kept = kept || (object.blob != nullptr && object.blob->bytes == other);
      });
      EXPECT_TRUE(kept) << lab.world.picture(lab.replica_of(1));
    });
  }
}

}  // namespace
}  // namespace ox::toy
