#include <gtest/gtest.h>

#include <vector>

#include "plan/lab.h"

/// Which versions count as different: every choice of what is compared.
namespace ox::toy {
namespace {

/// Runs a case in every arrangement with each choice of fields, at least one.
void with_every_choice(std::size_t roles, const Case& run) {
  for (unsigned choice = 1; choice < 8; ++choice) {
    const plan::Compare compare{
        .size = (choice & 1U) != 0, .modtime = (choice & 2U) != 0, .hash = (choice & 4U) != 0};
    SCOPED_TRACE(std::string("compares") + (compare.size ? " size" : "") +
                 (compare.modtime ? " modtime" : "") + (compare.hash ? " hash" : ""));
    in_every_arrangement(roles, {.compare = compare}, run);
    if (::testing::Test::HasFailure()) {
      return;
    }
  }
}

const plan::Compare& compared(const Lab& lab) {
  return lab.world.policy.compare;
}

/// What differs is not told apart: each replica keeps its own, and nothing is left to do.
void expect_unseen(Lab& lab, std::initializer_list<std::string> texts) {
  const plan::Plan plan = lab.run();
  EXPECT_TRUE(plan.conflicts.empty());
  std::size_t role = 0;
  for (const std::string& text : texts) {
    lab.expect_at(role, {{"a.txt", text}});
    ++role;
  }
  const auto again = lab.world.plan();
  ASSERT_TRUE(again.ok()) << again.error().to_string();
  EXPECT_TRUE(again->empty());
}

TEST(Compare, EditOfTheSizeIsSeenBySizeAndHash) {
  with_every_choice(1, [](Lab& lab) {
    lab.base({{"a.txt", "AAAA"}});
    lab.write_silently(0, "a.txt", "longer");
    if (compared(lab).size || compared(lab).hash) {
      lab.crash_everywhere();
      EXPECT_TRUE(lab.sync().conflicts.empty());
      lab.expect({{"a.txt", "longer"}});
    } else {
      expect_unseen(lab, {"longer", "AAAA"});
    }
  });
}

TEST(Compare, EditOfTheBytesAloneIsSeenByHash) {
  with_every_choice(1, [](Lab& lab) {
    lab.base({{"a.txt", "AAAA"}});
    lab.write_silently(0, "a.txt", "BBBB");
    if (compared(lab).hash) {
      lab.crash_everywhere();
      EXPECT_TRUE(lab.sync().conflicts.empty());
      lab.expect({{"a.txt", "BBBB"}});
    } else {
      expect_unseen(lab, {"BBBB", "AAAA"});
    }
  });
}

TEST(Compare, EditOfTheTimeAloneIsSeenByModtimeAndCrossesWhereBytesAreKnown) {
  with_every_choice(1, [](Lab& lab) {
    lab.base({{"a.txt", "AAAA"}});
    const Timestamp before = lab.at(1).find("a.txt")->mtime;
    const Timestamp later = lab.world.tick();
    lab.touch(0, "a.txt", later);
    const bool crosses = compared(lab).modtime || compared(lab).hash;
    lab.crash_everywhere();
    const plan::Plan plan = lab.sync();
    EXPECT_TRUE(plan.conflicts.empty());
    // Nobody has read the bytes where they are not compared: then they are copied, too.
    EXPECT_EQ(has_content_operations(plan), compared(lab).modtime && !compared(lab).hash);
    for (std::size_t role = 0; role < lab.count(); ++role) {
      EXPECT_EQ(lab.at(role).find("a.txt")->mtime, crosses || role == 0 ? later : before);
    }
  });
}

TEST(Compare, EditThatAllShowIsSeenByEach) {
  with_every_choice(1, [](Lab& lab) {
    lab.base({{"a.txt", "AAAA"}});
    lab.write(0, "a.txt", "longer");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"a.txt", "longer"}});
  });
}

/// Roles 0 and 1 agree on a file, which role 0 changes so that the compared fields do not tell, and
/// role 1 deletes: that must not take the bytes that only role 0 has.
void expect_no_delete(Lab& lab, const std::function<void()>& change, const std::string& text) {
  lab.base({{"a.txt", "AAAA"}});
  change();
  lab.run();
  lab.expect_at(0, {{"a.txt", text}});
  for (std::size_t role = 1; role < lab.count(); ++role) {
    lab.expect_at(role, {{"a.txt", "AAAA"}});
    lab.remove(role, "a.txt");
  }
  lab.crash_everywhere();
  lab.sync();
  lab.expect({{"a.txt", text}});
}

TEST(Compare, WhatWasNotReadIsNotDeleted) {
  with_every_choice(1, [](Lab& lab) {
    if (!compared(lab).hash) {
      expect_no_delete(lab, [&] { lab.write_silently(0, "a.txt", "BBBB"); }, "BBBB");
    }
  });
}

TEST(Compare, WhatHasAnotherTimeIsNotDeletedAndKeepsItsTime) {
  with_every_choice(1, [](Lab& lab) {
    if (!compared(lab).hash && !compared(lab).modtime) {
      Timestamp time;
      expect_no_delete(
          lab,
          [&] {
            lab.write(0, "a.txt", "BBBB");
            time = lab.at(0).find("a.txt")->mtime;
          },
          "BBBB");
      EXPECT_EQ(lab.at(0).find("a.txt")->mtime, time);
    }
  });
}

TEST(Compare, WhatHasAnotherSizeIsNotDeleted) {
  with_every_choice(1, [](Lab& lab) {
    if (!compared(lab).hash && !compared(lab).size) {
      expect_no_delete(lab, [&] { lab.write_silently(0, "a.txt", "longer"); }, "longer");
    }
  });
}

TEST(Compare, ARenameOrAChmodHindersNoDelete) {
  with_every_choice(1, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a.txt", text.c_str()}, {"b.txt", "B"}});
    lab.rename(0, "a.txt", "renamed.txt");
    if (lab.at(0).traits().modes) {
      lab.chmod(0, "b.txt", 0600);
    }
    lab.sync();
    lab.remove(1, "renamed.txt");
    lab.remove(1, "b.txt");
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({});
  });
}

/// Roles 0 and 1 bring these texts under one name with times that differ by so much.
void bring(Lab& lab, const std::vector<std::string>& texts, Duration gap) {
  const Timestamp first = lab.world.tick();
  for (std::size_t role = 0; role < texts.size(); ++role) {
    lab.write(role, "a.txt", texts[role]);
    lab.touch(role, "a.txt", {first.ns + static_cast<std::int64_t>(role) * gap.count()});
  }
}

TEST(Compare, NewFilesOfTwoSizesAreToldApartBySizeAndHash) {
  with_every_choice(2, [](Lab& lab) {
    bring(lab, {"AAAA", "longer"}, Duration{0});
    if (compared(lab).size || compared(lab).hash) {
      EXPECT_EQ(lab.sync().conflicts.size(), 1U);
      lab.expect_winner(lab.winner_by_order({"AAAA", "longer"}, {0}), {"AAAA", "longer"});
    } else {
      expect_unseen(lab, {"AAAA", "longer"});
    }
  });
}

TEST(Compare, NewFilesOfOtherBytesAloneAreToldApartByHash) {
  with_every_choice(2, [](Lab& lab) {
    bring(lab, {"AAAA", "BBBB"}, Duration{0});
    if (compared(lab).hash) {
      EXPECT_EQ(lab.sync().conflicts.size(), 1U);
      lab.expect_winner(lab.winner_by_order({"AAAA", "BBBB"}, {0}), {"AAAA", "BBBB"});
    } else {
      expect_unseen(lab, {"AAAA", "BBBB"});
    }
  });
}

TEST(Compare, NewFilesOfOtherBytesAndTimesAreToldApartByModtimeAndHash) {
  with_every_choice(2, [](Lab& lab) {
    bring(lab, {"AAAA", "BBBB"}, std::chrono::minutes(1));
    if (compared(lab).modtime || compared(lab).hash) {
      EXPECT_EQ(lab.sync().conflicts.size(), 1U);
      lab.expect_winner(1, {"AAAA", "BBBB"});
    } else {
      expect_unseen(lab, {"AAAA", "BBBB"});
    }
  });
}

TEST(Compare, NewFilesOfEqualBytesAreOneWhateverTheirTimes) {
  with_every_choice(2, [](Lab& lab) {
    bring(lab, {"AAAA", "AAAA"}, std::chrono::minutes(1));
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"a.txt", "AAAA"}});
  });
}

}  // namespace
}  // namespace ox::toy
