#include <gtest/gtest.h>

#include "plan/lab.h"

/// Files, directories and symlinks that take each other's places.
namespace ox::toy {
namespace {

const plan::Policy kTwoWay{};

TEST(Kinds, FileBecomesDirectory) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}});
    lab.remove(0, "a");
    lab.mkdir(0, "a");
    lab.write(0, "a/b", "B");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"a/b", "B"}});
  });
}

TEST(Kinds, DirectoryBecomesFile) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    lab.base({{"a/", ""}, {"a/b", "B"}, {"a/c/", ""}, {"a/c/d", "D"}});
    lab.remove(0, "a");
    lab.write(0, "a", "A");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"a", "A"}});
  });
}

TEST(Kinds, FileBecomesDirectoryAgainstEdit) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a.txt", "A"}});
    lab.remove(0, "a.txt");
    lab.mkdir(0, "a.txt");
    lab.write(0, "a.txt/b", "B");
    lab.write(1, "a.txt", "edited");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a.txt/b", "B"}, {"a.conflict-" + lab.label(1) + "-*.txt", "edited"}});
  });
}

TEST(Kinds, DirectoryBecomesFileAgainstAnEditInside) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a/", ""}, {"a/b", "B"}, {"a/c", "C"}});
    lab.remove(0, "a");
    lab.write(0, "a", "A");
    lab.write(1, "a/b", "edited");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a/b", "edited"}, {"a.conflict-" + lab.label(0) + "-*", "A"}});
  });
}

TEST(Kinds, DirectoryBecomesFileAgainstANewChild) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a/", ""}, {"a/b", "B"}});
    lab.remove(0, "a");
    lab.write(0, "a", "A");
    lab.write(1, "a/new", "N");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a/new", "N"}, {"a.conflict-" + lab.label(0) + "-*", "A"}});
  });
}

TEST(Kinds, NewFileAgainstNewDirectory) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.write(0, "a.txt", "A");
    lab.mkdir(1, "a.txt");
    lab.write(1, "a.txt/b", "B");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a.txt/b", "B"}, {"a.conflict-" + lab.label(0) + "-*.txt", "A"}});
  });
}

TEST(Kinds, FileBecomesSymlink) {
  in_every_arrangement(1, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}});
    lab.remove(0, "a");
    lab.symlink(0, "a", "target");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"a", "-> target"}});
  });
}

TEST(Kinds, SymlinkBecomesFileAgainstAnEditOfTheSymlink) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.symlink(0, "a", "old");
    lab.sync();
    lab.remove(0, "a");
    lab.write(0, "a", "A");
    lab.symlink(1, "a", "new");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a", "A"}, {"a.conflict-" + lab.label(1) + "-*", "-> new"}});
  });
}

TEST(Kinds, LosingSymlinkIsKept) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.symlink(0, "a", "base");
    lab.sync();
    lab.symlink(0, "a", "one");
    lab.symlink(1, "a", "two");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"a", "-> two"}, {"a.conflict-" + lab.label(0) + "-*", "-> one"}});
  });
}

TEST(Kinds, EqualSymlinksAreOne) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.symlink(0, "a", "same");
    lab.symlink(1, "a", "same");
    lab.crash_everywhere();
    EXPECT_TRUE(lab.sync().conflicts.empty());
    lab.expect({{"a", "-> same"}});
  });
}

TEST(Kinds, DirectoryBecomesSymlinkAgainstAnEditInside) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"d/", ""}, {"d/a", "A"}, {"d/b", "B"}});
    lab.remove(0, "d");
    lab.symlink(0, "d", "elsewhere");
    lab.write(1, "d/a", "edited");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"d/a", "edited"}, {"d.conflict-" + lab.label(0) + "-*", "-> elsewhere"}});
  });
}

TEST(Kinds, SymlinksWhereTheyCannotBeHeld) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.at(1).abilities().traits.symlinks = false;
    lab.symlink(0, "link", "target");
    lab.write(0, "a", "A");
    lab.crash_everywhere();
    lab.sync();
    lab.expect_at(0, {{"link", "-> target"}, {"a", "A"}});
    lab.expect_at(1, {{"a", "A"}});
    lab.remove(1, "a");
    lab.crash_everywhere();
    lab.sync();
    lab.expect_at(0, {{"link", "-> target"}});
    lab.remove(0, "link");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({});
  });
}

TEST(Kinds, SpecialFilesOccupyTheirNames) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    ASSERT_TRUE(lab.at(1).make_special("a", lab.world.tick()));
    lab.write(0, "a", "A");
    lab.write(0, "b", "B");
    lab.crash_everywhere();
    lab.sync();
    EXPECT_EQ(lab.at(1).find("a")->kind, tree::Kind::kOther);
    EXPECT_TRUE(lab.at(0).has("a"));
    EXPECT_TRUE(lab.at(1).has("b"));
  });
}

TEST(Kinds, FileReplacedByASpecialFileIsNotDeletedElsewhere) {
  in_every_arrangement(2, kTwoWay, [](Lab& lab) {
    lab.base({{"a", "A"}});
    lab.remove(1, "a");
    ASSERT_TRUE(lab.at(1).make_special("a", lab.world.tick()));
    lab.run();
    EXPECT_TRUE(lab.at(0).has("a"));
  });
}

TEST(Kinds, DirectoryThatBecameASymlinkStaysWhereThereAreNone) {
  in_every_arrangement(2, plan::Policy{}, [](Lab& lab) {
    lab.at(1).abilities().traits.symlinks = false;
    lab.base({{"d/", ""}, {"d/a", "A"}, {"d/e/", ""}, {"d/e/b", "B"}, {"c", "C"}});
    lab.remove(0, "d");
    lab.symlink(0, "d", "elsewhere");
    lab.write(0, "c", "C2");
    lab.crash_everywhere(Afterwards::kWaits);
    lab.run();
    lab.run();
    lab.expect_at(0, {{"d", "-> elsewhere"}, {"c", "C2"}});
    for (std::size_t role = 1; role < lab.count(); ++role) {
      lab.expect_at(role, {{"d/a", "A"}, {"d/e/b", "B"}, {"c", "C2"}});
    }
    const auto again = lab.world.plan();
    ASSERT_TRUE(again.ok()) << again.error().to_string();
    EXPECT_TRUE(again->empty());
    lab.remove(0, "d");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"c", "C2"}});
  });
}

TEST(Kinds, DirectoryBecomesASymlinkWhereAllHaveThem) {
  in_every_arrangement(2, plan::Policy{}, [](Lab& lab) {
    lab.base({{"d/", ""}, {"d/a", "A"}, {"c", "C"}});
    lab.remove(0, "d");
    lab.symlink(0, "d", "elsewhere");
    lab.crash_everywhere();
    lab.sync();
    lab.expect({{"d", "-> elsewhere"}, {"c", "C"}});
  });
}

}  // namespace
}  // namespace ox::toy
