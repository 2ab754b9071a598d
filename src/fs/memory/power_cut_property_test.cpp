#include <map>

#include "fs/conformance.h"
#include "fs/memory/memory_fs.h"
#include "fs/memory/test_machine.h"

// What holds after every power cut, whatever was done before it.
namespace ox::fs {
namespace {

/// All names below `directory`, and proof that the file system is sound: every number once, every
/// link counted, every byte accounted for.
struct Survey {
  std::map<std::uint64_t, std::uint32_t> names_of_inode;
  std::map<std::uint64_t, std::uint32_t> link_counts;
  std::set<std::string> contents;
  std::uint64_t bytes = 0;

  void walk(Directory& directory) {
    auto items = directory.list();
    ASSERT_TRUE(items.ok());
    std::uint32_t subdirectories = 0;
    for (const DirectoryItem& item : *items) {
      if (item.stat.type == NodeType::kDirectory) {
        ++subdirectories;
        EXPECT_EQ(names_of_inode[item.stat.inode]++, 0U) << "a directory has one name";
        auto below = directory.open_directory(item.name);
        ASSERT_TRUE(below.ok());
        walk(**below);
        continue;
      }
      if (names_of_inode[item.stat.inode]++ == 0) {
        bytes += item.stat.size;
        contents.insert(read_file(directory, item.name));
        link_counts[item.stat.inode] = item.stat.link_count;
      }
    }
    EXPECT_EQ(directory.stat()->link_count, 2 + subdirectories);
  }
};

/// Random changes of names that remove no file, with syncs of single directories between them.
class Shuffler {
 public:
  Shuffler(Directory& root, rt::SeededRandom& random) : random_(random) {
    directories_.push_back(&root);
    for (const std::string& name : {"0", "1", "2"}) {
      EXPECT_TRUE(root.make_directory(name, 0755).ok());
      open_.push_back(*root.open_directory(name));
      directories_.push_back(open_.back().get());
    }
    for (int i = 0; i < 6; ++i) {
      write_file(pick(), "f" + std::to_string(i), "precious " + std::to_string(i));
    }
  }

  void step() {
    Directory& from = pick();
    Directory& to = pick();
    const auto items = from.list();
    const std::string to_name = std::to_string(random_.below(4));
    if (!items.ok()) {
      return;  // It was removed.
    }
    const std::string name = items->empty() ? "none" : items->at(random_.below(items->size())).name;
    switch (random_.below(7)) {
      case 0:
        ignore(from.sync(), "never fails here");
        break;
      case 1:
        if (to.make_directory(to_name, 0755).ok() && directories_.size() < 12) {
          open_.push_back(*to.open_directory(to_name));
          directories_.push_back(open_.back().get());
        }
        break;
      case 2:
        ignore(from.remove_directory(name), "full ones stay");
        break;
      case 3:
        ignore(from.rename(name, to, to_name, RenameMode::kExchange), "may be impossible");
        break;
      case 4:
        // A link and the removal of the older name: a rename for those who have none.
        if (from.link(name, to, to_name).ok()) {
          EXPECT_TRUE(from.remove_file(name).ok());
        }
        break;
      default:
        ignore(from.rename(name, to, to_name, RenameMode::kNoReplace), "may be impossible");
        break;
    }
  }

 private:
  Directory& pick() { return *directories_[random_.below(directories_.size())]; }

  rt::SeededRandom& random_;
  std::vector<std::unique_ptr<Directory>> open_;
  std::vector<Directory*> directories_;
};

TEST(PowerCut, MovingThingsAboutNeverLosesAny) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(seed);
    rt::SeededRandom random(seed);
    Machine machine;
    {
      auto root = machine.root();
      Shuffler shuffler(*root, random);
      ASSERT_TRUE(root->sync_file_system().ok());
      const std::uint64_t steps = random.below(40);
      for (std::uint64_t i = 0; i < steps; ++i) {
        shuffler.step();
      }
    }
    machine.cut(random.next());
    auto root = machine.root();
    Survey survey;
    survey.walk(*root);
    EXPECT_EQ(survey.contents, (std::set<std::string>{"precious 0", "precious 1", "precious 2",
                                                      "precious 3", "precious 4", "precious 5"}));
    for (const auto& [inode, count] : survey.link_counts) {
      EXPECT_EQ(survey.names_of_inode[inode], count);
    }
    const FileSystemInfo info = *root->info();
    EXPECT_EQ(info.total_bytes - info.free_bytes, survey.bytes);
    if (testing::Test::HasFailure()) {
      return;
    }
  }
}

TEST(PowerCut, NumbersStayUniqueWhileFilesComeAndGo) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    rt::SeededRandom random(seed);
    Machine machine;
    for (int life = 0; life < 3; ++life) {
      auto root = machine.root();
      ignore(root->make_directory("d", 0755), "stands from the second life on");
      auto directory = *root->open_directory("d");
      for (int i = 0; i < 30; ++i) {
        Directory& place = random.below(2) == 0 ? *root : *directory;
        const std::string name = "f" + std::to_string(random.below(5));
        switch (random.below(4)) {
          case 0:
            ignore(place.create_file(name, 0644), "may stand");
            break;
          case 1:
            ignore(place.remove_file(name), "may be absent");
            break;
          case 2:
            ignore(place.sync(), "never fails here");
            break;
          default:
            if (auto file = place.open_file(name, Access::kReadWrite); file.ok()) {
              const Bytes text(random.below(9000) + 1, 'x');
              EXPECT_TRUE((*file)->write_at(random.below(9000), text).ok());
            }
        }
      }
      directory.reset();
      root.reset();
      machine.cut(random.next());
      root = machine.root();
      Survey survey;
      survey.walk(*root);
      for (const auto& [inode, count] : survey.names_of_inode) {
        EXPECT_EQ(count, 1U) << "two files with one number";
      }
      const FileSystemInfo info = *root->info();
      EXPECT_EQ(info.total_bytes - info.free_bytes, survey.bytes);
    }
    if (testing::Test::HasFailure()) {
      return;
    }
  }
}

TEST(PowerCut, TheSameSeedCutsTheSame) {
  const auto run = [] {
    std::string all;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      Machine machine;
      auto root = machine.root();
      for (int i = 0; i < 8; ++i) {
        write_file(*root, std::to_string(i), std::string(static_cast<std::size_t>(i) * 3000, 'x'));
      }
      machine.cut(seed);
      auto after = machine.root();
      for (const std::string& name : names_in(*after)) {
        all += name + read_file(*after, name) + "|";
      }
    }
    return all;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace ox::fs
