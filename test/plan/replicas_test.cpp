#include <gtest/gtest.h>

#include "plan/lab.h"

/// Replicas that are away, come back, join, or were restored; filters; budgets.
namespace ox::toy {
namespace {

const plan::Policy kTwoWay{};

TEST(Late, OwnEditAgainstNothingCrosses) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}, {"b", "B"}});
    lab.offline(1);
    lab.write(0, "b", "B2");
    lab.run();
    lab.write(0, "b", "B3");
    lab.run();
    lab.write(1, "a", "late");
    lab.online(1);
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"a", "late"}, {"b", "B3"}});
  });
}

TEST(Late, StaleEditDoesNotOverwriteWhatMovedOn) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a.txt", "A"}});
    lab.write(1, "a.txt", "late");
    lab.offline(1);
    lab.write(0, "a.txt", "newer");
    lab.run();
    lab.run();
    lab.online(1);
    lab.crash_everywhere();
    EXPECT_EQ(lab.sync().conflicts.size(), 1U);
    lab.expect({{"a.txt", "newer"}, {"a.conflict-" + lab.label(1) + "-*.txt", "late"}});
  });
}

TEST(Late, StaleEditIsKeptThoughItIsNewer) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a.txt", "A"}});
    lab.offline(1);
    lab.write(0, "a.txt", "moved on");
    lab.run();
    lab.write(1, "a.txt", "late but newer");
    lab.online(1);
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a.txt", "late but newer"}, {"a.conflict-*.txt", "moved on"}});
  });
}

TEST(Late, StaleDeleteLoses) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}, {"b", "B"}});
    lab.offline(1);
    lab.write(0, "a", "edited");
    lab.run();
    lab.remove(1, "a");
    lab.remove(1, "b");
    lab.online(1);
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a", "edited"}});
  });
}

/// The first calls its file `a` by the name `b`; the second has not seen that.
void rename_while_the_other_is_away(Lab& lab, const std::string& text) {
  lab.base({{"a", text.c_str()}});
  lab.offline(1);
  lab.rename(0, "a", "b");
  lab.run();
}

TEST(Late, StaleDeleteOfARenamedFileLoses) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    rename_while_the_other_is_away(lab, text);
    lab.remove(1, "a");
    lab.online(1);
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"b", text}});
  });
}

TEST(Late, StaleRenameMeetsTheOneThatMovedOn) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    rename_while_the_other_is_away(lab, text);
    lab.rename(1, "a", "c");
    lab.online(1);
    lab.crash_everywhere();
    const plan::Plan plan = lab.sync();
    ASSERT_EQ(plan.conflicts.size(), 1U);
    EXPECT_EQ(plan.conflicts.front().kind, "place");
    lab.expect({{"b", text}});
  });
}

TEST(Late, DeletesElsewhereReachIt) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}, {"d/", ""}, {"d/b", "B"}, {"c", "C"}});
    lab.offline(1);
    lab.remove(0, "a");
    lab.remove(0, "d");
    for (int again = 0; again < 4; ++again) {
      lab.run();
    }
    lab.online(1);
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"c", "C"}});
  });
}

TEST(Late, EditOfWhatWasDeletedElsewhereWins) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"d/", ""}, {"d/a", "A"}, {"d/b", "B"}});
    lab.offline(1);
    lab.remove(0, "d");
    lab.run();
    lab.run();
    lab.write(1, "d/a", "late");
    lab.online(1);
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"d/a", "late"}});
  });
}

TEST(Late, RenameOfWhatWasDeletedElsewhereWins) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a", text.c_str()}});
    lab.offline(1);
    lab.remove(0, "a");
    lab.run();
    lab.rename(1, "a", "b");
    lab.online(1);
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"b", text}});
  });
}

TEST(Late, NewFileInADirectoryThatMovedOn) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"d/", ""}, {"d/a", text.c_str()}});
    lab.offline(1);
    lab.rename(0, "d", "moved");
    lab.run();
    lab.rename(0, "moved", "again");
    lab.run();
    lab.write(1, "d/new", "N");
    lab.online(1);
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"again/a", text}, {"again/new", "N"}});
  });
}

TEST(Late, DeletedAndCreatedAgainElsewhere) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}});
    lab.offline(1);
    lab.remove(0, "a");
    lab.run();
    lab.write(0, "a", "again");
    lab.run();
    lab.online(1);
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"a", "again"}});
  });
}

TEST(Late, BytesThatOnlyAnAbsentReplicaHoldsAreWaitedFor) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}});
    lab.offline(1);
    lab.write(0, "a", "edited");
    lab.crash_everywhere();
    lab.run();
    for (std::size_t role = 0; role < lab.count(); ++role) {
      role == 1 ? lab.online(role) : lab.offline(role);
    }
    const plan::Plan plan = lab.run();
    EXPECT_FALSE(plan.has_operations());
    lab.expect({{"a", "A"}});
    for (std::size_t role = 0; role < lab.count(); ++role) {
      lab.online(role);
    }
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a", "edited"}});
  });
}

TEST(Late, OnlyOneReplicaIsThere) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}, {"b", "B"}});
    for (std::size_t role = 1; role < lab.count(); ++role) {
      lab.offline(role);
    }
    lab.remove(0, "a");
    lab.write(0, "c", "C");
    lab.crash_everywhere();
    lab.run();
    for (std::size_t role = 1; role < lab.count(); ++role) {
      lab.online(role);
    }
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"b", "B"}, {"c", "C"}});
  });
}

TEST(Rebase, IsAUnionWithoutDeletes) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a.txt", "A"}, {"b", "B"}, {"d/", ""}, {"d/c", "C"}});
    lab.remove(0, "b");
    lab.remove(0, "d");
    lab.write(0, "a.txt", "older");
    lab.write(1, "a.txt", "newer");
    lab.world.rebase();
    lab.crash_everywhere();
    lab.sync();
    const std::string older = "a.conflict-" + lab.label(0) + "-*.txt";
    if (lab.count() > 2) {  // somebody still has what both have replaced
      lab.expect({{"a.txt", "newer"},
                  {older, "older"},
                  {"a.conflict-*.txt", "A"},
                  {"b", "B"},
                  {"d/c", "C"}});
    } else {
      lab.expect({{"a.txt", "newer"}, {older, "older"}, {"b", "B"}, {"d/c", "C"}});
    }
  });
}

TEST(Rebase, ARestoredDiskDeletesNothing) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a.txt", "A"}});
    const World backup = lab.world;
    lab.write(0, "new", "N");
    lab.write(0, "a.txt", "A2");
    lab.sync();
    // The disk of role 1 is what it was before; its id file tells, so the rule is rebased.
    World restored(lab.world);
    std::vector<ToyReplica> replicas;
    for (ReplicaIndex i = 0; i < restored.replicas.size(); ++i) {
      const World& from = i == lab.replica_of(1) ? backup : lab.world;
      replicas.emplace_back(from.replicas[i]);
    }
    restored.replicas = std::move(replicas);
    restored.rebase();
    ASSERT_TRUE(restored.sync().ok());
    const auto settled = restored.check_settled();
    ASSERT_TRUE(settled.ok()) << settled.error().to_string();
    for (const ToyReplica& replica : restored.replicas) {
      EXPECT_TRUE(replica.has("new"));
      EXPECT_EQ(replica.find("a.txt")->blob->bytes, "A2");
    }
  });
}

TEST(Rebase, KeepsDeletesOfWhatIsAgreedOnEveryReplica) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}, {"b", "B"}});
    lab.world.rebase();
    lab.sync();
    lab.remove(0, "a");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"b", "B"}});
  });
}

TEST(Rebase, AnOldBackupOfOurStateDeletesNothing) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}, {"old", "O"}});
    const ToyStore backup = lab.world.store;
    lab.write(0, "new", "N");
    lab.remove(1, "old");
    lab.crash_everywhere();
    lab.sync();
    lab.remove(0, "a");
    lab.crash_everywhere();
    lab.sync();
    lab.world.store = backup;
    lab.write(1, "newer", "N2");
    lab.world.rebase();
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"new", "N"}, {"newer", "N2"}});
  });
}

TEST(Joining, AnUnknownReplicaDeletesNothing) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}, {"d/", ""}, {"d/b", "B"}});
    lab.world.join(abilities_of(Store::kLocal, 5));
    const auto newest = static_cast<ReplicaIndex>(lab.world.replicas.size() - 1);
    lab.world.at(newest).write("own", lab.world.blobs->make_text("mine"), lab.world.tick());
    lab.world.rebase();
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a", "A"}, {"d/b", "B"}, {"own", "mine"}});
    EXPECT_TRUE(lab.world.at(newest).has("d/b"));
    lab.remove(0, "a");
    lab.crash_everywhere();
    lab.sync();
    EXPECT_FALSE(lab.world.at(newest).has("a"));
  });
}

TEST(Joining, WithoutARebaseItDeletesNothingEither) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}, {"d/", ""}, {"d/b", "B"}});
    lab.world.join(abilities_of(Store::kNetwork, 5));
    lab.write(1, "a", "edited");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a", "edited"}, {"d/b", "B"}});
    const ToyReplica& newest = lab.world.replicas.back();
    ASSERT_TRUE(newest.has("a"));
    EXPECT_EQ(newest.find("a")->blob->bytes, "edited");
    EXPECT_TRUE(newest.has("d/b"));
  });
}

bool skipped(ReplicaIndex, const RelPath& path, bool) {
  return path.text() == "skip" || path.text().starts_with("skip/") || path.name() == "x.tmp";
}

TEST(Filters, HiddenFromTheStartIsNeverTouched) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.world.filter = skipped;
    lab.mkdir(0, "d");
    lab.write(0, "d/x.tmp", "hidden");
    lab.write(0, "d/a", "A");
    lab.mkdir(0, "skip");
    lab.write(0, "skip/b", "B");
    lab.crash_everywhere();
    lab.sync();
    lab.expect_at(0, {{"d/x.tmp", "hidden"}, {"d/a", "A"}, {"skip/b", "B"}});
    lab.expect_at(1, {{"d/a", "A"}});
  });
}

TEST(Filters, ThatAppearLaterTouchNothing) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"skip/", ""}, {"skip/a", "A"}, {"d/", ""}, {"d/x.tmp", "X"}, {"b", "B"}});
    lab.world.filter = skipped;
    lab.sync();
    lab.remove(0, "skip");
    lab.write(1, "d/x.tmp", "mine");
    lab.write(1, "b", "B2");
    lab.crash_everywhere();
    lab.sync();
    lab.expect_at(0, {{"d/x.tmp", "X"}, {"b", "B2"}});
    lab.expect_at(1, {{"skip/a", "A"}, {"d/x.tmp", "mine"}, {"b", "B2"}});
  });
}

TEST(Filters, IncludedAgainIsNew) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"skip/", ""}, {"skip/a", "A"}, {"skip/b", "B"}});
    lab.world.filter = skipped;
    lab.sync();
    lab.remove(0, "skip/a");
    lab.sync();
    lab.world.filter = nullptr;
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"skip/a", "A"}, {"skip/b", "B"}});
  });
}

TEST(Filters, DirectoryDeletedElsewhereStaysForItsHiddenFiles) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.world.filter = skipped;
    lab.base({{"d/", ""}, {"d/a", "A"}, {"d/e/", ""}, {"d/e/b", "B"}});
    lab.write(1, "d/e/x.tmp", "hidden");
    lab.remove(0, "d");
    lab.crash_everywhere();
    lab.sync();
    lab.expect_at(0, {});
    lab.expect_at(1, {{"d/e/x.tmp", "hidden"}});
    for (std::size_t role = 2; role < lab.count(); ++role) {
      lab.expect_at(role, {});
    }
  });
}

TEST(Filters, DirectoryRenamedElsewhereTakesItsHiddenFilesAlong) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.world.filter = skipped;
    lab.base({{"d/", ""}, {"d/a", text.c_str()}});
    lab.write(1, "d/x.tmp", "hidden");
    lab.rename(0, "d", "moved");
    lab.crash_everywhere();
    lab.sync();
    lab.expect_at(0, {{"moved/a", text}});
    lab.expect_at(1, {{"moved/a", text}, {"moved/x.tmp", "hidden"}});
  });
}

TEST(Filters, OnOneReplicaOnly) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const ReplicaIndex only = lab.replica_of(1);
    lab.base({{"skip/", ""}, {"skip/a", "A"}, {"b", "B"}});
    lab.world.filter = [only](ReplicaIndex i, const RelPath& path, bool is_directory) {
      return i == only && skipped(i, path, is_directory);
    };
    lab.write(0, "skip/a", "edited");
    lab.write(1, "skip/a", "hidden edit");
    lab.crash_everywhere();
    lab.sync();
    lab.expect_at(0, {{"skip/a", "edited"}, {"b", "B"}});
    lab.expect_at(1, {{"skip/a", "hidden edit"}, {"b", "B"}});
    lab.remove(0, "skip");
    lab.sync();
    lab.expect_at(1, {{"skip/a", "hidden edit"}, {"b", "B"}});
    lab.expect_at(0, {{"b", "B"}});
  });
}

plan::Policy with_budget(std::uint64_t nodes) {
  return {.budget = plan::Budget{.max_nodes = nodes, .max_fraction = 0.5}};
}

TEST(Budgets, HoldDeletesAndLetTheRestRun) {
  in_every_arrangement(2, with_budget(2), [](Lab& lab) {
    lab.base({{"a", "A"}, {"b", "B"}, {"c", "C"}, {"d", "D"}, {"e", "E"}});
    for (const char* path : {"a", "b", "c"}) {
      lab.remove(0, path);
    }
    lab.write(0, "new", "N");
    lab.write(1, "e", "edited");
    const plan::Plan held = lab.run();
    EXPECT_GE(held.held.size(), 3U);
    EXPECT_EQ(lab.at(1).find("a")->blob->bytes, "A");
    EXPECT_TRUE(lab.at(1).has("c"));
    EXPECT_TRUE(lab.at(1).has("new"));
    EXPECT_FALSE(lab.at(0).has("a"));
    lab.world.approved = held.held;
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().held.empty());
    lab.expect({{"d", "D"}, {"e", "edited"}, {"new", "N"}});
  });
}

TEST(Budgets, ApprovalCoversSubsets) {
  in_every_arrangement(1, with_budget(2), [](Lab& lab) {
    lab.base({{"a", "A"}, {"b", "B"}, {"c", "C"}, {"d", "D"}, {"e", "E"}, {"f", "F"}});
    for (const char* path : {"a", "b", "c", "d"}) {
      lab.remove(0, path);
    }
    const plan::Plan held = lab.run();
    EXPECT_EQ(held.held.size(), 4U);
    lab.world.approved = held.held;
    lab.write(0, "a", "A");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().held.empty());
    lab.expect({{"a", "A"}, {"e", "E"}, {"f", "F"}});
  });
}

TEST(Budgets, ApprovalDoesNotCoverMore) {
  in_every_arrangement(1, with_budget(2), [](Lab& lab) {
    lab.base({{"a", "A"}, {"b", "B"}, {"c", "C"}, {"d", "D"}, {"e", "E"}, {"f", "F"}});
    for (const char* path : {"a", "b", "c", "d"}) {
      lab.remove(0, path);
    }
    lab.world.approved = lab.run().held;
    lab.remove(0, "e");
    EXPECT_FALSE(lab.run().held.empty());
    EXPECT_TRUE(lab.at(1).has("a"));
    EXPECT_TRUE(lab.at(1).has("e"));
  });
}

TEST(Budgets, WholeDirectoryIsHeldWithItsContent) {
  in_every_arrangement(1, with_budget(2), [](Lab& lab) {
    lab.base({{"d/", ""}, {"d/a", "A"}, {"d/b", "B"}, {"d/c", "C"}});
    lab.remove(0, "d");
    const plan::Plan held = lab.run();
    EXPECT_FALSE(held.held.empty());
    EXPECT_TRUE(lab.at(1).has("d/a"));
    EXPECT_FALSE(lab.at(0).has("d"));
    lab.world.approved = held.held;
    lab.crash_everywhere();
    lab.sync();
    lab.expect({});
  });
}

TEST(Budgets, RenamesDoNotCount) {
  in_every_arrangement(1, with_budget(2), [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    const std::string c = big("C");
    lab.base({{"d/", ""}, {"d/a", a.c_str()}, {"d/b", b.c_str()}, {"d/c", c.c_str()}});
    lab.rename(0, "d", "moved");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().held.empty());
    lab.expect({{"moved/a", a}, {"moved/b", b}, {"moved/c", c}});
  });
}

TEST(Budgets, EmptiedRootIsHeld) {
  in_every_arrangement(1, with_budget(2), [](Lab& lab) {
    lab.base({{"a", "A"}, {"d/", ""}, {"d/b", "B"}, {"d/c", "C"}});
    lab.remove(0, "a");
    lab.remove(0, "d");
    EXPECT_FALSE(lab.run().held.empty());
    for (std::size_t role = 1; role < lab.count(); ++role) {
      EXPECT_TRUE(lab.at(role).has("d/c"));
      EXPECT_TRUE(lab.at(role).has("a"));
    }
  });
}

TEST(AssumedEquality, NeverDeletes) {
  const plan::Policy policy{.compare = {.size = true, .modtime = true, .hash = false}};
  in_every_arrangement(2, policy, [](Lab& lab) {
    const Timestamp same = lab.world.tick();
    lab.write(0, "a", "AAAA");
    lab.write(1, "a", "BBBB");
    lab.touch(0, "a", same);
    lab.touch(1, "a", same);
    lab.run();
    lab.remove(0, "a");
    lab.run();
    EXPECT_TRUE(lab.at(1).has("a"));
    EXPECT_TRUE(lab.at(0).has("a"));
  });
}

TEST(Late, ThirdReplicaSeesWhatTwoAgreedMeanwhile) {
  in_every_arrangement(3, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a", text.c_str()}, {"b", "B"}});
    lab.offline(2);
    lab.rename(0, "a", "c");
    lab.write(1, "b", "B2");
    lab.run();
    lab.remove(1, "b");
    lab.run();
    lab.write(2, "a", "late edit");
    lab.online(2);
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"c", "late edit"}});
  });
}

TEST(Late, WhatTheOthersAgreeOnBeforeItIsTheirSourceIsTheirEdit) {
  for (const plan::Mode mode : {plan::Mode::kOneWay, plan::Mode::kCopy}) {
    in_mode(kTwoWay, 2, [mode](Lab& lab) {
      if (lab.count() < 3) {
        return;
      }
      lab.write(0, "a.txt", "A");
      lab.write(0, "b.txt", "B");
      lab.run();
      lab.offline(0);
      lab.write(1, "a.txt", "edited");
      lab.write(1, "b.txt", "edited, too");
      lab.run();
      lab.world.policy.mode = mode;
      lab.world.rebase();
      lab.run();
      lab.online(0);
      lab.remove(0, "b.txt");
      World copy = lab.world;
      const std::size_t edited = lab.count() - 1;
      EXPECT_EQ(copy.sync().value().plan.conflicts.size(), edited) << "one wins, none is lost";
      lab.run();
      EXPECT_TRUE(lab.at(1).has("b.txt")) << "another version was deleted at the source";
    });
  }
}

}  // namespace
}  // namespace ox::toy
