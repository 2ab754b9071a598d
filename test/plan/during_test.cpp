#include <gtest/gtest.h>

#include <functional>

#include "plan/lab.h"

/// What a user does while a run is under way: between planning and executing, and before each step.
/// Any of the replicas may be the source of the run's work, and any the one that is worked on.
namespace ox::toy {
namespace {

const plan::Policy kTwoWay{};

std::string text_at(Lab& lab, std::size_t role, std::string_view path) {
  const Object* object = lab.at(role).find(path);
  return object == nullptr || object->blob == nullptr ? "" : object->blob->bytes;
}

/// How many files with these bytes a replica holds.
std::size_t copies_of(Lab& lab, std::size_t role, std::string_view text) {
  std::size_t count = 0;
  lab.at(role).for_each([&](const std::string&, const Object& object) {
    count += object.blob != nullptr && object.blob->bytes == text ? 1U : 0U;
  });
  return count;
}

/// Lab::beside_every_step, where the outcome depends on what the user who acts had before him.
void beside_every_step(Lab& lab, const std::function<bool(Lab&)>& had_it,
                       const std::function<void(Lab&)>& act,
                       const std::function<void(Lab&, bool had_it)>& judge) {
  bool had = false;
  lab.beside_every_step(
      [&](Lab& busy) {
        had = had_it(busy);
        act(busy);
      },
      [&](Lab& busy) { judge(busy, had); });
}

using Edit = void (Lab::*)(std::size_t role, std::string_view path, std::string_view text);

/// Role 1 writes to what the new version of role 0 is about to replace.
void expect_meeting_of(Edit edit) {
  in_every_arrangement(2, kTwoWay, [edit](Lab& lab) {
    lab.base({{"a.txt", "base"}});
    lab.write(0, "a.txt", "first");
    beside_every_step(
        lab, [](Lab& busy) { return text_at(busy, 1, "a.txt") == "first"; },
        [edit](Lab& busy) { (busy.*edit)(1, "a.txt", "second"); },
        [](Lab& busy, bool had_it) {
          if (had_it) {
            busy.expect({{"a.txt", "second"}});
          } else {
            busy.expect({{"a.txt", "second"}, {"a.conflict-*.txt", "first"}});
          }
        });
  });
}

/// Role 0 has renamed a file, which role 1 writes to after what it did to it `before`.
void expect_edit_to_follow(const std::function<void(Lab&)>& before) {
  in_every_arrangement(2, kTwoWay, [&before](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a", text.c_str()}, {"d/", ""}});
    lab.rename(0, "a", "d/b");
    before(lab);
    lab.beside_every_step(
        [](Lab& busy) { busy.write(1, busy.at(1).has("a") ? "a" : "d/b", "second"); },
        [](Lab& busy) { busy.expect({{"d/b", "second"}}); });
  });
}

TEST(During, EditOfTheSourceIsWhatCrosses) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    lab.base({{"a.txt", "base"}, {"b", "B"}});
    lab.write(0, "a.txt", "first");
    lab.write(0, "b", "B2");
    lab.beside_every_step([](Lab& busy) { busy.write(0, "a.txt", "second"); },
                          [](Lab& busy) { busy.expect({{"a.txt", "second"}, {"b", "B2"}}); });
  });
}

TEST(During, SilentEditOfTheSourceIsWhatCrosses) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    lab.base({{"a.txt", "base"}});
    lab.write(0, "a.txt", "first");
    lab.beside_every_step([](Lab& busy) { busy.write_silently(0, "a.txt", "other"); },
                          [](Lab& busy) { busy.expect({{"a.txt", "other"}}); });
  });
}

TEST(During, EditOfADestinationMeetsTheNewVersion) {
  expect_meeting_of(&Lab::write);
}

TEST(During, EditByReplacementOfADestinationMeetsTheNewVersion) {
  expect_meeting_of(&Lab::save);
}

TEST(During, EditsOfSourceAndDestinationAreAConflict) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a.txt", "base"}});
    lab.write(0, "a.txt", "first");
    lab.beside_every_step(
        [](Lab& busy) {
          busy.write(0, "a.txt", "second");
          busy.write(1, "a.txt", "third");
        },
        [](Lab& busy) {
          // Whoever replaced "first" had seen it: it need not be kept beside them.
          for (std::size_t role = 0; role < busy.count(); ++role) {
            EXPECT_EQ(text_at(busy, role, "a.txt"), "third");
            EXPECT_EQ(copies_of(busy, role, "second"), 1U);
          }
        });
  });
}

TEST(During, CreateWhereAFileIsToAppear) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"d/", ""}, {"b", "B"}});
    lab.write(0, "a.txt", "first");
    beside_every_step(
        lab, [](Lab& busy) { return busy.at(1).has("a.txt"); },
        [](Lab& busy) { busy.write(1, "a.txt", "second"); },
        [](Lab& busy, bool had_it) {
          if (had_it) {
            busy.expect({{"a.txt", "second"}, {"b", "B"}, {"d/", ""}});
          } else {
            busy.expect(
                {{"a.txt", "second"}, {"a.conflict-*.txt", "first"}, {"b", "B"}, {"d/", ""}});
          }
        });
  });
}

TEST(During, DeleteAtTheSourceSticks) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "base"}, {"b", "B"}});
    lab.write(0, "a", "first");
    lab.beside_every_step([](Lab& busy) { busy.remove(0, "a"); },
                          [](Lab& busy) { busy.expect({{"b", "B"}}); });
  });
}

TEST(During, DeleteAtADestinationLosesAgainstWhatItHadNotSeen) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "base"}, {"b", "B"}});
    lab.write(0, "a", "first");
    beside_every_step(
        lab, [](Lab& busy) { return text_at(busy, 1, "a") == "first"; },
        [](Lab& busy) { busy.remove(1, "a"); },
        [](Lab& busy, bool had_it) {
          if (had_it) {
            busy.expect({{"b", "B"}});
          } else {
            busy.expect({{"a", "first"}, {"b", "B"}});
          }
        });
  });
}

TEST(During, EditOfWhatIsToBeDeletedWins) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "base"}, {"b", "B"}});
    lab.remove(0, "a");
    lab.beside_every_step([](Lab& busy) { busy.write(1, "a", "second"); },
                          [](Lab& busy) { busy.expect({{"a", "second"}, {"b", "B"}}); });
  });
}

TEST(During, NewChildOfWhatIsToBeDeletedWins) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"d/", ""}, {"d/a", "A"}, {"d/e/", ""}, {"d/e/b", "B"}, {"c", "C"}});
    lab.remove(0, "d");
    lab.beside_every_step(
        [](Lab& busy) {
          for (const char* directory : {"d", "d/e"}) {
            if (!busy.at(1).has(directory)) {
              busy.mkdir(1, directory);
            }
          }
          busy.write(1, "d/e/new", "N");
        },
        [](Lab& busy) { busy.expect({{"d/e/new", "N"}, {"c", "C"}}); });
  });
}

TEST(During, EditFollowsTheRenameThatIsUnderWay) {
  expect_edit_to_follow([](Lab&) {});
}

TEST(During, AnotherEditFollowsTheRenameThatIsUnderWay) {
  expect_edit_to_follow([](Lab& lab) { lab.write(1, "a", "first"); });
}

TEST(During, EditAfterATouchFollowsTheRenameThatIsUnderWay) {
  expect_edit_to_follow([](Lab& lab) { lab.touch(1, "a", lab.world.tick()); });
}

TEST(During, SilentEditOfWhatWeMovedIsNotTakenForOurs) {
  in_every_arrangement(2, kTwoWay, {Store::kLocal}, [](Lab& lab) {
    lab.base({{"a.txt", "AAAA"}, {"d/", ""}});
    lab.rename(0, "a.txt", "d/a.txt");
    lab.write(0, "d/a.txt", "BBBB");
    beside_every_step(
        lab, [](Lab& busy) { return text_at(busy, 1, "d/a.txt") == "BBBB"; },
        [](Lab& busy) {
          busy.write_silently(1, busy.at(1).has("a.txt") ? "a.txt" : "d/a.txt", "CCCC");
        },
        [](Lab& busy, bool had_it) {
          if (had_it) {
            busy.expect({{"d/a.txt", "CCCC"}});
          } else {
            busy.expect({{"d/a.txt", "BBBB"}, {"d/a.conflict-*.txt", "CCCC"}});
          }
        });
  });
}

TEST(During, EditOfWhatTheSourceRenamedCrosses) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a", text.c_str()}, {"d/", ""}});
    lab.rename(0, "a", "d/b");
    lab.beside_every_step([](Lab& busy) { busy.write(0, "d/b", "second"); },
                          [](Lab& busy) { busy.expect({{"d/b", "second"}}); });
  });
}

TEST(During, AnotherRenameAtTheSourceCrosses) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a", text.c_str()}, {"d/", ""}});
    lab.rename(0, "a", "d/b");
    lab.beside_every_step([](Lab& busy) { busy.rename(0, "d/b", "c"); },
                          [text](Lab& busy) { busy.expect({{"c", text}, {"d/", ""}}); });
  });
}

TEST(During, AnotherRenameAtADestinationLeavesOneFile) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string text = big("A");
    lab.base({{"a", text.c_str()}, {"d/", ""}});
    lab.rename(0, "a", "d/b");
    lab.beside_every_step(
        [](Lab& busy) { busy.rename(1, busy.at(1).has("a") ? "a" : "d/b", "z"); },
        // Whether it had seen the other rename or not: the root is the smaller place.
        [text](Lab& busy) { busy.expect({{"z", text}, {"d/", ""}}); });
  });
}

TEST(During, NewChildFollowsTheRenamedDirectory) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"d/", ""}, {"d/a", a.c_str()}, {"d/b", b.c_str()}});
    lab.rename(0, "d", "moved");
    lab.beside_every_step(
        [](Lab& busy) { busy.write(1, busy.at(1).has("d") ? "d/new" : "moved/new", "N"); },
        [a, b](Lab& busy) { busy.expect({{"moved/a", a}, {"moved/b", b}, {"moved/new", "N"}}); });
  });
}

TEST(During, ChmodIsNotTakenForOurs) {
  in_every_arrangement(2, kTwoWay, {Store::kLocal, Store::kNetwork}, [](Lab& lab) {
    lab.base({{"a", "base"}});
    lab.write(0, "a", "first");
    lab.beside_every_step([](Lab& busy) { busy.chmod(1, "a", 0600); },
                          [](Lab& busy) {
                            busy.expect({{"a", "first"}});
                            for (std::size_t role = 0; role < busy.count(); ++role) {
                              EXPECT_EQ(busy.at(role).find("a")->mode, 0600U);
                            }
                          });
  });
}

TEST(During, EditBesideASwapLosesNothing) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    const std::string a = big("A");
    const std::string b = big("B");
    lab.base({{"a", a.c_str()}, {"b", b.c_str()}});
    lab.rename(0, "a", "t");
    lab.rename(0, "b", "a");
    lab.rename(0, "t", "b");
    std::string replaced;
    lab.beside_every_step(
        [&replaced](Lab& busy) {
          replaced = text_at(busy, 1, "a");
          busy.write(1, "a", "second");
        },
        [&](Lab& busy) {
          for (std::size_t role = 0; role < busy.count(); ++role) {
            EXPECT_EQ(copies_of(busy, role, "second"), 1U);
            EXPECT_TRUE(copies_of(busy, role, a) == 1 || replaced == a);
            EXPECT_TRUE(copies_of(busy, role, b) == 1 || replaced == b);
          }
        });
  });
}

TEST(During, MoveTakesTheSourceAsItIsInTheEnd) {
  in_mode({.mode = plan::Mode::kMove}, 1, [](Lab& lab) {
    lab.write(0, "a", "first");
    lab.write(0, "b", "B");
    lab.beside_every_step([](Lab& busy) { busy.write(0, "a", "second"); },
                          [](Lab& busy) {
                            busy.expect_at(0, {});
                            for (std::size_t role = 1; role < busy.count(); ++role) {
                              EXPECT_EQ(text_at(busy, role, "a"), "second");
                              EXPECT_EQ(text_at(busy, role, "b"), "B");
                            }
                          });
  });
}

TEST(During, MoveKeepsWhatADestinationWrites) {
  in_mode({.mode = plan::Mode::kMove}, 2, [](Lab& lab) {
    lab.write(0, "a.txt", "first");
    beside_every_step(
        lab, [](Lab& busy) { return busy.at(1).has("a.txt"); },
        [](Lab& busy) { busy.write(1, "a.txt", "second"); },
        [](Lab& busy, bool had_it) {
          EXPECT_EQ(copies_of(busy, 1, "second"), 1U);
          EXPECT_TRUE(had_it || text_at(busy, 1, "a.txt") == "first");
          for (std::size_t role = 2; role < busy.count(); ++role) {
            busy.expect_at(role, {{"a.txt", "first"}});
          }
        });
  });
}

TEST(During, OneWayKeepsWhatADestinationWrites) {
  in_mode({.mode = plan::Mode::kOneWay}, 2, [](Lab& lab) {
    lab.write(0, "a.txt", "base");
    lab.run();
    lab.write(0, "a.txt", "first");
    lab.beside_every_step([](Lab& busy) { busy.write(1, "a.txt", "second"); },
                          [](Lab& busy) {
                            busy.expect_at(0, {{"a.txt", "first"}});
                            EXPECT_EQ(text_at(busy, 1, "a.txt"), "second");
                            for (std::size_t role = 2; role < busy.count(); ++role) {
                              busy.expect_at(role, {{"a.txt", "first"}});
                            }
                          });
  });
}

}  // namespace
}  // namespace ox::toy
