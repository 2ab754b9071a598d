#include <map>

#include "fs/conformance.h"
#include "fs/memory/memory_fs.h"

namespace ox::fs {
namespace {

using testing::IsSubsetOf;
using testing::IsSupersetOf;

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;
constexpr std::uint64_t kSeeds = 400;

void overwrite(Directory& directory, std::string_view name, std::string_view text) {
  auto file = directory.open_file(name, Access::kReadWrite);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->truncate(0).ok());
  ASSERT_TRUE((*file)->write_at(0, as_bytes_view(text)).ok());
}

void sync_file(Directory& directory, std::string_view name) {
  auto file = directory.open_file(name, Access::kRead);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->sync().ok());
}

/// One machine whose power is cut after a script has run.
class Machine {
 public:
  explicit Machine(MemoryOptions options = {}) : file_system_(clock_, std::move(options)) {}

  std::unique_ptr<Directory> root() { return file_system_.root(); }
  MemoryFileSystem& file_system() { return file_system_; }
  rt::ManualClock& clock() { return clock_; }
  void cut(std::uint64_t seed) {
    rt::SeededRandom random(seed);
    file_system_.power_cut(random);
  }

 private:
  rt::ManualClock clock_{Timestamp{kStart}};
  MemoryFileSystem file_system_;
};

using Script = std::function<void(Machine&, Directory&)>;
using Look = std::function<std::string(Directory&)>;

/// What `look` sees after the power cuts of many seeds.
std::set<std::string> outcomes(const Script& script, const Look& look,
                               const MemoryOptions& options = {}) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Machine machine(options);
    auto root = machine.root();
    script(machine, *root);
    root.reset();
    machine.cut(seed);
    seen.insert(look(*machine.root()));
  }
  return seen;
}

using Outcomes = std::set<std::string>;

Look content_of(std::string name) {
  return [name](Directory& root) { return read_file(root, name); };
}

std::string joined_names(Directory& root) {
  std::string joined;
  for (const std::string& name : names_in(root)) {
    joined += (joined.empty() ? "" : " ") + name;
  }
  return joined;
}

const std::string kZeros(3, '\0');

TEST(PowerCut, KeepsWhatWasSynced) {
  EXPECT_EQ(outcomes(
                [](Machine&, Directory& root) {
                  write_file(root, "f", "one");
                  sync_file(root, "f");
                  ASSERT_TRUE(root.sync().ok());
                },
                content_of("f")),
            Outcomes{"one"});
}

TEST(PowerCut, KeepsEverythingOnceTheFileSystemIsSynced) {
  const auto describe = [](Directory& root) {
    auto directory = *root.open_directory("d");
    const Stat stat = *directory->stat("f");
    return read_file(*directory, "f") + " " + std::to_string(stat.mode) + " " +
           std::to_string(stat.mtime.ns) + " " + *root.read_symlink("l") + " " +
           directory->extended_attributes("f")->at(0).name + " " + joined_names(root);
  };
  EXPECT_EQ(outcomes(
                [](Machine&, Directory& root) {
                  ASSERT_TRUE(root.make_directory("d", 0755).ok());
                  auto directory = *root.open_directory("d");
                  write_file(*directory, "f", "one");
                  write_file(root, "gone", "");
                  ASSERT_TRUE(root.make_symlink("l", "target").ok());
                  auto file = *directory->open_file("f", Access::kReadWrite);
                  ASSERT_TRUE(file->set_mode(0600).ok());
                  ASSERT_TRUE(file->set_mtime({42}).ok());
                  ASSERT_TRUE(file->set_extended_attribute({"user.x", {}}).ok());
                  ASSERT_TRUE(root.remove_file("gone").ok());
                  ASSERT_TRUE(root.sync_file_system().ok());
                },
                describe),
            Outcomes{"one 384 42 target user.x d l"});
}

TEST(PowerCut, WithoutSyncingAnythingMayBeLost) {
  const auto seen =
      outcomes([](Machine&, Directory& root) { write_file(root, "f", "one"); }, content_of("f"));
  EXPECT_EQ(seen, (Outcomes{"<not_found>", "", kZeros, "one"}));
}

TEST(PowerCut, SyncingAFileDoesNotKeepItsName) {
  EXPECT_EQ(outcomes(
                [](Machine&, Directory& root) {
                  write_file(root, "f", "one");
                  sync_file(root, "f");
                },
                content_of("f")),
            (Outcomes{"<not_found>", "one"}));
}

TEST(PowerCut, SyncingADirectoryDoesNotKeepTheBytesInIt) {
  EXPECT_EQ(outcomes(
                [](Machine&, Directory& root) {
                  write_file(root, "f", "one");
                  ASSERT_TRUE(root.sync().ok());
                },
                content_of("f")),
            (Outcomes{"", kZeros, "one"}));
}

TEST(PowerCut, SyncingADirectoryDoesNotKeepItsOwnName) {
  const auto seen = outcomes(
      [](Machine&, Directory& root) {
        ASSERT_TRUE(root.make_directory("d", 0755).ok());
        auto directory = *root.open_directory("d");
        write_file(*directory, "f", "");
        ASSERT_TRUE(directory->sync().ok());
      },
      [](Directory& root) {
        auto directory = root.open_directory("d");
        return directory.ok() ? joined_names(**directory) : "none";
      });
  EXPECT_EQ(seen, (Outcomes{"none", "f"}));
}

TEST(PowerCut, SyncingDataKeepsNoMtime) {
  const auto script = [](bool data_only) {
    return [data_only](Machine& machine, Directory& root) {
      write_file(root, "f", "old");
      ASSERT_TRUE(root.sync_file_system().ok());
      machine.clock().advance(std::chrono::seconds(1));
      auto file = *root.open_file("f", Access::kReadWrite);
      ASSERT_TRUE(file->write_at(0, as_bytes_view("newer")).ok());
      ASSERT_TRUE(file->set_mtime({42}).ok());
      ASSERT_TRUE((data_only ? file->sync_data() : file->sync()).ok());
    };
  };
  const auto look = [](Directory& root) {
    return read_file(root, "f") + std::to_string(root.stat("f")->mtime.ns);
  };
  EXPECT_EQ(outcomes(script(true), look),
            (Outcomes{"newer" + std::to_string(kStart),
                      "newer" + std::to_string(kStart + 1'000'000'000), "newer42"}));
  EXPECT_EQ(outcomes(script(false), look), Outcomes{"newer42"});
}

TEST(PowerCut, BytesThatComeThroughBringTheirMtime) {
  const auto seen = outcomes(
      [](Machine& machine, Directory& root) {
        write_file(root, "f", "old");
        ASSERT_TRUE(root.sync_file_system().ok());
        machine.clock().advance(std::chrono::nanoseconds(5));
        auto file = *root.open_file("f", Access::kReadWrite);
        ASSERT_TRUE(file->write_at(0, as_bytes_view("new")).ok());
      },
      [](Directory& root) {
        return read_file(root, "f") + std::to_string(root.stat("f")->mtime.ns - kStart);
      });
  // Never new bytes under an old mtime, as only mtimes tell a scan what to read.
  EXPECT_EQ(seen, (Outcomes{"old0", "old5", "new5"}));
}

TEST(PowerCut, RewritingInPlaceIsNotAtomic) {
  const auto seen = outcomes(
      [](Machine&, Directory& root) {
        write_file(root, "f", "old");
        ASSERT_TRUE(root.sync_file_system().ok());
        overwrite(root, "f", "NEW");
      },
      content_of("f"));
  EXPECT_EQ(seen, (Outcomes{"old", "", kZeros, "NEW"}));
}

TEST(PowerCut, PagesComeThroughEachByItself) {
  constexpr std::size_t kPage = 4096;
  std::set<std::string> mixtures;
  const auto seen = outcomes(
      [](Machine&, Directory& root) {
        write_file(root, "f", std::string(3 * kPage, 'a'));
        ASSERT_TRUE(root.sync_file_system().ok());
        auto file = *root.open_file("f", Access::kReadWrite);
        ASSERT_TRUE(file->write_at(0, Bytes(3 * kPage, 'b')).ok());
      },
      [](Directory& root) {
        const std::string text = read_file(root, "f");
        EXPECT_EQ(text.size(), 3 * kPage);
        std::string pages;
        for (std::size_t page = 0; page < 3; ++page) {
          const std::string_view part = std::string_view(text).substr(page * kPage, kPage);
          EXPECT_EQ(part, std::string(kPage, part[0])) << "a page is whole";
          pages += part[0];
        }
        return pages;
      });
  EXPECT_EQ(seen, (Outcomes{"aaa", "aab", "aba", "abb", "baa", "bab", "bba", "bbb"}));
}

TEST(PowerCut, SeveralWritesEndAnywhereBetween) {
  const auto seen = outcomes(
      [](Machine&, Directory& root) {
        write_file(root, "f", "base");
        ASSERT_TRUE(root.sync_file_system().ok());
        auto file = *root.open_file("f", Access::kReadWrite);
        ASSERT_TRUE(file->write_at(4, as_bytes_view("1")).ok());
        ASSERT_TRUE(file->write_at(0, as_bytes_view("BASE")).ok());
        ASSERT_TRUE(file->truncate(2).ok());
        ASSERT_TRUE(file->write_at(6, as_bytes_view("x")).ok());
      },
      content_of("f"));
  EXPECT_THAT(seen, IsSupersetOf({std::string("base"), std::string("base1"), std::string("ba"),
                                  std::string("BA"), std::string("BA\0\0\0\0x", 7),
                                  std::string("ba\0\0\0\0\0", 7)}));
  for (const std::string& text : seen) {
    EXPECT_TRUE(text.size() == 2 || text.size() == 4 || text.size() == 5 || text.size() == 7);
    if (text.size() == 7) {
      EXPECT_EQ(text.substr(2, 4), std::string(4, '\0')) << "what was cut off does not come back";
    }
  }
}

TEST(PowerCut, ReplacingByRenameNeverLosesTheName) {
  const auto replace = [](bool sync_first) {
    return [sync_first](Machine&, Directory& root) {
      write_file(root, "f", "old");
      ASSERT_TRUE(root.sync_file_system().ok());
      write_file(root, "temporary", "new");
      if (sync_first) {
        sync_file(root, "temporary");
      }
      ASSERT_TRUE(root.rename("temporary", root, "f", RenameMode::kReplace).ok());
    };
  };
  EXPECT_EQ(outcomes(replace(true), content_of("f")), (Outcomes{"old", "new"}));
  // The classic mistake: the rename comes through, the bytes don't.
  EXPECT_EQ(outcomes(replace(false), content_of("f")), (Outcomes{"old", "", kZeros, "new"}));
}

TEST(PowerCut, AfterSyncingTheDirectoryTheRenameStays) {
  EXPECT_EQ(outcomes(
                [](Machine&, Directory& root) {
                  write_file(root, "f", "old");
                  ASSERT_TRUE(root.sync_file_system().ok());
                  write_file(root, "temporary", "new");
                  sync_file(root, "temporary");
                  ASSERT_TRUE(root.rename("temporary", root, "f", RenameMode::kReplace).ok());
                  ASSERT_TRUE(root.sync().ok());
                },
                [](Directory& root) { return read_file(root, "f") + " in " + joined_names(root); }),
            Outcomes{"new in f"});
}

TEST(PowerCut, ExchangeIsAtomic) {
  EXPECT_EQ(
      outcomes(
          [](Machine&, Directory& root) {
            write_file(root, "a", "A");
            ASSERT_TRUE(root.make_directory("d", 0755).ok());
            write_file(**root.open_directory("d"), "b", "B");
            ASSERT_TRUE(root.sync_file_system().ok());
            ASSERT_TRUE(
                root.rename("a", **root.open_directory("d"), "b", RenameMode::kExchange).ok());
          },
          [](Directory& root) {
            return read_file(root, "a") + read_file(**root.open_directory("d"), "b");
          }),
      (Outcomes{"AB", "BA"}));
}

TEST(PowerCut, NamesComeThroughInTheirOrder) {
  EXPECT_EQ(outcomes(
                [](Machine&, Directory& root) {
                  write_file(root, "a", "");
                  ASSERT_TRUE(root.sync_file_system().ok());
                  write_file(root, "b", "");
                  ASSERT_TRUE(root.link("a", root, "c").ok());
                  ASSERT_TRUE(root.remove_file("a").ok());
                  ASSERT_TRUE(root.rename("b", root, "d", RenameMode::kReplace).ok());
                },
                joined_names),
            (Outcomes{"a", "a b", "a b c", "b c", "c d"}));
}

TEST(PowerCut, RemovedFilesMayComeBackWhole) {
  const auto seen = outcomes(
      [](Machine&, Directory& root) {
        write_file(root, "f", "precious");
        ASSERT_TRUE(root.sync_file_system().ok());
        ASSERT_TRUE(root.remove_file("f").ok());
        // Takes over the number of the removed file.
        write_file(root, "g", "other");
      },
      content_of("f"));
  EXPECT_EQ(seen, (Outcomes{"precious", "<not_found>"}));
}

TEST(PowerCut, ASyncedDirectoryIsNoProofForAnother) {
  const auto seen = outcomes(
      [](Machine&, Directory& root) {
        ASSERT_TRUE(root.make_directory("a", 0755).ok());
        ASSERT_TRUE(root.make_directory("b", 0755).ok());
        ASSERT_TRUE(root.sync_file_system().ok());
        auto a = *root.open_directory("a");
        auto b = *root.open_directory("b");
        write_file(*a, "1", "");
        write_file(*b, "2", "");
        ASSERT_TRUE(b->sync().ok());
      },
      [](Directory& root) {
        return joined_names(**root.open_directory("a")) + "," +
               joined_names(**root.open_directory("b"));
      });
  EXPECT_EQ(seen, (Outcomes{",2", "1,2"}));
}

TEST(PowerCut, NothingIsKeptByASyncThatCannotBeTrusted) {
  MemoryOptions options;
  options.sync_whole = Support::kNo;
  EXPECT_THAT(outcomes(
                  [](Machine&, Directory& root) {
                    EXPECT_FALSE(root.info()->sync_whole);
                    write_file(root, "f", "one");
                    ASSERT_TRUE(root.sync_file_system().ok());
                  },
                  content_of("f"), options),
              IsSupersetOf({"<not_found>", "one"}));
}

TEST(PowerCut, EndsAllHandlesAndCanBeRepeated) {
  Machine machine;
  auto root = machine.root();
  write_file(*root, "f", "one");
  auto file = *root->open_file("f", Access::kReadWrite);
  sync_file(*root, "f");
  ASSERT_TRUE(root->sync().ok());
  EXPECT_EQ(machine.file_system().unsynced_names(), 0U);
  machine.cut(1);
  EXPECT_EQ(code_of(file->write_at(0, as_bytes_view("x"))), Code::kUnreachable);
  EXPECT_EQ(code_of(root->sync_file_system()), Code::kUnreachable);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    // What survived one cut is on the disk and survives the next.
    machine.cut(seed);
    EXPECT_EQ(read_file(*machine.root(), "f"), "one");
  }
  auto again = machine.root();
  overwrite(*again, "f", "two");
  sync_file(*again, "f");
  file.reset();
  machine.cut(2);
  EXPECT_EQ(read_file(*machine.root(), "f"), "two");
}

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
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
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
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
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
